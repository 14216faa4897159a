"""What all channels answer in the same way. The rows are in cases.py; what is a provider's own is in its file."""

import asyncio
import gc
import logging
import sys
from typing import Any

import pytest
from aiohttp import ClientSession

from messaging.connectors import CONNECTORS, Connectors, kind
from messaging.connectors.base import Sent
from messaging.content import make
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
from messaging.memory import Memory
from messaging.models import MessagingChannel
from messaging.storage.memory import MemoryTables
from tests.connectors.cases import CASES, FAULTS, Kind, Rule, connected, message
from tests.connectors.scripted import Scripted, answering
from tests.product import settings
from tests.subscriptions.hostile import HOSTILE

FIVE = {RecipientRefused, MessageRefused, SenderBlocked, NotAccepted, Ambiguous}
SECONDS = 0.8
"""A provider's time where it lets it pass; half of it is enough to log in and to open a chat."""

everywhere = pytest.mark.parametrize("channel", CASES)


def test_every_channel_has_a_connector_and_a_row() -> None:
    assert set(CASES) == set(CONNECTORS) == set(MessagingChannel)


@everywhere
def test_the_row_knows_each_fault_and_answers_of_each_kind(channel: MessagingChannel) -> None:
    case = CASES[channel]
    assert set(case.faults) == set(FAULTS)
    answered = {kind for _, kind in case.answers} | set(case.faults.values()) | {NotAccepted, None}
    assert answered == FIVE | {None}


@everywhere
async def test_a_message_arrives_once_and_its_id_is_kept(channel: MessagingChannel) -> None:
    async with connected(channel) as world:
        sent = await world.connector.send(message(channel))
    (received,) = world.sandbox.inbox.messages
    assert sent == Sent(received.providerMessageId, sent.segments)
    assert (received.channel, received.recipient) == (channel, CASES[channel].person(0))
    assert (received.raw, received.sender) == (CASES[channel].request, world.connector.sender)
    assert world.sends() == 1


ANSWERS = [
    pytest.param(channel, FAULTS[name], kind, 2 if name in case.again else 1, id=f"{channel} {name}")
    for channel, case in CASES.items()
    for name, kind in case.faults.items()
] + [
    pytest.param(channel, rule, kind, 1, id=f"{channel} {rule}")
    for channel, case in CASES.items()
    for rule, kind in case.answers
]


@pytest.mark.parametrize(("channel", "rule", "kind", "sends"), ANSWERS)
async def test_each_answer_has_its_kind(
    channel: MessagingChannel, rule: Rule, kind: Kind | None, sends: int
) -> None:
    seconds = SECONDS if rule.get("kind") == "timeout" else 10
    async with connected(channel, {"MESSAGING_PROVIDER_TIMEOUT_SECONDS": seconds}) as world:
        world.sandbox.faults.replace([{"provider": CASES[channel].provider, "operation": "send", **rule}])
        try:
            await world.connector.send(message(channel))
            came, asked = None, None
        except ConnectorError as error:
            came, asked = type(error), error.retryAfter
    assert (came, world.sends()) == (kind, sends)
    assert asked == rule.get("retryAfter", asked)


@everywhere
@pytest.mark.parametrize(("value", "least"), [("7", 7), ("Fri, 31 Dec 2100 23:59:59 GMT", 1_000_000_000)])
async def test_the_providers_wish_to_wait_is_kept(channel: MessagingChannel, value: str, least: float) -> None:
    async with connected(channel) as world:
        rule = {"provider": CASES[channel].provider, "operation": "send", "status": 429, "retryAfter": value}
        world.sandbox.faults.replace([rule])
        with pytest.raises((SenderBlocked, NotAccepted)) as error:
            await world.connector.send(message(channel))
    assert (error.value.retryAfter or 0) >= least


@everywhere
async def test_nobody_at_home_is_certainly_not_accepted(channel: MessagingChannel) -> None:
    async with connected(channel, {CASES[channel].url: "http://127.0.0.1:9"}) as world:
        with pytest.raises(NotAccepted, match="cannot be reached"):
            await world.connector.send(message(channel))


@everywhere
@pytest.mark.parametrize("status", [301, 302, 307])
async def test_a_redirect_is_not_followed_and_blocks_the_sender(channel: MessagingChannel, status: int) -> None:
    elsewhere = Scripted([])
    async with answering(elsewhere) as other:
        service = Scripted([(status, {"Location": f"{other}/else"}, {})])
        async with answering(service) as url, connected(channel, {CASES[channel].url: url}) as world:
            with pytest.raises(SenderBlocked):
                await world.connector.send(message(channel))
    assert elsewhere.requests == []


NO_ID: list[Any] = [{}, [], "", "null"]
UNREADABLE = [(channel, body) for channel, case in CASES.items() for body in [*NO_ID, *case.unreadable]]


@pytest.mark.parametrize(("channel", "body"), UNREADABLE)
async def test_a_success_that_cannot_be_read_is_ambiguous(channel: MessagingChannel, body: Any) -> None:
    async with connected(channel) as world:
        rule = {"provider": CASES[channel].provider, "operation": "send", "body": body}
        world.sandbox.faults.replace([rule])
        with pytest.raises(Ambiguous) as error:
            await world.connector.send(message(channel))
    assert "unexpectedly" not in str(error.value)
    assert (world.sends(), len(world.sandbox.inbox.messages)) == (1, 1)


NEEDED = [(channel, name) for channel, case in CASES.items() for name in case.needed]


@pytest.mark.parametrize(("channel", "name"), NEEDED)
def test_without_a_setting_it_is_not_made_and_the_setting_is_named(channel: MessagingChannel, name: str) -> None:
    lacking: dict[str, Any] = {name: None}
    made, http, memory = settings("UseDevelopmentStorage=true", **lacking), Http(), Memory(MemoryTables())
    assert made.missing(channel) == [name] and not made.configured(channel)
    with pytest.raises(InvalidInput, match=f"channel: {channel} is not configured"):
        Connectors(made, http, memory).get(channel)
    connector: Any = kind(channel)
    with pytest.raises(ConfigurationError, match="is not configured"):
        connector(made, http, *([memory] if connector.remembers else []))


TEXTS = [f"Words: {one}" for one in HOSTILE if "\ud800" not in one and len(one) < 1000]
LONG = "x" * 1024
"""As long as every channel takes."""


@everywhere
@pytest.mark.parametrize("text", [*TEXTS, LONG])
async def test_hostile_words_are_only_words(channel: MessagingChannel, text: str) -> None:
    async with connected(channel) as world:
        given = message(channel, text)
        world.connector.check(given.content)
        await world.connector.send(given)
    (received,) = world.sandbox.inbox.messages
    assert received.recipient == given.recipient
    assert (CASES[channel].said(received), received.html) == (CASES[channel].arrives(text), None)
    subject = received.subject or ""
    assert len(subject.splitlines()) <= 1 and len(subject) <= 255


@everywhere
@pytest.mark.parametrize("option", ["template", "card"])
def test_an_option_without_use_raises(channel: MessagingChannel, option: str) -> None:
    content = make("Hello", "How are you?", **{option: {}})  # type: ignore[arg-type]
    expected: type[InvalidInput] = InvalidInput if option in CASES[channel].options else UnsupportedOption
    with pytest.raises(InvalidInput, match=option) as error:
        kind(channel).check(content)
    assert type(error.value) is expected


@everywhere
async def test_fifty_at_once_arrive_once_each_over_one_session(channel: MessagingChannel) -> None:
    async with connected(channel) as world:
        messages = [message(channel, number=number) for number in range(50)]
        sent = await asyncio.gather(*(world.connector.send(one) for one in messages))
        opened = [one for one in gc.get_objects() if type(one) is ClientSession and not one.closed]
        assert opened == [world.http.session()]
    arrived = {one.recipient: one.providerMessageId for one in world.sandbox.inbox.messages}
    assert arrived == {to.recipient: it.providerMessageId for to, it in zip(messages, sent, strict=True)}
    assert (world.sends(), len(set(arrived.values()))) == (50, 50)


@everywhere
async def test_neither_secrets_nor_recipients_reach_the_log(
    channel: MessagingChannel, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.WARNING, "azure")
    case, given = CASES[channel], message(channel)
    async with connected(channel) as world:
        for rule in ({"status": 400}, {"status": 401}, {"kind": "malformedJson"}, {"kind": "reset"}):
            world.sandbox.faults.replace([{"provider": case.provider, "operation": "send", **rule}])
            with pytest.raises(ConnectorError):
                await world.connector.send(given)
    assert [word for word in (given.recipient.lstrip("+"), *case.secrets) if word in caplog.text] == []


@everywhere
def test_every_listed_code_has_exactly_one_of_the_five_kinds(channel: MessagingChannel) -> None:
    module = sys.modules[kind(channel).__module__]
    listed = [code for codes in module._BY_KIND.values() for code in codes]
    assert len(listed) == len(set(listed)) == CASES[channel].codes and set(listed) == set(module.ERRORS)
    assert set(module._BY_KIND) | set(module.STATUSES.values()) <= FIVE
    assert all(300 <= status < 500 for status in module.STATUSES)
