"""This product end to end: the local host with its real queue and worker, from the trigger to the last record."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from aiohttp import ClientSession

from bench.measure import Sample, cpu, peak
from bench.people import recipients
from bench.site import Site
from dev.client import Client
from dev.crowd import register
from dev.host.child import start_host
from dev.processes import ROOT
from dev.stack import Stack
from messaging.access import Principal, Role
from messaging.bootstrap import Messaging, build
from messaging.inputs import SubscriptionData
from messaging.models import MandateId
from messaging.settings import Settings

ADMIN = ("olivia", "mandate-admin")
SUBSCRIPTIONS = ROOT / "bench" / "subscriptions"


@asynccontextmanager
async def built(settings: dict[str, str]) -> AsyncIterator[Messaging]:
    """The product in this process, on the same storage as the host."""
    given: dict[str, Any] = {**settings}
    messaging = build(Settings(**given), subscriptions=SUBSCRIPTIONS)
    yield messaging
    await messaging.close()


async def crowd(settings: dict[str, str], channel: str, count: int) -> MandateId:
    """Register people in a mandate of their own."""
    mandateId = MandateId(f"m{uuid4().hex[:12]}")
    data = SubscriptionData(subscriptionId="News", subscriptionLabel="News")
    async with built(settings) as messaging:
        made = await messaging.registry.createSubscription(boss(mandateId), data)
        people = [(one.userId, channel, one.address) for one in recipients(channel, count)]
        await register(messaging, (mandateId, made.subscriptionId, made.id), people)
    return mandateId


def boss(mandateId: MandateId) -> Principal:
    return Principal(ADMIN[0], mandateId, Role.MANDATE_ADMIN, "bench")


@dataclass
class Running:
    """A host on an account of its own."""

    site: Site
    stack: Stack
    session: ClientSession

    @property
    def pid(self) -> int:
        return self.stack.host.child.pid

    async def counts(self) -> dict[str, int]:
        async with self.session.get(f"{self.stack.api}/bench") as answer:
            return dict(await answer.json())

    async def execute(self, mandateId: MandateId, count: int) -> tuple[float, float]:
        """Trigger and wait until everybody's message is recorded; when it was triggered and when answered."""
        async with Client(self.stack, mandateId) as client:
            began = time.time()
            answer = await client.call(ADMIN, "POST", "/trigger/News", {"eventParameters": {}})
            answered = time.time()
            await self.site.arrived(count)
            while not (one := await client.call(ADMIN, "GET", f"/executions/{answer['executionId']}"))["done"]:
                await asyncio.sleep(0.05)
        assert one["sent"] == count, one
        return began, answered


@asynccontextmanager
async def host(site: Site, settings: dict[str, str]) -> AsyncIterator[Running]:
    """The product, started for these settings; it has not worked yet."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(ROOT / "host.json", folder)
        shutil.copy(ROOT / "bench" / "app" / "function_app.py", folder)
        arguments = ["--port", "0", "--state", f"{folder}/state", "--app", folder]
        lines: list[str] = []
        with start_host(arguments, settings, lines.append) as running:
            async with ClientSession() as session:
                yield Running(site, Stack(site.fake, settings, running, arguments, lines.append), session)


async def measure(site: Site, channel: str, count: int, latency: int) -> tuple[Sample, dict[str, float]]:
    """One run on a host that has worked before; also the storage operations a message and the peak memory."""
    settings = site.settings(site.account())
    warm, people = await crowd(settings, channel, 100), await crowd(settings, channel, count)
    async with host(site, settings) as running:
        await site.forget(0)
        await running.execute(warm, 100)
        await site.forget(latency)
        before, used, began = await running.counts(), cpu(running.pid), time.perf_counter()
        await running.execute(people, count)
        sample = Sample(time.perf_counter() - began, cpu(running.pid) - used, count)
        after = await running.counts()
        each = {name: (after[name] - before.get(name, 0)) / count for name in after}
        return sample, {**each, "peak": peak(running.pid)}
