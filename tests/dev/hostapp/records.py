"""What the tests use of the host app: starting it, its record file, its queue."""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from azure.storage.queue import QueueClient

from dev.host.child import RunningHost, start_host
from dev.processes import ROOT

APP = ROOT / "tests" / "dev" / "hostapp"


def new_name(prefix: str = "q") -> str:
    """A queue name that no other test uses."""
    return f"{prefix}-{uuid.uuid4().hex[:10]}"


def wait_for(condition: Callable[[], bool], timeout: float = 10.0) -> None:
    """Ask every 20 ms until the condition holds; fails after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


@dataclass
class HostApp:
    """The host app with its files in `folder` and a queue of its own in the storage of `connection`."""

    folder: Path
    connection: str
    cron: str = "0 0 0 1 1 *"
    queue: str = field(default_factory=new_name)

    @property
    def environment(self) -> dict[str, str]:
        """The settings that the app needs."""
        return {
            "HOSTAPP_RECORD": str(self.folder / "record.jsonl"),
            "HOSTAPP_QUEUE": self.queue,
            "HOSTAPP_STORAGE": self.connection,
            "HOSTAPP_CRON": self.cron,
        }

    def arguments(self, *more: str) -> list[str]:
        """The host's arguments."""
        return [
            "--app",
            str(APP),
            "--port",
            "0",
            "--state",
            str(self.folder / "state"),
            "--max-polling",
            "0.3",
            *more,
        ]

    def start(self, *more: str) -> RunningHost:
        """Start a host process for it."""
        return start_host(self.arguments(*more), self.environment)

    def send(self, **task: Any) -> None:
        """Put a task on the queue."""
        with QueueClient.from_connection_string(self.connection, self.queue) as client:
            client.send_message(base64.b64encode(json.dumps(task).encode()).decode())

    def count(self) -> int:
        """How many messages are in the queue, visible or not."""
        with QueueClient.from_connection_string(self.connection, self.queue) as client:
            return int(client.get_queue_properties().approximate_message_count or 0)

    def records(self, event: str) -> list[dict[str, Any]]:
        """The lines that the app wrote for an event, in their order."""
        file = self.folder / "record.jsonl"
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        return [record for record in map(json.loads, lines) if record["event"] == event]
