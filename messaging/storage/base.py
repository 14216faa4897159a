"""What storage can do: three verbs for rows, one for queue messages.

    get(table, partition, key)                      one row, or None
    range(table, partition, first, last, limit)     rows with first <= key < last, in order of their keys
    commit(table, partition, operations)            one transaction: all of it, or nothing and Conflict
    put(queue, message, delay)                      a message that becomes visible after delay seconds

There is no filter argument, so no list can become a scan and no filter can be injected.
tables.py and queues.py do this on Azure, memory.py in a dict; both refuse the same input, by `check`.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from messaging.errors import Conflict, InvalidInput
from messaging.models import MandateId

_KEY = re.compile(r"[^\x00-\x1f\x7f-\x9f/\\#?]{1,512}")

Value = str | int | float | bool

MAX_OPERATIONS = 100
MAX_BYTES = 4 * 1024 * 1024
MAX_UNITS = 32_768
"""UTF-16 units that one text column may hold (64 KiB)."""
MAX_MESSAGE = 49_152
"""Bytes of a queue message: base64 makes them the 64 KiB that a queue takes."""


class Table(StrEnum):
    REGISTRY = "messagingregistry"
    LEDGER = "messagingledger"
    JOURNAL = "messagingjournal"
    LIMITS = "messaginglimits"
    WORK = "messagingwork"


class Work(StrEnum):
    """The partitions of `messagingwork`, the service's own lists across mandates."""

    EXECUTION = "execution"
    SCHEDULE = "schedule"
    DIGEST = "digest"
    DELETION = "deletion"
    PAUSE = "pause"
    POISON = "poison"
    SWEEP = "sweep"
    MEMORY = "memory"


Partition = MandateId | Work


@dataclass(frozen=True, slots=True)
class Row:
    """One stored entity: its RowKey, its columns and the ETag of the version that was read."""

    key: str
    values: Mapping[str, Any]
    etag: str

    def __getitem__(self, column: str) -> Any:
        return self.values[column]

    def get(self, column: str, default: Any = None) -> Any:
        return self.values.get(column, default)


@dataclass(frozen=True, slots=True)
class Insert:
    """A new row; Conflict if the key exists."""

    key: str
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Upsert:
    """A row as given, whether or not there was one."""

    key: str
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Merge:
    """New values for some columns; Conflict if the row is gone or, with an ETag, has changed."""

    key: str
    values: Mapping[str, Value]
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Delete:
    """The row's end; Conflict if it is gone or, with an ETag, has changed."""

    key: str
    etag: str = ""


Operation = Insert | Upsert | Merge | Delete


class Tables(Protocol):
    """Rows. Every method raises StorageUnavailable when storage cannot be reached."""

    async def get(self, table: Table, partition: Partition, key: str) -> Row | None: ...

    async def range(
        self,
        table: Table,
        partition: Partition,
        span: tuple[str, str],
        limit: int,
        columns: Sequence[str] = (),
    ) -> list[Row]:
        """Rows of span[0] <= key < span[1], at most `limit` (1 or more), only the named columns if any."""
        ...

    async def commit(self, table: Table, partition: Partition, operations: Sequence[Operation]) -> list[str]:
        """Do all operations or none; answer the new ETags in the same order ("" for a deletion).

        Raises Conflict, or ValueError for what no storage would take (`check`).
        """
        ...

    async def close(self) -> None: ...


QueueMessage = Mapping[str, Any] | list[Any]
"""What a queue message holds as JSON; only other systems write arrays."""


class Queues(Protocol):
    async def put(self, queue: str, message: QueueMessage, delay: float = 0) -> None:
        """Queue a message, visible after `delay` seconds, at most seven days.

        Raises InvalidInput if it is longer than 48 KiB, StorageUnavailable.
        """
        ...

    async def close(self) -> None: ...


def check(operations: Sequence[Operation]) -> None:
    """Refuse with ValueError what Azure would refuse, so that the twin cannot be laxer than the service."""
    if not 0 < len(operations) <= MAX_OPERATIONS:
        raise ValueError(f"a transaction has 1 to {MAX_OPERATIONS} operations, this one {len(operations)}")
    if len({operation.key for operation in operations}) < len(operations):
        raise ValueError("a transaction may touch a row only once")
    size = 0
    for operation in operations:
        check_key(operation.key)
        size += 500 if isinstance(operation, Delete) else 500 + sum(map(column_size, operation.values.values()))
    if size > MAX_BYTES:
        raise ValueError(f"a transaction holds at most {MAX_BYTES} bytes, this one {size}")


def message_text(message: QueueMessage) -> str:
    """A message as JSON. Raises InvalidInput if no queue would take it."""
    # Not escaped: a message that somebody wrote in UTF-8 must fit again when it is put back.
    text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
    size = len(text.encode())
    if size > MAX_MESSAGE:
        raise InvalidInput("message", f"has {size} bytes; a queue takes {MAX_MESSAGE}")
    return text


def check_key(key: str) -> None:
    if not _KEY.fullmatch(key):
        raise ValueError("a key has 1 to 512 characters, no control characters and none of / \\ # ?")


def column_size(value: Value) -> int:
    """Roughly the bytes that a column adds to a transaction's body."""
    if not isinstance(value, str):
        return 16
    units = size = len(value)
    if not value.isascii():
        units, size = len(value.encode("utf-16-le")) // 2, len(value.encode())
    if units > MAX_UNITS:
        raise ValueError(f"a text column holds {MAX_UNITS} UTF-16 units, this one has {units}")
    return size + 16


async def repeated[T](move: Callable[[], Awaitable[T]], tries: int = 5) -> T:
    """Do a move that reads and then writes; again when somebody else wrote in between. Raises Conflict at last."""
    for _ in range(tries - 1):
        try:
            return await move()
        except Conflict:
            continue
    return await move()


async def together[T](moves: Iterable[Awaitable[T]]) -> list[T]:
    """Do independent moves at the same time; when all have ended, raise the first error if there was one."""
    results = await asyncio.gather(*moves, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]
