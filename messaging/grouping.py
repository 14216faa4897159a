"""Errors of the same kind as one entry of a digest: counted, with first and last time and one example. Pure.

Source of the shape: concept, "Scheduled Job (System Errors)", and subscriptions/subSubscriptionSystemErrors.py.
"""

import json
from dataclasses import dataclass
from typing import Any

from messaging.errorrecords import ErrorRecord, cut

SHOWN = 50
"""Kinds of errors that a digest tells one by one, the most frequent first; the rest is one entry."""

KEPT = 500
"""Kinds that are kept in memory; errors of further kinds are only counted, whatever their number."""

MESSAGE = 500
"""Characters of an example's message."""

ROOM = 240_000
"""Bytes of all entries as JSON: below the 256 KiB that an execution's parameters may have."""


@dataclass(slots=True)
class _Kind:
    """Errors of one kind. The example is the latest, its trace the latest that there is."""

    latest: ErrorRecord
    trace: str
    count: int
    first: float

    def take(self, record: ErrorRecord) -> None:
        self.count += record.count
        self.first = min(self.first, record.at)
        if record.at >= self.latest.at:
            self.latest, self.trace = record, record.trace or self.trace
        else:
            self.trace = self.trace or record.trace

    def entry(self) -> dict[str, Any]:
        """Everything but the trace."""
        latest = self.latest
        return {
            "message": cut(latest.message, MESSAGE),
            "level": latest.level,
            "timestamp": latest.at,
            "source": latest.source,
            "count": self.count,
            "first": self.first,
            "last": latest.at,
        }


class Grouping:
    """Takes any number of errors in bounded memory."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, str, str], _Kind] = {}
        self._further: _Kind | None = None

    def add(self, record: ErrorRecord) -> None:
        key = (record.source, record.place, record.shape)
        kind = self._kinds.get(key)
        if kind is not None:
            kind.take(record)
        elif len(self._kinds) < KEPT:
            self._kinds[key] = _Kind(record, record.trace, record.count, record.at)
        elif self._further is not None:
            self._further.take(record)
        else:
            self._further = _Kind(record, "", record.count, record.at)

    def entries(self) -> list[dict[str, Any]]:
        """What a digest's `errors` holds: the most frequent kinds, then one entry that counts the rest.

        Stack traces are given as long as there is room, the most frequent first.
        """
        kinds = sorted(self._kinds.values(), key=lambda kind: (-kind.count, -kind.latest.at))
        shown, rest = kinds[:SHOWN], kinds[SHOWN:]
        entries = [kind.entry() for kind in shown]
        further = [*rest, self._further] if self._further else rest
        if further:
            entries.append(_further(further, "more than " if self._further else "", len(rest)))
        room = ROOM - sum(map(_size, entries))
        for kind, entry in zip(shown, entries, strict=False):
            room -= _size(kind.trace)
            if kind.trace and room > 0:
                entry["trace"] = kind.trace
        return entries


def _further(kinds: list[_Kind], more: str, number: int) -> dict[str, Any]:
    last = max(kind.latest.at for kind in kinds)
    return {
        "message": f"Errors of {more}{number} further kinds, each less frequent than those that are told here",
        "level": "ERROR",
        "timestamp": last,
        "count": sum(kind.count for kind in kinds),
        "first": min(kind.first for kind in kinds),
        "last": last,
    }


def _size(value: object) -> int:
    """Bytes of a value as JSON, with some room for what stands around it."""
    return len(json.dumps(value, ensure_ascii=False).encode()) + 20
