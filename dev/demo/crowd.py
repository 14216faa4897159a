"""Fifteen hundred people on all four channels: an execution of two pages, begun by a system event."""

import time

from rich.progress import Progress

from dev.crowd import register
from dev.demo.scene import ADMIN, CHANNELS, Scene, wait_for
from messaging.models import MandateId

PEOPLE = 1500


async def play(scene: Scene) -> None:
    scene.title(f"2. One event, {PEOPLE:,} people, a quarter on each channel")
    logins = await scene.subscription("audit_login", "Logins")
    people = [_person(number) for number in range(PEOPLE)]
    started = time.monotonic()
    await register(scene.product, (MandateId(scene.client.mandateId), "audit_login", logins["id"]), people)
    scene.say(f"Their registrations are written to storage directly, {time.monotonic() - started:.1f} s")
    before = await scene.last()
    event = scene.event("login", "olivia", {"ip": "192.0.2.7", "userAgent": "Firefox"})
    with scene.progress() as progress:
        started = time.monotonic()
        await scene.put("messaging-system-events", event)
        scene.say("A CloudEvent com.example.login on the queue messaging-system-events executes audit_login")
        execution = await scene.execution("audit_login", "event", "event")
        last = await _watch(scene, progress, execution["executionId"])
    scene.say(f"All {last['sent']:,} messages are sent {time.monotonic() - started:.1f} s after the event")
    scene.expect(last["accepted"] == last["sent"] == PEOPLE, f"{PEOPLE} messages should be sent: {last}")
    arrived = sorted((one["channel"], one["recipient"]) for one in await scene.arrived(before))
    scene.expect(
        arrived == sorted((channel, config) for _, channel, config in people),
        f"each of {PEOPLE} people should have one message; {len(arrived)} came to {len(set(arrived))} addresses",
    )


def _person(number: int) -> tuple[str, str, str]:
    """User, channel and address."""
    channel = list(CHANNELS)[number % 4]
    addresses = {
        "email": f"p{number}@example.com",
        "sms": f"+4178{number:07d}",
        "whatsapp": f"+4177{number:07d}",
        "teams_chat": f"{number:08d}-1111-4000-8000-000000000000",
    }
    return f"p{number}", channel, addresses[channel]


async def _watch(scene: Scene, progress: Progress, executionId: str) -> dict[str, int]:
    """The ledger when all is done; it must add up whenever it is read. Raises TimeoutError."""
    task = progress.add_task("sending", total=PEOPLE)

    async def done() -> dict[str, int] | None:
        one = await scene.client.call(ADMIN, "GET", f"/executions/{executionId}")
        progress.update(task, completed=one["sent"])
        adds_up = one["accepted"] == one["sent"] + one["failed"] + one["pending"]
        scene.expect(adds_up, f"the ledger does not add up: {one}")
        return one if one["done"] else None

    return await wait_for("the last message", done, 0.25)
