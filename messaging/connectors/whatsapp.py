"""WhatsApp through Meta's Cloud API: approved templates, at any time.

Meta takes free text only within 24 hours after the person has written. Nothing tells this service of such
messages, so no such window is ever known to be open, and free text is refused before anything is stored. Meta
cannot tell whether it took a message before, so what may have left is unknown and never sent again by itself.
Source: WhatsApp Cloud API v23.0, Messages; error codes: ERRORS below.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from messaging.connectors import wire
from messaging.connectors.base import Connector, Message, Sent
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
    UnsupportedOption,
)
from messaging.http import Http
from messaging.models import MessagingChannel
from messaging.settings import Settings

VERSION = "v23.0"
MAX_PARAMETERS, MAX_CHARACTERS = 100, 1024
"""Parameters of a template, and characters of each; a template's whole text may have no more."""

FREE_TEXT = (
    "is free text, which WhatsApp takes only within 24 hours after the person has written, and that is not known "
    "here; give template=, an approved template"
)

_BY_KIND: dict[type[ConnectorError], tuple[int, ...]] = {
    # 131049: Meta limits marketing messages to one person, and asks not to repeat
    RecipientRefused: (130472, 130497, 131021, 131026, 131030, 131049, 131050),
    MessageRefused: (100, 131008, 131009, 131047, 131051, 131058)
    + (132000, 132001, 132005, 132007, 132012, 132015, 132016, 132018, 137000),
    SenderBlocked: (0, 3, 4, 10, 33, 190, *range(200, 300), 368, 80007, 130429)
    + (131005, 131031, 131037, 131042, 131045, 131048, 131057, 133010, 133016),
    NotAccepted: (131016, 131056),  # 131056: too many messages to this one person
    Ambiguous: (1, 2, 131000),
}
ERRORS: dict[int, type[ConnectorError]] = {code: kind for kind, codes in _BY_KIND.items() for code in codes}
"""Meta's error codes (https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes); the status
decides for all others."""

STATUSES: dict[int, type[ConnectorError]] = {
    401: SenderBlocked,
    403: SenderBlocked,
    404: SenderBlocked,  # the address
    408: Ambiguous,
    429: SenderBlocked,
}

_NAME = re.compile(r"[a-z0-9_]{1,512}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(_[A-Z]{2,3})?")
_SPACE = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")


class ConnectorMessagingWhatsapp(Connector):
    channel = MessagingChannel.WHATSAPP
    takesTemplate = True
    testTemplate = {"name": "test_message", "language": "en_US"}

    def __init__(self, settings: Settings, http: Http) -> None:
        super().__init__(settings.provider_timeout_seconds)
        key, self._sender = settings.whatsapp_api_key, settings.whatsapp_phone_number_id or ""
        if not (key and self._sender):
            raise ConfigurationError("WhatsApp is not configured")
        self._url = f"{settings.whatsapp_base_url}/{VERSION}/{self._sender}/messages"
        self._headers = {
            "Authorization": f"Bearer {key.get_secret_value()}",
            "Content-Type": "application/json",
            "User-Agent": "messaging-service/0.1.0",  # Meta's OpenAPI file wants this form
        }
        self._http = http

    @property
    def sender(self) -> str:
        return self._sender

    @classmethod
    def _check(cls, content: Content) -> None:
        if content.template is None:
            raise InvalidInput("message", FREE_TEXT)
        _template(content.template)

    async def _send(self, message: Message) -> Sent:
        body = {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": message.recipient,
            "type": "template",
            "template": _template(message.content.template or {}),
            "biz_opaque_callback_data": message.deliveryId,
        }
        answer = await wire.post(self._http, self._url, json.dumps(body).encode(), self._headers)
        if not answer.taken:
            raise _error(answer, message.recipient)
        return Sent(_id(answer.json()))


def _template(given: Mapping[str, Any]) -> dict[str, Any]:
    """Meta's form of `{"name", "language", "parameters": [...]}`. Raises InvalidInput naming field and rule.

    Meta refuses parameters with line ends, tabs or more than four spaces in a row: white space and control
    characters become one space.
    """
    unknown = sorted(given.keys() - {"name", "language", "parameters"})
    if unknown:
        raise UnsupportedOption(f"template.{unknown[0]}", "is unknown; a template has name, language, parameters")
    name, language = given.get("name"), given.get("language")
    if not (isinstance(name, str) and _NAME.fullmatch(name)):
        raise InvalidInput("template.name", "must be an approved template's name: small letters, digits and _")
    if not (isinstance(language, str) and _LANGUAGE.fullmatch(language)):
        raise InvalidInput("template.language", "must be a language that it is approved in, such as en_US")
    parameters = given.get("parameters", [])
    if not isinstance(parameters, list) or len(parameters) > MAX_PARAMETERS:
        raise InvalidInput("template.parameters", f"must be a list of at most {MAX_PARAMETERS} texts")
    texts = [{"type": "text", "text": _parameter(number, one)} for number, one in enumerate(parameters)]
    components = {"components": [{"type": "body", "parameters": texts}]} if texts else {}
    return {"name": name, "language": {"code": language, "policy": "deterministic"}, **components}


def _parameter(number: int, given: object) -> str:
    text = _SPACE.sub(" ", given).strip() if isinstance(given, str) else ""
    if not 0 < len(text) <= MAX_CHARACTERS:
        rule = f"must be a text of 1 to {MAX_CHARACTERS} characters that are not white space"
        raise InvalidInput(f"template.parameters.{number}", rule)
    return text


def _id(answer: dict[str, Any]) -> str:
    try:
        wamid = answer["messages"][0]["id"]
    except (KeyError, IndexError, TypeError):
        wamid = None
    if not (isinstance(wamid, str) and wamid):
        raise Ambiguous("The provider's answer cannot be read")
    return wamid


def _error(answer: wire.Answer, recipient: str) -> ConnectorError:
    """Meta's refusal in its own words, but for the recipient.

    `{"error": {"message": "(#131026) …", "code", "error_subcode"?, "error_data"?: {"details"}}}`
    """
    status, error = answer.status, wire.part(answer.json(), "error")
    code, details = error.get("code"), str(wire.part(error, "error_data").get("details") or "")
    known = 33 if error.get("error_subcode") == 33 else code  # no such phone number id
    kind = ERRORS.get(known) if isinstance(known, int) else None
    kind = kind or STATUSES.get(status) or (Ambiguous if status >= 500 else MessageRefused)
    title = str(error.get("message") or "").removeprefix(f"(#{code}) ")
    code = code if isinstance(code, int) else f"HTTP {status}"
    said = ": ".join(part for part in (str(code), title, details) if part)
    said = said.replace(recipient.removeprefix("+"), "…")
    return kind(said, code=str(code), retryAfter=answer.retryAfter)
