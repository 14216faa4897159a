"""Deleted subscriptions: the rows of their registrations go in the background, however many there are.

The subscription is gone at once, and re-creating it starts empty, since registrations are kept by its UUID.
The history of deliveries stays. The sweeper's timer calls `go_on`; it is bounded, and may run twice at once.
"""

import time
from collections.abc import Callable, Sequence

from messaging.errors import Conflict
from messaging.models import MandateId
from messaging.registrations import rows_to_remove
from messaging.storage import keys
from messaging.storage.base import Delete, Row, Table, Tables, Upsert, Work, together
from messaging.sweeper import LONGEST_RUN

AT_A_TIME = 30_000
"""Registrations that one run deletes; and how many are read at once, and deleted in one transaction."""
PAGE = 990
IN_TRANSACTION = 33

LISTED = 200
"""Deletions that one run looks at."""


class Deletions:
    def __init__(self, tables: Tables, clock: Callable[[], float] = time.time) -> None:
        self._tables = tables
        self._clock = clock

    async def note(self, mandateId: MandateId, subscriptionUuid: str) -> None:
        """Put a subscription on the list, before it is deleted."""
        row = Upsert(keys.work_deletion(mandateId, subscriptionUuid), {"at": self._clock()})
        await self._tables.commit(Table.WORK, Work.DELETION, [row])

    async def go_on(self) -> int:
        """Delete registrations of deleted subscriptions, and answer how many."""
        left = AT_A_TIME
        for row in await self._tables.range(Table.WORK, Work.DELETION, ("0", "g"), LISTED):
            subscriptionUuid, mandateId = row.key.split("~", 1)
            there = await self._tables.get(Table.REGISTRY, MandateId(mandateId), keys.pointer(subscriptionUuid))
            gone = 0 if there else await self._empty(MandateId(mandateId), subscriptionUuid, left)
            left -= gone
            if left <= 0:
                break
            if not gone and row["at"] + LONGEST_RUN < self._clock():
                await self._forget(row)  # a call that had found the subscription cannot register any more
        return AT_A_TIME - left

    async def _empty(self, mandateId: MandateId, subscriptionUuid: str, most: int) -> int:
        """Delete at most about `most` registrations of a subscription; answer how many."""
        gone = 0
        while gone < most:
            rows = await self._tables.range(Table.REGISTRY, mandateId, keys.registrations(subscriptionUuid), PAGE)
            parts = [rows[i : i + IN_TRANSACTION] for i in range(0, len(rows), IN_TRANSACTION)]
            await together(self._remove(mandateId, part) for part in parts)
            gone += len(rows)
            if len(rows) < PAGE:
                break
        return gone

    async def _remove(self, mandateId: MandateId, rows: Sequence[Row]) -> None:
        """Delete some registrations in one transaction; one by one if somebody is at one of them."""
        operations: list[Delete] = [operation for row in rows for operation in rows_to_remove(row)]
        try:
            await self._tables.commit(Table.REGISTRY, mandateId, operations)
        except Conflict:
            if len(rows) > 1:
                for row in rows:
                    await self._remove(mandateId, [row])

    async def _forget(self, row: Row) -> None:
        try:
            await self._tables.commit(Table.WORK, Work.DELETION, [Delete(row.key, row.etag)])
        except Conflict:  # another run did it, or the subscription was noted again
            return
