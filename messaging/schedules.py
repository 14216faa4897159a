"""The schedule rows: one for each subscription that has a schedule, in the order of their due times.

A row is written before its subscription names it. So a crash in between leaves a row that no subscription names,
never a schedule without a row. A row moves from one due time to the next in one transaction: it is never lost, and
never there twice. What no subscription names (any more) is dropped when it comes due.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from uuid import uuid4

from messaging import timetable
from messaging.models import MessagingSubscription
from messaging.storage import keys
from messaging.storage.base import Delete, Insert, Operation, Row, Table, Tables, Upsert, Work


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A schedule row. `at` is when it was noted, `due` when it is to be executed, both UTC seconds.

    Its key is never used again, and what stands under a key never changes: there is no need of an ETag.
    """

    name: str
    mandateId: str
    subscriptionId: str
    at: float
    due: int

    @property
    def key(self) -> str:
        return keys.work_schedule(self.due, self.name)

    def columns(self) -> dict[str, str | float]:
        """What the row holds besides its key."""
        return {"mandateId": self.mandateId, "subscriptionId": self.subscriptionId, "at": self.at}


class Schedules:
    def __init__(self, tables: Tables, clock: Callable[[], float] = time.time) -> None:
        self._tables = tables
        self._clock = clock

    async def note(self, subscription: MessagingSubscription) -> str:
        """Write a new row for a subscription as it is going to be, and answer the row's name.

        "" where it has no schedule or is disabled: then nothing is written. The first due time is after now, so
        nothing is made up for the time before.
        """
        planned = timetable.of(subscription)
        if planned is None:
            return ""
        now = self._clock()
        about = (subscription.mandateId, subscription.subscriptionId, now, planned.after(now))
        row = Scheduled(uuid4().hex, *about)
        await self._tables.commit(Table.WORK, Work.SCHEDULE, [Upsert(row.key, row.columns())])
        return row.name

    async def due(self, now: float, limit: int, after: str = "") -> list[Scheduled]:
        """Rows that are due, the longest overdue first; `after` is the key where the list before ended."""
        first, last = keys.due_schedules(now)
        span = (keys.after(after) if after else first, last)
        return [_scheduled(row) for row in await self._tables.range(Table.WORK, Work.SCHEDULE, span, limit)]

    async def move(self, row: Scheduled, due: int) -> Scheduled:
        """Give a row its next due time. Raises Conflict if somebody else has moved it."""
        moved = replace(row, due=due)
        operations: list[Operation] = [Delete(row.key), Insert(moved.key, moved.columns())]
        await self._tables.commit(Table.WORK, Work.SCHEDULE, operations)
        return moved

    async def drop(self, row: Scheduled) -> None:
        """Take a row off the list. Raises Conflict if somebody else has moved it."""
        await self._tables.commit(Table.WORK, Work.SCHEDULE, [Delete(row.key)])


def _scheduled(row: Row) -> Scheduled:
    due, name = row.key.split("~")
    return Scheduled(name, row["mandateId"], row["subscriptionId"], row["at"], int(due))
