"""Did she get it, and if not, why? Each reason, from the state of things."""

from typing import Any

import pytest

from messaging.access import Role
from messaging.errors import Forbidden
from messaging.explain import TEXTS, Question
from messaging.inputs import RegistrationChange, SubscriptionChange
from messaging.models import MessagingChannel, MessagingExplanation, Reason
from tests.product import Product

SKIPS_EVERYBODY = """
from messaging.models import MessagingSubscriptionExecutionResult

def execute(eventParameters, registrations, messagingService):
    return MessagingSubscriptionExecutionResult(success=True)
"""


async def ask(
    product: Product, channel: str = "email", subscriptionId: str = "SystemErrors"
) -> MessagingExplanation:
    question = Question(subscriptionId, "alice", MessagingChannel(channel))
    return await product.messaging.explain.explain(product.principal(), question)


async def registered(product: Product, source: str | None = None) -> str:
    await product.subscription(**({"source": source} if source else {}))
    return (await product.subscribe("alice")).id


def test_every_reason_has_a_sentence() -> None:
    assert set(TEXTS) == set(Reason)


async def test_before_anything_was_executed(product: Product) -> None:
    assert (await ask(product)).reason is Reason.NO_SUBSCRIPTION
    registrationId = await registered(product)
    assert (await ask(product)).reason is Reason.NO_EXECUTION
    assert (await ask(product, "sms")).reason is Reason.NOT_REGISTERED
    alice = product.principal("alice", Role.USER)
    change = RegistrationChange(enabled=False)
    await product.messaging.registrations.updateRegistration(alice, registrationId, change)
    assert (await ask(product)).reason is Reason.REGISTRATION_DISABLED
    disabled = SubscriptionChange(enabled=False)
    await product.messaging.registry.updateSubscription(product.principal(), "SystemErrors", disabled)
    assert (await ask(product)).reason is Reason.SUBSCRIPTION_DISABLED


async def test_somebody_who_came_later(product: Product) -> None:
    await product.subscription()
    execution = await product.execute()
    product.clock.forward(1)
    await product.subscribe("alice")
    answer = await ask(product)
    assert (answer.reason, answer.executionId) == (Reason.REGISTERED_LATER, execution.id)


async def test_somebody_whom_the_function_left_out(product: Product) -> None:
    await registered(product, SKIPS_EVERYBODY)
    execution = await product.execute()
    answer = await ask(product)
    assert (answer.reason, answer.executionId) == (Reason.NOT_ADDRESSED, execution.id)


async def test_a_function_that_failed_is_told(product: Product) -> None:
    await registered(product, "def execute(*given):\n    raise RuntimeError('broken')\n")
    execution = await product.execute()
    answer = await ask(product)
    assert (answer.reason, answer.errorMessage) == (Reason.NOT_ADDRESSED, execution.result.errorMessage)
    assert answer.errorMessage


async def test_pages_that_are_still_to_come(product: Product) -> None:
    await registered(product)
    execution = await product.execute(background=True)
    answer = await ask(product)
    assert (answer.reason, answer.executionId, answer.deliveryId) == (Reason.QUEUED, execution.id, None)


@pytest.mark.parametrize(
    ("fault", "reason", "status"),
    [
        ({}, Reason.SENT, "SENT"),
        ({"provider": "acs", "status": 400}, Reason.FAILED, "FAILED"),
        ({"provider": "acs", "status": 503}, Reason.DEFERRED, "PENDING"),
        ({"provider": "acs", "status": 401}, Reason.PAUSED, "PENDING"),
        ({"provider": "twilio", "kind": "acceptThenDrop"}, Reason.UNKNOWN, "PENDING"),
    ],
    ids=lambda value: str(value) if isinstance(value, Reason) else "",
)
async def test_what_became_of_the_message(
    product: Product, fault: dict[str, Any], reason: Reason, status: str
) -> None:
    channel = "sms" if fault.get("provider") == "twilio" else "email"
    await product.subscription()
    await product.subscribe("alice", "+41791234567" if channel == "sms" else None, channel)
    if fault:
        product.sandbox.faults.replace([fault])
    execution = await product.execute()
    waiting = await ask(product, channel)
    assert (waiting.reason, waiting.status, waiting.state) == (Reason.QUEUED, "PENDING", "queued")
    await product.drain()
    answer = await ask(product, channel)
    delivery = (await product.deliveries(execution))["alice"]
    assert (answer.reason, answer.status, answer.deliveryId) == (reason, status, delivery.id)
    assert (answer.errorMessage, answer.retryAt, answer.state) == (
        delivery.errorMessage,
        delivery.retryAt,
        delivery.state,
    )
    assert (answer.retryAt is not None) == (reason in (Reason.DEFERRED, Reason.PAUSED))


async def test_what_was_sent_stays_so_after_the_registration_is_gone(product: Product) -> None:
    registrationId = await registered(product)
    await product.execute()
    await product.drain()
    await product.messaging.registrations.deleteRegistration(product.principal("alice", Role.USER), registrationId)
    assert (await ask(product)).reason is Reason.SENT
    product.clock.forward(1)  # ids of one millisecond have no order
    await product.execute()
    assert (await ask(product)).reason is Reason.NOT_REGISTERED


async def test_a_direct_message_is_no_execution_of_the_subscription(product: Product) -> None:
    registrationId = await registered(product)
    alice = product.principal("alice", Role.USER)
    result = await product.messaging.service.sendTest(alice, registrationId)
    assert result.success and result.deliveryId
    (mail,) = product.sandbox.inbox.messages
    assert mail.recipient == "alice@example.com"
    assert (await ask(product)).reason is Reason.NO_EXECUTION


async def test_only_the_person_gets_a_test_message(product: Product) -> None:
    registrationId = await registered(product)
    with pytest.raises(Forbidden):
        await product.messaging.service.sendTest(product.principal(), registrationId)
    assert not product.sandbox.inbox.messages


async def test_a_user_asks_about_nobody_else(product: Product) -> None:
    await registered(product)
    bob = product.principal("bob", Role.USER)
    with pytest.raises(Forbidden):
        await product.messaging.explain.explain(bob, Question("SystemErrors", "alice", MessagingChannel.EMAIL))
