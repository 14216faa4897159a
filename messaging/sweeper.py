"""What was left lying: lost queue messages, stopped pages, executions that never committed, lists of the past.

A timer runs it. It looks at a bounded number of executions, goes on from where it stopped, and may run twice at
once: every move is under an ETag, and a queue message too many is acknowledged.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from messaging import batches as rows
from messaging import delivery
from messaging.acting import acting_for
from messaging.batches import Batches, StoredBatch
from messaging.errors import Conflict
from messaging.executions import Execution, Executions, Phase, never_begun
from messaging.ids import created_at
from messaging.messages import BatchMessage
from messaging.models import MandateId
from messaging.pages import Pages
from messaging.storage import keys
from messaging.storage.base import Delete, Row, Table, Tables, Upsert, Work
from messaging.worker import Worker

logger = logging.getLogger(__name__)

AT_A_TIME = 200
"""Executions that one run looks at."""

CURSOR = "cursor"

LONGEST_RUN = 600.0
"""Seconds that the host lets a function run (host.json): so long something overtaken may still store a batch."""


@dataclass(frozen=True, slots=True)
class Watched:
    """An execution on the sweeper's list: its row there, and whose it is."""

    row: Row
    mandateId: MandateId
    executionId: str


class Sweeper:
    def __init__(
        self, tables: Tables, pages: Pages, worker: Worker, after: float, clock: Callable[[], float] = time.time
    ) -> None:
        self._tables = tables
        self._executions = Executions(tables)
        self._batches = Batches(tables)
        self._pages = pages
        self._worker = worker
        self._after = after
        self._clock = clock

    async def sweep(self) -> int:
        """Look at the next executions of the list and answer how many there were."""
        cursor = await self._tables.get(Table.WORK, Work.SWEEP, CURSOR)
        first = cursor["key"] if cursor else ""
        span = (keys.after(first) if first else "0", "g")
        found = await self._tables.range(Table.WORK, Work.EXECUTION, span, AT_A_TIME)
        for row in found:
            executionId, mandateId = row.key.split("~", 1)
            watched = Watched(row, MandateId(mandateId), executionId)
            with acting_for(watched.mandateId):
                await self._look(watched)
        reached = found[-1].key if len(found) == AT_A_TIME else ""
        if reached != first:
            await self._tables.commit(Table.WORK, Work.SWEEP, [Upsert(CURSOR, {"key": reached})])
        return len(found)

    async def _look(self, watched: Watched) -> None:
        """Do what one execution needs; another's move in between is left to the next run."""
        execution = await self._executions.get(watched.mandateId, watched.executionId)
        try:
            if execution is None:
                await self._close_if_old(watched)
            elif execution.phase is Phase.PREPARING:
                await self._close_if_left(watched, execution)
            else:
                await self._go_on(watched, execution)
        except Conflict:
            logger.info("Execution %s moves by itself", watched.executionId)

    async def _close_if_old(self, watched: Watched) -> None:
        """A list entry whose execution was never stored: it is stored closed, so that it cannot begin any more."""
        if created_at(watched.executionId) + self._after < self._clock():
            await self._executions.begin(watched.mandateId, never_begun(watched.executionId, watched.row))
            await self._forget(watched)

    async def _close_if_left(self, watched: Watched, execution: Execution) -> None:
        """An execution whose preparer died before the commit point: nothing was sent, nothing will be."""
        if execution.leaseUntil > self._clock():
            return
        closed = replace(execution, phase=Phase.CLOSED, owner="", leaseUntil=0.0, nextAt=self._clock())
        await self._executions.save(watched.mandateId, closed)
        logger.warning("Execution %s was never accepted and is closed", execution.id)
        await self._go_on(watched, closed)

    async def _go_on(self, watched: Watched, execution: Execution) -> None:
        await self._wake_page(watched, execution)
        settled = execution.phase is Phase.STORED or (
            execution.phase is not Phase.ACCEPTED and execution.nextAt + LONGEST_RUN < self._clock()
        )
        async for stored in self._batches.unsettled(watched.mandateId, execution.id):
            settled = await self._wake_batch(watched, execution, stored) and settled
        if settled:
            await self._forget(watched)

    async def _wake_page(self, watched: Watched, execution: Execution) -> None:
        """A page that is due for long and that nobody holds has lost its queue message."""
        if execution.phase is Phase.ACCEPTED and self._is_lost(execution.nextAt, execution.leaseUntil):
            logger.warning("Page %s of execution %s is queued again", execution.page, execution.id)
            await self._pages.queue_page(watched.mandateId, execution)
            await self._executions.save(watched.mandateId, replace(execution, nextAt=self._clock()))

    async def _wake_batch(self, watched: Watched, execution: Execution, stored: StoredBatch) -> bool:
        """Queue or close a batch that needs it, and answer whether nothing is left to do in it."""
        batch = stored.batch
        if batch.page >= execution.page or execution.phase is Phase.CLOSED:
            if execution.phase is Phase.ACCEPTED:
                return False
            closed, outcomes = delivery.close(batch, "Not accepted: the execution ended before this was stored")
            await self._batches.move(watched.mandateId, stored, closed, outcomes)
            return True
        if self._is_lost(batch.nextAt, batch.leaseUntil):
            logger.warning("Batch %s is queued again", rows.batch_key(batch))
            message = BatchMessage(watched.mandateId, batch.executionId, batch.page, batch.number)
            await self._worker.enqueue(message, batch.channel)
            await self._batches.move(watched.mandateId, stored, replace(batch, nextAt=self._clock()), {})
        return False

    def _is_lost(self, nextAt: float, leaseUntil: float) -> bool:
        now = self._clock()
        return nextAt + self._after < now and leaseUntil < now

    async def _forget(self, watched: Watched) -> None:
        """Take an execution off the list, unless somebody has put it there again since."""
        entry = Delete(watched.row.key, watched.row.etag)
        await self._tables.commit(Table.WORK, Work.EXECUTION, [entry])
