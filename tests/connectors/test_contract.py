"""Connector → Prism → sandbox: what the connectors send and take keeps to the providers' own OpenAPI files.

Prism answers 422 for a request that breaks the contract, which a connector would tell as refused, and 500 for such
an answer of the sandbox. It writes JSON bodies anew, so ACS's signature over the bytes is not checked here.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import ClientSession

from dev.sandbox import Sandbox
from dev.sandbox.caller import PERSON, Answer, Caller, conversation
from messaging.connectors import Connectors
from messaging.connectors.base import Connector, Message, Sent
from messaging.content import Content, make
from messaging.errors import Ambiguous, ConnectorError, NotAccepted, RecipientRefused
from messaging.ids import delivery_id, execution_id
from messaging.memory import Memory
from messaging.models import MessagingChannel
from messaging.storage.memory import MemoryTables
from tests.prism import needs_files
from tests.product import serving, settings

pytestmark = needs_files

CARD = {"type": "AdaptiveCard", "version": "1.5", "body": [{"type": "TextBlock", "text": "Soup"}]}
CONTENTS = [make("Lunch", "Soup"), make("Lunch", "<p>Soup</p>"), make("Lunch", "Grüezi 😀 \u2028 <at>")]


@dataclass(frozen=True)
class Provider:
    name: str
    setting: str
    recipient: str
    refused: dict[str, str]
    """Recipients that it refuses, and its words for it."""
    contents: list[Content]


PROVIDERS = {
    "email": Provider(
        "acs",
        "MESSAGING_ACS_ENDPOINT",
        "alice@example.com",
        {"refused@example.com": "InvalidEmailAddress"},
        CONTENTS,
    ),
    "sms": Provider(
        "twilio",
        "MESSAGING_TWILIO_BASE_URL",
        "+41791234567",
        {"+15005550001": "21211", "+15005550004": "21610"},
        CONTENTS,
    ),
    "teams_chat": Provider(
        "teams",
        "MESSAGING_TEAMS_SERVICE_URL",
        PERSON,
        {
            "00000000-0000-4000-8000-000000000403": "ForbiddenOperationException",
            "00000000-0000-4000-8000-000000000209": "MessageWritesBlocked",
            "00000000-0000-4000-8000-000000000404": "ConversationNotFound",
        },
        [*CONTENTS, make("Lunch", "Soup", card=CARD)],
    ),
}


@asynccontextmanager
async def connected(channel: str, ports: dict[str, int]) -> AsyncIterator[tuple[Connector, Sandbox]]:
    """A channel's connector, whose provider is a Prism before a sandbox."""
    provider, sandbox = PROVIDERS[channel], Sandbox(check_signature=False)
    async with serving(sandbox, ports["sandbox"]) as (served, http):
        where = {
            provider.setting: f"http://127.0.0.1:{ports[provider.name]}",
            "MESSAGING_TEAMS_LOGIN_URL": served.login_url,
        }
        made = settings("UseDevelopmentStorage=true", served.url, **where)
        connectors = Connectors(made, http, Memory(MemoryTables()))
        yield connectors.get(MessagingChannel(channel)), sandbox
        await connectors.close()


def to(recipient: str, content: Content = CONTENTS[0]) -> Message:
    return Message(delivery_id(execution_id(1_800_000_000), recipient, 0), recipient, content)


SENDS = [
    pytest.param(name, content, id=f"{name} {number}")
    for name, provider in PROVIDERS.items()
    for number, content in enumerate(provider.contents)
]


@pytest.mark.parametrize(("channel", "content"), SENDS)
async def test_a_good_send_keeps_the_contract(ports: dict[str, int], channel: str, content: Content) -> None:
    async with connected(channel, ports) as (connector, sandbox):
        sent = await connector.send(to(PROVIDERS[channel].recipient, content))
    (message,) = sandbox.inbox.messages
    assert sent.providerMessageId == message.providerMessageId
    assert sent == Sent(str(message.providerMessageId), sent.segments)


REFUSED = [(name, *pair) for name, provider in PROVIDERS.items() for pair in provider.refused.items()]


@pytest.mark.parametrize(("channel", "recipient", "words"), REFUSED)
async def test_a_refusal_keeps_the_contract_and_is_understood(
    ports: dict[str, int], channel: str, recipient: str, words: str
) -> None:
    async with connected(channel, ports) as (connector, _):
        with pytest.raises(RecipientRefused, match=words):
            await connector.send(to(recipient))


WRONG: list[tuple[str, str, dict[str, Any], type[ConnectorError]]] = [
    ("email", "send", {"id": "1", "status": "Running", "error": "none"}, Ambiguous),
    ("sms", "send", {"status": "kwueued"}, Ambiguous),
    ("teams_chat", "send", {"id": 5}, Ambiguous),
    ("teams_chat", "conversation", {"id": 5}, NotAccepted),
]


@pytest.mark.parametrize(("channel", "operation", "body", "kind"), WRONG)
async def test_an_answer_out_of_contract_does_not_get_through(
    ports: dict[str, int], channel: str, operation: str, body: dict[str, Any], kind: type[ConnectorError]
) -> None:
    async with connected(channel, ports) as (connector, sandbox):
        rule = {"provider": PROVIDERS[channel].name, "operation": operation, "body": body}
        sandbox.faults.replace([rule])
        with pytest.raises(kind, match="500"):
            await connector.send(to(PROVIDERS[channel].recipient))


async def teams(ports: dict[str, int], activity: dict[str, Any], token: bool = True) -> Answer:
    """Bot Connector's answer to an activity, through Prism."""
    async with serving(Sandbox(), ports["sandbox"]) as (served, _), ClientSession() as session:
        caller, login = Caller(f"http://127.0.0.1:{ports['teams']}", session), Caller(served.url, session)
        await login.log_in()
        caller.token = login.token
        opened = await caller.connector("", conversation())
        caller.token = login.token if token else ""
        return await caller.connector(f"/{opened.body['id']}/activities", activity)


LAX = [
    ({"type": "message"}, True, 400),
    ({"type": "message", "text": "x" * 60_000}, True, 413),
    ({"type": "message", "attachments": [{"contentType": "text/html", "content": {}}]}, True, 400),
    ({"type": "message", "text": "Text"}, False, 401),
]
"""What Microsoft's file lets pass and the service refuses: it requires no field, has no sizes and no login."""


@pytest.mark.parametrize(("activity", "token", "status"), LAX)
async def test_teams_file_is_laxer_than_the_service(
    ports: dict[str, int], activity: dict[str, Any], token: bool, status: int
) -> None:
    answer = await teams(ports, activity, token)
    assert (answer.status, "sl-violations" in answer.headers) == (status, False)


async def test_teams_file_would_notice_a_wrong_activity(ports: dict[str, int]) -> None:
    answer = await teams(ports, {"type": "message", "text": ["Text"]})
    assert answer.status == 422  # Prism's own; the sandbox would say 400
