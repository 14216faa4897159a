"""The twin of tables.py and queues.py in memory: the same verbs, the same refusals, on dicts.

For tests, previews and property tests. It counts the rows that reads visit, which tells a range from a scan.
"""

import json
import time
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from itertools import count
from typing import Any

from messaging.errors import Conflict
from messaging.storage.base import (
    Delete,
    Insert,
    Merge,
    Operation,
    Partition,
    QueueMessage,
    Row,
    Table,
    Upsert,
    check,
    message_text,
)


class _Partition:
    def __init__(self) -> None:
        self.keys: list[str] = []
        self.rows: dict[str, Row] = {}

    def write(self, row: Row) -> None:
        if row.key not in self.rows:
            insort(self.keys, row.key)
        self.rows[row.key] = row

    def remove(self, key: str) -> None:
        del self.rows[key]
        del self.keys[bisect_left(self.keys, key)]


class MemoryTables:
    def __init__(self) -> None:
        self.visited = 0
        """Rows that reads have looked at so far."""
        self.written = 0
        """Entities written so far."""
        self._partitions: defaultdict[tuple[Table, str], _Partition] = defaultdict(_Partition)
        self._etags = count(1)

    async def get(self, table: Table, partition: Partition, key: str) -> Row | None:
        row = self._partitions[table, partition].rows.get(key)
        self.visited += row is not None
        return deepcopy(row)

    async def range(
        self,
        table: Table,
        partition: Partition,
        span: tuple[str, str],
        limit: int,
        columns: Sequence[str] = (),
    ) -> list[Row]:
        stored = self._partitions[table, partition]
        first, last = (bisect_left(stored.keys, key) for key in span)
        rows = [stored.rows[key] for key in stored.keys[first : min(last, first + limit)]]
        self.visited += len(rows)
        return [Row(row.key, _chosen(row.values, columns), row.etag) for row in rows]

    async def commit(self, table: Table, partition: Partition, operations: Sequence[Operation]) -> list[str]:
        check(operations)
        stored = self._partitions[table, partition]
        for operation in operations:
            _admit(operation, stored.rows.get(operation.key))
        return [self._write(stored, operation) for operation in operations]

    def _write(self, stored: _Partition, operation: Operation) -> str:
        self.written += 1
        if isinstance(operation, Delete):
            stored.remove(operation.key)
            return ""
        old = stored.rows[operation.key].values if isinstance(operation, Merge) else {}
        row = Row(operation.key, {**old, **operation.values}, f'W/"{next(self._etags)}"')
        stored.write(row)
        return row.etag

    async def close(self) -> None:
        pass


class MemoryQueues:
    """Queue messages with the time when each becomes visible."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.messages: list[tuple[float, str, dict[str, Any]]] = []
        """(visible at, queue, message), in the order they were put."""

    async def put(self, queue: str, message: QueueMessage, delay: float = 0) -> None:
        self.messages.append((self._clock() + delay, queue, json.loads(message_text(message))))

    def take(self) -> tuple[str, dict[str, Any]] | None:
        """The first visible message, with its queue; it is gone then."""
        now = self._clock()
        for index, (at, queue, message) in enumerate(self.messages):
            if at <= now:
                del self.messages[index]
                return queue, message
        return None

    async def close(self) -> None:
        pass


def _admit(operation: Operation, row: Row | None) -> None:
    if isinstance(operation, Upsert):
        return
    if isinstance(operation, Insert):
        if row is not None:
            raise Conflict("a row exists already")
    elif row is None or (operation.etag and operation.etag != row.etag):
        raise Conflict("a row is gone or has changed")


def _chosen(values: Mapping[str, Any], columns: Sequence[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if not columns or name in columns}
