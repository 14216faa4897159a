"""One message to one person, now: the real outcome, whatever it is, and a record of it."""

from typing import Any

import pytest
from yarl import URL

from messaging.access import Role
from messaging.errors import NotFound, UnsupportedOption
from messaging.models import DeliveryStatus, MessagingSendResult, MessagingSubscriptionRegistration, TriggerKind
from tests.product import Product


async def registration(
    product: Product, channel: str = "email", config: str = ""
) -> MessagingSubscriptionRegistration:
    await product.subscription(source=None)
    return await product.subscribe(
        "alice", config or ("alice@example.com" if channel == "email" else "+41791234567"), channel
    )


async def send(product: Product, one: MessagingSubscriptionRegistration, **options: Any) -> MessagingSendResult:
    alice = product.principal("alice", Role.USER)
    return await product.messaging.service.sendMessage("Hello", "How are you?", one, alice, **options)


@pytest.mark.parametrize("channel", ["email", "sms"])
async def test_a_message_is_sent_before_the_answer(product: Product, channel: str) -> None:
    result = await send(product, await registration(product, channel))
    assert result.success and result.errorMessage is None and result.deliveryId
    (message,) = product.sandbox.inbox.messages
    assert message.text == "How are you?"
    delivery = await product.messaging.history.getDelivery(product.principal(), result.deliveryId)
    assert (delivery.status, delivery.userId, delivery.attempts) == (DeliveryStatus.SENT, "alice", 1)
    execution = await product.messaging.history.getExecution(product.principal(), delivery.executionId)
    assert (execution.trigger, execution.sent, execution.done) == (TriggerKind.DIRECT, 1, True)
    assert not product.queues.messages


ENDS = [
    ("email", {"status": 400}, "failed"),
    ("email", {"status": 401}, "failed"),
    ("email", {"status": 429, "retryAfter": 60}, "failed"),
    ("email", {"status": 503}, "unknown"),
    ("email", {"kind": "acceptThenDrop"}, "unknown"),
    ("sms", {"status": 400, "code": 21211}, "failed"),
    ("sms", {"status": 429}, "failed"),
    ("sms", {"status": 500}, "unknown"),
    ("sms", {"kind": "reset"}, "unknown"),
]


@pytest.mark.parametrize(("channel", "rule", "state"), ENDS)
async def test_nothing_is_put_off(product: Product, channel: str, rule: dict[str, Any], state: str) -> None:
    one = await registration(product, channel)
    provider = "acs" if channel == "email" else "twilio"
    product.sandbox.faults.replace([{"provider": provider, **rule}])
    result = await send(product, one)
    assert not result.success and result.errorMessage and result.deliveryId
    delivery = await product.messaging.history.getDelivery(product.principal(), result.deliveryId)
    assert (delivery.state, delivery.retryAt) == (state, None)
    assert not product.queues.messages


async def test_a_paused_sender_is_a_failure_at_once(product: Product) -> None:
    one = await registration(product)
    product.sandbox.faults.replace([{"provider": "acs", "status": 403, "times": 1}])
    await send(product, one)
    result = await send(product, one)
    assert not result.success and result.errorMessage == "The sender is blocked: Forbidden"
    assert sum(seen.operation == "send" for seen in product.sandbox.requests.requests) == 1
    product.clock.forward(60)
    assert (await send(product, one)).success
    assert (await send(product, one)).success


async def test_nobody_at_home_is_a_failure(product: Product) -> None:
    one = await registration(product)
    connector = product.messaging.connectors.get(one.channel)
    connector._emails = URL("http://127.0.0.1:9/emails:send")  # type: ignore[attr-defined]
    assert (await send(product, one)).errorMessage == "The provider cannot be reached"


async def test_it_goes_to_the_stored_address_of_a_readable_registration_only(product: Product) -> None:
    one = await registration(product)
    await send(product, one.model_copy(update={"channelConfig": "mallory@example.com"}))
    assert product.sandbox.inbox.messages[0].recipient == "alice@example.com"
    bob = product.principal("bob", Role.USER)
    with pytest.raises(NotFound):
        await product.messaging.service.sendMessage("s", "m", one, bob)
    assert (await product.messaging.service.sendMessage("s", "m", one, product.principal())).success


async def test_what_cannot_be_sent_at_all_leaves_no_record(product: Product) -> None:
    one = await registration(product)
    alice = product.principal("alice", Role.USER)
    result = await product.messaging.service.sendMessage("", "How are you?", one, alice)
    assert not result.success and result.deliveryId is None and "subject" in (result.errorMessage or "")
    with pytest.raises(UnsupportedOption):
        await send(product, one, template={"name": "t"})


async def test_options_are_those_of_a_function(product: Product) -> None:
    one = await registration(product)
    alice = product.principal("alice", Role.USER)
    await product.messaging.service.sendMessage("Hello", "<p>Hi</p>", one, alice, text="Hi there")
    (message,) = product.sandbox.inbox.messages
    assert (message.html, message.text) == ("<p>Hi</p>", "Hi there")
