"""The error digest: what was logged as an error since the last one executes `SystemErrors`.

    window stored -> errors collected -> execution stored under the window's key -> watermark moved

A crash anywhere ends in the same window and the same execution; an error written later is in the next window.
Source: concept, "Scheduled Job (System Errors)".
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import Any

from messaging import identity
from messaging.acting import acting_for
from messaging.errorjournal import NOBODY, ErrorJournal, ErrorSource
from messaging.errors import (
    InProgress,
    StorageError,
    StorageUnavailable,
    SubscriptionFunctionNotFound,
    SubscriptionNotFound,
)
from messaging.grouping import Grouping
from messaging.models import MandateId, MessagingEventParameters, TriggerKind
from messaging.service import MessagingService, Trigger
from messaging.windows import Window, Windows

logger = logging.getLogger(__name__)

SUBSCRIPTION = "SystemErrors"

RETENTION = 30 * 24 * 3600.0
"""Seconds for which an error is kept after it was written."""

AT_ONCE = 4
"""Mandates whose digests are made at the same time."""

WAITS = (30.0, 90.0, 300.0)
"""Seconds until a run comes back to what failed; all together less than the ten minutes that it may take."""


class Digest:
    def __init__(
        self,
        reading: tuple[ErrorSource, ErrorJournal, Windows],
        service: MessagingService,
        systemMandate: MandateId | None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._source, self._journal, self._windows = reading
        self._service = service
        self._system = systemMandate
        self._clock = clock
        self._told = False

    async def run(self, waits: Sequence[float] = WAITS) -> None:
        """Report every mandate's errors to its `SystemErrors`, those of nobody to the system mandate's.

        What fails keeps its window and is tried again after each wait, at last by the next run.
        """
        left: list[MandateId] | None = None
        for wait in (0.0, *waits):
            await asyncio.sleep(wait)
            left = await self._round(left)
            if left == []:
                return
        logger.error("The error digest of %s waits for its next run", f"{len(left)} mandates" if left else "all")

    async def _round(self, mandates: list[MandateId] | None) -> list[MandateId] | None:
        """Look after these mandates, or all; answer those that are left to do, None for all."""
        try:
            todo = await self._windows.mandates() if mandates is None else mandates
        except StorageUnavailable:
            logger.warning("The error digest cannot read which mandates there are")
            return None
        left: list[MandateId] = []
        for at in range(0, len(todo), AT_ONCE):
            some = todo[at : at + AT_ONCE]
            done = await asyncio.gather(*map(self._look_after, some))
            left += [mandateId for mandateId, ok in zip(some, done, strict=True) if not ok]
        return left

    async def _look_after(self, mandateId: MandateId) -> bool:
        """A mandate's digest, and the end of its old errors; whatever fails here must not stop other mandates."""
        recipient = self._recipient(mandateId)
        with acting_for(recipient):
            try:
                while recipient and await self._report(mandateId, recipient):
                    pass
                await self._journal.forget(mandateId, self._clock() - RETENTION)
            except (StorageError, InProgress) as error:
                logger.warning("The error digest of %s is not done: %s", mandateId, error)
                return False
            except Exception:
                logger.exception("The error digest of %s failed", mandateId)
                return False
        return True

    def _recipient(self, mandateId: MandateId) -> MandateId | None:
        """Who hears of a mandate's errors."""
        if mandateId != NOBODY or self._system:
            return self._system if mandateId == NOBODY else mandateId
        if not self._told:
            self._told = True
            logger.warning("MESSAGING_SYSTEM_MANDATE is not set: errors of no mandate are reported to nobody")
        return None

    async def _report(self, mandateId: MandateId, recipient: MandateId) -> bool:
        """Report one window, and answer whether there was one with errors."""
        window = await self._windows.next(mandateId)
        if not window.stored and (window.last <= window.first or not await self._has_errors(window)):
            return False
        window = await self._windows.store(window)
        grouping = Grouping()
        async for record in self._source.errors(mandateId, window.first, window.last):
            grouping.add(record)
        errors = grouping.entries()
        if errors:
            await self._execute(window, recipient, errors)
        await self._windows.close(window)
        return True

    async def _has_errors(self, window: Window) -> bool:
        async with aclosing(self._source.errors(window.mandateId, window.first, window.last)) as errors:
            return await anext(errors, None) is not None

    async def _execute(self, window: Window, recipient: MandateId, errors: list[dict[str, Any]]) -> None:
        """Execute `SystemErrors` once for the window; a mandate that has none, or no function, hears nothing."""
        key = f"{window.mandateId}\n{window.first:.0f}\n{window.last:.0f}"  # no key of a caller has a line feed
        trigger = Trigger(identity.machine(recipient, "digest"), TriggerKind.SCHEDULE, key)
        event = MessagingEventParameters(triggerData={"errors": errors, "timestamp": self._clock()})
        try:
            await self._service.executeSubscription(SUBSCRIPTION, event, trigger)
        except (SubscriptionNotFound, SubscriptionFunctionNotFound) as error:
            logger.info("Mandate %s: %s; its errors are reported to nobody", recipient, error)
