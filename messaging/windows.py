"""Up to where each mandate's errors were reported: a row a mandate in the partition `digest` of `messagingwork`.

A window is stored before its errors are reported and is the key of the execution that reports them; the watermark
moves when that is stored. So a crash anywhere in between ends in the same window, the same key and one execution.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from messaging.errors import Conflict
from messaging.models import MandateId
from messaging.storage import keys
from messaging.storage.base import Insert, Merge, Row, Table, Tables, Work

PAGE = 1000


@dataclass(frozen=True, slots=True)
class Window:
    """Errors of a mandate written from `first` until before `last`, both UTC seconds."""

    mandateId: MandateId
    first: float
    last: float
    stored: bool
    etag: str


class Windows:
    def __init__(self, tables: Tables, margin: float, clock: Callable[[], float] = time.time) -> None:
        """Errors are reported once `margin` seconds have passed since they were written."""
        self._tables = tables
        self._margin = margin
        self._clock = clock

    async def note(self, mandateId: MandateId) -> None:
        """Put a mandate on the list, before the first of its errors is written."""
        row = Insert(keys.work_digest(mandateId), {"watermark": 0.0, "until": 0.0})
        try:
            await self._tables.commit(Table.WORK, Work.DIGEST, [row])
        except Conflict:
            return  # it is there already

    async def mandates(self) -> list[MandateId]:
        """Every mandate that ever had an error."""
        found: list[MandateId] = []
        start = "!"
        while True:
            rows = await self._tables.range(Table.WORK, Work.DIGEST, (start, "~~"), PAGE, ("until",))
            found += [MandateId(row.key) for row in rows]
            if len(rows) < PAGE:
                return found
            start = keys.after(rows[-1].key)

    async def next(self, mandateId: MandateId) -> Window:
        """The mandate's stored window, else the one that would be next: up to the margin ago."""
        row = await self._row(mandateId)
        until = row["until"] or float(math.floor(self._clock() - self._margin))
        return Window(mandateId, row["watermark"], until, bool(row["until"]), row.etag)

    async def store(self, window: Window) -> Window:
        """Make it the mandate's window until it is closed. Raises Conflict if another one was stored meanwhile."""
        if window.stored:
            return window
        merge = Merge(keys.work_digest(window.mandateId), {"until": window.last}, window.etag)
        try:
            etags = await self._tables.commit(Table.WORK, Work.DIGEST, [merge])
        except Conflict:
            found = await self.next(window.mandateId)
            if (found.first, found.last, found.stored) != (window.first, window.last, True):
                raise
            return found  # our own, whose reply was lost; or another run's of the same second
        return replace(window, stored=True, etag=etags[0])

    async def close(self, window: Window) -> None:
        """Move the watermark to the window's end; another run may have done it."""
        values = {"watermark": window.last, "until": 0.0}
        try:
            merge = Merge(keys.work_digest(window.mandateId), values, window.etag)
            await self._tables.commit(Table.WORK, Work.DIGEST, [merge])
        except Conflict:
            return

    async def _row(self, mandateId: MandateId) -> Row:
        row = await self._tables.get(Table.WORK, Work.DIGEST, keys.work_digest(mandateId))
        if row is None:
            raise Conflict(f"the digest's row of mandate {mandateId} is gone")
        return row
