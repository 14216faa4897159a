"""The tick: executes the subscriptions whose schedule is due, each due time once.

A timer runs it every minute. The subscription's UUID and the due time are the execution's key, and the row moves
on only after the execution is stored. So a tick that dies is repeated, and two ticks at once are one.
"""

import logging
import time
from collections.abc import Callable
from itertools import batched

from messaging import identity, timetable
from messaging.access import Principal
from messaging.acting import act_for, acting_for
from messaging.errors import (
    Conflict,
    StorageUnavailable,
    SubscriptionFunctionBroken,
    SubscriptionFunctionNotFound,
    SubscriptionNotFound,
)
from messaging.models import MessagingEventParameters, MessagingSubscription, TriggerKind
from messaging.registry import Registry
from messaging.schedules import Scheduled, Schedules
from messaging.service import MessagingService, Trigger
from messaging.storage.base import together
from messaging.sweeper import LONGEST_RUN

logger = logging.getLogger(__name__)

LATE = 120.0
"""Seconds that a due time may be late and is still executed; after a longer pause only the latest one is."""

LONGEST_TICK = 45.0
"""Seconds after which a tick takes up nothing more; the next one goes on."""

LISTED = 500
"""Rows that are read at once, and how many are executed at the same time."""
AT_ONCE = 25


class Ticker:
    def __init__(
        self,
        schedules: Schedules,
        registry: Registry,
        service: MessagingService,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._schedules = schedules
        self._registry = registry
        self._service = service
        self._clock = clock

    async def tick(self) -> int:
        """Execute what is due now, and answer how many rows there were. One that fails holds up no other."""
        now, seen, last = self._clock(), 0, ""
        while rows := await self._schedules.due(now, LISTED, last):
            for some in batched(rows, AT_ONCE, strict=False):
                if self._clock() > now + LONGEST_TICK:
                    logger.warning("The tick ends after %.0f s; the next one goes on", LONGEST_TICK)
                    return seen
                await together(self._look(row, now) for row in some)
                seen += len(some)
            last = rows[-1].key
        return seen

    async def _look(self, row: Scheduled, now: float) -> None:
        """Do what one row needs. Whatever fails here is logged, and the row is still there for the next tick."""
        with acting_for(None):
            try:
                await self._run(row, now)
            except Conflict:
                logger.info("Another tick has moved the schedule of %s in %s", row.subscriptionId, row.mandateId)
            except StorageUnavailable as error:
                logger.warning("Mandate %s, schedule of %s: %s", row.mandateId, row.subscriptionId, error)
            except Exception:
                logger.exception("Mandate %s, schedule of %s: failed", row.mandateId, row.subscriptionId)

    async def _run(self, row: Scheduled, now: float) -> None:
        principal = identity.machine(row.mandateId, "schedule")
        act_for(principal.mandateId)
        subscription = await self._registry.find(principal.mandateId, row.subscriptionId)
        planned = timetable.of(subscription) if subscription else None
        if subscription is None or planned is None or subscription.scheduleRow != row.name:
            if row.at + LONGEST_RUN < now:  # else the subscription may be about to name it
                await self._schedules.drop(row)
            return
        while row.due <= now:
            due = row.due if now - row.due <= LATE else max(row.due, planned.latest(now))
            await self._execute(principal, subscription, due)
            row = await self._schedules.move(row, planned.after(due))

    async def _execute(self, principal: Principal, subscription: MessagingSubscription, due: int) -> None:
        """Execute a subscription for a due time; where nothing can be sent, the log says why."""
        # A line feed is in no key that a header brings.
        trigger = Trigger(principal, TriggerKind.SCHEDULE, f"{subscription.id}\n{due}", background=True)
        event = MessagingEventParameters(triggerData={"scheduledFor": float(due)})
        try:
            await self._service.executeSubscription(subscription.subscriptionId, event, trigger)
        except (SubscriptionNotFound, SubscriptionFunctionNotFound, SubscriptionFunctionBroken) as error:
            which = (principal.mandateId, subscription.subscriptionId, due)
            logger.warning("Mandate %s, schedule of %s, due %s: %s; nothing is sent", *which, error)
