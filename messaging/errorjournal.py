"""Logged errors as rows of `messagingjournal`, in the order in which they were written.

A row's key begins with the time when it was written, not with that of the error: whoever has read up to five
minutes ago has missed nothing, however late an error was written.
"""

import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import asdict, dataclass, field, fields
from typing import Protocol
from uuid import uuid4

from messaging.errorrecords import ErrorRecord
from messaging.errors import Conflict
from messaging.models import MandateId
from messaging.storage import keys
from messaging.storage.base import Delete, Insert, Row, Table, Tables, together

NOBODY = MandateId("~nobody")
"""The partition of errors whose mandate is not known. No mandate can have this name."""

AT_ONCE = 100
"""Errors written in one transaction."""

STALE = 60.0
"""Seconds for which a batch is written under the same keys: well within settings.DIGEST_MARGIN."""

PAGE = 500
"""Rows that are read at a time, and hold memory."""

FORGOTTEN_PAGE = 1000
MOST_FORGOTTEN = 100_000
"""Rows of a mandate that one run deletes."""

_COLUMNS = tuple(column.name for column in fields(ErrorRecord))


class ErrorSource(Protocol):
    """Where logged errors are read from. Another log store is one class with this method."""

    def errors(self, mandateId: MandateId, first: float, last: float) -> AsyncGenerator[ErrorRecord]:
        """The errors of a mandate (or of NOBODY) that were stored from `first` until before `last`, UTC seconds.

        Once `last` is five minutes ago the answer must not change any more.
        """
        ...


@dataclass(slots=True)
class ErrorBatch:
    """Errors of one mandate that are written together; `at` is when it was first tried to write them."""

    mandateId: MandateId
    records: list[ErrorRecord]
    at: float
    id: str = field(default_factory=lambda: uuid4().hex)

    def key(self, number: int) -> str:
        return keys.error(self.at, f"{self.id}{number:02d}")


class ErrorJournal:
    def __init__(self, tables: Tables, clock: Callable[[], float] = time.time) -> None:
        self._tables = tables
        self._clock = clock

    async def write(self, batch: ErrorBatch) -> None:
        """Store a batch of at most AT_ONCE; again after StorageUnavailable stores it no second time."""
        if self._clock() - batch.at > STALE:
            if await self._tables.get(Table.JOURNAL, batch.mandateId, batch.key(0)):
                return
            batch.at = self._clock()
        rows = [Insert(batch.key(number), asdict(record)) for number, record in enumerate(batch.records)]
        try:
            await self._tables.commit(Table.JOURNAL, batch.mandateId, rows)
        except Conflict:
            return  # our own, of a try whose reply was lost

    async def errors(self, mandateId: MandateId, first: float, last: float) -> AsyncGenerator[ErrorRecord]:
        start, end = keys.errors(first, last)
        while True:
            rows = await self._tables.range(Table.JOURNAL, mandateId, (start, end), PAGE)
            for row in rows:
                yield _record(row)
            if len(rows) < PAGE:
                return
            start = keys.after(rows[-1].key)

    async def forget(self, mandateId: MandateId, before: float) -> int:
        """Delete the errors stored before a time, at most MOST_FORGOTTEN of them; answer how many."""
        gone, span = 0, keys.errors(0, before)
        while gone < MOST_FORGOTTEN:
            rows = await self._tables.range(Table.JOURNAL, mandateId, span, FORGOTTEN_PAGE, ("at",))
            parts = [rows[i : i + AT_ONCE] for i in range(0, len(rows), AT_ONCE)]
            await together(self._delete(mandateId, part) for part in parts)
            gone += len(rows)
            if len(rows) < FORGOTTEN_PAGE:
                break
        return gone

    async def _delete(self, mandateId: MandateId, rows: list[Row]) -> None:
        try:
            await self._tables.commit(Table.JOURNAL, mandateId, [Delete(row.key) for row in rows])
        except Conflict:
            return  # another run is at them, and the next finds what it leaves


def _record(row: Row) -> ErrorRecord:
    return ErrorRecord(**{name: row[name] for name in _COLUMNS})
