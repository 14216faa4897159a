"""Preparing an execution page by page: fixed bounds, nothing twice, nothing lost, one runner at a time."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from messaging import messages
from messaging import pages as module
from messaging.access import Role
from messaging.cursors import Asked
from messaging.errors import StorageUnavailable
from messaging.executions import Execution, Phase
from messaging.inputs import RegistrationChange
from messaging.messages import EXECUTIONS, BatchMessage, PageMessage
from messaging.models import MessagingChannel
from messaging.models import MessagingSubscriptionExecutionResult as Result
from messaging.pages import merged
from tests.product import GREETING, Product

COUNTING = """
from messaging.models import MessagingSubscriptionExecutionResult

def execute(eventParameters, registrations, messagingService):
    for one in registrations:
        messagingService.sendMessage("Hello", f"Dear {one.userId}", one)
    return MessagingSubscriptionExecutionResult(success=True, messagesSent=len(registrations))
"""


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE", 5)


async def people(product: Product, count: int, source: str = COUNTING) -> None:
    await product.subscription(source=source)
    for n in range(count):
        await product.subscribe(f"u{n}")


async def current(product: Product, execution: Execution) -> Execution:
    found = await product.messaging.service.services.executions.get(product.mandateId, execution.id)
    assert found
    return found


async def claimed_by_a_dead_worker(product: Product, execution: Execution) -> None:
    """Leave the execution's page as a worker does that died over it: under a lease that has run out."""
    held = replace(await current(product, execution), owner="dead", leaseUntil=product.clock.now - 1)
    await product.messaging.service.services.executions.save(product.mandateId, held)


@pytest.mark.parametrize("count", [1, 4, 5, 6, 10, 11, 23])
async def test_everybody_is_reached_once_however_many_pages(product: Product, count: int) -> None:
    await people(product, count)
    execution = await product.execute()
    assert execution.phase is (Phase.STORED if count <= 5 else Phase.ACCEPTED)
    assert execution.result.messagesSent == min(count, 5)
    await product.drain()
    done = await current(product, execution)
    assert (done.phase, done.result.messagesSent, done.page) == (Phase.STORED, count, -(-count // 5) + 1)
    assert sorted(await product.deliveries(execution)) == sorted(f"u{n}" for n in range(count))
    assert len(product.sandbox.inbox.messages) == count
    counted = await product.messaging.history.counted(product.mandateId, done)
    assert (counted.accepted, counted.sent, counted.done) == (count, count, True)


async def test_in_the_background_page_one_is_a_page_like_any_other(product: Product) -> None:
    await people(product, 7)
    execution = await product.execute(background=True)
    await product.drain()
    assert (await current(product, execution)).result.messagesSent == 7
    assert len(product.sandbox.inbox.messages) == 7


async def test_results_are_merged_over_pages() -> None:
    one = Execution("x", "S", "u", "http", "boss", Phase.ACCEPTED, page=1)  # type: ignore[arg-type]
    first = merged(one, Result(success=True, messagesSent=2, note="first"))
    two = replace(one, page=2, result=first)
    second = merged(two, Result(success=False, messagesSent=3, errorMessage="e", note="second"))
    third = merged(replace(two, page=3, result=second), Result(success=True, messagesSent=1, errorMessage="f"))
    assert third.model_dump() == {"success": False, "messagesSent": 6, "errorMessage": "e", "note": "first"}


async def test_a_page_that_runs_again_stores_each_delivery_once(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    await people(product, 10)
    execution = await product.execute()
    pages = product.messaging.pages
    original = pages._commit

    async def dies(*_: Any) -> Any:
        raise RuntimeError("killed before the commit point")

    monkeypatch.setattr(pages, "_commit", dies)
    with pytest.raises(RuntimeError):
        await pages.prepare(PageMessage(product.mandateId, execution.id, 2))
    stored = await product.messaging.worker._batches.of_page(product.mandateId, execution.id, 2)
    assert sum(len(one.batch.items) for one in stored) == 5
    monkeypatch.setattr(pages, "_commit", original)

    # somebody of page two goes, somebody comes in between
    leaving = next(p for p in sorted(await product.deliveries(execution)) if p != "u0")
    for n in range(10, 40):
        await product.subscribe(f"u{n}")
    product.clock.forward(241)
    await product.drain()
    found = await product.deliveries(execution)
    assert leaving in found
    inbox = [message.recipient for message in product.sandbox.inbox.messages]
    assert len(inbox) == len(set(inbox)) == len(found)
    assert {f"u{n}" for n in range(10)} <= set(found)


async def test_bounds_are_fixed_when_the_page_is_first_claimed(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    await people(product, 12)
    execution = await product.execute()
    before = await current(product, execution)
    assert before.first and not before.last
    run = product.messaging.pages.run

    async def dies(*_: Any) -> Any:
        raise RuntimeError("killed after the claim")

    monkeypatch.setattr(product.messaging.pages, "run", dies)
    with pytest.raises(RuntimeError):
        await product.messaging.pages.prepare(PageMessage(product.mandateId, execution.id, 2))
    claimed = await current(product, execution)
    assert claimed.first == before.first and claimed.last
    monkeypatch.setattr(product.messaging.pages, "run", run)
    for n in range(12, 40):
        await product.subscribe(f"u{n}")
    product.clock.forward(241)
    await product.messaging.pages.prepare(PageMessage(product.mandateId, execution.id, 2))
    after = await current(product, execution)
    assert (after.page, after.first, after.last) == (3, claimed.last, "")
    added = [p for p in await product.deliveries(execution) if int(p[1:]) >= 12]
    assert len(await product.deliveries(execution)) <= 5 + 5 + len(added)


async def test_a_function_that_raises_on_a_later_page_ends_the_execution_and_earlier_pages_stand(
    product: Product,
) -> None:
    await people(product, 12)
    execution = await product.execute()
    product.messaging.pages._functions._loaded.clear()
    product.function("SystemErrors", "def execute(*_): raise ValueError('late')")
    await product.drain()
    done = await current(product, execution)
    assert (done.phase, done.page) == (Phase.ENDED, 2)
    result = done.result.model_dump()
    assert (result["success"], result["messagesSent"], result["errorMessage"]) == (False, 5, "late")
    counted = await product.messaging.history.counted(product.mandateId, done)
    assert (counted.sent, counted.accepted, counted.done) == (5, 5, True)


async def test_what_a_lost_run_of_an_ended_page_had_stored_is_failed(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    await people(product, 10)
    execution = await product.execute()
    pages = product.messaging.pages
    original = pages._commit

    async def dies(*_: Any) -> Any:
        raise RuntimeError("killed")

    monkeypatch.setattr(pages, "_commit", dies)
    with pytest.raises(RuntimeError):
        await pages.prepare(PageMessage(product.mandateId, execution.id, 2))
    monkeypatch.setattr(pages, "_commit", original)
    product.messaging.pages._functions._loaded.clear()
    product.function("SystemErrors", "def execute(*_): raise ValueError('now')")
    product.clock.forward(241)
    await product.drain()
    counted = await product.messaging.history.counted(product.mandateId, await current(product, execution))
    assert (counted.accepted, counted.sent, counted.failed, counted.done) == (10, 5, 5, True)
    failed = [one for one in (await product.deliveries(execution)).values() if one.state == "failed"]
    assert len(failed) == 5 and all("Not accepted" in (one.errorMessage or "") for one in failed)
    assert len(product.sandbox.inbox.messages) == 5


async def test_pages_without_anybody_active_call_no_function(product: Product) -> None:
    await people(product, 12)
    for n in range(12):
        who = product.principal(f"u{n}", Role.USER)
        (one,) = (await product.messaging.registrations.getOwnRegistrations(who, Asked())).items
        if n != 3:
            await product.messaging.registrations.updateRegistration(
                who, one.id, RegistrationChange(enabled=False)
            )
    execution = await product.execute()
    await product.drain()
    assert list(await product.deliveries(execution)) == ["u3"]
    assert (await current(product, execution)).phase is Phase.STORED


async def test_a_page_waits_while_its_execution_has_too_many_open_batches(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_OPEN", 0)
    monkeypatch.setattr(module, "LOOKS", (0.01,))
    await people(product, 7)
    execution = await product.execute()
    message = PageMessage(product.mandateId, execution.id, 2)
    await product.messaging.pages.prepare(message)
    assert (await current(product, execution)).page == 2
    assert [(at, queue) for at, queue, _ in product.queues.messages][-1] == (product.clock.now + 1, EXECUTIONS)
    await product.drain()
    product.clock.forward(1)
    await product.drain()
    assert (await current(product, execution)).phase is Phase.STORED
    assert len(product.sandbox.inbox.messages) == 7


async def test_a_page_that_waits_begins_as_soon_as_there_is_room(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_OPEN", 0)
    monkeypatch.setattr(module, "LOOKS", (0.01,) * 1000)
    await people(product, 7)
    execution = await product.execute()
    (delivery,) = (message for _, queue, message in product.queues.messages if queue != EXECUTIONS)
    product.queues.messages.clear()
    waiting = asyncio.create_task(product.messaging.pages.prepare(PageMessage(product.mandateId, execution.id, 2)))
    await asyncio.sleep(0.05)
    assert (await current(product, execution)).page == 2 and not waiting.done()
    await product.messaging.worker.deliver(BatchMessage.from_json(delivery), MessagingChannel.EMAIL)
    await waiting
    assert (await current(product, execution)).phase is Phase.STORED
    assert [queue for _, queue, _ in product.queues.messages] == [messages.deliveries(MessagingChannel.EMAIL)]


@pytest.mark.parametrize(("faults", "since"), [([], 4), ([{"provider": "acs", "status": 429, "times": 5}], 1)])
async def test_the_pages_before_the_first_unsettled_one_are_not_counted_again(
    product: Product, faults: list[dict[str, Any]], since: int
) -> None:
    await people(product, 17)
    product.sandbox.faults.replace(faults)
    execution = await product.execute()
    await product.drain()
    assert (await current(product, execution)).openFrom == since


async def test_deferred_batches_do_not_hold_up_pages(product: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_OPEN", 0)
    await people(product, 7)
    product.sandbox.faults.replace([{"provider": "acs", "status": 429, "retryAfter": 3600, "times": 5}])
    execution = await product.execute()
    for _ in range(3):
        await product.drain()
        product.clock.forward(1)
    assert (await current(product, execution)).phase is Phase.STORED


async def test_two_runners_of_a_page_make_one_page(product: Product) -> None:
    await people(product, 10)
    execution = await product.execute()
    message = PageMessage(product.mandateId, execution.id, 2)
    await asyncio.gather(*(product.messaging.pages.prepare(message) for _ in range(6)))
    assert (await current(product, execution)).result.messagesSent == 10
    await product.drain()
    assert len(product.sandbox.inbox.messages) == 10


async def test_a_runner_whose_execution_was_taken_changes_nothing(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    await people(product, 10)
    execution = await product.execute()
    pages, message = product.messaging.pages, PageMessage(product.mandateId, execution.id, 2)
    original = pages._commit

    async def overtaken(*arguments: Any) -> Any:
        monkeypatch.setattr(pages, "_commit", original)
        product.clock.forward(241)
        await pages.prepare(message)
        return await original(*arguments)

    monkeypatch.setattr(pages, "_commit", overtaken)
    await pages.prepare(message)
    assert (await current(product, execution)).result.messagesSent == 10
    await product.drain()
    assert len(product.sandbox.inbox.messages) == 10


async def test_after_too_many_dead_workers_the_execution_ends(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    await people(product, 7)
    execution = await product.execute()
    held = replace(await current(product, execution), takeovers=module.MAX_TAKEOVERS)
    await product.messaging.service.services.executions.save(product.mandateId, held)
    await claimed_by_a_dead_worker(product, execution)
    await product.drain()
    done = await current(product, execution)
    assert done.phase is Phase.ENDED and not done.result.success
    assert "Given up" in (done.result.errorMessage or "")


@pytest.mark.parametrize("page", [1, 3, 99])
async def test_a_message_for_another_page_is_acknowledged(product: Product, page: int) -> None:
    await people(product, 7)
    execution = await product.execute()
    before = await current(product, execution)
    await product.messaging.pages.prepare(PageMessage(product.mandateId, execution.id, page))
    assert await current(product, execution) == before


async def test_a_queue_that_cannot_be_reached_after_the_commit_point_changes_no_answer(
    product: Product, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await people(product, 3, GREETING)

    async def down(*_: Any) -> None:
        raise StorageUnavailable

    monkeypatch.setattr(product.queues, "put", down)
    execution = await product.execute()
    assert execution.result.messagesSent == 3 and "the sweeper will do it" in caplog.text
