"""Fifteen hundred people: an execution of two pages, watched on its ledger."""

import asyncio
import itertools
import time

from rich.progress import Progress

from dev.demo.scene import ADMIN, Scene

PEOPLE = 1500
AT_A_TIME = 16


async def play(scene: Scene) -> None:
    scene.title(f"3. {PEOPLE:,} people, half by e-mail, half by SMS")
    await scene.subscription("audit_login", "Logins")
    with scene.progress() as progress:
        started = time.monotonic()
        await _register(scene, progress)
        scene.say(f"Registered over the API in {time.monotonic() - started:.1f} s")
        login = {"eventType": "login", "userId": "olivia", "details": {"ip": "192.0.2.7"}, "timestamp": 1764000000}
        before = (await scene.client.sandbox("/messages/count"))["count"]
        started = time.monotonic()
        execution = await scene.trigger("audit_login", login)
        seconds = time.monotonic() - started
        scene.say(
            f"Triggered: answered after {seconds:.1f} s with {execution['messagesSent']} messages stored so far"
        )
        last = await _watch(scene, progress, execution["executionId"])
    scene.say(f"All {last['sent']:,} messages are sent {time.monotonic() - started:.1f} s after the trigger")
    scene.expect(last["sent"] == PEOPLE, f"{PEOPLE} messages should be sent: {last}")
    summary = await scene.client.sandbox("/requests/summary")
    scene.expect(summary["stored"]["operationId"]["max"] <= 1, "a mail arrived twice")
    arrived = (await scene.client.sandbox("/messages/count"))["count"] - before
    scene.expect(arrived == PEOPLE, f"{PEOPLE} messages should have arrived, not {arrived}")


async def _register(scene: Scene, progress: Progress) -> None:
    task = progress.add_task("registering", total=PEOPLE)
    numbers = iter(range(PEOPLE))

    async def one_after_the_other() -> None:
        for n in numbers:
            channel, config = ("email", f"p{n}@example.com") if n % 2 else ("sms", f"+4178{n:07d}")
            await scene.subscribe(f"p{n}", "audit_login", channel, config)
            progress.advance(task)

    await asyncio.gather(*itertools.starmap(one_after_the_other, [()] * AT_A_TIME))


async def _watch(scene: Scene, progress: Progress, executionId: str) -> dict[str, int]:
    task = progress.add_task("sending", total=PEOPLE)
    while True:
        one = await scene.client.call(ADMIN, "GET", f"/executions/{executionId}")
        progress.update(task, completed=one["sent"])
        adds_up = one["accepted"] == one["sent"] + one["failed"] + one["pending"]
        scene.expect(adds_up, f"the ledger does not add up: {one}")
        if one["done"]:
            return one
        await asyncio.sleep(0.25)
