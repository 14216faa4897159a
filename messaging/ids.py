"""Ids that sort: an execution's id begins with its inverted time, and its deliveries' ids with the same bits.

Both are UUIDv8 (RFC 9562): 48 bits of inverted milliseconds, 12 bits drawn once per execution, then 62 bits that
are random in an execution's id and a hash in a delivery's. So one row serves "by id", "newest first" and
"of this execution", and preparing the same page again gives the same delivery ids.
"""

import math
from hashlib import sha256
from secrets import randbits
from uuid import UUID

_NEWEST = (1 << 48) - 1


def execution_id(now: float) -> str:
    """A new execution's id. `now` is UTC seconds."""
    inverted = _NEWEST - int(now * 1000)
    return _uuid8(inverted, randbits(12), randbits(62))


def delivery_id(executionId: str, registrationId: str, ordinal: int) -> str:
    """The id of the ordinal-th message (from 0) that an execution sends to a registration."""
    number = UUID(executionId).int
    digest = sha256(f"{executionId}\n{registrationId}\n{ordinal}".encode()).digest()
    return _uuid8(number >> 80, (number >> 64) & 0xFFF, int.from_bytes(digest[:8]) >> 2)


def created_at(uuid8: str) -> float:
    """The time in an execution's or a delivery's id, in UTC seconds."""
    return (_NEWEST - (UUID(uuid8).int >> 80)) / 1000


def older_than(since: float) -> str:
    """What every id older than `since` (UTC seconds) sorts at or after, and no other."""
    return _leading(_NEWEST - math.ceil(round(since * 1000, 3)) + 1)


def inverted(moment: float) -> str:
    """A time (UTC seconds) to the millisecond, written as ids begin: newest sorts first."""
    return _leading(_NEWEST - round(moment * 1000))


def is_id(text: str) -> bool:
    """Whether an id from a path could be one of ours, in the one spelling that keys use."""
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _leading(high48: int) -> str:
    hexadecimal = f"{max(0, min(_NEWEST, high48)):012x}"
    return f"{hexadecimal[:8]}-{hexadecimal[8:]}"


def _uuid8(high48: int, middle12: int, low62: int) -> str:
    return str(UUID(int=high48 << 80 | 0x8 << 76 | middle12 << 64 | 0b10 << 62 | low62))
