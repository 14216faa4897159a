"""A Teams registration from the trigger to the record."""

from typing import Any

import pytest

from dev.sandbox.caller import PERSON
from messaging.errors import UnsupportedOption
from messaging.models import MessagingChannel
from messaging.storage.base import Table, Work
from tests.product import Product

NOT_INSTALLED = "00000000-0000-4000-8000-000000000403"
TEAMS = MessagingChannel.TEAMS_CHAT

CARDS = """
from messaging.models import MessagingSubscriptionExecutionResult

def execute(eventParameters, registrations, messagingService):
    card = {"type": "AdaptiveCard", "version": "1.5", "body": [{"type": "TextBlock", "text": ""}]}
    for one in registrations:
        card["body"][0]["text"] = f"For {one.userId}"
        sent = messagingService.sendMessage("Lunch", "Soup", one, card=card)
        assert sent.success, sent.errorMessage
    return MessagingSubscriptionExecutionResult(success=True, messagesSent=len(registrations))
"""
"""A function that goes on changing the card that it has given."""


async def test_a_person_gets_a_chat_message_and_the_record_says_so(product: Product) -> None:
    await product.subscription()
    await product.subscribe("alice", PERSON.upper(), "teams_chat")
    execution = await product.execute()
    await product.drain()
    (message,) = product.sandbox.inbox.messages
    delivery = (await product.deliveries(execution))["alice"]
    assert (delivery.status, delivery.state, delivery.channel) == ("SENT", "sent", TEAMS)
    assert delivery.providerMessageId == message.providerMessageId
    assert (message.channel, message.recipient, message.text) == ("teams_chat", PERSON, "Hello\n\nHow are you?")


async def test_without_the_app_the_record_says_what_is_missing(product: Product) -> None:
    await product.subscription()
    await product.subscribe("alice", PERSON, "teams_chat")
    await product.subscribe("bob", NOT_INSTALLED, "teams_chat")
    execution = await product.execute()
    await product.drain()
    found = await product.deliveries(execution)
    assert (found["alice"].status, found["bob"].status, found["bob"].attempts) == ("SENT", "FAILED", 1)
    assert (found["bob"].errorMessage or "").startswith("The person has not installed the app in Teams (")
    sender = product.messaging.connectors.sender(TEAMS)
    assert await product.messaging.pauses.get(TEAMS, sender) is None


async def test_a_chat_is_opened_once_for_all_executions_and_mandates(product: Product) -> None:
    await product.subscription()
    await product.subscribe("alice", PERSON, "teams_chat")
    for _ in range(3):
        await product.execute()
    await product.drain()
    seen = [one.operation for one in product.sandbox.requests.requests]
    assert (seen.count("token"), seen.count("conversation"), seen.count("send")) == (1, 1, 3)
    rows = await product.messaging.tables.range(Table.WORK, Work.MEMORY, ("!", "~~"), 10)
    assert len(rows) == 1 and PERSON not in str(rows)


async def test_each_card_is_what_it_was_when_it_was_given(product: Product) -> None:
    await product.subscription(source=CARDS)
    people = {f"u{number}": PERSON[:-1] + str(number) for number in range(3)}
    for userId, person in people.items():
        await product.subscribe(userId, person, "teams_chat")
    await product.execute()
    await product.drain()
    said = {one.recipient: one.raw["attachments"][0]["content"] for one in product.sandbox.inbox.messages}
    assert {person: card["body"][0]["text"] for person, card in said.items()} == {
        person: f"For {userId}" for userId, person in people.items()
    }


@pytest.mark.parametrize(("channel", "config"), [("email", "a@example.com"), ("sms", "+41791234567")])
async def test_a_card_is_for_teams_only(product: Product, channel: str, config: str) -> None:
    await product.subscription()
    registration = await product.subscribe("alice", config, channel)
    card: dict[str, Any] = {"type": "AdaptiveCard", "version": "1.5"}
    send = product.messaging.service.sendMessage
    with pytest.raises(UnsupportedOption, match=f"card: the channel {channel} has no cards"):
        await send("Lunch", "Soup", registration, product.principal(), card=card)
