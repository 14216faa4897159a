"""Counting in rows: exact under concurrency, few writes, no rows left behind."""

import asyncio
from collections.abc import Sequence

import pytest

from messaging.errors import Conflict
from messaging.models import MandateId
from messaging.storage import limits
from messaging.storage.base import Operation, Partition, Table
from messaging.storage.keys import session_limit
from messaging.storage.limits import RowStorage, place
from messaging.storage.memory import MemoryTables
from tests.product import Clock, mandate


def key(mandateId: str, bucket: str = "t~SystemErrors") -> str:
    return f"LIMITER/{mandateId}/{bucket}/60/1/minute"


async def hit(storage: RowStorage, bucket: str, limit: int = 60) -> bool:
    return await storage.acquire_entry(bucket, limit, 60)


class Distant(MemoryTables):
    """The twin, with a way to go."""

    async def commit(self, table: Table, partition: Partition, operations: Sequence[Operation]) -> list[str]:
        await asyncio.sleep(0.001)
        return await super().commit(table, partition, operations)


async def test_calls_that_come_during_a_write_are_counted_by_the_next_one() -> None:
    tables, clock = Distant(), Clock()
    storage, bucket = RowStorage(tables, clock), key(mandate())
    answers = await asyncio.gather(*(hit(storage, bucket) for _ in range(200)))
    assert answers == [True] * 60 + [False] * 140
    assert tables.written == 2


async def test_a_full_bucket_costs_storage_nothing_until_it_empties() -> None:
    tables, clock = MemoryTables(), Clock()
    storage, bucket = RowStorage(tables, clock), key(mandate())
    assert [await hit(storage, bucket, 3) for _ in range(5)] == [True, True, True, False, False]
    written, visited = tables.written, tables.visited
    assert not await hit(storage, bucket, 3) and (tables.written, tables.visited) == (written, visited)
    assert await storage.get_moving_window(bucket, 3, 60) == (clock(), 3)
    clock.forward(60)
    assert await hit(storage, bucket, 3)
    assert await storage.get_moving_window(bucket, 3, 60) == (clock(), 1)


async def test_a_row_that_another_instance_wrote_counts() -> None:
    tables, clock, bucket = MemoryTables(), Clock(), key(mandate())
    one, other = RowStorage(tables, clock), RowStorage(tables, clock)
    answers = [await hit(storage, bucket, 5) for _ in range(4) for storage in (one, other)]
    assert answers == [True] * 5 + [False] * 3


async def test_a_bucket_whose_every_write_is_lost_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PAUSE", 0)

    class Stormed(MemoryTables):
        async def commit(self, table: Table, partition: Partition, operations: Sequence[Operation]) -> list[str]:
            self.written += 1
            raise Conflict

    tables = Stormed()
    storage, bucket = RowStorage(tables, Clock()), key(mandate())
    assert not await hit(storage, bucket)
    assert tables.written == limits.TRIES
    assert (await storage.get_moving_window(bucket, 60, 60))[1] == 0


async def test_rows_of_sessions_that_have_ended_go_as_new_ones_come() -> None:
    tables, clock, mandateId = MemoryTables(), Clock(), mandate()
    storage = RowStorage(tables, clock)
    most = 0
    for n in range(600):
        await hit(storage, key(mandateId, session_limit(f"session {n}", "other")))
        clock.forward(120)  # 30 sessions an hour
        found = await tables.range(Table.LIMITS, MandateId(mandateId), ("a", "~~"), 1000)
        most = max(most, len(found))
    assert 30 <= most < 100


async def test_a_row_in_use_is_never_deleted_by_a_new_neighbour() -> None:
    tables, clock, mandateId = MemoryTables(), Clock(), mandate()
    storage = RowStorage(tables, clock)
    await hit(storage, key(mandateId, "s~b"))
    clock.forward(3599)
    await hit(storage, key(mandateId, "s~a"))
    assert await tables.get(Table.LIMITS, MandateId(mandateId), "s~b")
    clock.forward(2)
    await hit(storage, key(mandateId, "s~0"))
    assert await tables.get(Table.LIMITS, MandateId(mandateId), "s~b") is None
    assert await tables.get(Table.LIMITS, MandateId(mandateId), "s~a")
    assert await hit(storage, key(mandateId, "s~b"))  # what is remembered is gone, and is counted all the same


async def test_a_caller_who_gives_up_leaves_no_answer_behind() -> None:
    tables, clock, bucket = Distant(), Clock(), key(mandate())
    storage = RowStorage(tables, clock)
    calls = [asyncio.create_task(hit(storage, bucket, 5)) for _ in range(4)]
    await calls[0]
    for _ in range(3):
        await asyncio.sleep(0)  # the second writes for the other three
    calls[2].cancel()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [answers[0], answers[1], answers[3]] == [True] * 3 and tables.written == 2
    assert [await hit(storage, bucket, 5) for _ in range(2)] == [True, False]


async def test_clear_forgets() -> None:
    storage, bucket = RowStorage(MemoryTables(), Clock()), key(mandate())
    await storage.clear(bucket)
    assert [await hit(storage, bucket, 1), await hit(storage, bucket, 1)] == [True, False]
    await storage.clear(bucket)
    assert await hit(storage, bucket, 1)


def test_a_new_number_is_no_second_bucket() -> None:
    for number in (60, 90):
        assert place(f"LIMITER/m:1@x/t~A_b/{number}/1/minute") == ("m:1@x", "t~A_b")
