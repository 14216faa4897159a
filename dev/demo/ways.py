"""Each way in executes the same subscription."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from dev.demo.scene import ADMIN, Scene

AHEAD = 4
"""Seconds until the schedule is due: the other ways are shown meanwhile."""


async def play(scene: Scene) -> None:
    scene.title("4. Four ways in, one subscription")
    due = await _schedule(scene)

    async def http() -> None:
        await scene.trigger("audit_lunch", {"dish": "soup"})

    async def workflow() -> None:
        action = {
            "action": "messaging.executeSubscription",
            "mandateId": scene.client.mandateId,
            "subscriptionId": "audit_lunch",
            "eventParameters": {"dish": "pasta"},
        }
        await scene.put("messaging-workflow-actions", action)

    async def event() -> None:
        await scene.put("messaging-system-events", scene.event("lunch", "kitchen", {"dish": "curry"}))

    async def schedule() -> None:
        await asyncio.sleep(due - time.time() + 0.05)
        await scene.client.run_timer("tick")

    rows = [
        await _row(scene, "HTTP call", ("http", "olivia"), http, "Today: soup"),
        await _row(scene, "workflow message", ("workflow", "workflow"), workflow, "Today: pasta"),
        await _row(scene, "system event com.example.lunch", ("event", "event"), event, "Today: curry"),
        await _row(scene, "schedule", ("schedule", "schedule"), schedule, "Today: a surprise"),
    ]
    scene.table(("way in", "trigger of the execution", "made by", "received, by e-mail and by SMS"), rows)
    await scene.client.call(ADMIN, "PUT", "/subscriptions/audit_lunch", {"schedule": None})


async def _schedule(scene: Scene) -> float:
    """Give the subscription a schedule, and answer when it is due for the first time, UTC seconds."""
    due = int(time.time()) + AHEAD
    wish = {"schedule": f"{due % 60} * * * * *"}
    changed = await scene.client.call(ADMIN, "PUT", "/subscriptions/audit_lunch", wish)
    scene.say(
        f"It gets a schedule that is due in {AHEAD} s. The tick, which runs every minute, is not waited for:"
    )
    scene.say("POST /admin/functions/tick runs it, as on Azure")
    scene.expect(changed["nextRun"] == due, f"the schedule should be due at {due}, not {changed['nextRun']}")
    return float(changed["nextRun"])


async def _row(
    scene: Scene, way: str, told: tuple[str, str], act: Callable[[], Awaitable[None]], expected: str
) -> tuple[str, ...]:
    """Go one way in, and check that it led to one execution with two messages."""
    before = await scene.last()
    await act()
    made = await scene.execution("audit_lunch", *told)
    execution = await scene.settled(made["executionId"])
    scene.expect(execution["sent"] == execution["accepted"] == 2, f"{way}: two should be sent: {execution}")
    received = sorted((one["channel"], one["text"]) for one in await scene.arrived(before))
    scene.expect(received == [("email", expected), ("sms", expected)], f"{way}: {received}")
    return way, execution["trigger"], execution["createdBy"], " / ".join(sorted({text for _, text in received}))
