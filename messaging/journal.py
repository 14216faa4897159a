"""The audit journal: who did what in a mandate, newest first. Rows are added and never removed.

An event has one row, by its source and id: a repeat finds it through a pointer, whatever time the repeat names.
Only the outcome of an act of this service is filled in later, once.
"""

import json
from dataclasses import astuple, dataclass

from messaging.access import Action, Principal, require
from messaging.content import from_columns, to_columns
from messaging.cursors import Asked, Page, encode, rest
from messaging.errors import Conflict, InvalidInput
from messaging.models import AuditOutcome, MandateId, MessagingAuditEvent
from messaging.storage import keys
from messaging.storage.base import Insert, Merge, Row, Table, Tables, Value

LONGEST_PAGE = 200
"""Events a page: each may have 48 KiB of details."""


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which events are wanted. `since` is UTC seconds, inclusive."""

    eventType: str | None = None
    userId: str | None = None
    since: float | None = None

    def takes(self, event: MessagingAuditEvent) -> bool:
        """Whether an event is wanted, its time aside."""
        return self.eventType in (None, event.eventType) and self.userId in (None, event.userId)


class Journal:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def write(self, mandateId: MandateId, event: MessagingAuditEvent) -> float:
        """Keep an event, once. Answers its time: that of its first coming.

        Raises InvalidInput for details that are not JSON, StorageUnavailable.
        """
        key = keys.audit(event.timestamp, event.source, event.id)
        pointer = keys.audit_pointer(event.source, event.id)
        rows = [Insert(key, _columns(event)), Insert(pointer, {"row": key, "timestamp": event.timestamp})]
        try:
            await self._tables.commit(Table.JOURNAL, mandateId, rows)
        except Conflict:
            earlier = await self._tables.get(Table.JOURNAL, mandateId, pointer)
            if earlier is None:
                raise
            return float(earlier["timestamp"])
        return event.timestamp

    async def conclude(self, mandateId: MandateId, event: MessagingAuditEvent, outcome: AuditOutcome) -> None:
        """Say what became of an act whose event was written as begun. Raises StorageError."""
        key = keys.audit(event.timestamp, event.source, event.id)
        await self._tables.commit(Table.JOURNAL, mandateId, [Merge(key, {"outcome": outcome.value})])

    async def getAuditEvents(
        self, principal: Principal, wanted: AuditFilter, asked: Asked
    ) -> Page[MessagingAuditEvent]:
        """Events of the mandate, newest first.

        Type and person are decided on the rows read, so a page may be short or empty while nextCursor is set.
        """
        require(principal, Action.READ_AUDIT)
        mandateId, limit = principal.mandateId, min(asked.limit, LONGEST_PAGE)
        scope = ("audit", mandateId, *astuple(wanted))
        span = rest(keys.audits(wanted.since), scope, asked.cursor)
        rows = await self._tables.range(Table.JOURNAL, mandateId, span, limit + 1)
        events = [_event(row) for row in rows[:limit]]
        more = encode(scope, rows[limit - 1].key) if len(rows) > limit else None
        return Page([one for one in events if wanted.takes(one)], more)


def _columns(event: MessagingAuditEvent) -> dict[str, Value]:
    try:
        details = json.dumps(event.details, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    except ValueError:
        raise InvalidInput("data.details", "must be JSON: no NaN and no Infinity") from None
    return {**event.model_dump(mode="json", exclude={"details"}, exclude_none=True), **to_columns(details)}


def _event(row: Row) -> MessagingAuditEvent:
    names = MessagingAuditEvent.model_fields.keys() & row.values.keys()
    details = json.loads(from_columns(row.values))
    return MessagingAuditEvent(details=details, **{name: row[name] for name in names})
