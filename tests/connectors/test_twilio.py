"""What is Twilio's own: parts, senders, numbers. What all channels share: test_every_connector.py."""

from collections.abc import AsyncIterator

import pytest

from messaging.connectors.base import Message, Sent
from messaging.connectors.twilio import ConnectorMessagingSms
from messaging.content import Content, make
from messaging.errors import Ambiguous, ConnectorError, InvalidInput, RecipientRefused, SenderBlocked
from messaging.models import MessagingChannel
from tests.connectors.cases import World, connected

SMS = MessagingChannel.SMS
HELLO = make("ignored", "How are you?")
SERVICE = "MG" + "0" * 32


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with connected(SMS) as one:
        yield one


def to(recipient: str = "+41791234567", content: Content = HELLO) -> Message:
    return Message("d", recipient, content)


async def test_a_text_arrives_and_its_parts_are_counted(world: World) -> None:
    sent = await world.connector.send(to(content=make("", "x" * 161)))
    (message,) = world.sandbox.inbox.messages
    assert (sent, message.text) == (Sent(message.providerMessageId, 2), "x" * 161)


async def test_html_is_sent_as_its_text(world: World) -> None:
    await world.connector.send(to(content=make("Subject", "<p>How are <b>you</b>?</p>")))
    assert world.sandbox.inbox.messages[0].text == "How are you?"


async def test_a_messaging_service_may_be_the_sender() -> None:
    async with connected(SMS, {"MESSAGING_TWILIO_FROM_NUMBER": SERVICE}) as world:
        await world.connector.send(to())
    assert world.sandbox.inbox.messages[0].raw["MessagingServiceSid"] == SERVICE


MAGIC = [
    ("+15005550001", RecipientRefused, "21211: "),
    ("+15005550002", RecipientRefused, "21612: "),
    ("+15005550003", RecipientRefused, "21408: "),
    ("+15005550004", RecipientRefused, "21610: "),
    ("+15005550009", RecipientRefused, "21614: "),
    ("+15005550429", SenderBlocked, "20429: "),
    ("+15005550500", Ambiguous, "20500: "),
]


@pytest.mark.parametrize(("number", "kind", "words"), MAGIC)
async def test_refusals_come_in_twilios_words(
    world: World, number: str, kind: type[ConnectorError], words: str
) -> None:
    with pytest.raises(kind, match=words):
        await world.connector.send(to(number))


async def test_a_wrong_token_blocks_the_sender() -> None:
    async with connected(SMS, {"MESSAGING_TWILIO_AUTH_TOKEN": "wrong"}) as world:
        with pytest.raises(SenderBlocked, match="20003"):
            await world.connector.send(to())


@pytest.mark.parametrize("text", ["x" * 1600, "ç" * 1600, "😀" * 1600])
def test_1600_characters_fit(text: str) -> None:
    ConnectorMessagingSms.check(make("", text))


def test_what_an_sms_cannot_carry_is_refused() -> None:
    with pytest.raises(InvalidInput, match="has 1601 characters; an SMS may have 1600"):
        ConnectorMessagingSms.check(make("", "x" * 1601))
