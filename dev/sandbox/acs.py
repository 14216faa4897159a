"""Azure Communication Services, e-mail: `POST /emails:send` and `GET /emails/operations/{id}`.

Contract: azure-rest-api-specs, communication/data-plane/Email/stable/2025-09-01. What the published contract
leaves open is as the real service was recorded in the Azure SDKs: `"error": null` beside a status,
`Retry-After: 30`, codes Denied, TooManyRequests, InvalidEmailAddress, EmailDroppedAllRecipientsSuppressed.
Signature: https://learn.microsoft.com/azure/communication-services/tutorials/hmac-header-tutorial.
"""

import base64
import hashlib
import hmac
import re
import time
import uuid
from dataclasses import replace
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from dev.sandbox import credentials
from dev.sandbox.exchange import Call, Endpoint, ErrorTable, KnownError, Reply, accept, parse_json, same
from dev.sandbox.recipients import Code, recipients, senders
from dev.sandbox.records import Content
from dev.sandbox.state import Sandbox

API_VERSIONS = ("2023-03-31", "2024-07-01-preview", "2025-09-01")
LARGEST_BYTES = 10 * 1024 * 1024
MOST_RECIPIENTS = 50
CLOCK_SKEW_SECONDS = 300
RETRY_AFTER_SECONDS = 30
SIGNED_HEADERS = "x-ms-date;host;x-ms-content-sha256"
KEY = base64.b64decode(credentials.ACS_ACCESS_KEY)
ADDRESS = re.compile(r"[^@\s\x00-\x1f<>(),;:\"\[\]\\]{1,64}@[^@\s\x00-\x1f<>(),;:\"\[\]\\]{1,255}")
MAGIC = {address.removesuffix("@"): str(code) for address, code in recipients("acs").items()}
MAGIC_SENDERS = {address.removesuffix("@"): str(code) for address, code in senders("acs").items()}
LATER = {  # accepted, and this is what the operation says afterwards
    "EmailDroppedAllRecipientsSuppressed": "Message dropped because all recipients were suppressed.",
    "Running": "",
}


def _shape(code: Code, known: KnownError) -> Any:
    return {"error": {"code": str(code), "message": known.message}}


ERRORS = ErrorTable(
    {
        "BadRequest": KnownError(400, "The request is invalid."),
        "InvalidEmailAddress": KnownError(400, "Invalid format for email address"),
        "InvalidSenderUserName": KnownError(400, "Invalid sender username"),
        "MissingApiVersionParameter": KnownError(400, "The api-version query parameter is required."),
        "InvalidApiVersionParameter": KnownError(400, f"The api-version is invalid. Known: {API_VERSIONS}"),
        "Denied": KnownError(401, "Denied by the resource provider."),
        "Forbidden": KnownError(403, "The resource is not allowed to send e-mail."),
        "DomainNotLinked": KnownError(404, "The specified sender domain has not been linked."),
        "NotFound": KnownError(404, "The specified operation was not found."),
        "UnsupportedMediaType": KnownError(415, "The content type must be application/json."),
        "RequestEntityTooLarge": KnownError(413, "The email request exceeds the limit of 10 MB."),
        "TooManyRequests": KnownError(
            429, f"Too many requests. Please try again after {RETRY_AFTER_SECONDS} seconds."
        ),
        "InternalServerError": KnownError(500, "An internal server error has occurred."),
        "ServiceUnavailable": KnownError(503, "The service is unavailable. Please try again."),
    },
    _shape,
    RETRY_AFTER_SECONDS,
    "x-ms-error-code",
)
LOOK_UP_ERRORS = replace(ERRORS, known={"NotFound": ERRORS.known["NotFound"], **ERRORS.known})


def _read(sandbox: Sandbox, call: Call) -> None:
    call.operationId = call.request.headers.get("Operation-Id", "").lower()
    call.payload = payload = parse_json(call.body)
    if isinstance(payload, dict):
        call.sender = str(payload.get("senderAddress", ""))
        call.recipient = ", ".join(_to(payload))


def _read_lookup(sandbox: Sandbox, call: Call) -> None:
    call.operationId = call.request.match_info["id"].lower()


def _to(payload: dict[str, Any]) -> list[str]:
    """The addresses in recipients.to; what is not an address object counts as an empty address."""
    recipients = payload.get("recipients")
    to = recipients.get("to") if isinstance(recipients, dict) else None
    return (
        [str(one.get("address", "")) if isinstance(one, dict) else "" for one in to]
        if isinstance(to, list)
        else []
    )


def _send(sandbox: Sandbox, call: Call) -> Reply:
    if code := _unauthorized(sandbox, call):
        return ERRORS.reply(call, code)
    if code := _bad_version(call):
        return ERRORS.reply(call, code)
    code, message = _bad_message(call)
    if code:
        return ERRORS.reply(call, code, message)
    operation = call.operationId or str(uuid.uuid4())
    outcome = _outcome(MAGIC_SENDERS, call.sender) or _outcome(MAGIC, call.recipient)
    if outcome and outcome not in LATER:
        return ERRORS.reply(call, outcome)
    if operation not in sandbox.operations:
        call.operationId = operation
        sandbox.operations.remember(operation, outcome or "Succeeded")
        content = call.payload["content"]
        text, html, subject = content.get("plainText"), content.get("html"), content["subject"]
        note = LATER.get(outcome) or None
        accept(sandbox, call, "email", operation, Content(text, html, subject, note))
    request = call.request
    version = request.query["api-version"]
    location = f"{request.scheme}://{request.host}/emails/operations/{operation}?api-version={version}"
    headers = {"Operation-Location": location, "Retry-After": str(RETRY_AFTER_SECONDS)}
    return Reply(202, {"id": operation, "status": "Running", "error": None}, headers)


def _look_up(sandbox: Sandbox, call: Call) -> Reply:
    if code := _unauthorized(sandbox, call):
        return ERRORS.reply(call, code)
    if code := _bad_version(call):
        return ERRORS.reply(call, code)
    outcome = sandbox.operations.get(call.operationId)
    if outcome is None:
        return ERRORS.reply(call, "NotFound")
    if outcome in ("Succeeded", "Running"):
        headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if outcome == "Running" else {}
        return Reply(200, {"id": call.operationId, "status": outcome, "error": None}, headers)
    error = {"code": outcome, "message": LATER[outcome]}
    return Reply(200, {"id": call.operationId, "status": "Failed", "error": error})


def _outcome(magic: dict[str, str], address: str) -> str:
    """The code of a magic address, empty for all others."""
    address = address.lower()
    return next((code for word, code in magic.items() if address.startswith(word)), "")


def _bad_version(call: Call) -> str:
    version = call.request.query.get("api-version")
    if not version:
        return "MissingApiVersionParameter"
    return "" if version in API_VERSIONS else "InvalidApiVersionParameter"


def authorization(key: bytes, signed: str) -> str:
    """The Authorization header for the signed text: method, path, and date;host;content hash, a line each."""
    signature = base64.b64encode(hmac.digest(key, signed.encode("utf-8", "replace"), "sha256")).decode()
    return f"HMAC-SHA256 SignedHeaders={SIGNED_HEADERS}&Signature={signature}"


def _unauthorized(sandbox: Sandbox, call: Call) -> str:
    """Denied unless date, content hash and signature are right; checked over the bytes as they came."""
    headers = call.request.headers
    given = headers.get("Authorization", "")
    if not sandbox.check_signature:
        return "" if given else "Denied"
    date, content = headers.get("x-ms-date", ""), headers.get("x-ms-content-sha256", "")
    if abs(time.time() - _seconds(date)) > CLOCK_SKEW_SECONDS:
        return "Denied"
    if not same(content, base64.b64encode(hashlib.sha256(call.body).digest()).decode()):
        return "Denied"
    signed = f"{call.request.method}\n{unquote(call.request.raw_path)}\n{date};{headers.get('Host', '')};{content}"
    return "" if same(given, authorization(KEY, signed)) else "Denied"


@lru_cache(maxsize=16)
def _seconds(date: str) -> float:
    """An HTTP date as UTC seconds; 0 if it is none. Cached, since a date holds for a second of requests."""
    try:
        return parsedate_to_datetime(date).timestamp()
    except ValueError:
        return 0.0


def _bad_message(call: Call) -> tuple[str, str | None]:
    """What is wrong with the e-mail, as code and message; an empty code if nothing is."""
    payload = call.payload
    if len(call.body) > LARGEST_BYTES:
        return "RequestEntityTooLarge", None
    if call.request.content_type != "application/json":
        return "UnsupportedMediaType", None
    if not isinstance(payload, dict):
        return "BadRequest", "The request body is not a JSON object."
    if call.operationId and not _is_uuid(call.operationId):
        return "BadRequest", "The Operation-Id header must be a UUID."
    if not ADDRESS.fullmatch(call.sender):
        return "InvalidSenderUserName", None
    code, message = _bad_recipients(_to(payload))
    return (code, message) if code else _bad_content(payload)


def _bad_recipients(to: list[str]) -> tuple[str, str | None]:
    if not to:
        return "BadRequest", "The recipients.to field must contain at least one recipient."
    if len(to) > MOST_RECIPIENTS:
        return "BadRequest", f"The number of recipients exceeds {MOST_RECIPIENTS}."
    return ("", None) if all(map(ADDRESS.fullmatch, to)) else ("InvalidEmailAddress", None)


def _bad_content(payload: dict[str, Any]) -> tuple[str, str | None]:
    content, headers = payload.get("content"), payload.get("headers") or {}
    if not isinstance(content, dict) or not isinstance(content.get("subject"), str) or not content["subject"]:
        return "BadRequest", "The content.subject field is required."
    bodies = [content[name] for name in ("plainText", "html") if content.get(name) is not None]
    if not any(bodies) or not all(isinstance(body, str) for body in bodies):
        return "BadRequest", "Either content.plainText or content.html is required, as a string."
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        return "BadRequest", "The headers field must be an object of strings."
    return "", None


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


ENDPOINTS = (
    Endpoint("acs", "send", "POST", "/emails:send", _read, _send, ERRORS),
    Endpoint("acs", "lookup", "GET", "/emails/operations/{id}", _read_lookup, _look_up, LOOK_UP_ERRORS),
)
