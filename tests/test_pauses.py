"""A sender that the provider does not serve: all of its messages wait together, and go on after one has passed."""

from typing import Any

import pytest

from messaging.delivery import State
from messaging.errors import SenderBlocked
from messaging.executions import Execution
from messaging.models import MessagingChannel
from messaging.pauses import LONGEST, Pauses
from messaging.storage.base import Table, Work
from messaging.storage.memory import MemoryTables
from tests.product import Clock, Product

SMS = MessagingChannel.SMS
SENDER = "+15005550006"
BLOCKED = SenderBlocked("why", code="20003")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pauses(clock: Clock) -> Pauses:
    return Pauses(MemoryTables(), 60, clock)


async def test_pauses_double_while_the_sender_stays_blocked(pauses: Pauses, clock: Clock) -> None:
    waits = []
    for _ in range(9):
        until = await pauses.block(SMS, SENDER, BLOCKED)
        waits.append(until - clock.now)
        clock.now = until
    assert waits == [60, 120, 240, 480, 960, 1920, LONGEST, LONGEST, LONGEST]


async def test_failures_that_were_under_way_together_are_one(pauses: Pauses, clock: Clock) -> None:
    first = await pauses.block(SMS, SENDER, BLOCKED)
    clock.forward(10)
    assert await pauses.block(SMS, SENDER, BLOCKED) == first
    pause = await pauses.get(SMS, SENDER)
    assert pause and pause.failures == 1


async def test_the_providers_wish_prolongs_a_pause_and_never_shortens_it(pauses: Pauses, clock: Clock) -> None:
    start = clock.now
    assert await pauses.block(SMS, SENDER, SenderBlocked(retryAfter=7200)) == start + 7200
    assert await pauses.block(SMS, SENDER, SenderBlocked(retryAfter=5)) == start + 7200


async def test_one_tries_at_a_time(pauses: Pauses, clock: Clock) -> None:
    clock.now = await pauses.block(SMS, SENDER, BLOCKED)
    pause = await pauses.get(SMS, SENDER)
    assert pause
    assert [await pauses.take_probe(pause, 20) for _ in range(3)] == [True, False, False]
    again = await pauses.get(SMS, SENDER)
    assert again and not await pauses.take_probe(again, 20)
    clock.forward(20)
    assert await pauses.take_probe(again, 20)


async def test_an_end_takes_a_pause_that_is_over_only(pauses: Pauses, clock: Clock) -> None:
    until = await pauses.block(SMS, SENDER, BLOCKED)
    await pauses.end(SMS, SENDER)
    assert await pauses.get(SMS, SENDER)
    clock.now = until
    await pauses.end(SMS, SENDER)
    await pauses.end(SMS, SENDER)
    assert await pauses.get(SMS, SENDER) is None


async def test_a_pause_is_of_one_sender_on_one_channel(pauses: Pauses) -> None:
    await pauses.block(SMS, SENDER, BLOCKED)
    assert await pauses.get(SMS, "+15005550007") is None
    assert await pauses.get(MessagingChannel.WHATSAPP, SENDER) is None


async def accepted(product: Product, count: int = 60) -> Execution:
    """An execution of several SMS batches and one mail."""
    await product.subscription()
    for n in range(count):
        await product.subscribe(f"u{n}", f"+4179{n:07d}", "sms")
    await product.subscribe("alice")
    return await product.execute()


def posts(product: Product, provider: str = "twilio") -> int:
    return sum(
        seen.operation == "send" and seen.provider == provider for seen in product.sandbox.requests.requests
    )


def block(product: Product, **more: Any) -> None:
    product.sandbox.faults.replace([{"provider": "twilio", "status": 401, **more}])


async def ledger(product: Product, execution: Execution) -> dict[str, int]:
    counted = await product.messaging.history.counted(product.mandateId, execution)
    assert counted.accepted == counted.sent + counted.failed + counted.pending
    return {state: getattr(counted, state) for state in ("sent", "failed", "queued", "deferred", "unknown")}


async def test_a_blocked_sender_stops_all_its_batches_and_delays_no_other_channel(
    product: Product, caplog: pytest.LogCaptureFixture
) -> None:
    execution = await accepted(product)
    block(product)
    await product.drain()
    assert posts(product) == 16  # one group of one batch; the other batch saw the pause
    assert posts(product, "acs") == 1
    assert await ledger(product, execution) == {"sent": 1, "failed": 0, "queued": 44, "deferred": 16, "unknown": 0}
    said = [record.getMessage() for record in caplog.records if "is paused" in record.getMessage()]
    assert said == ["The sender of channel sms is paused for 60 s: 20003"]
    deliveries = (await product.deliveries(execution)).values()
    waiting = [one for one in deliveries if one.state in ("queued", "deferred")]
    assert len(waiting) == 60 and all(one.retryAt and one.retryAt >= product.clock.now + 60 for one in waiting)


async def test_when_the_pause_is_over_one_message_tries_and_everything_goes_on(product: Product) -> None:
    execution = await accepted(product)
    block(product, times=16)
    await product.drain()
    for _ in range(40):
        product.clock.forward(10)
        await product.drain()
    assert await ledger(product, execution) == {"sent": 61, "failed": 0, "queued": 0, "deferred": 0, "unknown": 0}
    assert posts(product) == 16 + 60
    assert len({message.recipient for message in product.sandbox.inbox.messages}) == 61
    assert not await product.messaging.tables.range(Table.WORK, Work.PAUSE, ("!", "~"), 10)


async def test_while_it_stays_blocked_only_one_message_at_a_time_tries(product: Product) -> None:
    execution = await accepted(product)
    block(product)
    await product.drain()
    before = posts(product)
    for _ in range(120):
        product.clock.forward(10)
        await product.drain()
    assert 3 <= posts(product) - before <= 6  # at 60, 180, 420, 900 seconds, each spread a little
    assert (await ledger(product, execution))["sent"] == 1


async def test_a_probe_that_decides_nothing_leaves_the_pause(product: Product) -> None:
    execution = await accepted(product, 20)
    block(product, times=16)
    await product.drain()
    product.sandbox.faults.replace([{"provider": "twilio", "kind": "reset"}])
    product.clock.forward(75)
    await product.drain()
    assert posts(product) == 17
    assert (await ledger(product, execution))["unknown"] == 1
    product.sandbox.faults.replace([])
    for _ in range(20):
        product.clock.forward(10)
        await product.drain()
    found = await ledger(product, execution)
    assert (found["sent"], found["unknown"], found["queued"], found["deferred"]) == (20, 1, 0, 0)


async def test_a_sender_that_stays_blocked_for_a_day_ends_its_messages(product: Product) -> None:
    execution = await accepted(product, 20)
    block(product)
    for _ in range(30):
        await product.drain()
        product.clock.forward(3600)
    await product.drain()
    assert await ledger(product, execution) == {"sent": 1, "failed": 20, "queued": 0, "deferred": 0, "unknown": 0}
    failed = [one for one in (await product.deliveries(execution)).values() if one.state == State.FAILED]
    assert all("20003" in (one.errorMessage or "") for one in failed)
    assert not product.queues.messages
