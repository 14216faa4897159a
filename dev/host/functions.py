"""What an app asks of its host: triggers read from the raw bindings, and the refusals that only a host can
make.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from dev.host.errors import HostError
from dev.host.protos import RpcFunctionMetadata
from dev.host.routes import HttpTrigger, full_template
from messaging import ncrontab

QUEUE_NAME = r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]"
DEFAULT_CONNECTION = "AzureWebJobsStorage"


@dataclass(frozen=True)
class QueueTrigger:
    """A queue function. `connection` is the connection string itself; `binary` asks for bytes instead of text."""

    function: RpcFunctionMetadata
    parameter: str
    queue: str
    connection: str
    binary: bool


@dataclass(frozen=True)
class TimerTrigger:
    """A timer function. `monitored`: its last and next run are remembered over a restart."""

    function: RpcFunctionMetadata
    parameter: str
    schedule: ncrontab.Schedule
    monitored: bool
    run_on_startup: bool


@dataclass
class App:
    """All triggers of a function app."""

    http: list[HttpTrigger] = field(default_factory=list)
    queues: list[QueueTrigger] = field(default_factory=list)
    timers: list[TimerTrigger] = field(default_factory=list)


def read_app(functions: Sequence[RpcFunctionMetadata], route_prefix: str) -> App:
    """Read the bindings of all functions; raises HostError for the first thing that cannot be served."""
    app = App()
    for function in functions:
        binding = _trigger_binding(function)
        match binding["type"]:
            case "httpTrigger":
                app.http.append(_http(function, binding, route_prefix))
            case "queueTrigger":
                app.queues.append(_queue(function, binding))
            case "timerTrigger":
                app.timers.append(_timer(function, binding))
            case other:
                raise HostError(
                    f"function {function.name}: the local host does not support {other}, "
                    "only HTTP, queue and timer triggers"
                )
    return app


def _trigger_binding(function: RpcFunctionMetadata) -> dict[str, Any]:
    bindings: list[dict[str, Any]] = [json.loads(text) for text in function.raw_bindings]
    for binding in bindings:
        if binding["type"].endswith("Trigger") or (binding["type"], binding["name"]) == ("http", "$return"):
            continue
        raise HostError(
            f"function {function.name}: the local host does not support the {binding['type']} binding "
            f"{binding['name']!r}; read and write through the SDK instead"
        )
    if function.retry_options is not None:
        raise HostError(f"function {function.name}: the local host does not support retry policies")
    trigger = next(binding for binding in bindings if binding["type"].endswith("Trigger"))
    return {key: _resolved(function.name, value) for key, value in trigger.items()}


def _resolved(function: str, value: Any) -> Any:
    """Replace each %NAME% in a text by the environment variable NAME."""

    def setting(match: re.Match[str]) -> str:
        if (found := os.environ.get(match[1])) is None:
            raise HostError(f"function {function} needs the setting {match[1]}: set this environment variable")
        return found

    return re.sub("%([^%]+)%", setting, value) if isinstance(value, str) else value


def _http(function: RpcFunctionMetadata, binding: dict[str, Any], prefix: str) -> HttpTrigger:
    level = str(binding.get("authLevel") or "FUNCTION").upper()
    if level != "ANONYMOUS":
        raise HostError(
            f"function {function.name}: the local host has no function keys, so auth level {level} "
            "is not supported; use ANONYMOUS"
        )
    template = full_template(function.name, str(binding.get("route") or function.name), prefix)
    methods = frozenset(str(method).upper() for method in binding.get("methods") or ())
    return HttpTrigger(function, binding["name"], template, methods)


def _queue(function: RpcFunctionMetadata, binding: dict[str, Any]) -> QueueTrigger:
    variable = binding.get("connection") or DEFAULT_CONNECTION
    connection = os.environ.get(variable, "")
    if not connection:
        raise HostError(
            f"function {function.name} needs a storage connection: "
            f"set the environment variable {variable} to a connection string"
        )
    queue = str(binding["queueName"])
    if not re.fullmatch(QUEUE_NAME, queue):
        raise HostError(
            f"function {function.name}: {queue!r} is not a queue name; "
            "use 3 to 63 lower-case letters, digits and single hyphens"
        )
    binary = str(binding.get("dataType", "")).upper() == "BINARY"
    return QueueTrigger(function, binding["name"], queue, connection, binary)


def _timer(function: RpcFunctionMetadata, binding: dict[str, Any]) -> TimerTrigger:
    try:
        schedule = ncrontab.parse(str(binding["schedule"]))
    except ValueError as error:
        raise HostError(f"function {function.name}: schedule {binding['schedule']!r}: {error}") from error
    return TimerTrigger(
        function=function,
        parameter=binding["name"],
        schedule=schedule,
        monitored=bool(binding.get("useMonitor", True)) and not schedule.often,
        run_on_startup=bool(binding.get("runOnStartup", False)),
    )
