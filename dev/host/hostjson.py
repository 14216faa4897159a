"""host.json: the part of it that the local host obeys, with the real host's defaults and bounds."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev.host.errors import HostError

DEVELOPMENT_POLLING = 2.0  # seconds; the real host's cap when AZURE_FUNCTIONS_ENVIRONMENT is Development


@dataclass(frozen=True)
class QueueRules:
    """How queues are read; names as in host.json, durations in seconds.

    message_lease: how long a received message is invisible to others, renewed at half time while it is worked on.
    visibility_timeout: how long a failed message waits before its next try.
    max_polling_interval: the longest pause between two looks at an empty queue.
    """

    batch_size: int = 16
    new_batch_threshold: int = 8
    max_dequeue_count: int = 5
    visibility_timeout: int = 0
    max_polling_interval: float = DEVELOPMENT_POLLING
    message_lease: int = 600
    base64: bool = True


@dataclass(frozen=True)
class HostSettings:
    """What host.json says; `route_prefix` stands before every HTTP route, without slashes at its ends."""

    route_prefix: str = "api"
    queues: QueueRules = QueueRules()


def read_host_json(folder: Path) -> HostSettings:
    """Read host.json of the app; a missing file means defaults. Raises HostError naming the wrong value."""
    file = folder / "host.json"
    if not file.exists():
        return HostSettings()
    try:
        extensions = json.loads(file.read_text(encoding="utf-8")).get("extensions", {})
        prefix = str(extensions.get("http", {}).get("routePrefix", "api"))
        return HostSettings(prefix.strip("/"), _queue_rules(extensions.get("queues", {})))
    except (ValueError, AttributeError, TypeError) as error:
        raise HostError(f"{file} is wrong: {error}") from error


def _queue_rules(values: dict[str, Any]) -> QueueRules:
    batch_size = _whole(values, "batchSize", 16, 1, 32)
    encoding = str(values.get("messageEncoding", "base64")).lower()
    if encoding not in ("base64", "none"):
        raise ValueError(f"extensions.queues.messageEncoding is {encoding}, it must be base64 or none")
    polling = _seconds(values, "maxPollingInterval", DEVELOPMENT_POLLING)
    if polling < 0.1:
        raise ValueError("extensions.queues.maxPollingInterval must be at least 100 ms")
    return QueueRules(
        batch_size=batch_size,
        new_batch_threshold=_whole(values, "newBatchThreshold", batch_size // 2, 0, 1000),
        max_dequeue_count=_whole(values, "maxDequeueCount", 5, 1, 1000),
        visibility_timeout=int(_seconds(values, "visibilityTimeout", 0)),
        max_polling_interval=min(polling, DEVELOPMENT_POLLING),
        base64=encoding == "base64",
    )


def _whole(values: dict[str, Any], name: str, default: int, least: int, most: int) -> int:
    value = values.get(name, default)
    if not isinstance(value, int) or not least <= value <= most:
        raise ValueError(
            f"extensions.queues.{name} is {value!r}, it must be a whole number from {least} to {most}"
        )
    return value


def _seconds(values: dict[str, Any], name: str, default: float) -> float:
    if name not in values:
        return default
    parts = re.fullmatch(r"(?:(\d+)\.)?(\d\d):(\d\d):(\d\d(?:\.\d{1,7})?)", str(values[name]))
    if parts is None:
        raise ValueError(f"extensions.queues.{name} is {values[name]!r}, it must look like 00:00:30")
    days, hours, minutes, seconds = parts.groups(default="0")
    return int(days) * 86400 + int(hours) * 3600 + int(minutes) * 60 + float(seconds)
