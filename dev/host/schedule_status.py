"""What is remembered of a timer between runs of the host, and the lock that lets one host at a time run timers.

The real host keeps a status blob and a blob lease; here it is a JSON file a timer and a file lock in the state
folder.
"""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

NEVER = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Status:
    """When a timer ran last (NEVER if not yet), when it is due next, and the time `next` was worked out from."""

    last: datetime
    next: datetime
    last_updated: datetime

    def as_json(self) -> dict[str, str]:
        """The real host's form."""
        return {
            "Last": self.last.isoformat(),
            "Next": self.next.isoformat(),
            "LastUpdated": self.last_updated.isoformat(),
        }


def load_status(file: Path) -> Status | None:
    """Read a status; None if there is none or it cannot be read."""
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        moments = [datetime.fromisoformat(values[name]) for name in ("Last", "Next", "LastUpdated")]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Status(*(moment if moment.tzinfo else moment.replace(tzinfo=UTC) for moment in moments))


def save_status(file: Path, status: Status) -> None:
    """Write a status so that a crash leaves the old one or the new one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(f".{os.getpid()}.tmp")
    draft.write_text(json.dumps(status.as_json()), encoding="utf-8")
    draft.replace(file)


class TimerLock:
    """Held by the one host that runs the timers of a state folder; the system frees it when that process ends."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "timers.lock"
        self._handle: TextIO | None = None

    def acquire(self) -> bool:
        """Try to take it; whether it is ours now."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        handle = self._file.open("a", encoding="utf-8")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.close()
            return False
        self._handle = handle
        return True

    def release(self) -> None:
        """Give it back; nothing happens if it was not ours."""
        if self._handle is not None:
            self._handle.close()
            self._handle = None
