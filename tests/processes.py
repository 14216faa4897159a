"""Processes of the product that stop at every write, queue message and request, and go on when they are told to.

The real service, workers, pages, sweeper and operator run on the storage twin. What they do to the world outside
waits at a gate until the world (machine.py) lets it go on; a process that dies simply never does.
"""

import asyncio
import atexit
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from messaging import ids, pages, registrations, registry, worker
from messaging.bootstrap import Messaging, build
from messaging.connectors import Connectors
from messaging.connectors.base import Connector, Message, Sent
from messaging.content import Content
from messaging.errors import Ambiguous, NotAccepted, RecipientRefused, SenderBlocked
from messaging.models import MessagingChannel
from messaging.settings import Settings
from messaging.storage.base import Operation, Partition, QueueMessage, Row, Table, Tables
from messaging.sweeper import LONGEST_RUN
from tests.product import settings

if TYPE_CHECKING:
    from tests.machine import World

FUNCTION = """
from messaging.models import MessagingSubscriptionExecutionResult

async def execute(eventParameters, registrations, messagingService):
    sent = [messagingService.sendMessage("Hello", "How are you?", one).success for one in registrations]
    return MessagingSubscriptionExecutionResult(success=True, messagesSent=sum(sent))
"""

CHANCE = random.Random()
"""All chance of the product, begun anew by each world: the same moves make the same history."""


def without_chance(patch: Callable[[Any, str, Any], None]) -> None:
    """Let ids, tokens and jitter be drawn from CHANCE."""

    def uuid4() -> UUID:
        return UUID(int=CHANCE.getrandbits(128), version=4)

    for module in (registry, registrations, pages, worker):
        patch(module, "uuid4", uuid4)
    patch(ids, "randbits", CHANCE.getrandbits)
    patch(worker, "random", CHANCE)


@cache
def _settings() -> Settings:
    """Those of every process; reading them takes longer than many a history."""
    return settings("UseDevelopmentStorage=true")


@cache
def _functions() -> Path:
    """The folder of every world's function."""
    folder = Path(tempfile.mkdtemp(prefix="machine-"))
    atexit.register(shutil.rmtree, folder)
    (folder / "subSubscriptionNews.py").write_text(FUNCTION)
    return folder


@dataclass
class Provider:
    """What the providers took, and how they answer now: ok, later, blocked, lost (taken, no answer), dropped."""

    arrived: Counter[str] = field(default_factory=Counter)
    begun: dict[str, int] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)
    retried: Counter[str] = field(default_factory=Counter)
    mode: str = "ok"
    events: int = 0

    refused: set[str] = field(default_factory=set)
    """Deliveries whose latest request was certainly not taken."""

    def post(self, deliveryId: str) -> bool:
        """A request begins; whether it is blind: one before may have arrived, and nobody has asked since."""
        self.events += 1
        before = self.begun.get(deliveryId, 0)
        blind = bool(before) and self.asked.get(deliveryId, 0) < before and deliveryId not in self.refused
        self.begun[deliveryId] = self.events
        self.refused.discard(deliveryId)
        return blind

    def ask(self, deliveryId: str) -> bool:
        self.events += 1
        self.asked[deliveryId] = self.events
        return bool(self.arrived[deliveryId])


class Process:
    """One process of the product: it may die, and then never writes or sends again."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.alive = True
        self.tasks: list[asyncio.Task[Any]] = []
        self.begun: list[float] = []
        """When each task began."""
        connectors = {channel: Fake(channel, self) for channel in (MessagingChannel.EMAIL, MessagingChannel.SMS)}
        self.messaging: Messaging = build(
            _settings(),
            tables=GatedTables(self),
            queues=GatedQueues(self),
            connectors=FakeConnectors(connectors),
            subscriptions=_functions(),
            clock=world.clock,
        )

    async def gate(self, label: str) -> None:
        """Wait until the scheduler lets this process go on; for ever if it has died."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.world.parked.append((self, label, future))
        await future

    def start(self, work: Coroutine[Any, Any, Any], then: Callable[[Any, BaseException | None], None]) -> None:
        """Begin something; `then` hears of its end, if the process lives to see it."""

        async def run() -> None:
            result, failure = None, None
            try:
                result = await work
            except Exception as error:
                failure = error
            if self.alive:
                try:
                    then(result, failure)
                except AssertionError as broken:
                    self.world.broken.append(str(broken))

        self.tasks.append(self.world.loop.create_task(run()))
        self.begun.append(self.world.clock())

    def overdue(self) -> bool:
        """Whether something runs longer than the host allows."""
        limit = self.world.clock() - LONGEST_RUN
        return any(begun < limit and not task.done() for begun, task in zip(self.begun, self.tasks, strict=True))


class GatedTables:
    """The twin behind gates: each transaction waits before it is done, and again before its reply arrives."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._tables: Tables = process.world.tables

    async def get(self, table: Table, partition: Partition, key: str) -> Row | None:
        return await self._tables.get(table, partition, key)

    async def range(
        self, table: Table, partition: Partition, span: tuple[str, str], limit: int, columns: Sequence[str] = ()
    ) -> list[Row]:
        return await self._tables.range(table, partition, span, limit, columns)

    async def commit(self, table: Table, partition: Partition, operations: Sequence[Operation]) -> list[str]:
        await self._process.gate("commit")
        etags = await self._tables.commit(table, partition, operations)
        await self._process.gate("committed")
        return etags

    async def close(self) -> None: ...


class GatedQueues:
    def __init__(self, process: Process) -> None:
        self._process = process

    async def put(self, queue: str, message: QueueMessage, delay: float = 0) -> None:
        assert isinstance(message, Mapping)
        await self._process.gate("put")
        self._process.world.queue.append(Waiting(queue, dict(message), self._process.world.clock() + delay))

    async def close(self) -> None: ...


class Fake(Connector):
    """A provider at the end of a wire: a request waits before it arrives, and its answer before it is heard."""

    groupSize = 2

    def __init__(self, channel: MessagingChannel, process: Process) -> None:
        super().__init__(10)
        self.channel = channel  # type: ignore[misc]
        self.canAsk = channel is MessagingChannel.EMAIL  # type: ignore[misc]
        self._process = process

    @property
    def sender(self) -> str:
        return "sender"

    async def _send(self, message: Message) -> Sent:
        world, id = self._process.world, message.deliveryId
        if world.provider.post(id) and self.canAsk:
            world.broken.append(f"{id} was posted again without asking")
        await self._process.gate("leaving")
        mode = world.provider.mode
        if message.recipient.startswith("refused"):
            mode = "refused"
        if mode in ("ok", "lost"):
            world.check_may_arrive(id)
            world.provider.arrived[id] += 0 if self.canAsk and world.provider.arrived[id] else 1
        await self._process.gate("answering")
        errors = {"refused": RecipientRefused, "later": NotAccepted, "blocked": SenderBlocked}
        if mode in errors:
            world.provider.refused.add(id)
            raise errors[mode](code=mode)
        if mode in ("lost", "dropped"):
            raise Ambiguous
        return Sent(f"p-{id}")

    async def _look_up(self, deliveryId: str) -> str | None:
        await self._process.gate("asking")
        if self._process.world.provider.mode in ("lost", "dropped"):
            raise Ambiguous
        return f"p-{deliveryId}" if self._process.world.provider.ask(deliveryId) else None


class FakeConnectors(Connectors):
    def __init__(self, made: dict[MessagingChannel, Fake]) -> None:
        self._fakes = made

    def get(self, channel: MessagingChannel) -> Connector:
        return self._fakes[channel]

    def require(self, channel: MessagingChannel) -> None: ...

    def check(self, channel: MessagingChannel, content: Content) -> None: ...

    async def close(self) -> None: ...


@dataclass
class Waiting:
    """A queue message. It is invisible until `at`; a delivered one until the host's lease on it ends."""

    queue: str
    body: dict[str, Any]
    at: float
