"""Ten thousand people, one trigger: each message once, the ledger right at every read, the memory flat."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.product import mandate
from tests.proof.world import ADMIN, memory, mixed, until, world

PEOPLE = 10_000


async def test_ten_thousand_people_get_one_message_each(tmp_path: Path, tell: Callable[[str], None]) -> None:
    async with world(tmp_path) as here:
        mandateId = mandate()
        await here.crowd(mandateId, await here.subscription(mandateId), mixed(PEOPLE))
        host = here.host()
        async with here.client(mandateId) as client:
            body = {"eventParameters": {"errors": ["disk full", "no route"]}}
            started = time.monotonic()
            answer = await client.call(ADMIN, "POST", "/trigger/SystemErrors", body)
            answered = time.monotonic() - started
            held: list[float] = []
            reads = 0

            async def done() -> Any:
                nonlocal reads
                one = await client.call(ADMIN, "GET", f"/executions/{answer['executionId']}")
                held.append(memory(host.child.pid))
                reads += 1
                assert one["accepted"] == one["sent"] + one["failed"] + one["pending"], one
                assert one["pending"] == one["queued"] + one["sending"] + one["deferred"] + one["unknown"], one
                return one if one["done"] else None

            final = await until(done, 600, 0.25)
            took = time.monotonic() - started
            assert (final["accepted"], final["sent"], final["failed"]) == (PEOPLE, PEOPLE, 0)
            summary = await client.sandbox("/requests/summary")
            assert summary["stored"]["recipient"]["max"] == summary["sends"]["recipient"]["max"] == 1
            assert (await client.sandbox("/messages/count"))["count"] == PEOPLE
        first, last = max(held[: len(held) // 4]), max(held[-len(held) // 4 :])
        tell(
            f"{PEOPLE} people: answered after {answered:.2f} s, all sent after {took:.1f} s "
            f"({PEOPLE / took:.0f} messages/s); {reads} ledger reads, all adding up; "
            f"memory of the host {first:.0f} MB in the first quarter, {last:.0f} in the last, peak {max(held):.0f}"
        )
        assert last < first * 1.3


async def test_a_large_mandate_does_not_hold_up_a_small_one(tmp_path: Path, tell: Callable[[str], None]) -> None:
    """Ten of one mandate pass ten thousand of another: at most the batches of two pages are before them."""
    async with world(tmp_path) as here:
        large, small = mandate(), mandate()
        people = [(f"u{n}", "email", f"u{n}@example.com") for n in range(PEOPLE)]
        await here.crowd(large, await here.subscription(large), people)
        await here.crowd(
            small, await here.subscription(small), [(f"s{n}", "email", f"s{n}@example.com") for n in range(10)]
        )
        here.host()
        body = {"eventParameters": {"errors": ["disk full"]}}
        async with here.client(large) as crowd, here.client(small) as few:
            first = await crowd.call(ADMIN, "POST", "/trigger/SystemErrors", body)

            async def sent() -> int:
                one = await crowd.call(ADMIN, "GET", f"/executions/{first['executionId']}")
                return int(one["sent"])

            await until(lambda: _at_least(sent, 1500), 120)
            started = time.monotonic()
            answer = await few.call(ADMIN, "POST", "/trigger/SystemErrors", body)
            before = await sent()  # from here on the ten stand in the queue

            async def ten() -> bool:
                one = await few.call(ADMIN, "GET", f"/executions/{answer['executionId']}")
                return int(one["sent"]) == 10

            await until(ten, 60)
            took, passed = time.monotonic() - started, await sent() - before
            batches = passed / 48
            tell(
                f"ten messages of a small mandate were sent {took:.2f} s after their trigger, while "
                f"{passed} messages ({batches:.0f} batches) of {PEOPLE} of a large one passed"
            )
            assert batches <= 2 * 21


async def test_a_paused_sms_sender_delays_no_mail(tmp_path: Path, tell: Callable[[str], None]) -> None:
    async with world(tmp_path) as here:
        mandateId = mandate()
        await here.crowd(mandateId, await here.subscription(mandateId), mixed(1000))
        here.host()
        async with here.client(mandateId) as client:
            await client.sandbox("/faults", "PUT", [{"provider": "twilio", "status": 429}])
            body = {"eventParameters": {"errors": ["disk full"]}}
            started = time.monotonic()
            answer = await client.call(ADMIN, "POST", "/trigger/SystemErrors", body)

            async def mails() -> Any:
                return (await client.sandbox("/messages/count?provider=acs"))["count"] == 500

            await until(mails, 60)
            took = time.monotonic() - started
            await asyncio.sleep(3)
            one = await client.call(ADMIN, "GET", f"/executions/{answer['executionId']}")
            seen = (await client.sandbox("/requests/summary"))["counts"]
            refused = sum(entry["count"] for entry in seen if entry["provider"] == "twilio")
            tell(f"500 mails were sent within {took:.2f} s; the SMS sender was paused after {refused} refusals")
            assert (one["sent"], one["queued"] + one["deferred"]) == (500, 500)
            assert refused <= 16


async def _at_least(count: Any, wanted: int) -> bool:
    return bool(await count() >= wanted)
