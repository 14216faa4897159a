"""Logged errors are kept for their mandate, from loop and threads; logging never waits, fails or feeds itself."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from messaging import errorlog
from messaging.acting import acting_for
from messaging.errorjournal import NOBODY
from messaging.errorlog import DROPPED, MOST_WAITING
from messaging.models import MandateId
from messaging.storage.base import Table
from messaging.storage.memory import MemoryTables
from tests.errors import attached, kept, listed
from tests.faulty import Faults, shaky
from tests.product import Product, running

logger = logging.getLogger("some.subscription")

A = MandateId("acme")
B = MandateId("blue")


def record(template: str, *args: object) -> logging.LogRecord:
    return logging.LogRecord("some.subscription", logging.ERROR, "some.py", 1, template, args, None, "f")


async def test_an_error_is_kept_for_the_mandate_that_it_concerns(product: Product) -> None:
    with attached(product):
        with acting_for(A):
            logger.error("one %s", 1)
            logger.warning("no error")
        with acting_for(B):
            logger.critical("two", exc_info=ValueError("of alice@example.com"))
        logger.error("three")
        with acting_for(MandateId("no/mandate")):
            logger.error("four")
    assert await product.messaging.errorlog.flush()
    (one,) = await kept(product, A)
    assert (one.message, one.level, one.source, one.at) == ("one 1", "ERROR", logger.name, product.clock.now)
    (two,) = await kept(product, B)
    assert (two.level, two.trace) == ("CRITICAL", "ValueError: of [address]")
    assert [record.message for record in await kept(product)] == ["three", "four"]
    assert set(await listed(product)) == {A, B, NOBODY}


async def test_threads_and_tasks_act_for_the_mandate_that_started_them(product: Product) -> None:
    async def task() -> None:
        await asyncio.to_thread(logger.error, "in a thread")

    with attached(product):
        with acting_for(A):
            await asyncio.create_task(task())
        await asyncio.to_thread(logger.error, "of nobody")
    await product.messaging.errorlog.flush()
    assert [record.message for record in await kept(product, A)] == ["in a thread"]
    assert [record.message for record in await kept(product)] == ["of nobody"]


async def test_it_is_written_by_itself_also_when_only_a_thread_logs(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(errorlog, "SECONDS", 0.01)
    with attached(product):
        await asyncio.to_thread(logger.error, "in a thread")
        while not await kept(product):
            await asyncio.sleep(0.01)
        logger.error("and again")
        while len(await kept(product)) < 2:
            await asyncio.sleep(0.01)


async def test_closing_writes_what_waits(storage: str, tmp_path: Path) -> None:
    async with running(storage, tmp_path) as product:
        with attached(product):
            logger.error("the last words")
    async with running(storage, tmp_path) as product:
        assert [record.message for record in await kept(product)] == ["the last words"]


async def test_attaching_twice_keeps_once(product: Product) -> None:
    with attached(product), attached(product):
        logger.error("once")
    await product.messaging.errorlog.flush()
    assert len(await kept(product)) == 1


async def test_too_many_are_dropped_counted_and_told(twin: tuple[Product, MemoryTables]) -> None:
    product, _ = twin
    with attached(product), acting_for(A):
        for _ in range(MOST_WAITING + 7):
            logger.error("again")
    product.messaging.errorlog.take(record("%d", "no number"))
    await product.messaging.errorlog.flush()
    assert len(await kept(product, A)) == MOST_WAITING
    (told,) = await kept(product)
    assert (told.message, told.count) == (DROPPED, 8)


class Sly:
    """Its text logs an error of its own."""

    def __str__(self) -> str:
        logger.error("inside")
        return "sly"


async def test_what_formatting_or_writing_an_error_logs_is_not_kept(product: Product) -> None:
    with attached(product):
        product.messaging.errorlog.take(record("%s", Sly()))
        assert await product.messaging.errorlog.flush()
        logging.getLogger("azure").error("after it")
        assert await product.messaging.errorlog.flush()
    assert {record.message for record in await kept(product)} == {"sly", "after it"}


class Loud(MemoryTables):
    """A storage that logs an error for each commit, as an SDK might."""

    async def commit(self, *given: object, **named: object) -> list[str]:
        logging.getLogger("azure.core").error("a commit")
        return await super().commit(*given, **named)  # type: ignore[arg-type]


async def test_an_outage_does_not_feed_itself(tmp_path: Path) -> None:
    async with running("UseDevelopmentStorage=true", tmp_path, tables=Loud()) as product:
        with attached(product):
            logger.error("one")
            for _ in range(3):
                await product.messaging.errorlog.flush()
        assert [record.message for record in await kept(product)] == ["one"]


async def test_many_are_written_in_few_transactions(twin: tuple[Product, MemoryTables]) -> None:
    product, tables = twin
    with attached(product), acting_for(A):
        for number in range(250):
            logger.error("again %d", number)
    await product.messaging.errorlog.flush()
    assert {record.message for record in await kept(product, A)} == {f"again {number}" for number in range(250)}
    assert tables.written == 251  # one of them puts the mandate on the digest's list


async def test_a_refused_error_does_not_stop_the_others(
    twin: tuple[Product, MemoryTables], monkeypatch: pytest.MonkeyPatch
) -> None:
    product, tables = twin
    commit = tables.commit

    async def picky(table: Table, partition: MandateId, operations: object) -> list[str]:
        if table == Table.JOURNAL and partition == A:
            raise ValueError("never")
        return await commit(table, partition, operations)  # type: ignore[arg-type]

    monkeypatch.setattr(tables, "commit", picky)
    with attached(product):
        for mandateId in (A, B):
            with acting_for(mandateId):
                logger.error("x")
    assert not await product.messaging.errorlog.flush()
    assert await product.messaging.errorlog.flush()
    assert len(await kept(product, B)) == 1
    (told,) = await kept(product)
    assert (told.message, told.count) == (DROPPED, 1)


@pytest.fixture
async def failing(
    storage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Product, Faults]]:
    async with shaky(storage, tmp_path, monkeypatch) as (product, faults):
        product.messaging.errorlog.take(record("makes the tables"))
        await product.messaging.errorlog.flush()
        yield product, faults


STEPS = {1: "the digest's list", 2: "the errors"}


@pytest.mark.parametrize("kind", ["503", "refused", "lost"])
@pytest.mark.parametrize("later", [1, 3600], ids=["soon", "late"])
@pytest.mark.parametrize("step", STEPS, ids=STEPS.values())
async def test_an_outage_loses_and_doubles_no_error(
    failing: tuple[Product, Faults], step: int, later: int, kind: str
) -> None:
    product, faults = failing
    logged, lost = product.clock.now, kind == "lost" and step == 2
    with attached(product), acting_for(A):
        for number in range(3):
            logger.error("error %d", number)
    faults.plan(kind, step)
    assert not await product.messaging.errorlog.flush()
    faults.plan("", 1)
    product.clock.forward(later)
    assert await product.messaging.errorlog.flush()
    found = await kept(product, A)
    assert [(one.message, one.at) for one in found] == [(f"error {number}", logged) for number in range(3)]
    # a late one is filed under the time of its writing, or a digest would have passed it by
    rows = await product.messaging.tables.range(Table.JOURNAL, A, ("e~", "e~~"), 10)
    assert {int(row.key.split("~")[1]) / 1000 for row in rows} == {
        logged if lost or later == 1 else product.clock.now
    }
