"""Preparing an execution page by page: call the function, store what it sends, commit, queue.

    function -> contents -> batches -> execution row under its ETag (the commit point) -> queue messages

Before the commit point nothing is sent; after it everything is, even if a queue message is lost. A page's bounds
are fixed with its first claim, so running it again prepares the same deliveries and stores only the missing ones.
"""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from uuid import uuid4

from messaging import batches as rows
from messaging import delivery, functions, messages
from messaging.batches import EVENT, Batches
from messaging.delivery import Batch, Prepared
from messaging.errors import (
    Conflict,
    StorageUnavailable,
    SubscriptionFunctionBroken,
    SubscriptionFunctionNotFound,
)
from messaging.executions import Execution, Executions, Phase, Result
from messaging.functions import FunctionFailed, Functions
from messaging.messages import BatchMessage, PageMessage
from messaging.models import MandateId, MessagingEventParameters, MessagingSubscriptionRegistration
from messaging.outbox import Channels, Outbox
from messaging.registrations import Registrations
from messaging.storage import keys
from messaging.storage.base import Queues, repeated, together

logger = logging.getLogger(__name__)

Active = list[MessagingSubscriptionRegistration]

PAGE = 1000
"""Registrations a page: what a function is given at a time."""

ALL = 1_000_000
"""More than a page's bounds ever hold: what came in between them since they were fixed belongs to the page."""

MAX_OPEN = 21
"""Open batches of an execution beyond which its next page waits, so that it does not hold up smaller ones.

About one page's: then at most those of two pages are ever in the queue (docs/decisions/0002-open-batches.md).
"""

LOOKS = (0.2,) * 5
"""Seconds between the looks of such a page, in which nothing is held, so that it begins when there is room."""

WAIT = 1
"""Seconds until it looks again after that: the fewest for which a queue hides a message."""

MAX_TAKEOVERS = 10
"""Workers that may die over a page until its execution is ended."""


@dataclass(frozen=True, slots=True)
class Store:
    """The rows and queues that pages are prepared from and into."""

    executions: Executions
    batches: Batches
    registrations: Registrations
    queues: Queues


class Pages:
    def __init__(
        self,
        store: Store,
        functions: Functions,
        channels: Channels,
        lease: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._functions = functions
        self._channels = channels
        self._lease = lease
        self._clock = clock

    def lease(self) -> tuple[str, float]:
        """A token, and the end of a lease that covers a function's time and the storing of what it sent."""
        return uuid4().hex, self._clock() + 2 * self._lease

    async def read(
        self, mandateId: MandateId, subscriptionUuid: str, first: str = "", last: str = ""
    ) -> tuple[keys.Span, Active]:
        """The bounds of a page, and the active registrations in it; without `last` they are not yet fixed."""
        start, end = keys.registrations(subscriptionUuid)
        bounds = first or start, last or end
        found = await self._store.registrations.within(mandateId, bounds, ALL if last else PAGE + 1)
        if not last and len(found) > PAGE:
            bounds, found = (bounds[0], found[PAGE][0]), found[:PAGE]
        return bounds, [registration for _, registration in found if registration.enabled]

    async def queue_page(self, mandateId: MandateId, execution: Execution, delay: float = 0) -> None:
        message = PageMessage(mandateId, execution.id, execution.page)
        await self._store.queues.put(messages.EXECUTIONS, message.to_json(), delay)

    async def prepare(self, message: PageMessage) -> None:
        """Prepare the page that a queue message names, if it is due and nobody else has it."""
        mandateId, now = message.mandateId, self._clock()
        execution = await self._due(message, now)
        if execution is None:
            return
        first, last = execution.first, execution.last
        bounds, active = await self.read(mandateId, execution.subscriptionUuid, first, last)
        try:
            claimed = await self._claim(mandateId, replace(execution, last=bounds[1]))
        except Conflict:
            return
        if claimed.takeovers > MAX_TAKEOVERS:
            lost = f"Given up: {MAX_TAKEOVERS} workers in a row were lost over page {message.page}"
            await self._end(mandateId, claimed, lost)
            return
        text = await self._store.batches.text(mandateId, execution.id, EVENT)
        await self.run(mandateId, claimed, MessagingEventParameters(triggerData=json.loads(text or "{}")), active)

    async def run(
        self, mandateId: MandateId, execution: Execution, event: MessagingEventParameters, active: Active
    ) -> Execution:
        """Call the function for a page that is ours, store what it sends, commit and queue.

        A function that raises drops what it sent for this page and ends the execution; earlier pages stand.
        Raises Conflict if the execution was taken from us before the commit point, StorageUnavailable.
        """
        outbox = Outbox(execution.id, active, self._channels)
        result = Result(success=True)
        try:
            if active:
                function = await self._functions.load(execution.subscriptionId)
                result = await functions.call(function, (event, active, outbox), self._lease)
        except (SubscriptionFunctionNotFound, SubscriptionFunctionBroken, FunctionFailed) as error:
            logger.error("Execution %s of %s ends", execution.id, execution.subscriptionId, exc_info=error)
            return await self._end(mandateId, execution, str(error))
        finally:
            outbox.close()
        await self._store.batches.put_contents(mandateId, execution.id, outbox.contents())
        stored = await self._store_messages(mandateId, execution, outbox.messages)
        moved = await self._commit(mandateId, execution, result)
        await self._queue(mandateId, moved, stored)
        return moved

    async def _due(self, message: PageMessage, now: float) -> Execution | None:
        """The execution; None if its page is done, another's, or waits (then it is put back)."""
        mandateId = message.mandateId
        execution = await self._store.executions.get(mandateId, message.executionId)
        if execution is None or execution.phase is not Phase.ACCEPTED or execution.page != message.page:
            return None
        if execution.owner and now < execution.leaseUntil:
            return None
        for pause in (0.0, *LOOKS):
            await asyncio.sleep(pause)
            since = (execution.id, execution.openFrom)
            busy, unsettled = await self._store.batches.open(mandateId, since, self._clock())
            if busy <= MAX_OPEN:
                return replace(execution, openFrom=unsettled or execution.page)
        await self.queue_page(mandateId, execution, WAIT)
        return None

    async def _claim(self, mandateId: MandateId, execution: Execution) -> Execution:
        """The execution under our lease, with the bounds of its page. Raises Conflict if another has it."""
        owner, leaseUntil = self.lease()
        takeovers = execution.takeovers + bool(execution.owner)
        claimed = replace(execution, owner=owner, leaseUntil=leaseUntil, takeovers=takeovers)
        return await self._store.executions.save(mandateId, claimed)

    async def _store_messages(
        self, mandateId: MandateId, execution: Execution, sent: Sequence[Prepared]
    ) -> list[Batch]:
        """The page's batches: those of an earlier run, and new ones for the messages that are missing."""

        async def move() -> list[Batch]:
            read = await self._store.batches.of_page(mandateId, execution.id, execution.page)
            stored = [found.batch for found in read]
            known = {item.id for batch in stored for item in batch.items}
            missing = [message for message in sent if message.deliveryId not in known]
            # batches are inserted side by side, so a dead run may have left the second without the first
            number = max((batch.number for batch in stored), default=-1) + 1
            new = rows.split(missing, (execution.id, execution.page), number, self._clock())
            await together(self._store.batches.insert(mandateId, batch) for batch in new)
            return [*stored, *(batch.batch for batch in new)]

        return await repeated(move)

    async def _commit(self, mandateId: MandateId, execution: Execution, result: Result) -> Execution:
        """The commit point: this page is accepted, and the next one, if any, begins where it ends."""
        moved = replace(_released(execution, merged(execution, result)), page=execution.page + 1)
        if execution.last == keys.registrations(execution.subscriptionUuid)[1]:
            moved = replace(moved, phase=Phase.STORED)
        else:
            moved = replace(moved, phase=Phase.ACCEPTED, first=execution.last, last="", nextAt=self._clock())
        return await self._store.executions.save(mandateId, moved)

    async def _queue(self, mandateId: MandateId, execution: Execution, stored: Sequence[Batch]) -> None:
        """Queue what is now accepted. It is stored, so an outage here loses nothing: the sweeper queues it."""
        try:
            await together(self._queue_batch(mandateId, batch) for batch in stored)
            if execution.phase is Phase.ACCEPTED:
                await self.queue_page(mandateId, execution)
        except StorageUnavailable:
            logger.warning("Execution %s is accepted but not yet queued; the sweeper will do it", execution.id)

    async def _queue_batch(self, mandateId: MandateId, batch: Batch) -> None:
        message = BatchMessage(mandateId, batch.executionId, batch.page, batch.number)
        await self._store.queues.put(messages.deliveries(batch.channel), message.to_json())

    async def _end(self, mandateId: MandateId, execution: Execution, reason: str) -> Execution:
        """End the execution without its current page: the row first, then what an earlier run stored of it."""
        failed = Result(success=False, errorMessage=reason)
        ended = replace(_released(execution, merged(execution, failed)), phase=Phase.ENDED, nextAt=self._clock())
        saved = await self._store.executions.save(mandateId, ended)
        for read in await self._store.batches.of_page(mandateId, execution.id, execution.page):
            closed, outcomes = delivery.close(read.batch, "Not accepted: the execution ended before this page")
            await self._store.batches.move(mandateId, read, closed, outcomes)
        return saved


def merged(execution: Execution, result: Result) -> Result:
    """An execution's result over its pages: success of all, the sum, the first error, the fields of page one."""
    if execution.page == 1:
        return result
    before = execution.result
    return before.model_copy(
        update={
            "success": before.success and result.success,
            "messagesSent": before.messagesSent + result.messagesSent,
            "errorMessage": before.errorMessage or result.errorMessage,
        }
    )


def _released(execution: Execution, result: Result) -> Execution:
    return replace(execution, result=result, owner="", leaseUntil=0.0, takeovers=0)
