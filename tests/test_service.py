"""Executing a subscription: the listing's checks in its order, the commit point, and one key as one execution."""

import asyncio
import logging
from typing import Any

import pytest

from messaging.access import Role
from messaging.errors import (
    Forbidden,
    InProgress,
    InvalidInput,
    KeyReused,
    SubscriptionFunctionBroken,
    SubscriptionFunctionNotFound,
    SubscriptionNotFound,
)
from messaging.executions import Phase
from messaging.inputs import RegistrationChange, SubscriptionChange
from messaging.models import MessagingEventParameters, TriggerKind
from messaging.service import MAX_EVENT, Trigger, event_json
from messaging.storage.base import Table, Work
from messaging.storage.keys import below
from messaging.storage.memory import MemoryTables
from tests.product import GREETING, Product

RAISING = "def execute(*_):\n    raise ValueError('no luck')"
SENDING_THEN_RAISING = GREETING.replace("    return", "    raise ValueError('no luck')\n    return")


async def ready(product: Product, source: str | None = GREETING) -> None:
    await product.subscription(source=source)
    await product.subscribe("alice")


async def test_an_execution_reaches_everybody_who_is_registered(product: Product) -> None:
    await ready(product)
    await product.subscribe("bob")
    execution = await product.execute(data={"a": 1})
    assert execution.phase is Phase.STORED
    assert execution.result.model_dump() == {"success": True, "messagesSent": 2, "errorMessage": None}
    assert not product.sandbox.inbox.messages
    await product.drain()
    assert sorted(message.recipient for message in product.sandbox.inbox.messages) == [
        "alice@example.com",
        "bob@example.com",
    ]
    counted = await product.messaging.history.counted(product.mandateId, execution)
    assert (counted.accepted, counted.sent, counted.pending, counted.done) == (2, 2, 0, True)
    assert (counted.trigger, counted.createdBy) == (TriggerKind.HTTP, "boss")


async def test_an_unknown_subscription_is_a_value_error(product: Product) -> None:
    for error in (SubscriptionNotFound, ValueError):
        with pytest.raises(error, match="Subscription SystemErrors not found"):
            await product.execute(idempotencyKey="k")


async def test_a_disabled_subscription_sends_nothing_and_says_so(
    product: Product, caplog: pytest.LogCaptureFixture
) -> None:
    await ready(product)
    off = SubscriptionChange(enabled=False)
    await product.messaging.registry.updateSubscription(product.principal(), "SystemErrors", off)
    execution = await product.execute()
    assert not execution.result.success and execution.result.errorMessage == "Subscription is disabled"
    assert "is disabled, skipping execution" in caplog.text
    assert execution.phase is Phase.STORED and not product.queues.messages


async def test_nobody_registered_is_a_success_of_zero_even_without_a_function(product: Product) -> None:
    await product.subscription(source=None)
    execution = await product.execute()
    assert execution.result.success and execution.result.messagesSent == 0


async def test_a_disabled_registration_gets_nothing(product: Product) -> None:
    await ready(product)
    bob = await product.subscribe("bob")
    off = RegistrationChange(enabled=False)
    await product.messaging.registrations.updateRegistration(product.principal("bob", Role.USER), bob.id, off)
    execution = await product.execute()
    await product.drain()
    assert set(await product.deliveries(execution)) == {"alice"}


async def test_a_missing_function_is_logged_and_nothing_else_happens(
    product: Product, caplog: pytest.LogCaptureFixture
) -> None:
    await ready(product, source=None)
    with pytest.raises(SubscriptionFunctionNotFound, match="not found for SystemErrors"):
        await product.execute(idempotencyKey="k")
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    product.function("SystemErrors")
    assert (await product.execute(idempotencyKey="k")).result.messagesSent == 1


async def test_a_function_that_cannot_be_loaded_does_not_use_up_a_key(product: Product) -> None:
    await ready(product, source="import nothing_of_that_name")
    with pytest.raises(SubscriptionFunctionBroken):
        await product.execute(idempotencyKey="k")
    product.function("SystemErrors")
    assert (await product.execute(idempotencyKey="k")).result.messagesSent == 1


@pytest.mark.parametrize("source", [RAISING, SENDING_THEN_RAISING])
async def test_a_function_that_raises_sends_nothing(
    product: Product, source: str, caplog: pytest.LogCaptureFixture
) -> None:
    await ready(product, source)
    execution = await product.execute()
    result = execution.result
    assert (result.success, result.messagesSent, result.errorMessage) == (False, 0, "no luck")
    assert "Traceback" in caplog.text
    await product.drain()
    assert not await product.deliveries(execution) and not product.sandbox.inbox.messages


async def test_the_functions_own_fields_are_kept(product: Product) -> None:
    source = GREETING.replace("messagesSent=sum(sent))", "messagesSent=sum(sent), note='extra')")
    await ready(product, source)
    execution = await product.execute(idempotencyKey="k")
    assert execution.result.model_dump()["note"] == "extra"
    assert (await product.execute(idempotencyKey="k")).result == execution.result


async def test_only_admins_execute(product: Product) -> None:
    await ready(product)
    trigger = Trigger(product.principal("alice", Role.USER), TriggerKind.HTTP)
    with pytest.raises(Forbidden):
        await product.messaging.service.executeSubscription("Nothing", MessagingEventParameters(), trigger)


async def test_one_key_is_one_execution(product: Product) -> None:
    await ready(product)
    first = await product.execute(idempotencyKey="k", bodyHash="h")
    again = await product.execute(idempotencyKey="k", bodyHash="h")
    assert (again.id, again.result) == (first.id, first.result)
    await product.drain()
    assert len(product.sandbox.inbox.messages) == 1
    other = await product.execute(idempotencyKey="k2", bodyHash="h")
    assert other.id != first.id


async def test_a_settled_answer_of_a_disabled_subscription_is_repeated(product: Product) -> None:
    await ready(product)
    boss, registry = product.principal(), product.messaging.registry
    await registry.updateSubscription(boss, "SystemErrors", SubscriptionChange(enabled=False))
    first = await product.execute(idempotencyKey="k")
    await registry.updateSubscription(boss, "SystemErrors", SubscriptionChange(enabled=True))
    again = await product.execute(idempotencyKey="k")
    assert again.id == first.id and not again.result.success


async def test_the_same_key_with_another_body_is_refused(product: Product) -> None:
    await ready(product)
    await product.execute(idempotencyKey="k", bodyHash="h")
    with pytest.raises(KeyReused):
        await product.execute(idempotencyKey="k", bodyHash="other")


async def test_a_key_is_bound_to_its_subscription(product: Product) -> None:
    await ready(product)
    await product.subscription("Other")
    await product.subscribe("alice", subscriptionId="Other")
    first = await product.execute(idempotencyKey="k", bodyHash="h")
    other = await product.execute("Other", idempotencyKey="k", bodyHash="other")
    assert other.id != first.id


async def test_calls_with_one_key_at_the_same_time_make_one_execution(product: Product) -> None:
    await ready(product)
    calls = (product.execute(idempotencyKey="k", bodyHash="h") for _ in range(8))
    answers: list[Any] = await asyncio.gather(*calls, return_exceptions=True)
    ids = {answer.id for answer in answers if not isinstance(answer, BaseException)}
    assert len(ids) == 1
    assert all(isinstance(answer, InProgress) for answer in answers if isinstance(answer, BaseException))
    await product.drain()
    assert len(product.sandbox.inbox.messages) == 1


async def test_after_a_crash_a_repeat_starts_anew_once_the_lease_is_over(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ready(product)
    pages = product.messaging.pages
    original = pages.run
    died: list[Any] = []

    async def dies(mandateId: Any, execution: Any, *_: Any) -> Any:
        died.append(execution)
        raise RuntimeError("killed")

    monkeypatch.setattr(pages, "run", dies)
    with pytest.raises(RuntimeError):
        await product.execute(idempotencyKey="k")
    monkeypatch.setattr(pages, "run", original)
    with pytest.raises(InProgress) as held:
        await product.execute(idempotencyKey="k")
    assert 0 < held.value.retryAfter <= 240
    product.clock.forward(241)
    again = await product.execute(idempotencyKey="k")
    assert again.id != died[0].id and again.result.messagesSent == 1
    services = product.messaging.service.services
    old = await services.executions.get(product.mandateId, died[0].id)
    assert old and old.phase is Phase.CLOSED


async def test_in_the_background_the_answer_comes_before_the_function(product: Product) -> None:
    await ready(product)
    execution = await product.execute(background=True)
    assert execution.phase is Phase.ACCEPTED
    counted = await product.messaging.history.counted(product.mandateId, execution)
    assert (counted.accepted, counted.done) == (0, False)
    await product.drain()
    counted = await product.messaging.history.getExecution(product.principal(), execution.id)
    assert (counted.accepted, counted.sent, counted.done) == (1, 1, True)


async def test_every_execution_with_messages_is_on_the_sweepers_list(product: Product) -> None:
    await ready(product)
    execution = await product.execute()
    span = below(execution.id)
    (row,) = await product.messaging.tables.range(Table.WORK, Work.EXECUTION, span, 10)
    assert row.key == f"{execution.id}~{product.mandateId}" and row["subscriptionId"] == "SystemErrors"


BAD_EVENTS = [
    ({"a": float("nan")}, "must be JSON"),
    ({"a": float("inf")}, "must be JSON"),
    ({"a": "\ud800"}, "must be JSON"),
    ({"\udfff": 1}, "must be JSON"),
    ({"a": object()}, "must be JSON"),
    ({"a": "x" * MAX_EVENT}, "are allowed"),
]


@pytest.mark.parametrize(("data", "rule"), BAD_EVENTS)
async def test_bad_event_parameters_change_nothing(
    twin: tuple[Product, MemoryTables], data: dict[str, Any], rule: str
) -> None:
    product, tables = twin
    await ready(product)
    before = tables.written
    with pytest.raises(InvalidInput, match=rule):
        await product.execute(data=data)
    assert tables.written == before


def test_event_parameters_are_stored_as_they_came() -> None:
    assert (
        event_json(MessagingEventParameters(triggerData={"ü": [1, 2.5, None, True]})) == '{"ü":[1,2.5,null,true]}'
    )


async def test_a_delivery_costs_three_entity_writes_and_a_few_a_batch(twin: tuple[Product, MemoryTables]) -> None:
    product, tables = twin
    await product.subscription()
    for n in range(96):
        await product.subscribe(f"u{n}")
    before = tables.written
    await product.execute()
    await product.drain()
    assert len(product.sandbox.inbox.messages) == 96
    batches = 2
    assert tables.written - before <= 3 * 96 + 6 * batches
