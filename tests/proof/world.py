"""What the proofs are made of: hosts as real processes on one storage account, crowds of registered people."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dev.azurite import start_azurite
from dev.client import Client
from dev.crowd import register
from dev.host.child import RunningHost, start_host
from dev.processes import Child, python_module
from dev.stack import Stack, local_settings
from messaging.access import Principal, Role
from messaging.bootstrap import Messaging, build
from messaging.inputs import SubscriptionData
from messaging.models import MandateId
from messaging.settings import Settings

ADMIN = ("olivia", "mandate-admin")

UNLIMITED = {"MESSAGING_RATE_LIMIT_SESSION": "1000000", "MESSAGING_RATE_LIMIT_TRIGGER": "1000000"}
"""Proofs call more often than people do; that limits hold is tests/test_rate_limit.py's."""


@dataclass
class World:
    """Azurite, a sandbox and hosts, and the product in this process to look into the same storage."""

    stack: ExitStack
    settings: dict[str, str]
    sandbox_url: str
    folder: Path
    messaging: Messaging
    hosts: list[RunningHost] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    def host(self, *arguments: str, more: dict[str, str] | None = None) -> RunningHost:
        """Start one more host; `more` are settings of its own."""
        usual = ["--port", "0", "--state", str(self.folder / "state")]
        started = start_host([*usual, *arguments], {**self.settings, **(more or {})}, self.log.append)
        self.stack.callback(started.child.stop)
        self.hosts.append(started)
        return started

    def client(self, mandateId: str) -> Client:
        """A client of the first host that is alive."""
        host = next(one for one in self.hosts if one.child.code is None)
        return Client(Stack(self.sandbox_url, self.settings, host, [], self.log.append), mandateId)

    async def subscription(self, mandateId: MandateId, subscriptionId: str = "SystemErrors") -> str:
        """Make a subscription and answer its UUID."""
        data = SubscriptionData(subscriptionId=subscriptionId, subscriptionLabel=subscriptionId)
        made = await self.messaging.registry.createSubscription(boss(mandateId), data)
        return made.id

    async def crowd(
        self,
        mandateId: MandateId,
        uuid: str,
        people: Sequence[tuple[str, str, str]],
        subscriptionId: str = "SystemErrors",
    ) -> None:
        """Register (userId, channel, channelConfig) people, many in one transaction."""
        await register(self.messaging, (mandateId, subscriptionId, uuid), people)


def boss(mandateId: MandateId) -> Principal:
    return Principal(ADMIN[0], mandateId, Role.MANDATE_ADMIN, "proof")


def mixed(count: int, prefix: str = "u") -> list[tuple[str, str, str]]:
    """People of whom every second is reached by e-mail, the others by SMS; no address twice."""
    return [
        (f"{prefix}{n}", "email", f"{prefix}{n}@example.com")
        if n % 2
        else (f"{prefix}{n}", "sms", f"+4179{n:07d}")
        for n in range(count)
    ]


@asynccontextmanager
async def world(folder: Path, **settings: str) -> AsyncIterator[World]:
    """An empty world; everything in it ends with the block."""
    with ExitStack() as stack:
        azurite = stack.enter_context(start_azurite())
        sandbox = stack.enter_context(Child("sandbox", python_module("dev.sandbox", "--port", "0")))
        url = sandbox.wait_line(r"^ready (\S+)")[1]
        ours = local_settings(azurite.connection, url, **(UNLIMITED | settings))
        values: dict[str, Any] = {**ours}
        messaging = build(Settings(**values))
        try:
            yield World(stack, ours, url, folder, messaging)
        finally:
            await messaging.close()


async def until(condition: Callable[[], Any], seconds: float = 60, every: float = 0.1) -> Any:
    """Ask an asynchronous condition until it is true; its answer. Raises AssertionError when the time is over."""
    end = time.monotonic() + seconds
    while not (found := await condition()):
        assert time.monotonic() < end, f"not within {seconds:g} s"
        await asyncio.sleep(every)
    return found


def memory(pid: int) -> float:
    """What a process holds in memory, in MB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 1e6
