"""Executions as rows: the one an idempotency key stands for, the commit point, what is still to be prepared.

The execution row is to pages what a batch row is to deliveries: whoever prepares a page holds its lease, and every
move is one transaction under its ETag.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any

from messaging import ids
from messaging.errors import Conflict
from messaging.models import MandateId, MessagingSubscriptionExecutionResult, TriggerKind
from messaging.storage import keys
from messaging.storage.base import Insert, Merge, Operation, Row, Table, Tables, Upsert, Work

Result = MessagingSubscriptionExecutionResult


class Phase(StrEnum):
    PREPARING = "preparing"
    """Nothing is promised yet; under a lease."""
    ACCEPTED = "accepted"
    """Past the commit point, with pages still to come."""
    STORED = "stored"
    """Every page's deliveries are stored."""
    ENDED = "ended"
    """Its function failed on a page: that one and later ones are not sent, earlier ones stand."""
    CLOSED = "closed"
    """Ended before its commit point: nothing was sent."""


@dataclass(frozen=True, slots=True)
class Execution:
    id: str
    subscriptionId: str
    subscriptionUuid: str
    trigger: TriggerKind
    createdBy: str
    phase: Phase
    key: str = ""
    """RowKey of its idempotency row, if it has one."""
    bodyHash: str = ""
    page: int = 1
    """The page to be prepared next."""
    openFrom: int = 1
    """The first page that was not settled when the last one was begun; those before it are not counted again."""
    first: str = ""
    """Where its registrations begin, and where they end, once it was claimed."""
    last: str = ""
    nextAt: float = 0.0
    """Since when its page is due, or it is ended or closed."""
    owner: str = ""
    leaseUntil: float = 0.0
    takeovers: int = 0
    result: Result = field(default_factory=lambda: Result(success=True))
    etag: str = ""

    @property
    def creationDate(self) -> float:
        return ids.created_at(self.id)

    def columns(self) -> dict[str, Any]:
        """What the execution row holds besides its key; `result` as JSON."""
        plain = {name: getattr(self, name) for name in _PLAIN}
        words = {"phase": self.phase.value, "trigger": self.trigger.value}
        return plain | words | {"result": self.result.model_dump_json()}


_PLAIN = {one.name for one in fields(Execution)} - {"id", "etag", "result", "phase", "trigger"}


def from_row(row: Row) -> Execution:
    """An execution as it is stored; one from before a column came has that column's default."""
    return Execution(
        id=row.key.removeprefix("x~"),
        phase=Phase(row["phase"]),
        trigger=TriggerKind(row["trigger"]),
        result=Result.model_validate_json(row["result"]),
        etag=row.etag,
        **{name: row[name] for name in _PLAIN & row.values.keys()},
    )


_WATCHED = ("subscriptionId", "subscriptionUuid", "trigger", "createdBy")


def never_begun(executionId: str, watched: Row) -> Execution:
    """The closed execution of an entry on the sweeper's list that nothing followed.

    Once it is stored, a preparer that was only very slow meets a Conflict where it would begin.
    """
    about = {name: watched[name] for name in _WATCHED if name != "trigger"}
    return Execution(executionId, trigger=TriggerKind(watched["trigger"]), phase=Phase.CLOSED, **about)


class Executions:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def get(self, mandateId: MandateId, executionId: str) -> Execution | None:
        row = await self._tables.get(Table.LEDGER, mandateId, keys.execution(executionId))
        return from_row(row) if row else None

    async def of_key(self, mandateId: MandateId, key: str) -> tuple[Row, Execution] | None:
        """The idempotency row of a key and its execution, if the key was ever used."""
        row = await self._tables.get(Table.LEDGER, mandateId, key)
        execution = await self.get(mandateId, row["executionId"]) if row else None
        return (row, execution) if row and execution else None

    async def watch(self, mandateId: MandateId, execution: Execution) -> None:
        """Put the execution on the sweeper's list, before anything else of it exists."""
        about = {name: str(getattr(execution, name)) for name in _WATCHED}
        row = Upsert(keys.work_execution(mandateId, execution.id), about)
        await self._tables.commit(Table.WORK, Work.EXECUTION, [row])

    async def begin(
        self, mandateId: MandateId, execution: Execution, replaced: tuple[Row, Execution] | None = None
    ) -> Execution:
        """Insert the execution with its key and its place in the subscription's list, all or nothing.

        `replaced` is an execution of the same key whose lease ran out before its commit point: it is closed in the
        same transaction. Raises Conflict when somebody else began first.
        """
        key: list[Operation] = []
        if execution.key:
            values = {"executionId": execution.id, "bodyHash": execution.bodyHash}
            key = [Insert(execution.key, values)]
            if replaced:
                row, old = replaced
                closed = {**_CLOSED, "nextAt": execution.creationDate}
                key = [Merge(row.key, values, row.etag), Merge(keys.execution(old.id), closed, old.etag)]
        place = Insert(keys.subscription_execution(execution.subscriptionId, execution.id), {})
        operations = [Insert(keys.execution(execution.id), execution.columns()), place, *key]
        try:
            etags = await self._tables.commit(Table.LEDGER, mandateId, operations)
        except Conflict:
            return await self._ours(mandateId, execution)
        return replace(execution, etag=etags[0])

    async def save(self, mandateId: MandateId, execution: Execution) -> Execution:
        """Move the execution under the ETag it was read with. Raises Conflict if somebody else moved it."""
        merge = Merge(keys.execution(execution.id), execution.columns(), execution.etag)
        try:
            etags = await self._tables.commit(Table.LEDGER, mandateId, [merge])
        except Conflict:
            return await self._ours(mandateId, execution)
        return replace(execution, etag=etags[0])

    async def within(self, mandateId: MandateId, span: keys.Span, limit: int) -> Sequence[str]:
        """Ids of the executions in a range of a subscription's list, newest first."""
        rows = await self._tables.range(Table.LEDGER, mandateId, span, limit)
        return [row.key.rsplit("~", 1)[1] for row in rows]

    async def _ours(self, mandateId: MandateId, execution: Execution) -> Execution:
        """After a conflict or a lost reply: what was written by us is a success all the same."""
        stored = await self.get(mandateId, execution.id)
        if stored is None or replace(stored, etag="") != replace(execution, etag=""):
            raise Conflict(f"execution {execution.id} was moved by somebody else")
        return stored


ACCEPTED = (Phase.ACCEPTED, Phase.STORED, Phase.ENDED)
"""Past the commit point: what the caller was answered stands."""

_CLOSED: dict[str, str | float] = {"phase": Phase.CLOSED.value, "owner": "", "leaseUntil": 0.0}
