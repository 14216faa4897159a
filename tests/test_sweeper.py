"""What was left lying is found: lost queue messages, stopped pages, executions that never committed."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from messaging import pages as pages_module
from messaging import sweeper as module
from messaging.errors import Conflict, StorageUnavailable
from messaging.executions import Execution, Phase
from messaging.ids import execution_id
from messaging.messages import BatchMessage
from messaging.models import MessagingChannel
from messaging.storage.base import Row, Table, Upsert, Work
from tests.product import Product


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages_module, "PAGE", 5)


async def listed(product: Product) -> list[Row]:
    """The sweeper's list."""
    return await product.messaging.tables.range(Table.WORK, Work.EXECUTION, ("0", "g"), 1000)


async def executed(product: Product, people: int = 3, **how: Any) -> Execution:
    await product.subscription()
    for n in range(people):
        await product.subscribe(f"u{n}")
    return await product.execute(**how)


async def test_a_settled_execution_leaves_the_list_and_an_open_one_stays(product: Product) -> None:
    await executed(product)
    await product.messaging.sweeper.sweep()
    assert len(await listed(product)) == 1
    await product.drain()
    await product.messaging.sweeper.sweep()
    assert await listed(product) == []


async def test_a_lost_queue_message_is_queued_again_once(product: Product) -> None:
    execution = await executed(product)
    product.queues.messages.clear()
    product.clock.forward(899)
    await product.messaging.sweeper.sweep()
    assert not product.queues.messages
    product.clock.forward(2)
    for _ in range(3):
        await product.messaging.sweeper.sweep()
    assert len(product.queues.messages) == 1
    await product.drain()
    assert len(product.sandbox.inbox.messages) == 3
    counted = await product.messaging.history.counted(product.mandateId, execution)
    assert (counted.sent, counted.done) == (3, True)


async def test_a_lost_message_of_a_deferred_batch_is_queued_again_after_it_was_due(product: Product) -> None:
    execution = await executed(product)
    product.sandbox.faults.replace([{"provider": "acs", "kind": "reset", "times": 3}])
    await product.drain()
    product.queues.messages.clear()
    for _ in range(2):
        product.clock.forward(901)
        await product.messaging.sweeper.sweep()
        await product.drain()
    counted = await product.messaging.history.counted(product.mandateId, execution)
    assert (counted.sent, counted.done) == (3, True)


async def test_a_batch_in_work_is_left_alone(product: Product) -> None:
    execution = await executed(product)
    batches = product.messaging.worker._batches
    (read,) = await batches.of_page(product.mandateId, execution.id, 1)
    product.queues.messages.clear()
    product.clock.forward(1000)
    held = replace(read.batch, owner="somebody", leaseUntil=product.clock.now + 60)
    await batches.move(product.mandateId, read, held, {})
    await product.messaging.sweeper.sweep()
    assert not product.queues.messages
    product.clock.forward(61)
    await product.messaging.sweeper.sweep()
    await product.drain()
    assert len(product.sandbox.inbox.messages) == 3


async def test_a_lost_page_is_queued_again(product: Product) -> None:
    execution = await executed(product, 7)
    product.queues.messages.clear()
    product.clock.forward(901)
    for _ in range(2):
        await product.messaging.sweeper.sweep()
    assert len(product.queues.messages) == 2  # the page, and page one's batch
    await product.drain()
    counted = await product.messaging.history.getExecution(product.principal(), execution.id)
    assert (counted.accepted, counted.sent, counted.done) == (7, 7, True)


async def test_what_was_accepted_but_not_queued_is_sent(product: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    original = product.queues.put

    async def down(*_: Any) -> None:
        raise StorageUnavailable

    monkeypatch.setattr(product.queues, "put", down)
    execution = await executed(product, 7, background=True)
    monkeypatch.setattr(product.queues, "put", original)
    assert execution.phase is Phase.ACCEPTED
    product.clock.forward(901)
    await product.messaging.sweeper.sweep()
    await product.drain()
    assert len(product.sandbox.inbox.messages) == 7


async def died(product: Product, monkeypatch: pytest.MonkeyPatch, step: str, people: int = 3) -> None:
    """An execution whose process dies in a step of its preparation."""
    pages = product.messaging.pages
    original = getattr(pages, step)

    async def dies(*_: Any) -> Any:
        raise RuntimeError("killed")

    monkeypatch.setattr(pages, step, dies)
    with pytest.raises(RuntimeError):
        await executed(product, people)
    monkeypatch.setattr(pages, step, original)


@pytest.mark.parametrize(("step", "failed"), [("run", 0), ("_store_messages", 0), ("_commit", 3)])
async def test_what_was_never_accepted_is_closed_and_nothing_is_sent(
    product: Product, monkeypatch: pytest.MonkeyPatch, step: str, failed: int
) -> None:
    await died(product, monkeypatch, step)
    ((row),) = await listed(product)
    executionId = row.key.split("~")[0]
    await product.messaging.sweeper.sweep()
    counted = await product.messaging.history.getExecution(product.principal(), executionId)
    assert (counted.queued, counted.done) == (failed, False)
    product.clock.forward(241)
    for _ in range(2):
        await product.messaging.sweeper.sweep()
    counted = await product.messaging.history.getExecution(product.principal(), executionId)
    assert (counted.accepted, counted.failed, counted.done) == (failed, failed, True)
    assert len(await listed(product)) == 1  # what is only very slow may still store a batch
    product.clock.forward(601)
    await product.messaging.sweeper.sweep()
    assert await listed(product) == []
    await product.drain()
    assert not product.sandbox.inbox.messages


async def test_a_watch_without_an_execution_is_forgotten(product: Product) -> None:
    executed_once = await executed(product)
    product.clock.forward(1)
    await product.drain()
    await product.messaging.sweeper.sweep()
    unborn = replace(executed_once, id=execution_id(product.clock.now), page=1)
    executions = product.messaging.service.services.executions
    await executions.watch(product.mandateId, unborn)
    await product.messaging.sweeper.sweep()
    assert len(await listed(product)) == 1
    product.clock.forward(901)
    await product.messaging.sweeper.sweep()
    assert await listed(product) == []
    with pytest.raises(Conflict):  # it can never begin any more
        await executions.begin(product.mandateId, unborn)


async def test_an_entry_that_was_put_again_meanwhile_stays(product: Product) -> None:
    execution = await executed(product)
    await product.drain()
    sweeper = product.messaging.sweeper
    (row,) = await listed(product)
    await product.messaging.worker._batches._tables.commit(
        Table.WORK, Work.EXECUTION, [Upsert(row.key, dict(row.values))]
    )
    await sweeper._look(module.Watched(row, product.mandateId, execution.id))
    assert len(await listed(product)) == 1


async def test_a_run_is_bounded_and_the_next_goes_on(product: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AT_A_TIME", 2)
    await executed(product, 1)
    for _ in range(4):
        product.clock.forward(1)
        await product.execute()
    looked = [await product.messaging.sweeper.sweep() for _ in range(5)]
    assert looked == [2, 2, 1, 2, 2]
    await product.drain()
    for _ in range(4):
        await product.messaging.sweeper.sweep()
    assert await listed(product) == []


async def test_sweeping_twice_at_once_is_harmless(product: Product) -> None:
    execution = await executed(product, 7)
    product.queues.messages.clear()
    product.clock.forward(901)
    await asyncio.gather(*(product.messaging.sweeper.sweep() for _ in range(4)))
    await product.drain()
    counted = await product.messaging.history.getExecution(product.principal(), execution.id)
    assert (counted.sent, counted.done) == (7, True)
    assert len(product.sandbox.inbox.messages) == 7


async def test_marked_sms_of_a_dead_worker_become_unknown_and_the_rest_is_sent(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages_module, "PAGE", 100)
    await product.subscription()
    for n in range(20):
        await product.subscribe(f"u{n}", f"+4179{n:07d}", "sms")
    execution = await product.execute()
    worker, message = product.messaging.worker, BatchMessage(product.mandateId, execution.id, 1, 0)
    await worker._claim(message, product.messaging.connectors.get(MessagingChannel.SMS))  # and dies
    product.queues.messages.clear()
    product.clock.forward(901)
    await product.messaging.sweeper.sweep()
    await product.drain()
    counted = await product.messaging.history.counted(product.mandateId, execution)
    assert (counted.sent, counted.unknown, counted.pending, counted.done) == (4, 16, 16, True)
    await product.messaging.sweeper.sweep()
    assert await listed(product) == []
