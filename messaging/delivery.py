"""What a message can go through, and how a batch of them moves. Pure: no I/O, no clock, no chance.

    queued ──> sending ──> sent       the provider took it
       │          ├──────> failed     errorMessage says why
       │          ├──────> deferred   tried again at retryAt
       │          ├──────> unknown    it may or may not have left; never silently sent again
       │          └──────> queued     the send was not begun
       └──────> failed                given up, or its execution was never accepted

A batch is up to 48 deliveries of one channel. Its row is their lock and their ledger: a worker claims it for a
lease, which marks the first group as sending; each record of a group's outcomes marks the next group.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from messaging.models import DeliveryStatus, MessagingChannel, MessagingSubscriptionRegistration

MAX_BATCH = 48
"""Deliveries a batch: stored with their pointers and the batch row they fit into one transaction of 100."""

MAX_TAKEOVERS = 10
"""Workers that may die over a batch, without any of them recording something, until it is given up."""


class State(StrEnum):
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    DEFERRED = "deferred"
    UNKNOWN = "unknown"


MOVES: dict[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.SENDING, State.FAILED, State.UNKNOWN}),  # unknown: queued again by an operator
    State.SENDING: frozenset({State.SENT, State.FAILED, State.DEFERRED, State.UNKNOWN, State.QUEUED}),
    State.DEFERRED: frozenset({State.SENDING, State.FAILED, State.UNKNOWN}),
    State.UNKNOWN: frozenset({State.QUEUED, State.SENT, State.FAILED}),  # by an operator only
    State.SENT: frozenset(),
    State.FAILED: frozenset(),
}

STATUS: dict[State, DeliveryStatus] = {
    State.SENT: DeliveryStatus.SENT,
    State.FAILED: DeliveryStatus.FAILED,
    State.QUEUED: DeliveryStatus.PENDING,
    State.SENDING: DeliveryStatus.PENDING,
    State.DEFERRED: DeliveryStatus.PENDING,
    State.UNKNOWN: DeliveryStatus.PENDING,
}


@dataclass(frozen=True, slots=True)
class Prepared:
    """One message that an execution is to send: who gets it, and the digest of its content."""

    deliveryId: str
    registration: MessagingSubscriptionRegistration
    content: str


@dataclass(frozen=True, slots=True)
class Item:
    """One delivery as its batch knows it."""

    id: str
    recipient: str
    content: str
    """The digest that names the content row."""
    state: State = State.QUEUED
    attempts: int = 0
    """Sends begun."""
    retryAt: float = 0
    ask: bool = False
    """An earlier send may have arrived: ask the provider before posting again."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one item of a group."""

    state: State
    errorMessage: str = ""
    providerMessageId: str = ""
    segments: int = 0
    """Parts that the provider bills, where there are such (SMS)."""
    at: float = 0
    """When the provider took it (sent), or when it is tried next (deferred)."""
    ask: bool = False
    resent: bool = False
    """A send was begun after a look-up said that the earlier one had not arrived."""


@dataclass(frozen=True, slots=True)
class Batch:
    executionId: str
    page: int
    number: int
    channel: MessagingChannel
    creationDate: float
    items: tuple[Item, ...]
    nextAt: float
    """When its queue message is due."""
    owner: str = ""
    """The claim's own token; empty when no worker holds the batch."""
    leaseUntil: float = 0
    takeovers: int = 0
    """Leases that ran out under their owner, since the last record."""
    once: bool = False
    """Sent at once or not at all: nothing in it is ever deferred."""

    def group(self) -> tuple[Item, ...]:
        """The items that the owner is sending."""
        return tuple(item for item in self.items if item.state is State.SENDING)

    def count(self, state: State) -> int:
        return sum(item.state is state for item in self.items)

    def leased(self, now: float) -> bool:
        return bool(self.owner) and now < self.leaseUntil

    def is_open(self) -> bool:
        """Whether a worker has anything left to do here."""
        return any(item.state in (State.QUEUED, State.SENDING, State.DEFERRED) for item in self.items)


@dataclass(frozen=True, slots=True)
class Lease:
    """A worker's claim: its token, how long it holds, and how the channel wants to be served."""

    owner: str
    seconds: float
    groupSize: int
    canAsk: bool
    """The provider can tell whether it took a message."""


def claim(batch: Batch, lease: Lease, now: float) -> tuple[Batch, dict[str, Outcome]]:
    """The batch under a new lease with its first group marked, and outcomes that the take-over itself decided.

    To be called for an open batch that is due and not leased. Under the lease of a worker that died, marked items
    are asked for at the provider, or are unknown where it cannot tell.
    """
    took_over = bool(batch.owner)
    takeovers = batch.takeovers + took_over
    decided: dict[str, Outcome] = {}
    if took_over and takeovers > MAX_TAKEOVERS:
        decided = {item.id: _given_up(item) for item in batch.items if item.state not in _ENDED}
    elif took_over and not lease.canAsk:
        decided = {item.id: _LOST for item in batch.group()}
    items = tuple(_moved(item, decided.get(item.id)) for item in batch.items)
    items = tuple(replace(item, ask=True) if item.state is State.SENDING else item for item in items)
    claimed = replace(batch, items=items, takeovers=takeovers)
    return _hold(claimed, lease, now), decided


def record(batch: Batch, outcomes: Mapping[str, Outcome], lease: Lease, now: float) -> Batch:
    """The batch with a group's outcomes and the next group marked; released when nothing is due."""
    items = tuple(_moved(item, outcomes.get(item.id)) for item in batch.items)
    return _hold(replace(batch, items=items, takeovers=0), lease, now)


def wait(batch: Batch, outcomes: Mapping[str, Outcome], until: float) -> Batch:
    """The batch with a group's outcomes, released until a time before which nothing in it can be sent."""
    items = tuple(_moved(item, outcomes.get(item.id)) for item in batch.items)
    return replace(batch, items=items, takeovers=0, owner="", leaseUntil=0, nextAt=until)


def expire(batch: Batch, reason: str) -> tuple[Batch, dict[str, Outcome]]:
    """The batch of a sender that stayed blocked until it was too late: what cannot have left is failed."""
    outcomes = {
        item.id: Outcome(State.UNKNOWN if item.ask else State.FAILED, reason)
        for item in batch.items
        if item.state in (State.QUEUED, State.DEFERRED)
    }
    items = tuple(_moved(item, outcomes.get(item.id)) for item in batch.items)
    return replace(batch, items=items), outcomes


def close(batch: Batch, reason: str) -> tuple[Batch, dict[str, Outcome]]:
    """The batch of an execution that was never accepted: nothing was sent, everything is failed."""
    ended = Outcome(State.FAILED, reason)
    outcomes = {item.id: ended for item in batch.items if item.state is State.QUEUED}
    items = tuple(_moved(item, outcomes.get(item.id)) for item in batch.items)
    return replace(batch, items=items, owner="", leaseUntil=0), outcomes


def decide(batch: Batch, deliveryId: str, outcome: Outcome, now: float) -> Batch:
    """The batch after an operator's word on an unknown item: queued to be sent again, or settled.

    To be called for an unknown item only. It is allowed while a worker sends other items: the lease stays, and its
    record meets the item. A batch that nobody holds is due at once for what is queued.
    """
    chosen = {item.id: item for item in batch.items}[deliveryId]
    if chosen.state is not State.UNKNOWN or outcome.state not in MOVES[State.UNKNOWN]:
        raise ValueError(f"an operator cannot move a delivery from {chosen.state} to {outcome.state}")
    moved = replace(chosen, state=outcome.state, ask=outcome.ask)
    batch = replace(batch, items=tuple(moved if item is chosen else item for item in batch.items), takeovers=0)
    if outcome.state is not State.QUEUED or batch.leased(now):
        return batch
    return replace(batch, nextAt=now)


_ENDED = frozenset({State.SENT, State.FAILED, State.UNKNOWN})
_LOST = Outcome(State.UNKNOWN, "The worker was lost while sending; the message may or may not have left")


def _given_up(item: Item) -> Outcome:
    if item.state is State.SENDING or item.ask:
        return _LOST
    return Outcome(State.FAILED, f"Given up: {MAX_TAKEOVERS} workers in a row were lost over this batch")


def _hold(batch: Batch, lease: Lease, now: float) -> Batch:
    """Mark the next group for the lease's owner, or release the batch until its next item is due."""
    room = lease.groupSize - len(batch.group())
    due = [item.id for item in batch.items if _is_due(item, now)][: max(0, room)]
    items = tuple(_marked(item) if item.id in due else item for item in batch.items)
    batch = replace(batch, items=items)
    if batch.group():
        return replace(batch, owner=lease.owner, leaseUntil=now + lease.seconds)
    waiting = [item.retryAt for item in items if item.state is State.DEFERRED]
    return replace(batch, owner="", leaseUntil=0, nextAt=min(waiting, default=now))


def _is_due(item: Item, now: float) -> bool:
    return item.state is State.QUEUED or (item.state is State.DEFERRED and item.retryAt <= now)


def _marked(item: Item) -> Item:
    return replace(item, state=State.SENDING, retryAt=0, attempts=item.attempts + (not item.ask))


def _moved(item: Item, outcome: Outcome | None) -> Item:
    if outcome is None:
        return item
    if outcome.state not in MOVES[item.state]:
        raise ValueError(f"a delivery cannot go from {item.state} to {outcome.state}")
    attempts = item.attempts + outcome.resent - (outcome.state is State.QUEUED and not item.ask)
    retryAt = outcome.at if outcome.state is State.DEFERRED else 0
    return replace(item, state=outcome.state, attempts=attempts, retryAt=retryAt, ask=outcome.ask)
