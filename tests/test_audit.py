"""logAuditEvent never fails its caller; an administrative act is on record before it is done."""

import json
from pathlib import Path
from typing import Any

import pytest

from messaging.access import Role
from messaging.bootstrap import build
from messaging.cursors import Asked
from messaging.delivery import State
from messaging.errors import AlreadyExists, Conflict, Forbidden, NotFound, PreconditionFailed, StorageUnavailable
from messaging.events import QUEUE, read
from messaging.inputs import SubscriptionChange
from messaging.journal import AuditFilter
from messaging.models import MessagingAuditEvent
from messaging.operator import Undecidable
from messaging.storage.base import Partition, Table
from messaging.storage.memory import MemoryTables
from tests.product import Product, mandate, running, settings
from tests.unknown import admin, first, unknown_sms


async def journal(product: Product) -> list[MessagingAuditEvent]:
    """What the mandate's journal holds, oldest first."""
    page = await product.messaging.journal.getAuditEvents(product.principal(), AuditFilter(), Asked(200))
    return list(reversed(page.items))


async def acts(product: Product) -> list[tuple[str, str, str | None]]:
    return [(one.eventType, one.userId, one.outcome) for one in await journal(product)]


async def test_a_reported_event_executes_its_subscription(product: Product) -> None:
    await product.subscription("audit_login")
    await product.subscribe("alice", subscriptionId="audit_login")
    await product.messaging.audit.logAuditEvent("login", "u1", {"ip": "::1"}, mandateId=product.mandateId)
    taken = product.queues.take()
    assert taken is not None
    queue, message = taken
    assert queue == QUEUE
    body = json.dumps(message).encode()
    assert read("id-1", body).triggerData["timestamp"] == product.clock.now
    await product.messaging.inbound.take(QUEUE, "id-1", body, read)
    page = await product.messaging.history.getAllExecutions(product.principal(), Asked(10))
    assert [(one.subscriptionId, one.trigger) for one in page.items] == [("audit_login", "event")]


async def test_the_longest_event_fits_a_real_queue_and_a_longer_one_is_lost(
    storage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wired = build(settings(storage), subscriptions=tmp_path)
    try:
        await wired.audit.logAuditEvent("login", "u1", {"x": "ü" * 24_000}, mandateId=mandate())
        assert "is lost" not in caplog.text
        await wired.audit.logAuditEvent("login", "u1", {"x": "ü" * 25_000}, mandateId=mandate())
        assert "is lost" in caplog.text
    finally:
        await wired.close()


@pytest.mark.parametrize("details", [{"ip": object()}, {"ip": "\ud800"}, {"ip": "::1"}])
async def test_an_event_that_cannot_be_queued_is_an_error_in_the_log(
    product: Product, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, details: dict[str, Any]
) -> None:
    async def unreachable(*_: Any) -> None:
        json.dumps(_[1])
        raise StorageUnavailable

    monkeypatch.setattr(product.queues, "put", unreachable)
    await product.messaging.audit.logAuditEvent("login", "u1", details, mandateId=product.mandateId)
    assert "is lost" in caplog.text and "::1" not in caplog.text


async def test_changes_of_subscriptions_are_on_record_with_who_did_what(product: Product) -> None:
    registry, boss = product.messaging.registry, product.principal()
    await product.subscription("A")
    product.clock.forward(1)
    await registry.updateSubscription(boss, "A", SubscriptionChange(enabled=False))
    product.clock.forward(1)
    await registry.deleteSubscription(product.principal("root", Role.ADMIN), "A")
    assert await acts(product) == [
        ("subscription_created", "boss", "done"),
        ("subscription_changed", "boss", "done"),
        ("subscription_deleted", "root", "done"),
    ]
    created, changed, deleted = await journal(product)
    assert created.details["subscriptionId"] == "A" and created.timestamp == product.clock.now - 2
    assert changed.details == {"subscriptionId": "A", "changes": {"enabled": False}}
    assert deleted.details["subscriptionId"] == "A" and deleted.source == "messaging"
    assert product.queues.messages == []


async def test_what_is_refused_is_no_act(product: Product) -> None:
    registry, boss = product.messaging.registry, product.principal()
    await product.subscription("A")
    with pytest.raises(AlreadyExists):
        await product.subscription("A")
    with pytest.raises(NotFound):
        await registry.deleteSubscription(boss, "B")
    with pytest.raises(PreconditionFailed):
        await registry.deleteSubscription(boss, "A", "another version")
    with pytest.raises(Forbidden):
        await registry.deleteSubscription(product.principal("alice", Role.USER), "A")
    assert await acts(product) == [("subscription_created", "boss", "done")]


async def test_what_an_operator_decides_is_on_record(product: Product) -> None:
    execution = await unknown_sms(product)
    delivery = await first(product, execution)
    product.clock.forward(1)
    operator = product.messaging.operator
    await operator.retry(admin(product), delivery.id)
    for decided in (
        operator.retry(admin(product), delivery.id),
        operator.resolve(admin(product), delivery.id, State.SENT),
    ):
        with pytest.raises(Undecidable):
            await decided
    retried = (await journal(product))[-1]
    assert (retried.eventType, retried.userId, retried.outcome) == ("delivery_retried", "olivia", "done")
    assert retried.details == {"deliveryId": delivery.id}


async def test_a_settled_delivery_is_on_record_with_the_reason(product: Product) -> None:
    delivery = await first(product, await unknown_sms(product))
    product.clock.forward(1)
    await product.messaging.operator.resolve(admin(product), delivery.id, State.SENT, "she has it")
    resolved = (await journal(product))[-1]
    assert (resolved.eventType, resolved.userId, resolved.outcome) == ("delivery_resolved", "olivia", "done")
    assert resolved.details == {"deliveryId": delivery.id, "state": "sent", "reason": "she has it"}


async def test_an_act_executes_its_audit_subscription_once_and_keeps_its_row(product: Product) -> None:
    await product.subscription("audit_subscription_created")
    product.queues.messages.clear()  # it has been told of its own creation
    await product.subscription("A")
    ((_, queue, message),) = product.queues.messages
    product.queues.messages.clear()
    for _ in range(2):
        await product.messaging.inbound.take(queue, "id-1", json.dumps(message).encode(), read)
    page = await product.messaging.history.getAllExecutions(product.principal(), Asked(10))
    assert [(one.subscriptionId, one.trigger) for one in page.items] == [("audit_subscription_created", "event")]
    assert await acts(product) == [("subscription_created", "boss", "done")] * 2
    assert product.queues.messages == []


class Failing(MemoryTables):
    """Storage whose commits to some tables fail in a way of their own."""

    def __init__(self, failures: dict[Table, Exception]) -> None:
        super().__init__()
        self.failures = failures

    async def commit(self, table: Table, partition: Partition, operations: Any) -> list[str]:
        if error := self.failures.get(table):
            raise error
        return await super().commit(table, partition, operations)


@pytest.mark.parametrize(
    ("failures", "raised", "recorded"),
    [
        ({Table.JOURNAL: StorageUnavailable()}, StorageUnavailable, []),
        ({Table.REGISTRY: StorageUnavailable()}, StorageUnavailable, ["begun"]),
        ({Table.REGISTRY: Conflict()}, AlreadyExists, ["failed"]),
    ],
)
async def test_no_act_without_a_row_and_no_row_that_says_more_than_is_known(
    tmp_path: Path, failures: dict[Table, Exception], raised: type[Exception], recorded: list[str]
) -> None:
    tables = Failing(failures)
    async with running("UseDevelopmentStorage=true", tmp_path, tables=tables) as product:
        with pytest.raises(raised):
            await product.subscription("A")
        tables.failures = {}
        assert [outcome for _, _, outcome in await acts(product)] == recorded
        assert await product.messaging.registry.find(product.mandateId, "A") is None


class Cut(MemoryTables):
    """Storage that is cut off once a subscription is stored."""

    cut = False

    async def commit(self, table: Table, partition: Partition, operations: Any) -> list[str]:
        if self.cut:
            raise StorageUnavailable
        done = await super().commit(table, partition, operations)
        self.cut = table is Table.REGISTRY
        return done

    async def get(self, table: Table, partition: Partition, key: str) -> Any:
        if self.cut and key.startswith("s~Audit"):
            raise StorageUnavailable
        return await super().get(table, partition, key)


async def test_an_act_that_is_done_succeeds_though_its_outcome_cannot_be_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running("UseDevelopmentStorage=true", tmp_path, tables=Cut()) as product:
        await product.subscription("A")
        assert await acts(product) == [("subscription_created", "boss", "begun")]
        assert "is done, but says begun" in caplog.text and "Nobody is told" in caplog.text
