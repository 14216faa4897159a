"""Keeping what is logged as an error: a handler of the root logger, a bounded queue, a writer on the event loop.

Logging stays what it was: the handler never waits, never fails and never logs. It keeps what the writer has not
written yet; what does not fit is dropped and counted. What the writer itself causes to be logged is not kept, or
an outage of storage would feed itself. A killed process loses what it logged in its last seconds; the host's own
log has it.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar

from messaging import acting
from messaging.errorjournal import AT_ONCE, NOBODY, ErrorBatch, ErrorJournal
from messaging.errorrecords import ErrorRecord, from_log
from messaging.errors import StorageUnavailable
from messaging.models import MANDATE_ID, MandateId
from messaging.windows import Windows

MOST_WAITING = 1000
"""Errors in memory that are not written yet."""

SECONDS = 2.0
"""How long errors are collected until they are written."""

SECONDS_AFTER_OUTAGE = 30.0

DROPPED = "Errors were not kept: more came than could be written, or they could not be formatted"

_busy: ContextVar[bool] = ContextVar("busy", default=False)
"""Whether what is logged now is caused by us."""


class ErrorLog:
    def __init__(self, journal: ErrorJournal, windows: Windows, clock: Callable[[], float] = time.time) -> None:
        self._journal = journal
        self._windows = windows
        self._clock = clock
        self._handler = _Handler(self.take)
        self._waiting: deque[tuple[MandateId, ErrorRecord]] = deque()
        self._dropped = 0
        self._batches: list[ErrorBatch] = []
        """What is being written; it stays here until it is."""
        self._noted: set[MandateId] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._flushing = asyncio.Lock()

    def attach(self) -> None:
        """Keep what this process logs as an error, whoever logs it. Attaching again changes nothing."""
        logging.getLogger().addHandler(self._handler)

    def start(self) -> None:
        """Write from the running event loop, also what other threads log; without one, what is logged waits."""
        with suppress(RuntimeError):
            self._loop = asyncio.get_running_loop()

    def take(self, record: logging.LogRecord) -> None:
        """Called by the handler, from any thread, one at a time. What the record itself logs is not kept."""
        if _busy.get():
            return
        token = _busy.set(True)
        try:
            if len(self._waiting) >= MOST_WAITING:
                self._dropped += 1
            else:
                self._waiting.append((_whose(), from_log(record, self._clock())))
        except Exception:  # its arguments are somebody else's and may raise anything
            self._dropped += 1
        finally:
            _busy.reset(token)
        self._wake()

    async def flush(self) -> bool:
        """Write what waits now, and answer whether all of it could be; if storage is not reached, it waits on."""
        async with self._flushing:
            token, refused = _busy.set(True), 0
            try:
                while self._batches or self._waiting or self._dropped:
                    self._batches = self._batches or self._next()
                    refused += await self._write(self._batches[-1])
                    self._batches.pop()
            except StorageUnavailable:
                return False
            finally:
                self._dropped += refused
                _busy.reset(token)
            return not refused

    async def close(self) -> None:
        """Keep nothing more, and write what waits, if storage can be reached."""
        logging.getLogger().removeHandler(self._handler)
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self.flush()

    def _wake(self) -> None:
        """See to it that a writer runs."""
        self.start()
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: the process ends
                self._loop.call_soon_threadsafe(self._ensure_writer)

    def _ensure_writer(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())

    async def _work(self) -> None:
        """Write until nothing waits any more."""
        _busy.set(True)
        seconds = SECONDS
        while self._waiting or self._batches or self._dropped:
            await asyncio.sleep(seconds)
            seconds = SECONDS if await self.flush() else SECONDS_AFTER_OUTAGE

    def _next(self) -> list[ErrorBatch]:
        """Take the next errors, and the word of dropped ones, as a batch for each mandate."""
        taken = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
        if self._dropped and len(taken) < AT_ONCE:
            dropped, self._dropped = self._dropped, 0
            word = ErrorRecord(self._clock(), "ERROR", __name__, DROPPED, shape=DROPPED, count=dropped)
            taken.append((NOBODY, word))
        batches: dict[MandateId, ErrorBatch] = {}
        for mandateId, record in taken:
            batch = batches.setdefault(mandateId, ErrorBatch(mandateId, [], self._clock()))
            batch.records.append(record)
        return list(batches.values())

    async def _write(self, batch: ErrorBatch) -> int:
        """Store a batch, and answer how many of its errors storage refuses: they must not stop the others."""
        try:
            if batch.mandateId not in self._noted:
                await self._windows.note(batch.mandateId)
                self._noted.add(batch.mandateId)
            await self._journal.write(batch)
        except StorageUnavailable:
            raise
        except Exception:
            return sum(record.count for record in batch.records)
        return 0


class _Handler(logging.Handler):
    def __init__(self, take: Callable[[logging.LogRecord], None]) -> None:
        super().__init__(logging.ERROR)
        self._take = take

    def emit(self, record: logging.LogRecord) -> None:
        self._take(record)


def _whose() -> MandateId:
    """The mandate for which we act. A queue message may name one that cannot exist."""
    mandateId = acting.mandate()
    return mandateId if mandateId and MANDATE_ID.fullmatch(mandateId) else NOBODY
