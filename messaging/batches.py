"""Batches, their deliveries and contents as rows. Every move is one transaction under the batch row's ETag.

Whether a message is sending stands in its batch row only; a delivery row names its batch.
"""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from messaging.content import Content, from_columns, to_columns
from messaging.delivery import MAX_BATCH, STATUS, Batch, Item, Outcome, Prepared, State
from messaging.errors import Conflict
from messaging.models import DeliveryStatus, Ledger, MandateId, MessagingChannel
from messaging.storage import keys
from messaging.storage.base import Insert, Merge, Operation, Row, Table, Tables, Upsert, column_size

COUNTS = ("accepted", *(state.value for state in State))
EVENT = "event"
"""The name of the content row that holds an execution's eventParameters."""

_ROOM = 3 * 1024 * 1024
"""Bytes of content a transaction, well under the 4 MiB that it may have."""


@dataclass(frozen=True, slots=True)
class NewBatch:
    batch: Batch
    messages: Sequence[Prepared]


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """A batch as it was read, and the version that the next move must meet."""

    batch: Batch
    etag: str


class Batches:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def put_contents(self, mandateId: MandateId, executionId: str, contents: Mapping[str, str]) -> None:
        """Store texts under their digests; storing one again changes nothing."""
        rows = [Upsert(keys.content(executionId, name), to_columns(text)) for name, text in contents.items()]
        for chunk in _chunks(rows):
            await self._tables.commit(Table.LEDGER, mandateId, chunk)

    async def text(self, mandateId: MandateId, executionId: str, name: str) -> str | None:
        row = await self._tables.get(Table.LEDGER, mandateId, keys.content(executionId, name))
        return from_columns(row.values) if row else None

    async def content(self, mandateId: MandateId, executionId: str, digest: str) -> Content | None:
        text = await self.text(mandateId, executionId, digest)
        return Content.from_json(text) if text else None

    async def of_page(self, mandateId: MandateId, executionId: str, page: int) -> list[StoredBatch]:
        span = keys.batches(executionId, page)
        return [StoredBatch(batch_from_row(row), row.etag) async for row in _pages(self._tables, mandateId, span)]

    async def insert(self, mandateId: MandateId, new: NewBatch) -> None:
        """Store a batch with its deliveries and their pointers, all or nothing. Conflict if its key is taken."""
        batch = new.batch
        operations: list[Operation] = [Insert(batch_key(batch), {**_static(batch), **_moving(batch)})]
        for message in new.messages:
            operations.append(Insert(keys.delivery(message.deliveryId), _delivery(batch, message)))
            pointer = keys.person_delivery(message.registration.userId, message.deliveryId)
            operations.append(Insert(pointer, {}))
        await self._tables.commit(Table.LEDGER, mandateId, operations)

    async def get(self, mandateId: MandateId, key: str) -> StoredBatch | None:
        row = await self._tables.get(Table.LEDGER, mandateId, key)
        return StoredBatch(batch_from_row(row), row.etag) if row else None

    async def move(
        self, mandateId: MandateId, read: StoredBatch, batch: Batch, outcomes: Mapping[str, Outcome]
    ) -> StoredBatch:
        """Write a batch's next version and the outcomes of its deliveries, all or nothing.

        A conflict or a lost reply is read back: if it is this very move that stands there, it succeeded.
        Raises Conflict if somebody else moved the batch.
        """
        attempts = {item.id: item.attempts for item in batch.items}
        operations: list[Operation] = [Merge(batch_key(batch), _moving(batch), read.etag)]
        for deliveryId, outcome in outcomes.items():
            operations.append(Merge(keys.delivery(deliveryId), _outcome(outcome, attempts[deliveryId])))
        try:
            etags = await self._tables.commit(Table.LEDGER, mandateId, operations)
        except Conflict:
            stored = await self.get(mandateId, batch_key(batch))
            if stored is None or stored.batch != batch:
                raise
            return stored
        return StoredBatch(batch, etags[0])

    async def ledger(self, mandateId: MandateId, executionId: str) -> Ledger:
        """The execution's counts: the sum over its batch rows, read now."""
        total = dict.fromkeys(COUNTS, 0)
        async for row in _pages(self._tables, mandateId, keys.batches(executionId), COUNTS):
            for name in COUNTS:
                total[name] += row[name]
        pending = sum(total[state] for state in State if STATUS[state] is DeliveryStatus.PENDING)
        return Ledger(pending=pending, **total)

    async def unsettled(self, mandateId: MandateId, executionId: str) -> AsyncIterator[StoredBatch]:
        """An execution's batches in which something is queued, being sent, or deferred."""
        span, names = keys.batches(executionId), ("queued", "sending", "deferred")
        async for row in _pages(self._tables, mandateId, span, names):
            if row["queued"] or row["sending"] or row["deferred"]:
                stored = await self.get(mandateId, row.key)
                if stored:
                    yield stored

    async def open(self, mandateId: MandateId, since: tuple[str, int], now: float) -> tuple[int, int | None]:
        """Of an execution's batches from a page on, given as (executionId, page), two facts.

        How many a worker could be busy with: queued or sending, and due. And the first page that is not settled.
        """
        executionId, page = since
        span = (keys.batches(executionId, page)[0], keys.batches(executionId)[1])
        busy, unsettled = 0, None
        async for row in _pages(self._tables, mandateId, span, ("queued", "sending", "deferred", "nextAt")):
            active = bool(row["queued"] or row["sending"])
            if active or row["deferred"]:
                unsettled = unsettled or int(row.key.split("~")[2])
            busy += active and row["nextAt"] <= now
        return busy, unsettled


async def _pages(
    tables: Tables, mandateId: MandateId, span: keys.Span, columns: Sequence[str] = ()
) -> AsyncIterator[Row]:
    """Every row of a range of the ledger, read in pages."""
    first, last = span
    while True:
        rows = await tables.range(Table.LEDGER, mandateId, (first, last), 1000, columns)
        for row in rows:
            yield row
        if len(rows) < 1000:
            return
        first = keys.after(rows[-1].key)


def split(messages: Sequence[Prepared], execution: tuple[str, int], number: int, now: float) -> list[NewBatch]:
    """Messages of (executionId, page) as batches of one channel each, numbered from `number`."""
    by_channel: dict[MessagingChannel, list[Prepared]] = {}
    for message in messages:
        by_channel.setdefault(message.registration.channel, []).append(message)
    new: list[NewBatch] = []
    for channel, group in by_channel.items():
        for at in range(0, len(group), MAX_BATCH):
            part = group[at : at + MAX_BATCH]
            items = tuple(Item(m.deliveryId, m.registration.channelConfig, m.content) for m in part)
            batch = Batch(*execution, number + len(new), channel, now, items, nextAt=now)
            new.append(NewBatch(batch, part))
    return new


def batch_key(batch: Batch) -> str:
    return keys.batch(batch.executionId, batch.page, batch.number)


def batch_from_row(row: Row) -> Batch:
    _, executionId, page, number = row.key.split("~")
    items = tuple(
        Item(id, recipient, content, State(state), attempts, retryAt, bool(ask))
        for (id, recipient, content), (state, attempts, retryAt, ask) in zip(
            json.loads(row["items"]), json.loads(row["states"]), strict=True
        )
    )
    return Batch(
        executionId=executionId,
        page=int(page),
        number=int(number),
        channel=MessagingChannel(row["channel"]),
        creationDate=row["creationDate"],
        items=items,
        **{name: row[name] for name in ("nextAt", "owner", "leaseUntil", "takeovers", "once")},
    )


def _static(batch: Batch) -> dict[str, Any]:
    items = [[item.id, item.recipient, item.content] for item in batch.items]
    return {
        "channel": batch.channel.value,
        "creationDate": batch.creationDate,
        "once": batch.once,
        "items": _json(items),
    }


def _moving(batch: Batch) -> dict[str, Any]:
    states = [[item.state, item.attempts, item.retryAt, int(item.ask)] for item in batch.items]
    counts = {state.value: batch.count(state) for state in State}
    lease = {"owner": batch.owner, "leaseUntil": float(batch.leaseUntil), "nextAt": float(batch.nextAt)}
    return {
        "states": _json(states),
        "takeovers": batch.takeovers,
        "accepted": len(batch.items),
        **counts,
        **lease,
    }


def _delivery(batch: Batch, message: Prepared) -> dict[str, Any]:
    registration = message.registration
    return {
        "subscriptionId": registration.subscriptionId,
        "registrationId": registration.id,
        "userId": registration.userId,
        "channel": registration.channel.value,
        "status": DeliveryStatus.PENDING.value,
        "executionId": batch.executionId,
        "batch": batch_key(batch),
    }


def _outcome(outcome: Outcome, attempts: int) -> dict[str, Any]:
    sent = {"sentAt": float(outcome.at), "segments": outcome.segments} if outcome.state is State.SENT else {}
    return {
        "status": STATUS[outcome.state].value,
        "errorMessage": outcome.errorMessage[:1000],
        "providerMessageId": outcome.providerMessageId,
        "attempts": attempts,
        **sent,
    }


def _chunks(rows: Sequence[Upsert]) -> list[list[Upsert]]:
    """Rows in transactions that Azure takes: at most 100, and within its size."""
    chunks: list[list[Upsert]] = []
    room = 0
    for row in rows:
        size = 500 + sum(map(column_size, row.values.values()))
        if not chunks or len(chunks[-1]) == 100 or size > room:
            chunks.append([])
            room = _ROOM
        chunks[-1].append(row)
        room -= size
    return chunks


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
