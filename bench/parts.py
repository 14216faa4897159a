"""The parts of the bench, each runnable alone: what it measures, as data for report.py."""

import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Any

from bench import product
from bench.measure import summary
from bench.site import Site
from bench.ways import SEQUENTIAL, SMALL_ONLY, WAYS, Block
from messaging.models import MessagingEventParameters, TriggerKind
from messaging.service import Trigger

Say = Callable[[str], None]

IDLE = 3.0
"""Seconds after which the host looks at its empty queues as seldom as it ever does."""


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    rounds: int
    large_rounds: int
    """Of the large runs: they take long, and differ little."""
    small: int
    large: int
    sequential: int
    """Recipients of the sequential ways at 50 ms: their rate does not depend on the number, only the wait does."""
    growth: tuple[int, ...]
    latencies: tuple[int, ...]


FULL = Size(3, 1, 1000, 10_000, 300, (1000, 10_000, 50_000), (1, 10, 1000))
QUICK = Size(1, 1, 200, 0, 40, (200, 1000), (1, 10))


async def ways(site: Site, size: Size, say: Say) -> list[dict[str, Any]]:
    """Messages a second and CPU a message of every way."""
    rows: list[dict[str, Any]] = []
    for channel in ("email", "sms"):
        for latency in (0, 50):
            counts = dict.fromkeys(WAYS, size.small)
            if latency:
                counts |= dict.fromkeys(SEQUENTIAL, size.sequential)
            rows += await Block(channel, latency, counts).measure(site, size.rounds, say)
            if size.large:
                large = {way: size.large for way in WAYS if way not in SMALL_ONLY}
                rows += await Block(channel, latency, large).measure(site, size.large_rounds, say)
    return rows


async def growth(site: Site, size: Size, say: Say) -> list[dict[str, Any]]:
    """What one message costs, however many there are: CPU, storage operations, entities, memory.

    SMS, which are sent in smaller groups, once: how the costs grow does not depend on the channel.
    """
    rows = []
    for channel, count in (("sms", size.growth[0]), *(("email", count) for count in size.growth)):
        sample, more = await product.measure(site, channel, count, 0)
        row = {"channel": channel, "recipients": count, "rate": sample.rate, "cpu": sample.micros, **more}
        say(f"growth: {row}")
        rows.append(row)
    return rows


async def latency(site: Site, size: Size, say: Say) -> list[dict[str, Any]]:
    """From the trigger's answer to the first and the last message at the provider, on a host that has waited."""
    rows = []
    settings = site.settings(site.account())
    async with product.host(site, settings) as running:
        for channel in ("email", "sms"):
            for count in size.latencies:
                mandateId = await product.crowd(settings, channel, count)
                seen = []
                for _ in range(2 + size.rounds):
                    await asyncio.sleep(IDLE)
                    await site.forget(0)
                    began, answered = await running.execute(mandateId, count)
                    arrived = await site.seen()
                    seen.append((answered - began, arrived["first"] - answered, arrived["last"] - answered))
                columns = zip(("answer", "first", "last"), zip(*seen, strict=True), strict=True)
                row = {name: summary(list(of)) for name, of in columns}
                rows.append({"channel": channel, "recipients": count, **row})
                say(f"latency: {rows[-1]}")
    return rows


async def cold(site: Site, size: Size, say: Say) -> dict[str, Any]:
    """Seconds from starting a process to its first HTTP answer, and to the mail that a waiting batch holds."""
    found: dict[str, list[float]] = {"http": [], "queue": []}
    for _ in range(size.rounds):
        settings = site.settings(site.account())
        mandateId = await product.crowd(settings, "email", 1)
        async with product.built(settings) as messaging:
            how = Trigger(product.boss(mandateId), TriggerKind.HTTP)
            await messaging.service.executeSubscription("News", MessagingEventParameters(triggerData={}), how)
        await site.forget(0)
        began = time.time()
        async with product.host(site, settings):
            arrived = await site.arrived(1)
        found["queue"].append(arrived["first"] - began)
        began = time.time()
        async with product.host(site, site.settings(site.account())) as running:
            async with running.session.get(f"{running.stack.api}/api/health") as answer:
                assert answer.status == 200, answer.status
            found["http"].append(time.time() - began)
    say(f"cold: {found}")
    return {name: summary(of) for name, of in found.items()}


async def imports(site: Site, size: Size, say: Say) -> dict[str, Any]:
    """CPU milliseconds of importing function_app, and of azure.functions alone, in turn, both from bytecode."""
    found: dict[str, list[float]] = {"azure.functions": [], "function_app": []}
    with TemporaryDirectory() as bytecode:
        settings = {**os.environ, **site.settings(site.account()), "PYTHONPYCACHEPREFIX": bytecode}
        settings.pop("PYTHONDONTWRITEBYTECODE", None)
        for number in range(4 + 2 * size.rounds):
            for module, times in found.items():
                code = f"import time; a = time.process_time(); import {module}; print(time.process_time() - a)"
                ended = subprocess.run([sys.executable, "-c", code], env=settings, capture_output=True, check=True)
                if number:  # the first import writes the bytecode
                    times.append(1000 * float(ended.stdout))
    say(f"imports: { ({name: round(statistics.median(of)) for name, of in found.items()}) } ms")
    return {name: summary(of) for name, of in found.items()}


PARTS: dict[str, Callable[[Site, Size, Say], Any]] = {
    "ways": ways,
    "growth": growth,
    "latency": latency,
    "cold": cold,
    "imports": imports,
}
