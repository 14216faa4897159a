"""The timer trigger: the real host's schedule and memory.

A timer never overlaps itself; ticks missed meanwhile become one run. A monitored timer that was due while no
host ran runs once at start with IsPastDue. A function that fails does not stop its schedule. Of several hosts
with one state folder one runs the timers; another takes over when it has gone. All times are UTC.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from dev.host.clock import stopped_within
from dev.host.functions import TimerTrigger
from dev.host.protos import TypedData
from dev.host.schedule_status import NEVER, Status, TimerLock, load_status, save_status
from dev.host.worker import Call, Outcome
from messaging.ncrontab import Schedule

log = logging.getLogger("host.timers")
TAKEOVER_INTERVAL = 1.0  # seconds between two tries for the lock; a minute in Azure


class Timer:
    """Serves one timer function. `run` calls the function; `folder` holds the status."""

    def __init__(self, trigger: TimerTrigger, folder: Path, run: Callable[[Call], Awaitable[Outcome]]) -> None:
        self._trigger = trigger
        self._file = folder / f"{trigger.function.name}.json"
        self._run = run

    async def tick(self, stop: asyncio.Event) -> None:
        """Run the function whenever it is due, until `stop` is set."""
        status, past_due = await self._first_status()
        if past_due or self._trigger.run_on_startup:
            status = await self._fire(status, past_due=past_due, at_startup=True)
        while not await stopped_within(stop, (status.next - datetime.now(UTC)).total_seconds()):
            status = await self._fire(status, past_due=False, at_startup=False)

    async def _first_status(self) -> tuple[Status, bool]:
        now = datetime.now(UTC)
        schedule = self._trigger.schedule
        if not self._trigger.monitored:
            return Status(NEVER, schedule.after(now), NEVER), False
        known = await asyncio.to_thread(load_status, self._file)
        status = current_status(schedule, known, now)
        if status != known:
            await asyncio.to_thread(save_status, self._file, status)
        return status, now > status.next

    async def _fire(self, status: Status, *, past_due: bool, at_startup: bool) -> Status:
        moment = datetime.now(UTC)
        if past_due:
            log.info("%s is past due, it should have run at %s", self._trigger.function.name, status.next)
        await self._run(Call(self._trigger.parameter, self._timer_info(status, past_due), {}))
        # Woken a moment early: counting from the planned time keeps the same tick from coming twice.
        base = moment if at_startup else max(moment, status.next)
        status = Status(base, self._trigger.schedule.after(base), base)
        if self._trigger.monitored:
            try:
                await asyncio.to_thread(save_status, self._file, status)
            except OSError:
                log.exception("%s: its status is not stored", self._trigger.function.name)
        return status

    def _timer_info(self, status: Status, past_due: bool) -> TypedData:
        info = {
            "Schedule": {"AdjustForDST": True},
            "ScheduleStatus": status.as_json() if self._trigger.monitored else None,
            "IsPastDue": past_due,
        }
        return TypedData(json=json.dumps(info))


def current_status(schedule: Schedule, known: Status | None, now: datetime) -> Status:
    """The status to start with. One that was worked out from another schedule counts as new, never as past due."""
    if known is None:
        return Status(NEVER, schedule.after(now), now)
    if known.last > NEVER:
        base = known.last
    elif known.last_updated > NEVER:
        base = known.last_updated
    else:
        base = now
    expected = schedule.after(base)
    if known.next == expected:
        return known
    if now > expected:
        base, expected = now, schedule.after(now)
    return Status(NEVER, expected, base)


async def run_timers(timers: list[Timer], folder: Path, stop: asyncio.Event) -> None:
    """Run all timers until `stop` is set, as soon as this host is the one that may."""
    if not timers:
        await stop.wait()
        return
    lock = TimerLock(folder)
    while not await asyncio.to_thread(lock.acquire):
        if await stopped_within(stop, TAKEOVER_INTERVAL):
            return
    try:
        async with asyncio.TaskGroup() as group:
            for timer in timers:
                group.create_task(timer.tick(stop))
    finally:
        lock.release()
