"""SMS through Twilio.

Twilio cannot tell whether it took a message before, so what may have left is unknown and never sent again by
itself. The SDK's own client has no timeout and drops the headers of errors; it runs here on the product's HTTP
session (docs/decisions/0001-twilio-client.md). Source: Twilio API 2010-04-01, Messages; error codes: ERRORS below.
"""

import logging
from base64 import b64encode
from typing import Any
from urllib.parse import urlencode

from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from twilio.rest import Client

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
from messaging.segments import count
from messaging.settings import Settings

MAX_CHARACTERS = 1600

_BY_KIND: dict[type[ConnectorError], tuple[int, ...]] = {
    RecipientRefused: (21211, 21408, 21610, 21612, 21614, 21635),
    MessageRefused: (21602, 21604, 21617, 21654, 21655, 21656),
    SenderBlocked: (14107, 20003, 20008, 20429, 21212, 21603, 21606, 21608, 21611, 21660, 21703, 30002),
}
ERRORS: dict[int, type[ConnectorError]] = {code: kind for kind, codes in _BY_KIND.items() for code in codes}
"""Twilio's error codes (https://www.twilio.com/docs/api/errors); the status decides for all others."""

STATUSES: dict[int, type[ConnectorError]] = {
    401: SenderBlocked,
    403: SenderBlocked,
    404: SenderBlocked,  # the account in the path
    408: Ambiguous,
    429: SenderBlocked,
}


class ConnectorMessagingSms(Connector):
    channel = MessagingChannel.SMS

    def __init__(self, settings: Settings, http: Http) -> None:
        super().__init__(settings.provider_timeout_seconds)
        token = settings.twilio_auth_token
        if not (settings.twilio_account_sid and token and settings.twilio_from_number):
            raise ConfigurationError("SMS is not configured")
        self._sender = settings.twilio_from_number
        self._client = Client(
            settings.twilio_account_sid,
            token.get_secret_value(),
            http_client=_Session(http),
            environment={"TWILIO_REGION": ""},  # else the SDK reads the process's environment
        )
        if settings.twilio_base_url:
            self._client.api.base_url = settings.twilio_base_url

    @property
    def sender(self) -> str:
        return self._sender

    @classmethod
    def _check(cls, content: Content) -> None:
        super()._check(content)
        length = len(content.text)
        if length > MAX_CHARACTERS:
            raise InvalidInput("message", f"has {length} characters; an SMS may have {MAX_CHARACTERS}")

    async def _send(self, message: Message) -> Sent:
        text = message.content.text
        name = "messaging_service_sid" if self._sender.startswith("MG") else "from_"
        try:
            taken = await self._client.messages.create_async(
                to=message.recipient, body=text, **{name: self._sender}
            )
            sid = taken.sid
        except (ValueError, KeyError, TypeError, AttributeError):
            sid = None
        if not sid:
            raise Ambiguous("The provider's answer cannot be read")
        return Sent(str(sid), count(text))


class _Session(AsyncHttpClient):  # type: ignore[misc]
    """Twilio's HTTP client interface on the product's session: one try, and errors of ours with their headers."""

    def __init__(self, http: Http) -> None:
        super().__init__(logging.getLogger(__name__), is_async=True)
        self._http = http

    async def request(self, method: str, uri: str, **options: Any) -> Response:
        """One POST, all that sending needs, with Twilio's options: `data`, `headers`, `auth` (user, password)."""
        headers = dict(options.get("headers") or {})
        headers["Authorization"] = "Basic " + b64encode(":".join(options["auth"]).encode()).decode()
        form = urlencode(options.get("data") or {}).encode()  # as aiohttp's form, which costs 50 µs
        answer = await wire.post(self._http, uri, form, headers)
        if not answer.taken:
            raise _error(answer)
        return Response(answer.status, answer.raw.decode(), answer.headers)


def _error(answer: wire.Answer) -> ConnectorError:
    """Twilio's refusal in its own words: `{"code", "message", …}`."""
    status, body = answer.status, answer.json()
    code, words = body.get("code"), str(body.get("message") or "")
    code = code if isinstance(code, int) else 0
    kind = ERRORS.get(code) or STATUSES.get(status) or (Ambiguous if status >= 500 else MessageRefused)
    said = ": ".join(part for part in (str(code or f"HTTP {status}"), words) if part)
    return kind(said, code=str(code or status), retryAfter=answer.retryAfter)
