"""What tests build: the product on a real storage account and the sandbox, and people who use it."""

import atexit
import shutil
import ssl
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

from dev.sandbox import Sandbox, Served, serve
from dev.sandbox.credentials import environment
from messaging.access import Principal, Role
from messaging.bootstrap import Messaging, Swaps, build
from messaging.cursors import Asked
from messaging.executions import Execution
from messaging.history import Filter
from messaging.http import Http
from messaging.inputs import RegistrationData, SubscriptionData
from messaging.messages import EXECUTIONS, BatchMessage, PageMessage
from messaging.models import (
    MandateId,
    MessagingChannel,
    MessagingDelivery,
    MessagingEventParameters,
    MessagingSubscriptionRegistration,
    TriggerKind,
)
from messaging.service import Trigger
from messaging.settings import Settings
from messaging.storage.base import Tables
from messaging.storage.memory import MemoryQueues

LOCAL_KEY = "a key for tests that is long enough for every algorithm that is tried"

UNLIMITED = {
    "MESSAGING_RATE_LIMIT_STORAGE": "memory",
    "MESSAGING_RATE_LIMIT_SESSION": "1000000",
    "MESSAGING_RATE_LIMIT_TRIGGER": "1000000",
}
"""Tests call more often than people do; what is about limits sets its own."""

GREETING = """
from messaging.models import MessagingSubscriptionExecutionResult

def execute(eventParameters, registrations, messagingService):
    sent = [messagingService.sendMessage("Hello", "How are you?", one).success for one in registrations]
    return MessagingSubscriptionExecutionResult(success=True, messagesSent=sum(sent))
"""
"""A subscription function that greets everybody."""


BY_TEMPLATE = """
from messaging.models import MessagingSubscriptionExecutionResult

TEMPLATE = {"name": "notification", "language": "en_US", "parameters": ["How are you?"]}

def execute(eventParameters, registrations, messagingService):
    sent = [messagingService.sendMessage("", "", one, template=TEMPLATE).success for one in registrations]
    return MessagingSubscriptionExecutionResult(success=True, messagesSent=sum(sent))
"""
"""The same by a template, for WhatsApp."""


class Clock:
    """A clock that goes on only when it is told to."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += seconds


def mandate() -> MandateId:
    """A mandate that nobody has used."""
    return MandateId(f"m{uuid4().hex[:12]}")


def settings(connection: str, sandbox_url: str = "http://127.0.0.1:9", **more: Any) -> Settings:
    """Settings for a storage account and a sandbox; `more` by the names of the environment."""
    local = {
        "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
        "AzureWebJobsStorage": connection,
        "MESSAGING_AUTH": "local",
        "MESSAGING_LOCAL_KEY": LOCAL_KEY,
        **UNLIMITED,
    }
    return Settings(**{**environment(sandbox_url), **local, **more})


@dataclass
class Product:
    """The product in this process: its queue is read by `drain`, its time is `clock`."""

    messaging: Messaging
    queues: MemoryQueues
    sandbox: Sandbox
    clock: Clock
    functions: Path
    mandateId: MandateId = field(default_factory=mandate)

    def principal(self, userId: str = "boss", role: Role = Role.MANDATE_ADMIN) -> Principal:
        return Principal(userId, self.mandateId, role, userId)

    def function(self, subscriptionId: str, source: str = GREETING) -> None:
        """Write the file of a subscription's function."""
        name = "".join(part[:1].upper() + part[1:] for part in subscriptionId.split("_"))
        (self.functions / f"subSubscription{name}.py").write_text(source)

    async def subscription(
        self, subscriptionId: str = "SystemErrors", source: str | None = GREETING, **more: Any
    ) -> None:
        """A subscription, with its function unless `source` is None; `more` are further fields."""
        if source is not None:
            self.function(subscriptionId, source)
        data = SubscriptionData(subscriptionId=subscriptionId, subscriptionLabel=subscriptionId, **more)
        await self.messaging.registry.createSubscription(self.principal(), data)

    async def subscribe(
        self,
        userId: str,
        channelConfig: str | None = None,
        channel: str = "email",
        subscriptionId: str = "SystemErrors",
    ) -> MessagingSubscriptionRegistration:
        data = RegistrationData(
            channel=MessagingChannel(channel), channelConfig=channelConfig or f"{userId}@example.com"
        )
        person = self.principal(userId, Role.USER)
        registration, _ = await self.messaging.registrations.subscribeUser(person, subscriptionId, data)
        return registration

    async def execute(
        self, subscriptionId: str = "SystemErrors", data: dict[str, Any] | None = None, **trigger: Any
    ) -> Execution:
        event = MessagingEventParameters(triggerData=data or {})
        how = Trigger(self.principal(), TriggerKind.HTTP, **trigger)
        return await self.messaging.service.executeSubscription(subscriptionId, event, how)

    async def drain(self) -> None:
        """Work on every queue message that is visible now, as the host would."""
        while (taken := self.queues.take()) is not None:
            queue, message = taken
            if queue == EXECUTIONS:
                await self.messaging.pages.prepare(PageMessage.from_json(message))
            else:
                channel = MessagingChannel(queue.removeprefix("messaging-deliveries-").replace("-", "_"))
                await self.messaging.worker.deliver(BatchMessage.from_json(message), channel)

    async def deliveries(self, execution: Execution) -> dict[str, MessagingDelivery]:
        """The execution's deliveries by person; each person has one."""
        wanted = Filter(executionId=execution.id)
        page = await self.messaging.history.getDeliveries(self.principal(), wanted, Asked(1000))
        found = {delivery.userId: delivery for delivery in page.items}
        assert len(found) == len(page.items)
        return found


@cache
def certificates() -> Path:
    """Where the certificates of this run's sandboxes are; the Teams login is https here too."""
    folder = Path(tempfile.mkdtemp(prefix="sandbox-"))
    atexit.register(shutil.rmtree, folder)
    return folder


@asynccontextmanager
async def serving(sandbox: Sandbox, port: int = 0) -> AsyncIterator[tuple[Served, Http]]:
    """The sandbox with its https address, and a session that trusts it."""
    async with serve(sandbox, port, tls_port=0, state=certificates()) as served:
        http = Http(tls=ssl.create_default_context(cafile=served.ca_file))
        yield served, http
        await http.close()


@asynccontextmanager
async def running(
    connection: str, functions: Path, tables: Tables | None = None, **more: Any
) -> AsyncIterator[Product]:
    """The product on a storage account (or on `tables`) and a sandbox of its own."""
    sandbox, clock = Sandbox(), Clock()
    queues = MemoryQueues(clock)
    async with serving(sandbox) as (served, http):
        swaps: Swaps = {"queues": queues, "http": http, "subscriptions": functions, "clock": clock}
        if tables is not None:
            swaps["tables"] = tables
        login = {"MESSAGING_TEAMS_LOGIN_URL": served.login_url}
        wired = build(settings(connection, served.url, **login, **more), **swaps)
        try:
            yield Product(wired, queues, sandbox, clock, functions)
        finally:
            await wired.close()


@contextmanager
def unchanged(tables: Any) -> Iterator[None]:
    """Nothing is written to the twin within the block."""
    before = tables.written
    yield
    assert tables.written == before
