"""The tick: each due time is executed once, whatever clocks, processes, storage and other ticks do."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
import time_machine

from messaging import ticker
from messaging.bootstrap import build
from messaging.storage import account
from messaging.storage.base import Table
from messaging.storage.memory import MemoryQueues, MemoryTables
from tests.faulty import proxy
from tests.product import GREETING, Clock, Product, mandate, running, settings
from tests.scheduled import Killed, Mortal, at, change, executed, live, rows

NOON = at("2027-01-04T12:00+00:00")
HOURLY, DAILY, MINUTELY = "0 0 * * * *", "0 0 12 * * *", "0 * * * * *"


async def scheduled(product: Product, schedule: str, **more: Any) -> None:
    """A subscription with a schedule, made a minute before noon, and one person who hears of it."""
    product.clock.now = NOON - 60
    await product.subscription(schedule=schedule, **more)
    await product.subscribe("alice")


async def tick_at(product: Product, *times: float) -> None:
    for product.clock.now in times:
        await product.messaging.ticker.tick()


async def test_what_is_due_is_executed_and_the_function_hears_for_when(product: Product) -> None:
    tell = GREETING.replace('"How are you?"', "repr(eventParameters.triggerData)")
    await scheduled(product, HOURLY, source=tell)
    await tick_at(product, NOON - 1)
    assert await executed(product) == []
    await tick_at(product, NOON, NOON + 1, NOON + 60)
    assert await executed(product) == [NOON]
    assert await live(product) == [NOON + 3600]
    await product.drain()
    (mail,) = product.sandbox.inbox.messages
    assert mail.text == f"{{'scheduledFor': {NOON}}}"


async def test_after_a_pause_the_latest_due_time_is_made_up_for_and_no_other(product: Product) -> None:
    await scheduled(product, HOURLY)
    await tick_at(product, NOON + 5.5 * 3600)
    assert await executed(product) == [NOON + 5 * 3600]
    assert await live(product) == [NOON + 6 * 3600]


async def test_a_late_tick_executes_each_due_time_of_two_minutes(product: Product) -> None:
    await scheduled(product, MINUTELY)
    await tick_at(product, NOON + 59.9, NOON + 120.1)  # the timer was early, then late
    assert await executed(product) == [NOON, NOON + 60, NOON + 120]
    await tick_at(product, NOON + 120 + ticker.LATE + 61)
    assert await executed(product) == [NOON, NOON + 60, NOON + 120, NOON + 300]


async def test_a_clock_that_steps_back_executes_nothing_twice(product: Product) -> None:
    await scheduled(product, MINUTELY)
    await tick_at(product, NOON, NOON + 60, NOON - 30, NOON, NOON + 30)
    assert await executed(product) == [NOON, NOON + 60]
    product.clock.now = NOON - 30
    await change(product, schedule="0 */1 * * * *")  # its first due time was executed before
    await tick_at(product, NOON, NOON + 60, NOON + 120)
    assert await executed(product) == [NOON, NOON + 60, NOON + 120]


async def test_two_instances_that_tick_at_once_execute_each_due_time_once(product: Product, storage: str) -> None:
    await scheduled(product, MINUTELY)
    swaps = {"queues": product.queues, "subscriptions": product.functions, "clock": product.clock}
    other = build(settings(storage), **swaps)  # type: ignore[arg-type]
    expected = []
    for number in range(10):
        product.clock.now = NOON + 60 * number
        expected.append(product.clock.now)
        await asyncio.gather(product.messaging.ticker.tick(), other.ticker.tick(), other.ticker.tick())
    await other.close()
    assert await executed(product) == expected
    assert [row.due for row in await rows(product.messaging)] == [NOON + 60 * 10]
    await product.drain()
    assert len(product.sandbox.inbox.messages) == 10


ZURICH, NEW_YORK, LORD_HOWE = "Europe/Zurich", "America/New_York", "Australia/Lord_Howe"
ZONES = [
    (ZURICH, "0 30 2 * * *", "2027-03-27T12:00+01", "2027-03-28T03:00+02 2027-03-29T02:30+02"),
    (ZURICH, "0 30 2 * * *", "2027-10-30T12:00+02", "2027-10-31T02:30+02 2027-11-01T02:30+01"),
    (NEW_YORK, "0 30 2 * * *", "2027-03-13T12:00-05", "2027-03-14T03:00-04 2027-03-15T02:30-04"),
    (NEW_YORK, "0 30 1 * * *", "2027-11-06T12:00-04", "2027-11-07T01:30-04 2027-11-08T01:30-05"),
    (LORD_HOWE, "0 10 2 * * *", "2027-10-02T12:00+10:30", "2027-10-03T02:30+11 2027-10-04T02:10+11"),
    (LORD_HOWE, "0 45 1 * * *", "2027-04-03T12:00+11", "2027-04-04T01:45+11 2027-04-05T01:45+10:30"),
    (ZURICH, "0 0 0 29 2 *", "2028-02-28T12:00+01", "2028-02-29T00:00+01"),
    (NEW_YORK, "0 0 0 1 1 *", "2027-12-31T12:00-05", "2028-01-01T00:00-05"),
]


@pytest.mark.parametrize(("zone", "schedule", "start", "expected"), ZONES)
async def test_on_the_machines_own_clock_every_five_minutes_for_two_days(
    zone: str, schedule: str, start: str, expected: str, tmp_path: Path
) -> None:
    mandateId = mandate()
    with time_machine.travel(at(start), tick=False) as travel:
        tables = MemoryTables()
        messaging = build(
            settings("UseDevelopmentStorage=true"), tables=tables, queues=MemoryQueues(), subscriptions=tmp_path
        )
        product = Product(messaging, MemoryQueues(), None, Clock(), tmp_path, mandateId)  # type: ignore[arg-type]
        await product.subscription(schedule=schedule, timeZone=zone)
        await product.subscribe("alice")
        for _ in range(2 * 24 * 12):
            travel.shift(300)
            await messaging.ticker.tick()
        assert await executed(product) == [at(one) for one in expected.split()]


async def test_one_that_fails_holds_up_no_other_and_keeps_its_next_due_time(
    product: Product, caplog: pytest.LogCaptureFixture
) -> None:
    product.clock.now = NOON - 60
    sources = {"Broken": "import nothing_of_this_name", "NoFunction": None, "Fine": GREETING, "Nobody": GREETING}
    for subscriptionId, source in sources.items():
        await product.subscription(subscriptionId, source, schedule=MINUTELY)
        if subscriptionId != "Nobody":
            await product.subscribe("alice", subscriptionId=subscriptionId)
    await tick_at(product, NOON)
    await product.drain()
    assert [m.recipient for m in product.sandbox.inbox.messages] == ["alice@example.com"]
    assert "failed to load" in caplog.text
    assert "Subscription function not found for NoFunction; nothing is sent" in caplog.text
    for subscriptionId in sources:
        assert await live(product, subscriptionId) == [NOON + 60]


async def test_a_bug_in_one_row_is_logged_and_holds_up_no_other(
    twin: tuple[Product, MemoryTables], caplog: pytest.LogCaptureFixture
) -> None:
    product, tables = twin
    await scheduled(product, MINUTELY)
    await product.subscription("Other", schedule=MINUTELY)
    await product.subscribe("alice", subscriptionId="Other")
    found = await product.messaging.registry.find(product.mandateId, "SystemErrors")
    assert found
    partition = tables._partitions[Table.REGISTRY, product.mandateId]
    values = partition.rows["s~SystemErrors"].values
    assert isinstance(values, dict)
    values["timeZone"] = "Nowhere/Land"
    await tick_at(product, NOON)
    assert await executed(product) == [NOON]
    assert "schedule of SystemErrors: failed" in caplog.text
    values["timeZone"] = "UTC"
    await tick_at(product, NOON + 60)
    assert await executed(product) == [NOON, NOON, NOON + 60, NOON + 60]


async def test_a_tick_is_bounded_and_the_next_one_goes_on(
    twin: tuple[Product, MemoryTables], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    product, _ = twin
    product.clock.now = NOON - 60
    monkeypatch.setattr(ticker, "LISTED", 10)
    monkeypatch.setattr(ticker, "AT_ONCE", 5)
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    for letter in letters[:26]:
        await product.subscription(f"Sub_{letter}", schedule=DAILY)
    product.clock.now = NOON
    assert await product.messaging.ticker.tick() == 26

    def hurried() -> float:  # every look at the clock takes a second
        product.clock.now += 1
        return product.clock.now

    product.messaging.ticker._clock = hurried
    product.clock.now = NOON + 24 * 3600
    monkeypatch.setattr(ticker, "LONGEST_TICK", 2)
    seen = []
    while (done := await product.messaging.ticker.tick()) > 0:
        seen.append(done)
    assert seen == [10, 10, 6]
    assert "the next one goes on" in caplog.text
    assert {row.due for row in await rows(product.messaging)} == {int(NOON) + 2 * 24 * 3600}


async def test_a_disabled_subscription_rests_and_nothing_is_made_up_for_afterwards(product: Product) -> None:
    await scheduled(product, HOURLY)
    await change(product, enabled=False)
    assert await live(product) == []
    await tick_at(product, NOON, NOON + 3600)
    assert await rows(product.messaging) == []
    product.clock.now = NOON + 5400
    await change(product, enabled=True)
    await tick_at(product, NOON + 5460, NOON + 7200)
    assert await executed(product) == [NOON + 7200]


TICK_WRITES = ["the sweeper's list", "event parameters", "execution and key", "the row's move"]


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", range(1, 5), ids=TICK_WRITES)
@pytest.mark.parametrize("schedule", [DAILY, MINUTELY])
async def test_a_tick_that_dies_is_repeated_and_nothing_is_lost_or_sent_twice(
    schedule: str, number: int, done: bool, tmp_path: Path
) -> None:
    tables = Mortal()
    async with running("UseDevelopmentStorage=true", tmp_path, tables=tables) as product:
        await scheduled(product, schedule)
        tables.kill(number, done=done)
        with pytest.raises(Killed):
            await tick_at(product, NOON)
        assert tables.left == 0
        await tick_at(product, NOON + 60)
        expected = [NOON] if schedule == DAILY else [NOON, NOON + 60]
        assert await executed(product) == expected
        assert len(await rows(product.messaging)) == len(await live(product)) == 1
        product.clock.forward(901)
        await product.messaging.sweeper.sweep()  # an execution whose queue message was never put
        await product.drain()
        assert len(product.sandbox.inbox.messages) == len(expected)


@pytest.mark.parametrize("kind", ["503", "refused", "lost"])
@pytest.mark.parametrize("number", range(1, 5), ids=TICK_WRITES)
@pytest.mark.parametrize("times", [1, 1000], ids=["once", "outage"])
async def test_storage_that_fails_in_a_tick_loses_and_doubles_nothing(
    storage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, number: int, times: int
) -> None:
    quick = {"retry_total": 2, "retry_backoff_factor": 0.01, "connection_timeout": 1, "read_timeout": 0.2}
    monkeypatch.setattr(account, "_RETRIES", quick)
    monkeypatch.setattr(account, "SECONDS", 2)
    (target,) = re.findall(r"TableEndpoint=(http://[^/]+)/", storage)
    async with proxy(target) as faults, running(storage.replace(target, faults.url), tmp_path) as product:
        await scheduled(product, MINUTELY)
        await tick_at(product, NOON)  # makes the tables
        faults.plan(kind, number, times)
        await tick_at(product, NOON + 60)
        faults.plan("", 1)
        await tick_at(product, NOON + 120)
        assert await executed(product) == [NOON, NOON + 60, NOON + 120]
        assert [row.due for row in await rows(product.messaging)] == [NOON + 180]
