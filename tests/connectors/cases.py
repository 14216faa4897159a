"""The channels, one row each: what tests/connectors/test_every_connector.py asks of all of them."""

import unicodedata
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from dev.sandbox import Sandbox, credentials
from dev.sandbox.caller import PERSON
from dev.sandbox.records import Message as Received
from messaging.connectors import Connectors
from messaging.connectors.base import Connector, Message
from messaging.content import Content, make
from messaging.errors import (
    Ambiguous,
    ConnectorError,
    MessageRefused,
    NotAccepted,
    RecipientRefused,
    SenderBlocked,
)
from messaging.http import Http
from messaging.memory import Memory
from messaging.models import MessagingChannel
from messaging.storage.memory import MemoryTables
from tests.product import serving, settings

type Rule = dict[str, Any]
type Kind = type[ConnectorError]

FAULTS: dict[str, Rule] = {
    "400": {"status": 400},
    "401": {"status": 401},
    "403": {"status": 403},
    "404": {"status": 404},
    "408": {"status": 408},
    "409": {"status": 409},
    "413": {"status": 413},
    "429": {"status": 429},
    "429, Retry-After": {"status": 429, "retryAfter": 120},
    "500": {"status": 500},
    "502": {"status": 502},
    "503": {"status": 503},
    "503, Retry-After": {"status": 503, "retryAfter": 120},
    "504": {"status": 504},
    "reset": {"kind": "reset"},
    "timeout": {"kind": "timeout"},
    "accepted, then dropped": {"kind": "acceptThenDrop"},
    "accepted, then 500": {"kind": "acceptThenStatus", "status": 500},
    "slow": {"delay": 0.1},
    "malformed JSON": {"kind": "malformedJson"},
    "wrong content type": {"kind": "wrongContentType"},
}
"""What may become of a request, in the sandbox's words. tests/test_faults.py shows what the records say then."""

USUAL: dict[str, Kind | None] = {
    **dict.fromkeys(("400", "409", "413"), MessageRefused),
    **dict.fromkeys(("401", "403", "404", "429", "429, Retry-After"), SenderBlocked),
    **dict.fromkeys(("408", "500", "502", "503", "503, Retry-After", "504"), Ambiguous),
    **dict.fromkeys(("reset", "timeout", "accepted, then dropped", "accepted, then 500"), Ambiguous),
    **dict.fromkeys(("malformed JSON", "wrong content type"), Ambiguous),
    "slow": None,
}
"""What each fault is for most channels; None is a good send."""


@dataclass(frozen=True)
class Case:
    """One channel."""

    provider: str
    """Its name in the sandbox's faults."""
    url: str
    """The setting that leads to it."""
    needed: tuple[str, ...]
    """The settings without which the channel is not configured."""
    secrets: tuple[str, ...]
    person: Callable[[int], str]
    """The n-th recipient, as registrations store them."""
    content: Callable[[str], Content]
    """A message that says this."""
    request: dict[str, Any]
    """What the provider is sent when `content("How are you?")` goes to `person(0)`."""
    said: Callable[[Received], str]
    """The words that arrived; `arrives` are the words that should."""
    faults: dict[str, Kind | None]
    answers: list[tuple[Rule, Kind]]
    """The provider's own codes, some for each kind."""
    codes: int
    """How many codes the connector's table lists."""
    unreadable: list[Any]
    """Bodies of a success in which the message's id is missing."""
    arrives: Callable[[str], str] = str
    options: frozenset[str] = frozenset()
    """What it takes of sendMessage's `template=` and `card=`."""
    again: frozenset[str] = frozenset()
    """The faults after which the request is made once more at once: the login or the chat held no more."""


def by_template(text: str) -> Content:
    return make("", "", template={"name": "notification", "language": "en_US", "parameters": [text]})


def one_line(text: str) -> str:
    return " ".join("".join(" " if unicodedata.category(one) == "Cc" else one for one in text).split())


def _parameter(message: Received) -> str:
    return str(message.raw["template"]["components"][0]["parameters"][0]["text"])


def _text(message: Received) -> str:
    return message.text or ""


def delivery(number: int) -> str:
    """The id of the delivery to the n-th person."""
    return f"5a4d0000-0000-8000-8000-{number:012}"


CASES = {
    MessagingChannel.EMAIL: Case(
        provider="acs",
        url="MESSAGING_ACS_ENDPOINT",
        needed=("MESSAGING_ACS_CONNECTION_STRING", "MESSAGING_ACS_SENDER_EMAIL"),
        secrets=(credentials.ACS_ACCESS_KEY,),
        person=lambda number: f"alice{number}@example.com",
        content=lambda text: make(text, text),
        request={
            "senderAddress": credentials.ACS_SENDER_EMAIL,
            "recipients": {"to": [{"address": "alice0@example.com"}]},
            "content": {"subject": "How are you?", "plainText": "How are you?"},
        },
        said=_text,
        faults=USUAL | {"409": Ambiguous},
        answers=[
            ({"code": "InvalidEmailAddress"}, RecipientRefused),
            ({"code": "DomainNotLinked"}, SenderBlocked),
            ({"status": 400, "code": "Unheard"}, MessageRefused),
        ],
        codes=12,
        unreadable=[{"id": "1"}, {"status": "Running"}],
    ),
    MessagingChannel.SMS: Case(
        provider="twilio",
        url="MESSAGING_TWILIO_BASE_URL",
        needed=("MESSAGING_TWILIO_ACCOUNT_SID", "MESSAGING_TWILIO_AUTH_TOKEN", "MESSAGING_TWILIO_FROM_NUMBER"),
        secrets=(credentials.TWILIO_AUTH_TOKEN,),
        person=lambda number: f"+4179123{number:04}",
        content=lambda text: make("not sent", text),
        request={"To": "+41791230000", "From": credentials.TWILIO_FROM_NUMBER, "Body": "How are you?"},
        said=_text,
        faults=USUAL | {"400": RecipientRefused},  # the sandbox answers with Twilio's first code of that status
        answers=[
            ({"code": 21211}, RecipientRefused),
            ({"code": 21617}, MessageRefused),
            ({"code": 21611}, SenderBlocked),
            ({"status": 400, "code": 99999}, MessageRefused),
        ],
        codes=24,
        unreadable=[{"sid": ""}, {"sid": None}],
    ),
    MessagingChannel.WHATSAPP: Case(
        provider="meta",
        url="MESSAGING_WHATSAPP_BASE_URL",
        needed=("MESSAGING_WHATSAPP_API_KEY", "MESSAGING_WHATSAPP_PHONE_NUMBER_ID"),
        secrets=(credentials.META_ACCESS_TOKEN,),
        person=lambda number: f"+4179123{number:04}",
        content=by_template,
        request={
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": "+41791230000",
            "type": "template",
            "template": {
                "name": "notification",
                "language": {"code": "en_US", "policy": "deterministic"},
                "components": [{"type": "body", "parameters": [{"type": "text", "text": "How are you?"}]}],
            },
            "biz_opaque_callback_data": delivery(0),
        },
        said=_parameter,
        arrives=one_line,
        # Meta answers 404 for an unknown template and 503 with 131016; without a code they would be as usual
        faults=USUAL | {"404": MessageRefused, "503": NotAccepted, "503, Retry-After": NotAccepted},
        answers=[
            ({"code": 131026}, RecipientRefused),
            ({"status": 400, "code": 999999}, MessageRefused),
            ({"status": 403, "code": 999999}, SenderBlocked),
            ({"status": 404, "code": 999999}, SenderBlocked),
            ({"code": 131056}, NotAccepted),
            ({"status": 503, "code": 999999}, Ambiguous),
        ],
        codes=145,
        unreadable=[{"messages": []}, {"messages": [{"id": ""}]}, {"messages": [{"id": 5}]}],
        options=frozenset({"template"}),
    ),
    MessagingChannel.TEAMS_CHAT: Case(
        provider="teams",
        url="MESSAGING_TEAMS_SERVICE_URL",
        needed=("MESSAGING_TEAMS_APP_ID", "MESSAGING_TEAMS_APP_SECRET", "MESSAGING_TEAMS_TENANT_ID"),
        secrets=(credentials.TEAMS_APP_SECRET, "eyJ"),
        person=lambda number: f"{PERSON[:-4]}{number:04}",
        content=lambda text: make("", text),
        request={"type": "message", "text": "How are you?", "textFormat": "plain"},
        said=_text,
        faults=USUAL
        | {"403": RecipientRefused, "404": RecipientRefused, "429": NotAccepted, "429, Retry-After": NotAccepted},
        answers=[
            ({"status": 400, "code": "Unheard"}, MessageRefused),
            ({"status": 403, "code": "Unheard"}, RecipientRefused),
            ({"status": 412}, NotAccepted),
        ],
        codes=13,
        unreadable=[{"id": 5}, {"id": ""}],
        options=frozenset({"card"}),
        again=frozenset({"401", "404"}),
    ),
}


class World(NamedTuple):
    """A channel's connector before a sandbox."""

    connector: Connector
    sandbox: Sandbox
    http: Http

    def sends(self) -> int:
        """The requests to send that were made."""
        return sum(seen.operation == "send" for seen in self.sandbox.requests.requests)


@asynccontextmanager
async def connected(
    channel: MessagingChannel,
    more: dict[str, Any] | None = None,
    sandbox: Sandbox | None = None,
    port: int = 0,
) -> AsyncIterator[World]:
    """The channel's connector; `more` are settings by their names in the environment."""
    sandbox = sandbox or Sandbox()
    async with serving(sandbox, port) as (served, http):
        where = {"MESSAGING_TEAMS_LOGIN_URL": served.login_url, **(more or {})}
        made = settings("UseDevelopmentStorage=true", served.url, **where)
        connectors = Connectors(made, http, Memory(MemoryTables()))
        yield World(connectors.get(channel), sandbox, http)
        await connectors.close()


def message(channel: MessagingChannel, text: str = "How are you?", number: int = 0) -> Message:
    """A message to the n-th person."""
    case = CASES[channel]
    return Message(delivery(number), case.person(number), case.content(text))
