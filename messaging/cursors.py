"""Cursors of lists: where a list goes on, bound to the list that it came from.

A cursor is the last key read and a hash of everything that chose the list (caller's range, filters). A cursor of
another list, caller or mandate is refused, and whatever it says, a list never leaves its own range.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from messaging.errors import InvalidInput
from messaging.storage.keys import Span, after


@dataclass(frozen=True, slots=True)
class Page[T]:
    """Some items of a list; `nextCursor` is set while there may be more, even behind an empty page."""

    items: Sequence[T]
    nextCursor: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What a caller wants of a list: at most `limit` items after `cursor`."""

    limit: int = 100
    cursor: str | None = None


def encode(scope: Sequence[object], lastKey: str) -> str:
    return urlsafe_b64encode(json.dumps([_hash(scope), lastKey]).encode()).decode().rstrip("=")


def decode(scope: Sequence[object], cursor: str) -> str:
    """The last key read. Raises InvalidInput for a cursor that does not belong to this list."""
    try:
        found, lastKey = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError):
        found, lastKey = "", ""
    if found != _hash(scope) or not isinstance(lastKey, str) or not (lastKey.isascii() and lastKey.isprintable()):
        raise InvalidInput("cursor", "does not belong to this list; start again without it")
    return lastKey


def rest(span: Span, scope: Sequence[object], cursor: str | None) -> Span:
    """What is left of a range after a cursor, never more than the range itself."""
    if cursor is None:
        return span
    first = after(decode(scope, cursor))
    return min(max(first, span[0]), span[1]), span[1]


def _hash(scope: Sequence[object]) -> str:
    return sha256(json.dumps(list(scope), default=str).encode()).hexdigest()[:16]
