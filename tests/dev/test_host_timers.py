"""The timer rules of the local host, with a plain function in place of the app and seconds in place of hours."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dev.host.functions import TimerTrigger
from dev.host.protos import RpcFunctionMetadata
from dev.host.schedule_status import Status, load_status, save_status
from dev.host.timers import Timer, run_timers
from dev.host.worker import Call, Outcome
from messaging.ncrontab import parse

Call1 = tuple[float, dict[str, Any]]
SELDOM = "0 0 0 1 1 *"


def trigger(schedule: str, *, run_on_startup: bool = False) -> TimerTrigger:
    found = parse(schedule)
    return TimerTrigger(RpcFunctionMetadata(name="tick"), "timer", found, not found.often, run_on_startup)


async def serve(
    one: TimerTrigger, folder: Path, seconds: float, run: Callable[[], Awaitable[bool]] | None = None
) -> list[Call1]:
    """Run the timer for some seconds; the wall time and the timer information of each call."""
    calls: list[Call1] = []

    async def noted(call: Call) -> Outcome:
        calls.append((time.time(), json.loads(call.data.json or "")))
        return Outcome(await run() if run else True)

    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, stop.set)
    await run_timers([Timer(one, folder, noted)], folder, stop)
    return calls


def test_fires_on_the_second_even_if_the_function_fails(tmp_path: Path) -> None:
    async def fail() -> bool:
        return False

    calls = asyncio.run(serve(trigger("* * * * * *"), tmp_path, 2.2, fail))
    assert len(calls) in (2, 3)
    assert all(moment % 1 < 0.3 for moment, _ in calls)
    assert calls[0][1] == {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": None, "IsPastDue": False}
    assert not list(tmp_path.glob("*.json"))  # fires too often to be monitored


def test_never_overlaps_and_missed_ticks_become_one_run(tmp_path: Path) -> None:
    async def slow() -> bool:
        await asyncio.sleep(1.2)
        return True

    calls = asyncio.run(serve(trigger("* * * * * *"), tmp_path, 2.3, slow))
    moments = [moment for moment, _ in calls]
    assert len(moments) == 2
    assert 1.2 <= moments[1] - moments[0] < 1.6  # at once after the first, not at the next full second
    assert not calls[1][1]["IsPastDue"]


def test_due_while_no_host_ran_is_one_run_past_due(tmp_path: Path) -> None:
    file = tmp_path / "tick.json"
    known = Status(*(datetime(year, 1, 1, tzinfo=UTC) for year in (2020, 2021, 2020)))
    save_status(file, known)
    [(_, info)] = asyncio.run(serve(trigger(SELDOM), tmp_path, 0.3))
    assert info["IsPastDue"] is True
    assert info["ScheduleStatus"] == known.as_json()
    after = load_status(file)
    assert after is not None
    assert after.last.year >= 2026
    assert after.next > after.last
    assert asyncio.run(serve(trigger(SELDOM), tmp_path, 0.3)) == []  # a restart is not a run


def test_new_timer_waits_for_its_time_and_remembers_it(tmp_path: Path) -> None:
    assert asyncio.run(serve(trigger(SELDOM), tmp_path, 0.2)) == []
    status = load_status(tmp_path / "tick.json")
    assert status is not None
    assert (status.last.year, status.next.month, status.next.day) == (1, 1, 1)


def test_changed_schedule_is_not_past_due(tmp_path: Path) -> None:
    save_status(tmp_path / "tick.json", Status(*(datetime(y, 1, 1, tzinfo=UTC) for y in (2020, 2021, 2020))))
    assert asyncio.run(serve(trigger("0 0 0 2 2 *"), tmp_path, 0.3)) == []


def test_run_on_startup(tmp_path: Path) -> None:
    [(_, info)] = asyncio.run(serve(trigger(SELDOM, run_on_startup=True), tmp_path, 0.3))
    assert info["IsPastDue"] is False


def test_one_of_several_hosts_runs_the_timers_and_another_takes_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dev.host.timers.TAKEOVER_INTERVAL", 0.1)
    now = trigger("* * * * * *", run_on_startup=True)

    async def session() -> tuple[list[Call1], list[Call1]]:
        first = asyncio.create_task(serve(now, tmp_path, 0.5))
        await asyncio.sleep(0.1)
        second = asyncio.create_task(serve(now, tmp_path, 1.0))
        return await first, await second

    first, second = asyncio.run(session())
    assert first
    assert second
    assert max(moment for moment, _ in first) < min(moment for moment, _ in second)
