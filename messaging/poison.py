"""Queue messages that failed too often: kept as rows, for an operator to look at, replay or drop.

The host moves such a message to `<queue>-poison`; a function stores it here and the queue is clean again. What it
pointed at is not lost: an execution or a batch that is due is found by the sweeper.
"""

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from messaging.content import from_columns, to_columns
from messaging.errors import InvalidInput, NotFound
from messaging.storage import keys
from messaging.storage.base import Delete, Queues, Row, Table, Tables, Upsert, Value, Work, check_key

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kept:
    """A message as it was kept: `id` names its row, `at` is when (UTC seconds), `body` its text, `reason` why."""

    id: str
    queue: str
    at: float
    body: str
    reason: str


class Poison:
    def __init__(self, tables: Tables, queues: Queues, clock: Callable[[], float] = time.time) -> None:
        self._tables = tables
        self._queues = queues
        self._clock = clock

    async def keep(self, queue: str, messageId: str, body: bytes) -> None:
        """Store a message of `queue` under its own id; storing it again changes nothing but the time."""
        await self._store(queue, messageId, body, "failed too often")
        logger.error("Message %s of %s failed too often; it is kept as poison", messageId, queue)

    async def refuse(self, queue: str, messageId: str, body: bytes, reason: str) -> None:
        """Store a message that no retry would help; the reason is in the row only, as it may quote a field."""
        await self._store(queue, messageId, body, reason)
        logger.error("Message %s of %s is refused; it is kept as poison with the reason", messageId, queue)

    async def _store(self, queue: str, messageId: str, body: bytes, reason: str) -> None:
        text = body.decode(errors="backslashreplace").replace("\x00", "\\x00")
        values: dict[str, Value] = {"queue": queue, "at": self._clock(), "reason": reason, **to_columns(text)}
        await self._tables.commit(Table.WORK, Work.POISON, [Upsert(keys.poison(queue, messageId), values)])

    async def listed(self, limit: int) -> list[Kept]:
        """The kept messages, queue by queue, without their bodies."""
        span = ("!", "~")
        rows = await self._tables.range(Table.WORK, Work.POISON, span, limit, ("queue", "at", "reason"))
        return [_kept(row) for row in rows]

    async def get(self, id: str) -> Kept:
        """One kept message. Raises NotFound."""
        return _kept(await self._row(id))

    async def replay(self, id: str) -> None:
        """Put the message back on its queue, then forget it: after a crash in between it is there twice.

        Raises NotFound, InvalidInput for a body that no queue of ours takes.
        """
        row = await self._row(id)
        try:
            message = json.loads(from_columns(row.values))
        except ValueError:
            message = None
        if not isinstance(message, dict | list):
            raise InvalidInput("body", "is not a JSON object or array, so no function can read it; drop it")
        await self._queues.put(row["queue"], message)
        await self._remove(row)
        logger.warning("Poison message %s is queued again", id)

    async def drop(self, id: str) -> None:
        """Forget a message for good. Raises NotFound."""
        await self._remove(await self._row(id))
        logger.warning("Poison message %s is dropped", id)

    async def _row(self, id: str) -> Row:
        try:
            check_key(id)
        except ValueError:
            raise NotFound("There is no such poison message") from None
        row = await self._tables.get(Table.WORK, Work.POISON, id)
        if row is None:
            raise NotFound("There is no such poison message")
        return row

    async def _remove(self, row: Row) -> None:
        await self._tables.commit(Table.WORK, Work.POISON, [Delete(row.key, row.etag)])


def _kept(row: Row) -> Kept:
    return Kept(row.key, row["queue"], row["at"], from_columns(row.values), row.get("reason", "failed too often"))
