"""One batch from its queue message to its end: claim, send a group, record, and again.

The queue carries ids only; the batch row is the lock. Whoever loses a claim or a record acknowledges: the winner
has the batch. Retries belong to the batch, not to the queue: a batch with deferred messages comes back when the
first of them is due.
"""

import asyncio
import logging
import random
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

from messaging import delivery, messages, retry
from messaging.batches import Batches, StoredBatch
from messaging.connectors.base import Connector, Message
from messaging.content import Content
from messaging.delivery import Batch, Item, Lease, Outcome, State
from messaging.errors import Conflict, ConnectorError, InvalidInput, SenderBlocked, StorageUnavailable
from messaging.messages import BatchMessage
from messaging.models import MessagingChannel
from messaging.pauses import Pause, Pauses
from messaging.retry import Attempt, Policy
from messaging.storage.base import Queues

logger = logging.getLogger(__name__)

UNCONFIGURED_WAIT = 300.0
"""Seconds until a batch is looked at again whose channel has lost its settings."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds: how long a claim holds, how long a provider may take, and when failed sends are repeated."""

    lease: float
    provider: float
    retries: Policy


@dataclass(frozen=True, slots=True)
class Claim:
    """A batch that is ours, and what the steps of its delivery share."""

    message: BatchMessage
    stored: StoredBatch
    lease: Lease
    connector: Connector
    probing: bool = False
    """The sender was paused, and our first message tries whether it still is."""
    contents: dict[str, Content | None] = field(default_factory=dict)
    blocked: list[SenderBlocked] = field(default_factory=list)
    """What the provider said of the sender while the group was sent."""


class Worker:
    def __init__(
        self,
        store: tuple[Batches, Pauses, Queues],
        connectors: Callable[[MessagingChannel], Connector],
        timing: Timing,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._batches, self._pauses, self._queues = store
        self._connectors = connectors
        self._timing = timing
        self._clock = clock
        self._slots: defaultdict[MessagingChannel, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(1))

    async def enqueue(self, message: BatchMessage, channel: MessagingChannel, delay: float = 0) -> None:
        await self._queues.put(messages.deliveries(channel), message.to_json(), delay)

    async def deliver(self, message: BatchMessage, channel: MessagingChannel) -> None:
        """Work on the batch until nothing in it is due; safe to call any number of times."""
        try:
            connector = self._connectors(channel)
        except InvalidInput:
            logger.error("Channel %s has lost its settings; execution %s waits", channel, message.executionId)
            await self.enqueue(message, channel, UNCONFIGURED_WAIT)
            return
        async with self._slot(connector):
            claim = await self._claim(message, connector)
            while claim and claim.stored.batch.group():
                claim = await self._record(claim, await self._send_group(claim))

    def _slot(self, connector: Connector) -> AbstractAsyncContextManager[Any]:
        """Where the provider cannot tell duplicates, one group at a time: a killed process leaves one unknown."""
        return nullcontext() if connector.canAsk else self._slots[connector.channel]

    async def _claim(self, message: BatchMessage, connector: Connector) -> Claim | None:
        """The batch under our lease, or None when there is nothing to do for us."""
        now = self._clock()
        stored = await self._batches.get(message.mandateId, message.key)
        if stored is None:
            logger.error("Batch %s does not exist; its message is dropped", message.key)
            return None
        batch = stored.batch
        if not batch.is_open() or batch.leased(now):
            return None
        if batch.nextAt > now:
            await self.enqueue(message, batch.channel, batch.nextAt - now)
            return None
        pause = await self._pauses.get(batch.channel, connector.sender)
        try:
            if pause and not await self._may_probe(batch, pause):
                await self._put_off(message, stored, pause)
                return None
            size = 1 if pause else connector.groupSize
            lease = Lease(uuid4().hex, self._timing.lease, size, connector.canAsk)
            claimed, decided = delivery.claim(batch, lease, now)
            stored = await self._batches.move(message.mandateId, stored, claimed, decided)
        except Conflict:
            return None
        return await self._go_on(Claim(message, stored, lease, connector, probing=bool(pause)))

    async def _may_probe(self, batch: Batch, pause: Pause) -> bool:
        """Whether this batch tries if a paused sender is served again: its pause is over and nobody else does."""
        if pause.until > self._clock():
            return False
        return await self._pauses.take_probe(pause, 2 * self._timing.provider)

    async def _put_off(self, message: BatchMessage, stored: StoredBatch, pause: Pause) -> None:
        """Let a batch wait for its paused sender, spread a little; or end it if it has waited too long."""
        batch, now = stored.batch, self._clock()
        outcomes: dict[str, Outcome] = {}
        if batch.once or now >= batch.creationDate + self._timing.retries.giveUp:
            batch, outcomes = delivery.expire(batch, f"The sender is blocked: {pause.reason}")
        until = max(pause.until, pause.probeUntil, now + 1) + random.uniform(0, self._timing.provider)  # noqa: S311
        batch = replace(batch, nextAt=min(until, max(now + 1, batch.creationDate + self._timing.retries.giveUp)))
        stored = await self._batches.move(message.mandateId, stored, batch, outcomes)
        if stored.batch.is_open():
            await self.enqueue(message, batch.channel, batch.nextAt - now)

    async def _record(self, claim: Claim, outcomes: dict[str, Outcome]) -> Claim | None:
        """Write what became of the group, for as long as the lease holds and the group is still ours.

        An outage of storage is waited for: the outcomes exist nowhere else. None when another has the batch.
        """
        while True:
            batch = claim.stored.batch
            try:
                claim, recorded, outcomes = await self._recorded(claim, outcomes)
                stored = await self._batches.move(claim.message.mandateId, claim.stored, recorded, outcomes)
                break
            except Conflict:
                fresh = await self._batches.get(claim.message.mandateId, claim.message.key)
                if fresh is None or (fresh.batch.owner, fresh.batch.group()) != (batch.owner, batch.group()):
                    logger.warning("Batch %s was taken over; its group's outcomes are dropped", claim.message.key)
                    return None
                claim = replace(claim, stored=fresh)
            except StorageUnavailable:
                if self._clock() > batch.leaseUntil:
                    raise
                await asyncio.sleep(1)
        return await self._go_on(replace(claim, stored=stored, blocked=[]))

    async def _recorded(
        self, claim: Claim, outcomes: dict[str, Outcome]
    ) -> tuple[Claim, Batch, dict[str, Outcome]]:
        """The batch as it goes on after a group: with the next one, or waiting where the sender is blocked."""
        batch, connector, now = claim.stored.batch, claim.connector, self._clock()
        if claim.blocked:
            worst = max(claim.blocked, key=lambda error: error.retryAfter or 0)
            paused = await self._pauses.block(batch.channel, connector.sender, worst)
            until = min(paused, max(now, batch.creationDate + self._timing.retries.giveUp))
            outcomes = {id: _not_before(outcome, until) for id, outcome in outcomes.items()}
            return claim, delivery.wait(batch, outcomes, until), outcomes
        if claim.probing:
            if not any(outcome.state in (State.SENT, State.FAILED) for outcome in outcomes.values()):
                return claim, delivery.wait(batch, outcomes, now + 2 * self._timing.provider), outcomes
            await self._pauses.end(batch.channel, connector.sender)
            claim = replace(claim, probing=False, lease=replace(claim.lease, groupSize=connector.groupSize))
        return claim, delivery.record(batch, outcomes, claim.lease, now), outcomes

    async def _go_on(self, claim: Claim) -> Claim:
        """A batch that is released until a later time has a queue message for it."""
        batch = claim.stored.batch
        if not batch.group() and batch.is_open():
            await self.enqueue(claim.message, batch.channel, batch.nextAt - self._clock())
        return claim

    async def _send_group(self, claim: Claim) -> dict[str, Outcome]:
        group = claim.stored.batch.group()
        await self._load_contents(claim, group)
        outcomes = await asyncio.gather(*(self._deliver(claim, item) for item in group))
        return {item.id: outcome for item, outcome in zip(group, outcomes, strict=True)}

    async def _load_contents(self, claim: Claim, group: tuple[Item, ...]) -> None:
        missing = list({item.content for item in group} - claim.contents.keys())
        where = (claim.message.mandateId, claim.message.executionId)
        read = await asyncio.gather(*(self._batches.content(*where, digest) for digest in missing))
        claim.contents.update(zip(missing, read, strict=True))

    async def _deliver(self, claim: Claim, item: Item) -> Outcome:
        """Send one message, or first ask for it where an earlier send may have arrived."""
        content = claim.contents[item.content]
        if content is None:
            return Outcome(State.FAILED, "The message's content is missing")
        asking = item.ask
        try:
            if asking:
                found = await claim.connector.look_up(item.id)
                if found is not None:
                    return Outcome(State.SENT, providerMessageId=found, at=self._clock())
                asking = False
            if claim.stored.batch.leaseUntil - self._clock() < self._timing.provider:
                return _not_begun(item, self._clock())
            sent = await claim.connector.send(Message(item.id, item.recipient, content))
        except ConnectorError as error:
            return self._failed(claim, item, error, asking)
        return Outcome(
            State.SENT,
            providerMessageId=sent.providerMessageId,
            segments=sent.segments,
            at=self._clock(),
            resent=item.ask,
        )

    def _failed(self, claim: Claim, item: Item, error: ConnectorError, asking: bool) -> Outcome:
        batch, retries = claim.stored.batch, self._timing.retries
        if isinstance(error, SenderBlocked):
            claim.blocked.append(error)
        if batch.once:
            retries = replace(retries, giveUp=0)
        attempt = Attempt(item.attempts, batch.creationDate, self._clock(), claim.connector.canAsk, asking)
        outcome = retry.decide(error, attempt, retries, random.random())  # noqa: S311 - jitter
        logger.warning("Delivery %s: %s, now %s", item.id, error.code or type(error).__name__, outcome.state)
        waits = outcome.state is State.DEFERRED  # what was in doubt once is asked for before each further send
        return replace(outcome, resent=item.ask and not asking, ask=outcome.ask or (item.ask and waits))


def _not_begun(item: Item, now: float) -> Outcome:
    """The send was not begun; where the provider is to be asked first, it still is."""
    return Outcome(State.DEFERRED, at=now, ask=True) if item.ask else Outcome(State.QUEUED)


def _not_before(outcome: Outcome, until: float) -> Outcome:
    return replace(outcome, at=until) if outcome.state is State.DEFERRED else outcome
