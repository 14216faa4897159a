"""Rate limits across instances, on Azure Tables and redis; what happens while the store fails."""

import asyncio
import logging
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from dev.processes import ROOT, Child
from messaging import rate_limit
from messaging.access import Role
from messaging.bootstrap import Messaging, build
from messaging.identity import Caller
from messaging.rate_limit import Kind, RateLimits
from messaging.storage import account
from messaging.storage.base import Row
from messaging.storage.memory import MemoryTables
from tests.faulty import Faults, proxy
from tests.ports import free_ports
from tests.product import Clock, mandate, settings

SIXTY = {"MESSAGING_RATE_LIMIT_SESSION": "60", "MESSAGING_RATE_LIMIT_TRIGGER": "60"}
TABLE = {**SIXTY, "MESSAGING_RATE_LIMIT_STORAGE": "table"}

PROCESS = """
import asyncio, sys
from messaging import rate_limit
from messaging.access import Role
from messaging.bootstrap import build
from tests.api.client import Client
from tests.product import settings

async def main(storage, mandateId, calls):
    more = {"MESSAGING_RATE_LIMIT_SESSION": "60", "MESSAGING_RATE_LIMIT_STORAGE": "table"}
    product = build(settings(storage, **more), clock=lambda: 1_800_000_000.0)
    one = Client(product, mandateId, Role.USER, "alice")
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    answers = await asyncio.gather(*(one("GET", "/subscriptions") for _ in range(int(calls))))
    print(" ".join(str(answer.status) for answer in answers))
    await product.close()

asyncio.run(main(*sys.argv[1:]))
"""


def test_two_processes_let_exactly_sixty_of_two_hundred_calls_through(storage: str) -> None:
    arguments = [sys.executable, "-c", PROCESS, storage, mandate(), "100"]
    options: dict[str, Any] = {"cwd": ROOT, "stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    both = [subprocess.Popen(arguments, **options) for _ in range(2)]
    for one in both:
        assert one.stdout and one.stdout.readline() == "ready\n"
    for one in both:
        assert one.stdin
        one.stdin.write("\n")
        one.stdin.flush()
    statuses = " ".join(one.communicate()[0] for one in both).split()
    assert (statuses.count("200"), statuses.count("429")) == (60, 140)


@pytest.fixture(scope="module")
def redis() -> Iterator[str]:
    if not (server := shutil.which("redis-server")):
        pytest.skip("limits in redis were not tried: there is no redis-server (apt-get install redis-server)")
    (port,) = free_ports(1)
    with Child("redis", [server, "--port", str(port), "--bind", "127.0.0.1", "--save", ""]) as child:
        child.wait_line("Ready to accept connections")
        yield f"async+redis://127.0.0.1:{port}"


async def test_a_bucket_that_many_instances_storm_is_no_outage(caplog: pytest.LogCaptureFixture) -> None:
    """Writes that are lost to others take time, but storage has answered: nobody counts in memory for that."""
    tables = Far()
    many = [build(settings("UseDevelopmentStorage=true", **TABLE), tables=tables) for _ in range(30)]
    mandateId = mandate()

    async def calls(one: Messaging) -> int:
        return sum([(await one.rateLimits.trigger(mandateId, "A")).admitted for _ in range(10)])

    assert sum(await asyncio.gather(*map(calls, many))) <= 60
    assert told(caplog) == []


class Far(MemoryTables):
    """The twin, 50 ms away."""

    async def commit(self, *given: Any) -> list[str]:
        await asyncio.sleep(0.05)
        return await super().commit(*given)

    async def get(self, *given: Any) -> Row | None:
        await asyncio.sleep(0.05)
        return await super().get(*given)


async def test_two_instances_share_a_limit_in_redis(
    storage: str, redis: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limit, "SLOWEST", 60)  # a busy machine is not what is tried
    both = [build(settings(storage, **SIXTY, MESSAGING_RATE_LIMIT_STORAGE=redis)) for _ in range(2)]
    mandateId = mandate()
    hits = await asyncio.gather(*(one.rateLimits.trigger(mandateId, "A") for one in both for _ in range(100)))
    assert sum(hit.admitted for hit in hits) == 60
    for one in both:
        await one.close()


async def test_redis_tells_what_is_left(storage: str, redis: str) -> None:
    product = build(settings(storage, **SIXTY, MESSAGING_RATE_LIMIT_STORAGE=redis))
    mandateId = mandate()
    hits = [await product.rateLimits.trigger(mandateId, "A") for _ in range(61)]
    assert [one.remaining for one in hits] == [*range(59, -1, -1), 0]
    assert [one.admitted for one in hits] == [True] * 60 + [False]
    assert all(50 <= one.reset <= 60 for one in hits)
    assert (await product.rateLimits.trigger(mandateId, "B")).remaining == 59
    await product.close()


async def test_a_redis_that_is_gone_is_an_outage(storage: str, caplog: pytest.LogCaptureFixture) -> None:
    secret = "not-to-be-shown"
    (port,) = free_ports(1)
    where = f"async+redis://user:{secret}@127.0.0.1:{port}"
    product = build(settings(storage, **SIXTY, MESSAGING_RATE_LIMIT_STORAGE=where))
    assert (await product.rateLimits.trigger(mandate(), "A")).remaining == 59
    assert told(caplog) == ["memory"] and secret not in caplog.text
    await product.close()


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    found = [re.search(r"Rate limits count in the (memory|shared)", one.getMessage()) for one in caplog.records]
    return [one[1] for one in found if one]


ALICE = Caller("alice", "m1", Role.USER, "alice")


@pytest.fixture
async def shaky(storage: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[RateLimits, Faults, Clock]]:
    """Limits on an account whose tables fail as planned; its time limits are short."""
    monkeypatch.setattr(account, "_RETRIES", {"retry_total": 0, "connection_timeout": 1, "read_timeout": 5})
    monkeypatch.setattr(rate_limit, "SLOWEST", 0.5)
    (target,) = re.findall(r"TableEndpoint=(http://[^/]+)/", storage)
    clock = Clock()
    async with proxy(target) as faults:
        product = build(settings(storage.replace(target, faults.url), **TABLE), clock=clock)
        await product.rateLimits.session(ALICE, Kind.OTHER)
        yield product.rateLimits, faults, clock
        await product.close()


@pytest.mark.parametrize("kind", ["503", "refused", "slow"])
async def test_memory_takes_over_while_the_store_fails_and_the_log_says_so_once(
    shaky: tuple[RateLimits, Faults, Clock], kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    limits, faults, clock = shaky
    faults.plan(kind, 1)
    hits = [await limits.session(ALICE, Kind.OTHER) for _ in range(61)]
    assert [one.admitted for one in hits] == [True] * 60 + [False]
    assert told(caplog) == ["memory"] and caplog.records[-1].levelno == logging.ERROR
    assert faults.seen == 1  # the others did not wait for a store that is known to fail

    clock.forward(rate_limit.PROBE)
    await asyncio.gather(*(limits.session(ALICE, Kind.OTHER) for _ in range(3)))
    assert faults.seen == 2 and told(caplog) == ["memory"]

    faults.plan("", 1)
    clock.forward(rate_limit.PROBE)
    assert (await limits.session(ALICE, Kind.OTHER)).remaining == 58  # as the row says: one call before the outage
    assert (await limits.session(ALICE, Kind.OTHER)).remaining == 57
    assert told(caplog) == ["memory", "shared"]


async def test_a_write_whose_reply_is_lost_counts_no_call_too_few(
    shaky: tuple[RateLimits, Faults, Clock],
) -> None:
    limits, faults, _ = shaky
    faults.plan("lost", 1, times=1)
    assert (await limits.session(ALICE, Kind.OTHER)).admitted  # by memory
    faults.plan("", 1)
    limits._answered()
    assert (await limits.session(ALICE, Kind.OTHER)).remaining == 57
