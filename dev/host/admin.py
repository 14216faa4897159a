"""`POST /admin/functions/{name}` runs a timer function now, whatever its schedule says; the body is `{}`.

As the real host: the answer is 202 before the function runs, and the schedule goes on as it was. Azure wants the
master key; here it needs none. Only timers can be run so. Source: Azure Functions, "Manually run a non
HTTP-triggered function".
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from dev.host.functions import TimerTrigger
from dev.host.protos import TypedData
from dev.host.worker import Call, Outcome

TIMER_INFO = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": None, "IsPastDue": False}


def serve_admin(
    application: web.Application,
    timers: Sequence[TimerTrigger],
    run: Callable[[TimerTrigger, Call], Awaitable[Outcome]],
) -> None:
    """Add the route; the application's cleanup waits for what it has started."""
    known = {trigger.function.name.lower(): trigger for trigger in timers}
    running: set[asyncio.Task[Outcome]] = set()

    async def run_now(request: web.Request) -> web.Response:
        if request.content_type != "application/json":
            return web.Response(status=415)
        trigger = known.get(request.match_info["name"].lower())
        if trigger is None:
            return web.Response(status=404)
        call = Call(trigger.parameter, TypedData(json=json.dumps(TIMER_INFO)), {})
        task = asyncio.ensure_future(run(trigger, call))
        running.add(task)
        task.add_done_callback(running.discard)
        return web.Response(status=202)

    async def finish(_: web.Application) -> None:
        if running:
            await asyncio.wait(running)

    application.router.add_post("/admin/functions/{name}", run_now)
    application.on_cleanup.append(finish)
