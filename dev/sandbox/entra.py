"""Microsoft Entra, as far as a bot's login needs it: client credentials, and the discovery document before
them.

`POST /{tenant}/oauth2/v2.0/token` and `GET /{tenant}/v2.0/.well-known/openid-configuration`, as
https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow describes.
azure-identity talks to them over https only and with `disable_instance_discovery=True`. In faults and in the
request log the provider is teams, the operations are token and discovery.
"""

import base64
import hmac
import json
import time
import uuid
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from dev.sandbox import credentials
from dev.sandbox.exchange import Call, Endpoint, ErrorTable, KnownError, Reply, same
from dev.sandbox.recipients import Code
from dev.sandbox.state import Sandbox

SCOPE = "https://api.botframework.com/.default"
TOKEN_SECONDS = 3600
SIGNING_KEY = b"signs the sandbox's tokens, proves nothing elsewhere"


def _shape(code: Code, known: KnownError) -> Any:
    number = code if isinstance(code, int) else known.status
    now = datetime.now(UTC)
    trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
    words = f"AADSTS{number}: {known.message} Trace ID: {trace} Correlation ID: {correlation}"
    return {
        "error": known.details or "temporarily_unavailable",
        "error_description": f"{words} Timestamp: {now:%Y-%m-%d %H:%M:%SZ}",
        "error_codes": [number],
        "timestamp": f"{now:%Y-%m-%d %H:%M:%SZ}",
        "trace_id": trace,
        "correlation_id": correlation,
        "error_uri": f"https://login.microsoftonline.com/error?code={number}",
    }


ERRORS = ErrorTable(
    {
        70003: KnownError(400, "The app requested an unsupported grant type.", "unsupported_grant_type"),
        70011: KnownError(
            400, "The provided value for the input parameter 'scope' is not valid.", "invalid_scope"
        ),
        90002: KnownError(400, "Tenant not found. Check to make sure you have the correct ID.", "invalid_request"),
        700016: KnownError(400, "Application was not found in the directory.", "unauthorized_client"),
        7000215: KnownError(401, "Invalid client secret provided.", "invalid_client"),
        50196: KnownError(
            429, "The server terminated an operation: too many requests.", "temporarily_unavailable"
        ),
        90033: KnownError(503, "A transient error has occurred. Please try again.", "temporarily_unavailable"),
    },
    _shape,
)


def issue(now: float) -> str:
    """A token in the form of a JWT, valid for an hour. It is checked by its signature, so no state is kept."""
    claims = {
        "aud": "https://api.botframework.com",
        "appid": credentials.TEAMS_APP_ID,
        "tid": credentials.TEAMS_TENANT_ID,
        "exp": int(now) + TOKEN_SECONDS,
        "uti": uuid.uuid4().hex,
    }
    content = f"{_base64({'alg': 'HS256', 'typ': 'JWT'})}.{_base64(claims)}"
    return f"{content}.{_sign(content)}"


def accepts(authorization: str) -> bool:
    """Whether this Authorization header carries a token that the sandbox gave out less than an hour ago."""
    content, _, signature = authorization.removeprefix("Bearer ").rpartition(".")
    if not authorization.startswith("Bearer ") or not same(signature, _sign(content)):
        return False
    claims = content.partition(".")[2]
    expires = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["exp"]
    return bool(expires > time.time())


def _base64(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _sign(content: str) -> str:
    signature = hmac.digest(SIGNING_KEY, content.encode("utf-8", "replace"), "sha256")
    return base64.urlsafe_b64encode(signature).rstrip(b"=").decode()


def _read(sandbox: Sandbox, call: Call) -> None:
    call.payload = dict(parse_qsl(call.body.decode(errors="replace"), keep_blank_values=True))
    call.sender = call.payload.get("client_id", "")


def _token(sandbox: Sandbox, call: Call) -> Reply:
    form = call.payload
    if call.request.match_info["tenant"] != credentials.TEAMS_TENANT_ID:
        return ERRORS.reply(call, 90002)
    if form.get("grant_type") != "client_credentials":
        return ERRORS.reply(call, 70003)
    if form.get("client_id") != credentials.TEAMS_APP_ID:
        return ERRORS.reply(call, 700016)
    if form.get("client_secret") != credentials.TEAMS_APP_SECRET:
        return ERRORS.reply(call, 7000215)
    if SCOPE not in form.get("scope", "").split():
        return ERRORS.reply(call, 70011)
    token = {"token_type": "Bearer", "expires_in": TOKEN_SECONDS, "ext_expires_in": TOKEN_SECONDS}
    return Reply(200, {**token, "access_token": issue(time.time())}, {"Cache-Control": "no-store"})


def _read_discovery(sandbox: Sandbox, call: Call) -> None:
    """Nothing in the request says anything about a sender or a recipient."""


def _discover(sandbox: Sandbox, call: Call) -> Reply:
    tenant = call.request.match_info["tenant"]
    if tenant != credentials.TEAMS_TENANT_ID:
        return ERRORS.reply(call, 90002)
    base = f"{call.request.scheme}://{call.request.host}/{tenant}"
    document = {
        "issuer": f"{base}/v2.0",
        "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
        "token_endpoint": f"{base}/oauth2/v2.0/token",
        "jwks_uri": f"{base}/discovery/v2.0/keys",
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "response_types_supported": ["code"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }
    return Reply(200, document)


DISCOVERY = "/{tenant}/v2.0/.well-known/openid-configuration"
ENDPOINTS = (
    Endpoint("teams", "token", "POST", "/{tenant}/oauth2/v2.0/token", _read, _token, ERRORS),
    Endpoint("teams", "discovery", "GET", DISCOVERY, _read_discovery, _discover, ERRORS),
)
