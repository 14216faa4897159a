"""What runs together in one host process, and how it ends."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import web

from dev.host import worker
from dev.host.clock import stopped_within
from dev.host.errors import HostError
from dev.host.functions import TimerTrigger, read_app
from dev.host.hostjson import HostSettings, read_host_json
from dev.host.http_server import start_server
from dev.host.queues import QueueListener
from dev.host.routes import HttpTrigger, Route, build_routes
from dev.host.timers import Timer, run_timers
from dev.processes import PortBusy, check_port, parent_has_gone
from messaging import ncrontab

log = logging.getLogger("host")


@dataclass(frozen=True)
class Options:
    """The command line. Durations are seconds; None leaves the value of host.json or the real host's default.

    port: of HTTP, 0 for a free one, None for no HTTP at all.
    state: the folder for what timers remember.
    """

    app: Path
    port: int | None
    state: Path
    message_lease: int | None = None
    visibility_timeout: int | None = None
    max_polling: float | None = None
    shutdown_grace: float = 10.0
    timers_every: int | None = None
    """Run every timer at this interval instead of its own schedule."""


async def run(options: Options) -> bool:
    """Serve the app until a signal comes or the parent process goes; whether all that was running has ended.

    Raises HostError when the app cannot be served.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    _check_port(options.port)
    settings = _settings(options)
    os.environ.setdefault("AZURE_FUNCTIONS_ENVIRONMENT", "Development")
    functions = await worker.load(options.app)
    app = read_app(functions, settings.route_prefix)
    routes = build_routes(app.http)
    listeners = [
        QueueListener(trigger, settings.queues, partial(worker.invoke, trigger.function)) for trigger in app.queues
    ]
    runner = await _start_http(routes, app.timers, options)
    async with asyncio.TaskGroup() as group:
        for listener in listeners:
            group.create_task(listener.prepare())
    timers = [
        Timer(_hurried(trigger, options), options.state, partial(worker.invoke, trigger.function))
        for trigger in app.timers
    ]
    loops = [*(listener.listen(stop) for listener in listeners), run_timers(timers, options.state, stop)]
    print(_ready(runner), flush=True)
    return await _serve(loops, runner, stop, options.shutdown_grace)


def _hurried(trigger: TimerTrigger, options: Options) -> TimerTrigger:
    if options.timers_every is None:
        return trigger
    schedule = ncrontab.parse(f"*/{options.timers_every} * * * * *")
    return replace(trigger, schedule=schedule, monitored=False)


async def _start_http(routes: list[Route], timers: list[TimerTrigger], options: Options) -> web.AppRunner | None:
    if options.port is None:
        return None
    try:
        return await start_server(routes, timers, _call, options.port, options.shutdown_grace)
    except OSError as error:  # somebody was faster
        raise HostError(f"cannot listen on port {options.port}: {error}") from error


async def _serve(
    loops: list[Coroutine[Any, Any, None]], runner: web.AppRunner | None, stop: asyncio.Event, grace: float
) -> bool:
    """Run the loops until `stop` is set or one breaks, then give what runs `grace` seconds to end."""
    tasks = [asyncio.create_task(loop) for loop in loops]
    stopping = asyncio.create_task(_until_stop(stop))
    await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    await stopping
    log.info("stopping: no new work, up to %g s for what runs", grace)
    if runner is not None:
        tasks.append(asyncio.create_task(runner.cleanup()))
    _, unfinished = await asyncio.wait(tasks, timeout=grace + 0.3)  # HTTP takes the whole grace for itself
    for task in unfinished:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result
    return not unfinished


async def _until_stop(stop: asyncio.Event) -> None:
    while not await stopped_within(stop, 0.5):
        if parent_has_gone():
            log.info("the parent process has gone")
            return


async def _call(trigger: HttpTrigger | TimerTrigger, call: worker.Call) -> worker.Outcome:
    return await worker.invoke(trigger.function, call)


def _settings(options: Options) -> HostSettings:
    settings = read_host_json(options.app)
    given = {
        "message_lease": options.message_lease,
        "visibility_timeout": options.visibility_timeout,
        "max_polling_interval": options.max_polling,
    }
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    return replace(settings, queues=replace(settings.queues, **changes))


def _check_port(port: int | None) -> None:
    try:
        if port:
            check_port(port, "--port")
    except PortBusy as error:
        raise HostError(str(error)) from error


def _ready(runner: web.AppRunner | None) -> str:
    return "ready" if runner is None else f"ready http://127.0.0.1:{runner.addresses[0][1]}"
