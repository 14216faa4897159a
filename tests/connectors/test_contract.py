"""Connector → Prism → sandbox: what the connectors send and take keeps to the providers' own OpenAPI files.

Prism answers 422 for a request that breaks the contract, which a connector would tell as refused, and 500 for such
an answer of the sandbox. It writes JSON bodies anew, so ACS's signature over the bytes is not checked here. Where
a file and its service differ: test_contract_gaps.py.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from dev.sandbox import Sandbox
from dev.sandbox.recipients import MAGIC
from messaging.connectors.base import Message, Sent
from messaging.content import Content, make
from messaging.errors import Ambiguous, ConnectorError, NotAccepted, RecipientRefused, SenderBlocked
from messaging.models import MessagingChannel
from tests.connectors.cases import CASES, Kind, World, by_template, connected, delivery
from tests.prism import needs_files

pytestmark = needs_files

EMAIL, SMS = MessagingChannel.EMAIL, MessagingChannel.SMS
WHATSAPP, TEAMS = MessagingChannel.WHATSAPP, MessagingChannel.TEAMS_CHAT

CARD = {"type": "AdaptiveCard", "version": "1.5", "body": [{"type": "TextBlock", "text": "Soup"}]}
CONTENTS = [make("Lunch", "Soup"), make("Lunch", "<p>Soup</p>"), make("Lunch", "Grüezi 😀 \u2028 <at>")]
HELLO = {"name": "hello_world", "language": "en_US"}
ORDER = {**HELLO, "name": "order_update", "parameters": ['Grüezi 😀 "quoted"', "<script>\r\n\u2028{{1}}"]}


@dataclass(frozen=True)
class Row:
    """One provider."""

    contents: list[Content]
    refused: dict[str, str]
    """Recipients that it refuses, and its words for it."""


ROWS = {
    EMAIL: Row(CONTENTS, {"refused@example.com": "InvalidEmailAddress"}),
    SMS: Row(CONTENTS, {"+15005550001": "21211", "+15005550004": "21610"}),
    WHATSAPP: Row(
        [make("", "", template=HELLO), make("", "", template=ORDER), by_template("x" * 1024)],
        {one.address: f"^{one.code}: " for one in MAGIC if one.provider == "meta" and one.code != 131047},
    ),
    TEAMS: Row(
        [*CONTENTS, make("Lunch", "Soup", card=CARD)],
        {
            "00000000-0000-4000-8000-000000000403": "ForbiddenOperationException",
            "00000000-0000-4000-8000-000000000209": "MessageWritesBlocked",
            "00000000-0000-4000-8000-000000000404": "ConversationNotFound",
        },
    ),
}


@asynccontextmanager
async def behind_prism(channel: MessagingChannel, ports: dict[str, int]) -> AsyncIterator[World]:
    """A channel's connector, whose provider is a Prism before a sandbox."""
    case, sandbox = CASES[channel], Sandbox(check_signature=False)
    where = {case.url: f"http://127.0.0.1:{ports[case.provider]}"}
    async with connected(channel, where, sandbox, ports["sandbox"]) as world:
        yield world


def to(channel: MessagingChannel, recipient: str = "", content: Content | None = None) -> Message:
    return Message(delivery(0), recipient or CASES[channel].person(0), content or ROWS[channel].contents[0])


def test_every_provider_has_a_row() -> None:
    assert set(ROWS) == set(CASES)


SENDS = [
    pytest.param(channel, content, id=f"{channel} {number}")
    for channel, row in ROWS.items()
    for number, content in enumerate(row.contents)
]


@pytest.mark.parametrize(("channel", "content"), SENDS)
async def test_a_good_send_keeps_the_contract(
    ports: dict[str, int], channel: MessagingChannel, content: Content
) -> None:
    async with behind_prism(channel, ports) as world:
        sent = await world.connector.send(to(channel, content=content))
    (message,) = world.sandbox.inbox.messages
    assert sent == Sent(message.providerMessageId, sent.segments)


REFUSED = [(channel, *pair) for channel, row in ROWS.items() for pair in row.refused.items()]


@pytest.mark.parametrize(("channel", "recipient", "words"), REFUSED)
async def test_a_refusal_keeps_the_contract_and_is_understood(
    ports: dict[str, int], channel: MessagingChannel, recipient: str, words: str
) -> None:
    expected = ConnectorError if channel == WHATSAPP else RecipientRefused  # its own tests tell the kinds
    async with behind_prism(channel, ports) as world:
        with pytest.raises(expected, match=words):
            await world.connector.send(to(channel, recipient))


@pytest.mark.parametrize(("status", "kind"), [(401, SenderBlocked), (429, SenderBlocked), (503, NotAccepted)])
async def test_metas_faults_keep_the_contract(ports: dict[str, int], status: int, kind: Kind) -> None:
    async with behind_prism(WHATSAPP, ports) as world:
        world.sandbox.faults.replace([{"provider": "meta", "status": status, "retryAfter": 7}])
        with pytest.raises(kind) as error:
            await world.connector.send(to(WHATSAPP))
    assert error.value.retryAfter == 7


WRONG: list[tuple[MessagingChannel, str, dict[str, Any], Kind]] = [
    (EMAIL, "send", {"id": "1", "status": "Running", "error": "none"}, Ambiguous),
    (SMS, "send", {"status": "kwueued"}, Ambiguous),
    (WHATSAPP, "send", {"messages": [{"id": 5}]}, Ambiguous),
    (TEAMS, "send", {"id": 5}, Ambiguous),
    (TEAMS, "conversation", {"id": 5}, NotAccepted),
]


@pytest.mark.parametrize(("channel", "operation", "body", "kind"), WRONG)
async def test_an_answer_out_of_contract_does_not_get_through(
    ports: dict[str, int], channel: MessagingChannel, operation: str, body: dict[str, Any], kind: Kind
) -> None:
    async with behind_prism(channel, ports) as world:
        rule = {"provider": CASES[channel].provider, "operation": operation, "body": body}
        world.sandbox.faults.replace([rule])
        with pytest.raises(kind, match="500"):
            await world.connector.send(to(channel))
