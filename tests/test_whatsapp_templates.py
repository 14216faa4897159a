"""A WhatsApp registration from the trigger to the record: templates are sent, free text is refused."""

from pathlib import Path

import pytest

from messaging.access import Role
from messaging.bootstrap import SUBSCRIPTIONS
from messaging.errors import InvalidInput, UnsupportedOption
from messaging.models import MessagingChannel
from tests.product import Product, running

ALICE = "+41791234567"
FREE_TEXT = "message: is free text, which WhatsApp takes only within 24 hours after the person has written"

LUNCH = """
from messaging.models import MessagingChannel
from messaging.rendering import Words, send_each, sms

def execute(eventParameters, registrations, messagingService):
    dish = str(eventParameters.triggerData["dish"])

    def words_for(channel):
        if channel == MessagingChannel.WHATSAPP:
            template = {"name": "notification", "language": "en_US", "parameters": [dish]}
            return Words("", "", template=template)
        return Words("Lunch", f"Today: {dish}")

    return send_each(messagingService, registrations, words_for)
"""
"""A template for WhatsApp, free text for everybody else."""


async def test_one_function_sends_a_template_here_and_free_text_there(product: Product) -> None:
    await product.subscription("Lunch", LUNCH)
    await product.subscribe("alice", "+41 79 123 45 67", "whatsapp", "Lunch")
    await product.subscribe("bob", subscriptionId="Lunch")
    execution = await product.execute("Lunch", {"dish": "soup\nand bread"})
    await product.drain()
    assert (execution.result.success, execution.result.messagesSent) == (True, 2)
    texts = {message.recipient: message.text for message in product.sandbox.inbox.messages}
    assert texts == {ALICE: "soup and bread", "bob@example.com": "Today: soup\nand bread"}
    (wamid,) = [one.providerMessageId for one in product.sandbox.inbox.messages if one.channel == "whatsapp"]
    delivery = (await product.deliveries(execution))["alice"]
    assert (delivery.status, delivery.state, delivery.channel) == ("SENT", "sent", MessagingChannel.WHATSAPP)
    assert delivery.providerMessageId == wamid and wamid.startswith("wamid.")


async def test_meta_is_told_the_deliverys_id(product: Product) -> None:
    await product.subscription("Lunch", LUNCH)
    await product.subscribe("alice", ALICE, "whatsapp", "Lunch")
    execution = await product.execute("Lunch", {"dish": "soup"})
    await product.drain()
    (message,) = product.sandbox.inbox.messages
    assert message.raw["biz_opaque_callback_data"] == (await product.deliveries(execution))["alice"].id


async def test_free_text_is_refused_and_whoever_triggered_reads_why(product: Product) -> None:
    source = LUNCH.replace("channel == MessagingChannel.WHATSAPP", "False")
    await product.subscription("Lunch", source)
    await product.subscribe("alice", ALICE, "whatsapp", "Lunch")
    await product.subscribe("bob", subscriptionId="Lunch")
    execution = await product.execute("Lunch", {"dish": "soup"})
    await product.drain()
    result = execution.result.model_dump()
    assert (result["messagesSent"], result["messagesRefused"]) == (1, 1)
    assert result["errorMessage"].startswith(FREE_TEXT) and "give template=" in result["errorMessage"]
    assert (await product.deliveries(execution)).keys() == {"bob"}
    assert [one.operation for one in product.sandbox.requests.requests if one.provider == "meta"] == []


async def test_a_template_that_was_not_approved_is_failed_in_metas_words(product: Product) -> None:
    await product.subscription("Lunch", LUNCH.replace('"notification"', '"no_such_template"'))
    await product.subscribe("alice", ALICE, "whatsapp", "Lunch")
    execution = await product.execute("Lunch", {"dish": "soup"})
    await product.drain()
    delivery = (await product.deliveries(execution))["alice"]
    assert (delivery.status, delivery.attempts) == ("FAILED", 1)
    assert (delivery.errorMessage or "").startswith("132001: Template name does not exist in the translation")


async def test_a_direct_message_and_a_test_message_are_templates_too(product: Product) -> None:
    await product.subscription("Lunch", LUNCH)
    one = await product.subscribe("alice", ALICE, "whatsapp", "Lunch")
    alice, service = product.principal("alice", Role.USER), product.messaging.service
    template = {"name": "notification", "language": "en", "parameters": ["Soup"]}
    assert (await service.sendMessage("", "", one, alice, template=template)).success
    assert (await service.sendTest(alice, one.id)).success
    said = [message.text for message in product.sandbox.inbox.messages]
    assert said == ["Soup", "This is a test. Messages of Lunch reach you here."]
    refused = await service.sendMessage("Lunch", "Soup", one, alice)
    assert not refused.success and refused.deliveryId is None
    assert (refused.errorMessage or "").startswith(FREE_TEXT)
    with pytest.raises(UnsupportedOption, match="template.buttons: is unknown"):
        await service.sendMessage("", "", one, alice, template={**template, "buttons": []})


@pytest.mark.parametrize(("channel", "config"), [("email", "a@example.com"), ("sms", ALICE)])
async def test_a_template_is_for_whatsapp_only(product: Product, channel: str, config: str) -> None:
    await product.subscription("Lunch", LUNCH)
    one = await product.subscribe("alice", config, channel, "Lunch")
    template = {"name": "notification", "language": "en", "parameters": ["Soup"]}
    with pytest.raises(UnsupportedOption, match=f"template: the channel {channel} has no templates"):
        await product.messaging.service.sendMessage("s", "m", one, product.principal(), template=template)


@pytest.mark.parametrize("setting", ["MESSAGING_WHATSAPP_API_KEY", "MESSAGING_WHATSAPP_PHONE_NUMBER_ID"])
async def test_without_a_setting_nobody_can_register(storage: str, tmp_path: Path, setting: str) -> None:
    missing = {setting: None}
    async with running(storage, tmp_path, None, **missing) as product:
        await product.subscription()
        with pytest.raises(InvalidInput, match="whatsapp is not configured"):
            await product.subscribe("alice", ALICE, "whatsapp")


SHIPPED = [
    (
        "SystemErrors",
        {"errors": ["disk full", "disk full", "no <b>route</b>\nto host"]},
        "Report of system errors: 3 system errors in 2 groups. The most frequent: 2 × disk full\n"
        "The log tells more.",
    ),
    (
        "audit_login",
        {"eventType": "login", "userId": "mara", "timestamp": 1_795_501_740, "details": {"ip": "203.0.113.7"}},
        "Sign-in notice: mara signed in, 24 Nov 2026, 06:29 UTC, from 203.0.113.7.\n"
        "If you do not recognise this, change the password now.",
    ),
]


@pytest.mark.parametrize(("subscriptionId", "event", "text"), SHIPPED)
async def test_the_shipped_functions_name_templates(
    azurite: str, subscriptionId: str, event: dict[str, object], text: str
) -> None:
    async with running(azurite, SUBSCRIPTIONS) as product:
        await product.subscription(subscriptionId, source=None)
        await product.subscribe("alice", ALICE, "whatsapp", subscriptionId)
        execution = await product.execute(subscriptionId, event)
        await product.drain()
        assert (execution.result.messagesSent, execution.result.errorMessage) == (1, None)
        assert [message.text for message in product.sandbox.inbox.messages] == [text]
