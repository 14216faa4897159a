"""What an operator decides: what becomes of a message that may or may not have left, and when a pause ends.

Only an `unknown` delivery can be decided, and only an operator can. A decision is one transaction of the delivery
and its batch, like every other move, and it is possible while a worker sends other messages of the batch.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from messaging import delivery, ids
from messaging.access import Principal, Role
from messaging.audit import Audit
from messaging.batches import Batches, StoredBatch
from messaging.connectors.base import Connector
from messaging.delivery import Batch, Item, Outcome, State
from messaging.errors import Forbidden, InvalidInput, MessagingError, NotFound
from messaging.executions import Executions
from messaging.messages import BatchMessage
from messaging.models import MandateId, MessagingChannel
from messaging.pauses import Pauses
from messaging.storage import keys
from messaging.storage.base import Delete, Table, Tables, Work, repeated
from messaging.worker import Worker

logger = logging.getLogger(__name__)

MAX_REASON = 500


class Undecidable(MessagingError):
    """Only an unknown delivery can be decided."""


@dataclass(frozen=True, slots=True)
class Found:
    """A delivery with its batch, as they were read."""

    item: Item
    stored: StoredBatch
    errorMessage: str


class Operator:
    def __init__(
        self,
        tables: Tables,
        services: tuple[Pauses, Worker, Audit],
        connectors: Callable[[MessagingChannel], Connector],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._tables = tables
        self._executions = Executions(tables)
        self._batches = Batches(tables)
        self._pauses, self._worker, self._audit = services
        self._connectors = connectors
        self._clock = clock

    async def find(self, principal: Principal, deliveryId: str) -> Found:
        """A delivery with its batch. Raises NotFound, or Forbidden for all but Admins."""
        if principal.role is not Role.ADMIN:
            raise Forbidden
        key = keys.delivery(deliveryId)
        row = await self._tables.get(Table.LEDGER, principal.mandateId, key) if ids.is_id(deliveryId) else None
        stored = await self._batches.get(principal.mandateId, row["batch"]) if row else None
        if row is None or stored is None:
            raise NotFound("There is no such delivery")
        (item,) = (item for item in stored.batch.items if item.id == deliveryId)
        return Found(item, stored, row.get("errorMessage", ""))

    async def retry(self, principal: Principal, deliveryId: str) -> None:
        """Send an unknown message again; a provider that can tell is first asked whether the earlier one came.

        Raises NotFound, Undecidable if it is not unknown or its sender is paused, InvalidInput if its channel is
        not configured, Conflict if the batch moves too fast.
        """
        batch = (await self._unknown(principal, deliveryId)).stored.batch
        connector = self._connectors(batch.channel)
        pause = await self._pauses.get(batch.channel, connector.sender)
        if pause and pause.until > self._clock():
            # an old message, or one that must not wait, would end as failed without having been tried
            raise Undecidable(f"The sender of {batch.channel} is paused ({pause.reason}); retry when it is not")
        outcome = Outcome(State.QUEUED, f"Retried by {principal.userId}", ask=connector.canAsk)
        async with self._audit.act(principal, "delivery_retried", {"deliveryId": deliveryId}):
            await self._decide(principal, deliveryId, outcome)

    async def resolve(self, principal: Principal, deliveryId: str, state: State, reason: str = "") -> None:
        """Settle an unknown message as sent (now, without a provider's id) or as failed.

        Its errorMessage says who did it and why, and what it said before. Raises NotFound, Undecidable if it is
        not unknown, InvalidInput for another state or a reason that is not a line, Conflict.
        """
        if state not in (State.SENT, State.FAILED):
            raise InvalidInput("state", "must be sent or failed")
        if len(reason) > MAX_REASON or not reason.isprintable():
            raise InvalidInput("reason", f"must be one line of at most {MAX_REASON} characters")
        words = f"Resolved by {principal.userId}" + (f": {reason}" if reason else "")
        await self._unknown(principal, deliveryId)
        details = {"deliveryId": deliveryId, "state": state.value, "reason": reason}
        async with self._audit.act(principal, "delivery_resolved", details):
            await self._decide(principal, deliveryId, Outcome(state, words, at=self._clock()))

    async def end_pause(self, channel: MessagingChannel, sender: str, by: str) -> None:
        """Let a paused sender send again at once; if it is still blocked, it is paused anew. Raises NotFound."""

        async def move() -> None:
            pause = await self._pauses.get(channel, sender)
            if pause is None:
                raise NotFound("There is no pause of this sender")
            entry = Delete(keys.pause(channel.value, sender), pause.etag)
            await self._tables.commit(Table.WORK, Work.PAUSE, [entry])

        await repeated(move)
        logger.warning("Operator %s ended the pause of the sender of channel %s", by, channel.value)

    async def _unknown(self, principal: Principal, deliveryId: str) -> Found:
        found = await self.find(principal, deliveryId)
        if found.item.state is not State.UNKNOWN:
            raise Undecidable(f"The delivery is {found.item.state}; only an unknown one can be decided")
        return found

    async def _decide(self, principal: Principal, deliveryId: str, outcome: Outcome) -> None:
        mandateId = principal.mandateId
        found = await self._unknown(principal, deliveryId)
        execution = await self._executions.get(mandateId, found.stored.batch.executionId)
        if execution is None:
            raise NotFound("There is no such execution")
        await self._executions.watch(mandateId, execution)

        async def move() -> Batch:
            found = await self._unknown(principal, deliveryId)
            before = f" (before: {found.errorMessage})" if found.errorMessage else ""
            noted = replace(outcome, errorMessage=outcome.errorMessage + before)
            batch = delivery.decide(found.stored.batch, deliveryId, noted, self._clock())
            return (await self._batches.move(mandateId, found.stored, batch, {deliveryId: noted})).batch

        batch = await repeated(move)
        who = principal.userId
        logger.warning("Operator %s moved delivery %s from unknown to %s", who, deliveryId, outcome.state)
        await self._wake(mandateId, batch)

    async def _wake(self, mandateId: MandateId, batch: Batch) -> None:
        """Queue a batch that nobody holds: a worker whose claim met our move has acknowledged its message."""
        now = self._clock()
        if batch.is_open() and not batch.leased(now):
            message = BatchMessage(mandateId, batch.executionId, batch.page, batch.number)
            await self._worker.enqueue(message, batch.channel, max(0.0, batch.nextAt - now))
