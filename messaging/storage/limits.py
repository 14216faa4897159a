"""A storage for the `limits` library on our own rows: one row a bucket, changed only under its ETag.

A call is admitted once the row that counts it is written, so instances together never admit one too many. Calls
of one process that come at the same time are counted in one write. What this process wrote last is remembered:
usually a call costs one write, and none where the bucket is known to be full.

Rows of sessions that have ended would stay for ever. So whoever makes a row also deletes what is long unused among
the next few; the keys of sessions are hashes, so each row's turn comes.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from random import uniform
from time import monotonic

from limits.aio.storage import MovingWindowSupport, Storage

from messaging.errors import Conflict, StorageError
from messaging.models import MandateId
from messaging.moving import Window
from messaging.storage.base import Delete, Insert, Merge, Row, Table, Tables

TRIES = 12
"""Writes that a call may lose to other instances; then it is refused, for so busy a bucket is being stormed."""
LONGEST = 1.0
"""Seconds for which it tries: storage answers, so rate_limit.py must not take it for an outage."""
PAUSE = 0.02
"""Seconds that a lost write waits at most, more each time."""
KNOWN = 10_000
"""Rows that a process remembers."""
NEIGHBOURS = 4
"""Rows that a new one looks at, to delete what is UNUSED."""
UNUSED = 3_600_000
"""Milliseconds; far above the window, so that no clock of another instance can be that wrong."""
END = "~~"
"""Behind every key of the table."""


class _Group:
    """Calls for one bucket that this process has under way."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.waiting = 0
        self.answers: list[bool] = []


class RowStorage(Storage, MovingWindowSupport):
    """Moving windows only, as messaging/moving.py has them; `clock` tells UTC seconds."""

    STORAGE_SCHEME = None

    def __init__(self, tables: Tables, clock: Callable[[], float]) -> None:
        super().__init__(wrap_exceptions=True)
        self._tables = tables
        self._clock = clock
        self._groups: dict[str, _Group] = {}
        self._known: OrderedDict[str, Row] = OrderedDict()

    @property
    def base_exceptions(self) -> type[Exception]:
        return StorageError

    async def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Whether one more call is admitted; `amount` is 1. `key` is as `place` reads it."""
        group = self._groups.setdefault(key, _Group())
        group.waiting += 1
        try:
            async with group.lock:
                if not group.answers:
                    group.answers = await self._admit(key, limit, expiry, group.waiting)
                return group.answers.pop()
        finally:
            group.waiting -= 1
            if not group.waiting:  # and an answer that nobody took must not serve a later minute
                del self._groups[key]

    async def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """When the oldest call was (UTC seconds, now if there is none), and how many there were, as last seen."""
        now = self._now()
        window = _window(self._known.get(key)).since(now - expiry * 1000, now)
        return (window.slots[0].last if window.slots else now) / 1000, window.calls

    async def _admit(self, key: str, limit: int, expiry: int, asked: int) -> list[bool]:
        """The answers for so many calls; those admitted are to be taken from the end."""
        partition, name = place(key)
        row, unused = self._known.get(key), list[Delete]()
        if row is None:
            row, unused = await self._look(partition, name)
        end = monotonic() + LONGEST
        for lost in range(TRIES):
            now = self._now()
            window = _window(row).since(now - expiry * 1000, now)
            admitted = max(0, min(asked, limit - window.calls))
            values = {"window": window.add(now, admitted).to_text()}
            try:
                if admitted:
                    change = Merge(name, values, row.etag) if row else Insert(name, values)
                    etag, *_ = await self._tables.commit(Table.LIMITS, partition, [change, *unused])
                    row = Row(name, values, etag)
            except Conflict:
                if monotonic() > end:
                    break
                await asyncio.sleep(uniform(0, PAUSE * (lost + 1)))  # noqa: S311 - only to come at another time
                row, unused = await self._tables.get(Table.LIMITS, partition, name), []
                continue
            self._remember(key, row)
            return [False] * (asked - admitted) + [True] * admitted
        self._remember(key, row)
        return [False] * asked

    async def _look(self, partition: MandateId, name: str) -> tuple[Row | None, list[Delete]]:
        """The row, if there is one, and deletions of rows behind it that are long unused."""
        found = await self._tables.range(Table.LIMITS, partition, (name, END), NEIGHBOURS)
        now = self._now()
        own = found.pop(0) if found and found[0].key == name else None
        return own, [Delete(one.key, one.etag) for one in found if not _window(one).since(now - UNUSED, now).slots]

    def _remember(self, key: str, row: Row | None) -> None:
        if row is not None:
            self._known[key] = row
            self._known.move_to_end(key)
        if len(self._known) > KNOWN:
            self._known.popitem(last=False)

    def _now(self) -> int:
        return int(self._clock() * 1000)

    async def check(self) -> bool:
        raise NotImplementedError("a call that fails says so")

    async def clear(self, key: str) -> None:
        """Forget what was counted."""
        partition, name = place(key)
        self._known.pop(key, None)
        if await self._tables.get(Table.LIMITS, partition, name):
            await self._tables.commit(Table.LIMITS, partition, [Delete(name)])

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        raise NotImplementedError("moving windows only")

    async def get(self, key: str) -> int:
        raise NotImplementedError("moving windows only")

    async def get_expiry(self, key: str) -> float:
        raise NotImplementedError("moving windows only")

    async def reset(self) -> int | None:
        raise NotImplementedError("buckets lie in the partitions of all mandates")


def place(key: str) -> tuple[MandateId, str]:
    """Partition and row of a key of the library: `LIMITER/{mandateId}/{bucket}/60/1/minute`.

    Neither contains a slash. The row does not depend on the number, so that a new setting opens no second bucket.
    """
    _, partition, name, *_ = key.split("/")
    return MandateId(partition), name


def _window(row: Row | None) -> Window:
    return Window.from_text(row["window"]) if row else Window()
