"""Running a timer on request, with a plain function in place of the app."""

from __future__ import annotations

import asyncio
import json

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from dev.host.admin import serve_admin
from dev.host.functions import TimerTrigger
from dev.host.protos import RpcFunctionMetadata
from dev.host.worker import Call, Outcome
from messaging.ncrontab import parse

JSON = {"Content-Type": "application/json"}
TICK = TimerTrigger(RpcFunctionMetadata(name="tick"), "timer", parse("0 0 0 1 1 *"), True, False)


class Runs:
    """What was run; each run takes as long as `go` is not set."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.begun: list[tuple[str, Call]] = []
        self.ended = 0

    async def __call__(self, trigger: TimerTrigger, call: Call) -> Outcome:
        self.begun.append((trigger.function.name, call))
        await self.go.wait()
        self.ended += 1
        return Outcome(True)


def client(runs: Runs) -> TestClient[web.Request, web.Application]:
    application = web.Application()
    serve_admin(application, [TICK], runs)
    return TestClient(TestServer(application))


async def test_a_timer_runs_now_and_is_not_waited_for() -> None:
    runs = Runs()
    async with client(runs) as caller:
        for name in ("tick", "TICK"):
            answer = await caller.post(f"/admin/functions/{name}", data="{}", headers=JSON)
            assert answer.status == 202
        assert [name for name, _ in runs.begun] == ["tick", "tick"]
        call = runs.begun[0][1]
        assert (call.parameter, json.loads(call.data.json or "")["IsPastDue"]) == ("timer", False)
        assert runs.ended == 0
        runs.go.set()
    assert runs.ended == 2


async def test_the_end_of_the_host_waits_for_what_runs() -> None:
    runs = Runs()
    async with client(runs) as caller:
        await caller.post("/admin/functions/tick", data="{}", headers=JSON)
        asyncio.get_running_loop().call_later(0.05, runs.go.set)
    assert runs.ended == 1


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("POST", "/admin/functions/api", JSON, 404),
        ("POST", "/admin/functions/tick", {"Content-Type": "text/plain"}, 415),
        ("GET", "/admin/functions/tick", {}, 405),
    ],
)
async def test_nothing_else_is_run(method: str, path: str, headers: dict[str, str], status: int) -> None:
    runs = Runs()
    async with client(runs) as caller:
        assert (await caller.request(method, path, data=b"{}", headers=headers)).status == status
    assert runs.begun == []
