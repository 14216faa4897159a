"""Queue messages that failed too often: kept as rows, for an operator to look at, replay or drop.

The host moves such a message to `<queue>-poison`; a function stores it here and the queue is clean again. What it
pointed at is not lost: an execution or a batch that is due is found by the sweeper.
"""

import logging
import time
from collections.abc import Callable

from messaging.content import to_columns
from messaging.storage import keys
from messaging.storage.base import Table, Tables, Upsert, Value, Work

logger = logging.getLogger(__name__)


class Poison:
    def __init__(self, tables: Tables, clock: Callable[[], float] = time.time) -> None:
        self._tables = tables
        self._clock = clock

    async def keep(self, queue: str, messageId: str, body: bytes) -> None:
        """Store a message of `queue` under its own id; storing it again changes nothing but the time."""
        text = body.decode(errors="backslashreplace").replace("\x00", "\\x00")
        values: dict[str, Value] = {"queue": queue, "at": self._clock(), **to_columns(text)}
        await self._tables.commit(Table.WORK, Work.POISON, [Upsert(keys.poison(queue, messageId), values)])
        logger.error("Message %s of %s failed too often; it is kept as poison", messageId, queue)
