"""E-mail through Azure Communication Services.

The delivery's id is the operation id: ACS can be asked for it, and takes a second post with the same id as the
same message (assumed, docs/guarantees.md). Source: ACS Email REST API 2025-09-01; error codes: ERRORS below.

The SDK does more around a request than the request costs, and none of it is wanted here: retries, redirects,
polling (docs/decisions/0004-email.md).
"""

import hmac
import json
import re
from base64 import b64decode, b64encode
from email.utils import formatdate
from hashlib import sha256
from typing import Any

from yarl import URL

from messaging.connectors import wire
from messaging.connectors.base import Connector, Message, Sent
from messaging.content import Content
from messaging.errors import (
    Ambiguous,
    ConfigurationError,
    ConnectorError,
    InvalidInput,
    MessageRefused,
    RecipientRefused,
    SenderBlocked,
)
from messaging.http import Http
from messaging.models import MessagingChannel
from messaging.settings import Settings, split_acs

_BY_KIND: dict[type[ConnectorError], tuple[str, ...]] = {
    RecipientRefused: (
        "InvalidEmailAddress",
        "InvalidRecipientEmailAddress",
        "EmailDroppedAllRecipientsSuppressed",
        "Suppressed",
        "Bounced",
    ),
    MessageRefused: ("FilteredSpam", "Quarantined"),
    SenderBlocked: (
        "Denied",
        "DomainNotLinked",
        "InvalidSenderUserName",
        "SenderDomainNotVerified",
        "TooManyRequests",
    ),
}
ERRORS: dict[str, type[ConnectorError]] = {code: kind for kind, codes in _BY_KIND.items() for code in codes}
"""ACS's error codes. Microsoft publishes no full list (azure-sdk-for-net#56805): the status decides the rest."""

STATUSES: dict[int, type[ConnectorError]] = {
    400: MessageRefused,
    401: SenderBlocked,
    403: SenderBlocked,
    404: SenderBlocked,  # the resource is gone or the endpoint is another's
    408: Ambiguous,
    409: Ambiguous,  # an operation of this id is there already
    413: MessageRefused,
    415: MessageRefused,
    422: MessageRefused,
    429: SenderBlocked,
}

_BAD_ADDRESS = re.compile(r"invalid format for email address|invalid email address", re.IGNORECASE)
_ENDED_BADLY = {"Failed", "Canceled"}


class ConnectorMessagingEmail(Connector):
    channel = MessagingChannel.EMAIL
    canAsk = True
    groupSize = 48

    def __init__(self, settings: Settings, http: Http) -> None:
        super().__init__(settings.provider_timeout_seconds)
        if not (settings.acs_connection_string and settings.acs_sender_email):
            raise ConfigurationError("E-mail is not configured")
        endpoint, key = split_acs(settings.acs_connection_string)
        self._endpoint = settings.acs_endpoint or endpoint
        self._emails = self._url("/emails:send")
        self._key = b64decode(key)
        self._sender = settings.acs_sender_email
        self._http = http

    @property
    def sender(self) -> str:
        return self._sender

    @classmethod
    def _check(cls, content: Content) -> None:
        super()._check(content)
        if not content.subject:
            raise InvalidInput("subject", "is empty; an e-mail needs one")

    async def _send(self, message: Message) -> Sent:
        content = message.content
        body: dict[str, Any] = {
            "senderAddress": self._sender,
            "recipients": {"to": [{"address": message.recipient}]},
            "content": {"subject": content.subject, "plainText": content.text},
        }
        if content.html:
            body["content"]["html"] = content.html
        headers = {"Operation-Id": message.deliveryId, "Content-Type": "application/json"}
        answer = await self._call("POST", self._emails, headers, json.dumps(body).encode())
        if answer.status != 202:
            raise _error(answer)
        return Sent(_accepted(answer))

    async def _look_up(self, deliveryId: str) -> str | None:
        answer = await self._call("GET", self._url(f"/emails/operations/{deliveryId}"), {})
        if answer.status == 404:
            return None
        if answer.status != 200:
            error = _error(answer)
            raise error if isinstance(error, SenderBlocked) else Ambiguous(str(error), retryAfter=error.retryAfter)
        return _accepted(answer)

    async def _call(self, method: str, url: URL, headers: dict[str, str], body: bytes = b"") -> wire.Answer:
        signed = signature(self._key, (method, url, body), formatdate(usegmt=True))
        return await wire.ask(self._http, method, url, headers | signed, body or None)

    def _url(self, path: str) -> URL:
        return URL(f"{self._endpoint}{path}?api-version=2025-09-01", encoded=True)


def signature(key: bytes, request: tuple[str, URL, bytes], date: str) -> dict[str, str]:
    """The headers that sign a request (method, address, body), for an HTTP date.

    Source: https://learn.microsoft.com/azure/communication-services/tutorials/hmac-header-tutorial.
    """
    method, url, body = request
    digest = b64encode(sha256(body).digest()).decode()
    signed = f"{method}\n{url.raw_path_qs}\n{date};{url.host_port_subcomponent};{digest}"
    code = b64encode(hmac.digest(key, signed.encode(), "sha256")).decode()
    return {
        "x-ms-date": date,
        "x-ms-content-sha256": digest,
        "Authorization": f"HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature={code}",
    }


def _accepted(answer: wire.Answer) -> str:
    """The operation's id from a success. Raises for an operation that ended badly or an unreadable body."""
    said = answer.json()
    operationId, status = said.get("id"), said.get("status")
    if not (isinstance(operationId, str) and isinstance(status, str)):
        raise Ambiguous("The provider's answer cannot be read")
    if status in _ENDED_BADLY:
        raise _named(wire.part(said, "error"), MessageRefused, None)
    return operationId


def _error(answer: wire.Answer) -> ConnectorError:
    default = STATUSES.get(answer.status) or (Ambiguous if answer.status >= 500 else MessageRefused)
    detail = wire.part(answer.json(), "error") or {"message": f"HTTP {answer.status}"}
    return _named(detail, default, answer.retryAfter)


def _named(detail: dict[str, Any], default: type[ConnectorError], retryAfter: float | None) -> ConnectorError:
    code, text = str(detail.get("code") or ""), str(detail.get("message") or "")
    kind = ERRORS.get(code, default)
    if kind is MessageRefused and _BAD_ADDRESS.search(text):
        kind = RecipientRefused
    words = ": ".join(part for part in (code, text) if part)
    return kind(words or "The provider refused the message", code=code, retryAfter=retryAfter)
