"""E-mail through Azure Communication Services.

The delivery's id is the operation id: ACS can be asked for it, and takes a second post with the same id as the
same message (assumed, docs/guarantees.md). Source: ACS Email REST API 2025-09-01; error codes: ERRORS below.

The requests go through the SDK's pipeline with its signature and nothing else: a redirect or a retry is not wanted
here, and what else `EmailClient` does around a request costs more than to send it (docs/decisions/0004-email.md).
"""

import json
import re
from typing import Any

from aiohttp import ClientConnectorError
from azure.communication.email._shared.policy import HMACCredentialsPolicy
from azure.core import AsyncPipelineClient
from azure.core.exceptions import AzureError
from azure.core.rest import AsyncHttpResponse, HttpRequest

from messaging.connectors.base import Connector, Message, Sent, retry_after
from messaging.content import Content
from messaging.errors import (
    Ambiguous,
    ConfigurationError,
    ConnectorError,
    InvalidInput,
    MessageRefused,
    NotAccepted,
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
    **dict.fromkeys(range(300, 400), SenderBlocked),  # redirects are not followed
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
        self._signature = HMACCredentialsPolicy(self._endpoint, key, decode_url=True)
        self._sender = settings.acs_sender_email
        self._http = http
        self._client: AsyncPipelineClient[HttpRequest, AsyncHttpResponse] | None = None

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
        headers = {"Operation-Id": message.deliveryId}
        response = await self._call(HttpRequest("POST", self._url("/emails:send"), json=body, headers=headers))
        if response.status_code != 202:
            raise _error(response)
        return Sent(_accepted(response))

    async def _look_up(self, deliveryId: str) -> str | None:
        response = await self._call(HttpRequest("GET", self._url(f"/emails/operations/{deliveryId}")))
        if response.status_code == 404:
            return None
        if response.status_code != 200:
            error = _error(response)
            raise error if isinstance(error, SenderBlocked) else Ambiguous(str(error), retryAfter=error.retryAfter)
        return _accepted(response)

    async def _call(self, request: HttpRequest) -> AsyncHttpResponse:
        """One request, one answer. A connection that never came about is told from one that broke."""
        if self._client is None:
            self._client = AsyncPipelineClient(self._endpoint, policies=[self._signature], **self._http.azure())
        try:
            return await self._client.send_request(request)
        except AzureError as error:
            if isinstance(error.inner_exception, ClientConnectorError):
                raise NotAccepted("The provider cannot be reached") from None
            raise Ambiguous("The connection to the provider broke before it answered") from None

    def _url(self, path: str) -> str:
        return f"{self._endpoint}{path}?api-version=2025-09-01"

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()


def _accepted(response: AsyncHttpResponse) -> str:
    """The operation's id from a success. Raises for an operation that ended badly or an unreadable body."""
    try:
        answer = json.loads(response.content)
        operationId, status = answer["id"], answer["status"]
    except (ValueError, KeyError, TypeError):
        raise Ambiguous("The provider's answer cannot be read") from None
    if status in _ENDED_BADLY:
        raise _named(answer.get("error") or {}, MessageRefused, None)
    return str(operationId)


def _error(response: AsyncHttpResponse) -> ConnectorError:
    try:
        detail = json.loads(response.content)["error"]
    except (ValueError, KeyError, TypeError):
        detail = {}
    default = STATUSES.get(response.status_code) or (Ambiguous if response.status_code >= 500 else MessageRefused)
    detail = detail if isinstance(detail, dict) else {}
    return _named(detail or {"message": f"HTTP {response.status_code}"}, default, retry_after(response.headers))


def _named(detail: dict[str, Any], default: type[ConnectorError], retryAfter: float | None) -> ConnectorError:
    code, text = str(detail.get("code") or ""), str(detail.get("message") or "")
    kind = ERRORS.get(code, default)
    if kind is MessageRefused and _BAD_ADDRESS.search(text):
        kind = RecipientRefused
    words = ": ".join(part for part in (code, text) if part)
    return kind(words or "The provider refused the message", code=code, retryAfter=retryAfter)
