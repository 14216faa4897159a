"""Reading what happened: executions with their ledgers, deliveries with their states. It writes nothing.

Counts and states come from the batch rows, read now: there is no stored total that could be wrong.
"""

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, replace

from messaging import ids
from messaging.access import Action, Principal, may, require
from messaging.batches import Batches
from messaging.cursors import Asked, Page, decode, encode, rest
from messaging.delivery import STATUS, Batch, Item, State
from messaging.errors import Forbidden, InvalidInput, NotFound
from messaging.executions import ACCEPTED, Execution, Executions, Phase, from_row
from messaging.models import (
    DeliveryStatus,
    Ledger,
    MandateId,
    MessagingChannel,
    MessagingDelivery,
    MessagingExecution,
    TriggerKind,
)
from messaging.storage import keys
from messaging.storage.base import Row, Table, Tables, together

BY_PERSON = 200
"""Deliveries a page where each is a point read."""

VISITED_EXECUTIONS = 50
"""Executions that one page of a subscription's deliveries looks into."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which deliveries: at most one of the first three; channel, status and since narrow further.

    `since` is UTC seconds, inclusive; lists turn it into the end of their range.
    """

    executionId: str | None = None
    subscriptionId: str | None = None
    userId: str | None = None
    channel: MessagingChannel | None = None
    status: DeliveryStatus | None = None
    since: float | None = None

    def takes(self, row: Row) -> bool:
        """Whether a delivery's row is asked for."""
        wanted = (self.executionId, self.subscriptionId, self.userId, self.channel, self.status)
        names = ("executionId", "subscriptionId", "userId", "channel", "status")
        return all(value is None or row[name] == value for name, value in zip(names, wanted, strict=True))


class History:
    def __init__(self, tables: Tables, executions: Executions, batches: Batches) -> None:
        self._tables = tables
        self._executions = executions
        self._batches = batches

    # executions

    async def getExecution(self, principal: Principal, executionId: str) -> MessagingExecution:
        """An execution with its ledger. Raises NotFound."""
        require(principal, Action.READ_EXECUTIONS)
        execution = (
            await self._executions.get(principal.mandateId, executionId) if ids.is_id(executionId) else None
        )
        if execution is None:
            raise NotFound("There is no such execution")
        return await self.counted(principal.mandateId, execution)

    async def counted(self, mandateId: MandateId, execution: Execution) -> MessagingExecution:
        """An execution with its ledger, read now."""
        ledger = await self._batches.ledger(mandateId, execution.id)
        return _execution(execution, ledger)

    async def getAllExecutions(self, principal: Principal, asked: Asked) -> Page[MessagingExecution]:
        """Executions of the mandate, newest first."""
        require(principal, Action.READ_EXECUTIONS)
        mandateId, scope = principal.mandateId, ("executions", principal.mandateId)
        span = rest(keys.below("x"), scope, asked.cursor)
        rows = await self._tables.range(Table.LEDGER, mandateId, span, asked.limit + 1)
        found = rows[: asked.limit]
        items = await together(self.counted(mandateId, from_row(row)) for row in found)
        return Page(items, encode(scope, found[-1].key) if len(rows) > asked.limit else None)

    # deliveries

    async def getDelivery(self, principal: Principal, deliveryId: str) -> MessagingDelivery:
        """One's own delivery, or anybody's for those who may read all. Raises NotFound."""
        require(principal, Action.OWN_DELIVERIES)
        key = keys.delivery(deliveryId)
        row = await self._tables.get(Table.LEDGER, principal.mandateId, key) if ids.is_id(deliveryId) else None
        if row and (row["userId"] == principal.userId or may(principal, Action.READ_ALL_DELIVERIES)):
            return (await self._deliveries(principal.mandateId, [row]))[0]
        raise NotFound("There is no such delivery")

    async def getDeliveries(self, principal: Principal, wanted: Filter, asked: Asked) -> Page[MessagingDelivery]:
        """Deliveries newest first, everybody's or, for a User, one's own.

        What the filter takes is decided on the rows read, so a page may be short or empty while nextCursor is set.
        Raises Forbidden for another person's, InvalidInput for more than one of the filter's first three.
        """
        require(principal, Action.OWN_DELIVERIES)
        if sum(value is not None for value in (wanted.executionId, wanted.subscriptionId, wanted.userId)) > 1:
            raise InvalidInput("executionId", "at most one of executionId, subscriptionId and userId may be given")
        person = wanted.userId
        if not may(principal, Action.READ_ALL_DELIVERIES):
            if person not in (None, principal.userId):
                raise Forbidden("You may read only your own deliveries")
            person = principal.userId
        mandateId = principal.mandateId
        scope = ("deliveries", mandateId, person, *astuple(wanted))
        if person is not None:
            rows, last = await self._by_person(mandateId, person, scope, asked, wanted.since)
        elif wanted.subscriptionId is not None:
            rows, last = await self._by_subscription(mandateId, scope, asked, wanted)
        else:
            rows, last = await self._by_range(mandateId, scope, asked, wanted)
        items = await self._deliveries(mandateId, [row for row in rows if wanted.takes(row)])
        return Page(items, encode(scope, last) if last else None)

    async def latest(self, mandateId: MandateId, subscriptionId: str) -> Execution | None:
        """The subscription's newest accepted execution, single messages aside; for the service itself."""
        span = keys.below(keys.of_subscription(subscriptionId))
        for executionId in await self._executions.within(mandateId, span, VISITED_EXECUTIONS):
            found = await self._executions.get(mandateId, executionId)
            if found and found.phase in ACCEPTED and found.trigger is not TriggerKind.DIRECT:
                return found
        return None

    async def received(self, mandateId: MandateId, userId: str, execution: Execution) -> list[MessagingDelivery]:
        """A person's deliveries of one execution. For the service itself."""
        span = keys.person_execution(userId, execution.id)
        pointers = await self._tables.range(Table.LEDGER, mandateId, span, BY_PERSON)
        names = [keys.delivery(pointer.key.rsplit("~", 1)[1]) for pointer in pointers]
        rows = await together(self._tables.get(Table.LEDGER, mandateId, name) for name in names)
        return await self._deliveries(
            mandateId, [row for row in rows if row and row["executionId"] == execution.id]
        )

    async def _by_range(
        self, mandateId: MandateId, scope: Sequence[object], asked: Asked, wanted: Filter
    ) -> tuple[list[Row], str]:
        """Rows of the mandate or of one execution, and the last key if there are more."""
        if wanted.executionId is None:
            span = _since("d", keys.below("d"), wanted.since)
        elif ids.is_id(wanted.executionId):
            span = _since("d", keys.deliveries(wanted.executionId), wanted.since)
        else:
            return [], ""
        span = rest(span, scope, asked.cursor)
        rows = await self._tables.range(Table.LEDGER, mandateId, span, asked.limit + 1)
        return rows[: asked.limit], rows[asked.limit - 1].key if len(rows) > asked.limit else ""

    async def _by_person(
        self, mandateId: MandateId, userId: str, scope: Sequence[object], asked: Asked, since: float | None
    ) -> tuple[list[Row], str]:
        """Rows that a person's pointers name, and the last pointer's key if there are more."""
        limit = min(asked.limit, BY_PERSON)
        prefix = keys.of_person(userId)
        span = rest(_since(prefix, keys.below(prefix), since), scope, asked.cursor)
        pointers = await self._tables.range(Table.LEDGER, mandateId, span, limit + 1)
        names = [keys.delivery(pointer.key.rsplit("~", 1)[1]) for pointer in pointers[:limit]]
        rows = await together(self._tables.get(Table.LEDGER, mandateId, name) for name in names)
        return [row for row in rows if row], pointers[limit - 1].key if len(pointers) > limit else ""

    async def _by_subscription(
        self, mandateId: MandateId, scope: Sequence[object], asked: Asked, wanted: Filter
    ) -> tuple[list[Row], str]:
        """Rows of the subscription's executions, newest first, one range each; and where to go on."""
        prefix = keys.of_subscription(wanted.subscriptionId or "")
        span = _since(prefix, keys.below(prefix), wanted.since)
        reached = decode(scope, asked.cursor) if asked.cursor is not None else ""
        first = max(span[0], f"{prefix}~{reached[2:20]}")
        executions = await self._executions.within(mandateId, (min(first, span[1]), span[1]), VISITED_EXECUTIONS)
        rows: list[Row] = []
        for executionId in executions:
            start, end = keys.deliveries(executionId)
            start = max(start, keys.after(reached)) if reached else start
            room = asked.limit - len(rows)
            found = await self._tables.range(Table.LEDGER, mandateId, (min(start, end), end), room)
            rows += [row for row in found if row["executionId"] == executionId]
            if len(found) == room:
                return rows, found[-1].key
        return rows, keys.deliveries(executions[-1])[1] if len(executions) == VISITED_EXECUTIONS else ""

    async def _deliveries(self, mandateId: MandateId, rows: Sequence[Row]) -> list[MessagingDelivery]:
        """Rows as deliveries; what is pending gets its state from its batch row, each read once."""
        pending = {row["batch"] for row in rows if row["status"] == DeliveryStatus.PENDING}
        read = await together(self._batches.get(mandateId, key) for key in pending)
        items = {keys.delivery(item.id): item for stored in read if stored for item in _shown(stored.batch)}
        current = await together(self._current(mandateId, row, items.get(row.key)) for row in rows)
        return [_delivery(row, items.get(row.key)) for row in current]

    async def _current(self, mandateId: MandateId, row: Row, item: Item | None) -> Row:
        """The row, read again if its message ended between the reading of the row and of its batch."""
        if item is None or STATUS[item.state] == row["status"]:
            return row
        return await self._tables.get(Table.LEDGER, mandateId, row.key) or row


def _since(prefix: str, span: keys.Span, since: float | None) -> keys.Span:
    """A range of ids below a prefix, newest first, cut where they are older than `since`."""
    return span if since is None else (span[0], min(span[1], f"{prefix}~{ids.older_than(since)}"))


def _execution(execution: Execution, ledger: Ledger) -> MessagingExecution:
    settled = not (ledger.queued or ledger.sending or ledger.deferred)
    return MessagingExecution(
        executionId=execution.id,
        subscriptionId=execution.subscriptionId,
        trigger=execution.trigger,
        createdBy=execution.createdBy,
        creationDate=execution.creationDate,
        done=settled and execution.phase in (Phase.STORED, Phase.ENDED, Phase.CLOSED),
        **ledger.model_dump(),
    )


def _shown(batch: Batch) -> Iterator[Item]:
    """A batch's items with the time of their next try, which for those that wait for a sender is the batch's."""
    waits = batch.nextAt > batch.creationDate
    for item in batch.items:
        yield replace(item, retryAt=batch.nextAt) if waits and item.state is State.QUEUED else item


def _delivery(row: Row, item: Item | None) -> MessagingDelivery:
    status = DeliveryStatus(row["status"])
    state = State(status.value.lower()) if status in _ENDED else item.state if item else State.QUEUED
    return MessagingDelivery(
        id=(id := row.key.removeprefix("d~")),
        subscriptionId=row["subscriptionId"],
        userId=row["userId"],
        channel=MessagingChannel(row["channel"]),
        status=status,
        state=state,
        errorMessage=row.get("errorMessage") or None,
        sentAt=row.get("sentAt"),
        creationDate=ids.created_at(id),
        executionId=row["executionId"],
        attempts=item.attempts if item else row.get("attempts", 0),
        retryAt=item.retryAt or None if item else None,
        providerMessageId=row.get("providerMessageId") or None,
        segments=row.get("segments") or None,
    )


_ENDED = (DeliveryStatus.SENT, DeliveryStatus.FAILED)
