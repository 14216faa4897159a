"""Schedules of subscriptions: written before the subscription names them, dropped when it does not any more."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.bootstrap import build
from messaging.cursors import Asked
from messaging.errors import AlreadyExists, InvalidInput, SubscriptionNotFound
from messaging.inputs import SubscriptionChange
from messaging.storage.base import Partition, Table
from messaging.storage.memory import MemoryQueues, MemoryTables
from tests.product import Clock, Product, running, settings
from tests.scheduled import Killed, Mortal, at, change, executed, live, rows, scheduled_for

NOON = at("2027-01-04T12:00+00:00")
HOURLY, DAILY, MINUTELY = "0 0 * * * *", "0 0 12 * * *", "0 * * * * *"


async def scheduled(product: Product, schedule: str | None = DAILY, **more: Any) -> None:
    product.clock.now = NOON - 60
    await product.subscription(schedule=schedule, **more)
    await product.subscribe("alice")


async def tick_at(product: Product, *times: float) -> None:
    for product.clock.now in times:
        await product.messaging.ticker.tick()


async def test_a_subscription_shows_its_schedule_and_its_next_run(product: Product) -> None:
    await scheduled(product, timeZone="Europe/Zurich")
    registry, boss = product.messaging.registry, product.principal()
    found = await registry.getSubscription(boss, "SystemErrors")
    assert (found.schedule, found.timeZone, found.nextRun) == (DAILY, "Europe/Zurich", NOON + 23 * 3600)
    assert await live(product) == [found.nextRun]
    product.clock.forward(24 * 3600)
    shown = await registry.getSubscription(boss, "SystemErrors")
    assert shown.nextRun == NOON + 47 * 3600
    assert await registry.getSubscriptionById(boss, found.id) == shown
    assert list((await registry.getAllSubscriptions(boss, Asked())).items) == [shown]
    changed = await registry.updateSubscription(boss, "SystemErrors", SubscriptionChange(enabled=False))
    assert (changed.schedule, changed.nextRun) == (DAILY, None)


CHANGES: list[tuple[dict[str, Any], list[float], bool]] = [
    ({"description": "d"}, [NOON], False),
    ({"schedule": DAILY}, [NOON], False),
    ({"schedule": HOURLY, "timeZone": "UTC"}, [NOON], True),
    ({"schedule": "0 30 12 * * *"}, [NOON + 1800], True),
    ({"timeZone": "Europe/Zurich"}, [NOON + 23 * 3600], True),
    ({"schedule": None}, [], True),
    ({"enabled": False}, [], True),
]


@pytest.mark.parametrize(("fields", "due", "moves"), CHANGES)
async def test_a_change_of_the_times_makes_a_new_row_and_the_old_one_goes(
    product: Product, fields: dict[str, Any], due: list[float], moves: bool
) -> None:
    await scheduled(product)
    (first,) = await rows(product.messaging)
    await change(product, **fields)
    assert await live(product) == due
    assert (first in await rows(product.messaging)) and (len(await rows(product.messaging)) == len(due) + moves)
    await tick_at(product, NOON, NOON + 601)
    assert await executed(product) == [one for one in due if one == NOON]
    assert len(await rows(product.messaging)) == len(await live(product)) == len(due)


async def test_a_subscription_made_again_has_its_own_schedule_only(product: Product) -> None:
    await scheduled(product)
    registry, boss = product.messaging.registry, product.principal()
    await registry.deleteSubscription(boss, "SystemErrors")
    await tick_at(product, NOON - 30)
    await product.subscription(schedule="0 5 12 * * *")
    await product.subscribe("alice")
    await tick_at(product, NOON, NOON + 300, NOON + 601)
    assert await executed(product) == [NOON + 300]
    assert [row.due for row in await rows(product.messaging)] == [NOON + 300 + 24 * 3600]
    await registry.deleteSubscription(boss, "SystemErrors")
    await tick_at(product, NOON + 300 + 24 * 3600)
    assert await rows(product.messaging) == []


@pytest.mark.parametrize(
    ("fields", "field"),
    [({"schedule": "0 0 25 * * *"}, "schedule"), ({"timeZone": "Mars"}, "timeZone"), ({"schedule": ""}, "")],
)
async def test_what_breaks_a_rule_changes_nothing(product: Product, fields: dict[str, Any], field: str) -> None:
    await scheduled(product)
    before = await rows(product.messaging)
    with pytest.raises(ValueError) as refused:
        await change(product, **fields)
    with pytest.raises(ValueError):
        await product.subscription("Other", **{"schedule": DAILY, **fields})
    if field:
        assert isinstance(refused.value, InvalidInput) and refused.value.field == field
    assert await rows(product.messaging) == before
    assert await product.messaging.registry.find(product.mandateId, "Other") is None


async def test_an_unreadable_zone_is_refused_also_without_a_schedule(product: Product) -> None:
    with pytest.raises(InvalidInput, match="timeZone"):
        await scheduled(product, None, timeZone="Mars")


async def test_a_subscription_stored_before_there_were_schedules_is_read(
    twin: tuple[Product, MemoryTables],
) -> None:
    product, tables = twin
    await product.subscription()
    values = tables._partitions[Table.REGISTRY, product.mandateId].rows["s~SystemErrors"].values
    assert isinstance(values, dict)
    for name in ("schedule", "timeZone", "scheduleRow"):
        del values[name]
    found = await product.messaging.registry.getSubscription(product.principal(), "SystemErrors")
    assert (found.schedule, found.timeZone, found.nextRun) == (None, "UTC", None)
    product.clock.now = NOON - 60
    await change(product, schedule=DAILY)
    assert await live(product) == [NOON]


class Slow(MemoryTables):
    """The twin, whose registry takes nothing until it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.open = asyncio.Event()

    async def commit(self, table: Table, partition: Partition, operations: Any) -> list[str]:
        if table is Table.REGISTRY:
            await self.open.wait()
        return await super().commit(table, partition, operations)


async def test_a_tick_between_the_row_and_its_subscription_drops_nothing(tmp_path: Path) -> None:
    tables = Slow()
    async with running("UseDevelopmentStorage=true", tmp_path, tables=tables) as product:
        product.clock.now = NOON - 60
        making = asyncio.create_task(product.subscription(schedule=DAILY))
        while not await rows(product.messaging):
            await asyncio.sleep(0)
        await tick_at(product, NOON)
        tables.open.set()
        await making
        await product.subscribe("alice")
        await tick_at(product, NOON + 60)
        assert await executed(product) == [NOON]


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("write", [1, 2], ids=["the row", "the subscription"])
async def test_a_creation_that_dies_leaves_a_schedule_or_none(write: int, done: bool, tmp_path: Path) -> None:
    tables = Mortal()
    async with running("UseDevelopmentStorage=true", tmp_path, tables=tables) as product:
        tables.kill(write, done=done)
        with pytest.raises(Killed):
            await scheduled(product)
        made = await product.messaging.registry.find(product.mandateId, "SystemErrors")
        assert (made is not None) == (write == 2 and done)
        if made:
            with pytest.raises(AlreadyExists):
                await product.subscription(schedule=DAILY)
        else:
            await product.subscription(schedule=DAILY)
        await product.subscribe("alice")
        await tick_at(product, NOON, NOON + 601)
        assert await executed(product) == [NOON]
        assert len(await rows(product.messaging)) == len(await live(product)) == 1


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("write", [1, 2], ids=["the row", "the subscription"])
async def test_a_change_that_dies_leaves_the_old_schedule_or_the_new_one(
    write: int, done: bool, tmp_path: Path
) -> None:
    tables = Mortal()
    async with running("UseDevelopmentStorage=true", tmp_path, tables=tables) as product:
        await scheduled(product)
        tables.kill(write, done=done)
        with pytest.raises(Killed):
            await change(product, schedule="0 5 12 * * *")
        await tick_at(product, NOON, NOON + 300, NOON + 1200)
        assert await executed(product) == [NOON + 300 if (write, done) == (2, True) else NOON]
        assert len(await rows(product.messaging)) == len(await live(product)) == 1


Step = Callable[[Product, Mortal], Awaitable[object]]


def clock(seconds: float) -> Step:
    async def step(product: Product, tables: Mortal) -> None:
        product.clock.forward(seconds)

    return step


def kill(number: int, done: bool) -> Step:
    async def step(product: Product, tables: Mortal) -> None:
        tables.kill(number, done=done)

    return step


def changing(**fields: Any) -> Step:
    return lambda product, tables: change(product, **fields)


def making(schedule: str) -> Step:
    async def step(product: Product, tables: Mortal) -> None:
        await product.subscription(schedule=schedule)
        await product.subscribe("alice")

    return step


async def tick(product: Product, tables: Mortal) -> None:
    await product.messaging.ticker.tick()


async def delete(product: Product, tables: Mortal) -> None:
    await product.messaging.registry.deleteSubscription(product.principal(), "SystemErrors")


STEPS = st.one_of(
    st.builds(clock, st.sampled_from([-90.0, -30.0, 30.0, 60.0, 600.0, 3600.0, 90_000.0])),
    st.builds(kill, st.integers(1, 6), st.booleans()),
    st.builds(lambda schedule: changing(schedule=schedule), st.sampled_from([HOURLY, DAILY, MINUTELY, None])),
    st.builds(lambda enabled: changing(enabled=enabled), st.booleans()),
    st.builds(making, st.sampled_from([HOURLY, MINUTELY])),
    st.sampled_from([tick, tick, delete]),
)


async def history(steps: list[Step], folder: Path) -> None:
    tables, now = Mortal(), Clock(NOON - 60)
    messaging = build(
        settings("UseDevelopmentStorage=true"),
        tables=tables,
        queues=MemoryQueues(now),
        subscriptions=folder,
        clock=now,
    )
    product = Product(messaging, MemoryQueues(now), None, now, folder)  # type: ignore[arg-type]
    for step in [making(MINUTELY), *steps]:
        with suppress(Killed, SubscriptionNotFound, AlreadyExists):
            await step(product, tables)
        found = await messaging.registry.find(product.mandateId, "SystemErrors")
        assert len(await live(product)) == bool(found and found.enabled and found.schedule)
    runs = await tables.range(Table.LEDGER, product.mandateId, ("x~", "x~~"), 1000)
    done = [(run["subscriptionUuid"], await scheduled_for(product, run.key.removeprefix("x~"))) for run in runs]
    known = [one for one in done if one[1]]
    assert len(known) == len(set(known)), "a due time was executed twice"
    tables.kill(0, done=False)
    await tick_at(product, *(now.now + 100_000 * n for n in (1, 2)))
    assert len(await rows(messaging)) == len(await live(product))


@given(st.lists(STEPS, max_size=25))
def test_whatever_happens_a_scheduled_subscription_has_one_row_and_a_due_time_one_execution(
    steps: list[Step],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(history(steps, Path(folder)))
