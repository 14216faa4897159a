"""A world where everything can happen in any order: processes interleave at every write, die, are overtaken."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from typing import Any

from messaging import batches as batch_rows
from messaging.access import Principal, Role
from messaging.delivery import STATUS, Batch, State
from messaging.errors import MessagingError
from messaging.executions import ACCEPTED, Execution, Phase, from_row
from messaging.inputs import RegistrationData, SubscriptionData
from messaging.messages import EXECUTIONS, BatchMessage, PageMessage
from messaging.models import MandateId, MessagingChannel, MessagingEventParameters, TriggerKind
from messaging.service import Trigger
from messaging.storage.base import Row, Table, Work
from messaging.storage.memory import MemoryTables
from tests.processes import CHANCE, Process, Provider, Waiting
from tests.product import Clock

MANDATE = MandateId("m1")
BOSS = Principal("boss", MANDATE, Role.ADMIN, "s")
HOST_LEASE = 600.0


class World:
    """Storage, queue, provider, time, and the processes; `check` holds the promises after every step."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.clock = Clock()
        self.tables = MemoryTables()
        self.queue: list[Waiting] = []
        self.parked: list[tuple[Process, str, asyncio.Future[None]]] = []
        self.provider = Provider()
        self.processes: list[Process] = []
        self.people: dict[str, str] = {}
        self.acknowledged: dict[str, tuple[str, frozenset[str]]] = {}
        self._ended: dict[str, str] = {}
        self.broken: list[str] = []
        """Promises that were seen broken in the middle of a step."""
        CHANCE.seed(0)
        setup = self.process()
        self.run(setup, self._subscription(setup))

    async def _subscription(self, setup: Process) -> None:
        data = SubscriptionData(subscriptionId="News", subscriptionLabel="News")
        await setup.messaging.registry.createSubscription(BOSS, data)

    def process(self) -> Process:
        """A new process, with the function loaded as after its first use."""
        one = Process(self)
        self.processes.append(one)
        self.loop.run_until_complete(one.messaging.pages._functions.load("News"))
        return one

    def settle(self) -> None:
        """Let everything run up to its next gate."""

        async def quiet() -> None:
            for _ in range(20):
                await asyncio.sleep(0)

        self.loop.run_until_complete(quiet())

    def step(self, number: int) -> None:
        """Let one of those that wait at a gate go on."""
        if self.parked:
            _, _, future = self.parked.pop(number % len(self.parked))
            future.set_result(None)
            self.settle()

    def run(self, process: Process, work: Coroutine[Any, Any, Any]) -> Any:
        """Do something from its beginning to its end, while everybody else stands still."""
        box: list[Any] = []
        process.start(work, lambda result, failure: box.append((result, failure)))
        self.settle()
        while not box:
            mine = next(index for index, (owner, _, _) in enumerate(self.parked) if owner is process)
            self.step(mine)
        result, failure = box[0]
        if failure:
            raise failure
        return result

    def kill(self, process: Process) -> None:
        process.alive = False
        self.parked = [entry for entry in self.parked if entry[0] is not process]

    def forward(self, seconds: float) -> None:
        """Let time pass; the host ends a process in which a function runs for too long."""
        self.clock.forward(seconds)
        for process in self.processes[1:]:
            if process.alive and process.overdue():
                self.kill(process)

    def register(self, userId: str, channel: str, config: str) -> None:
        data = RegistrationData(channel=MessagingChannel(channel), channelConfig=config)
        person = Principal(userId, MANDATE, Role.USER, "s")
        helper = self.processes[0]
        self.run(helper, helper.messaging.registrations.subscribeUser(person, "News", data))
        self.people[userId] = config

    def trigger(self, process: Process, key: str, background: bool) -> None:
        """Execute with a key; what is answered is remembered and must be kept."""
        people = frozenset(self.people)
        how = Trigger(BOSS, TriggerKind.HTTP, key, "hash", background)
        work = process.messaging.service.executeSubscription("News", MessagingEventParameters(), how)

        def then(execution: Execution | None, failure: BaseException | None) -> None:
            if execution is None:
                assert isinstance(failure, MessagingError), failure
                return
            known, _ = self.acknowledged.setdefault(key, (execution.id, people))
            assert known == execution.id, "one key, two executions"

        process.start(work, then)
        self.settle()

    def work(self, process: Process) -> None:
        """Give the first visible queue message to a process, as the host does."""
        visible = [message for message in self.queue if message.at <= self.clock()]
        if visible:
            self.give(process, visible[0])

    def give(self, process: Process, message: Waiting) -> None:
        """Hand a queue message to a process; nobody else sees it while the host's lease holds."""
        message.at = self.clock() + HOST_LEASE

        def then(_: Any, failure: BaseException | None) -> None:
            if failure:
                assert isinstance(failure, MessagingError), failure
                message.at = self.clock() + 30
            elif message in self.queue:
                self.queue.remove(message)

        process.start(self._handle(process, message), then)
        self.settle()

    async def _handle(self, process: Process, message: Waiting) -> None:
        if message.queue == EXECUTIONS:
            await process.messaging.pages.prepare(PageMessage.from_json(message.body))
            return
        channel = MessagingChannel(message.queue.removeprefix("messaging-deliveries-"))
        await process.messaging.worker.deliver(BatchMessage.from_json(message.body), channel)

    def sweep(self, process: Process) -> None:
        process.start(process.messaging.sweeper.sweep(), self._no_failure)
        self.settle()

    def decide(self, process: Process, number: int, how: str) -> None:
        """An operator decides one of the unknown messages."""
        unknown = sorted(
            item.id for batch in self.batches() for item in batch.items if item.state is State.UNKNOWN
        )
        if not unknown:
            return
        id = unknown[number % len(unknown)]
        operator = process.messaging.operator
        if how == "retry":
            self.provider.retried[id] += 1
            self.provider.refused.add(id)
            process.start(operator.retry(BOSS, id), self._no_failure)
        else:
            truth = State.SENT if self.provider.arrived[id] else State.FAILED
            process.start(operator.resolve(BOSS, id, truth), self._no_failure)
        self.settle()

    def _no_failure(self, _: Any, failure: BaseException | None) -> None:
        assert failure is None or isinstance(failure, MessagingError), failure

    # what is stored

    def rows(self, prefix: str) -> list[Row]:
        stored = self.tables._partitions[Table.LEDGER, MANDATE]
        return [stored.rows[key] for key in stored.keys if key.startswith(prefix)]

    def batches(self) -> list[Batch]:
        return [batch_rows.batch_from_row(row) for row in self.rows("b~")]

    def executions(self) -> dict[str, Execution]:
        return {one.id: one for one in map(from_row, self.rows("x~"))}

    # the promises

    def check_may_arrive(self, deliveryId: str) -> None:
        """Nothing leaves before its execution, and its page, are accepted."""
        batch = next(batch for batch in self.batches() if any(item.id == deliveryId for item in batch.items))
        execution = self.executions()[batch.executionId]
        if execution.phase not in ACCEPTED or batch.page >= execution.page:
            self.broken.append(f"{deliveryId} was sent before it was accepted")

    def check(self) -> None:
        """What holds at every moment."""
        assert not self.broken, self.broken[0]
        deliveries = {row.key.removeprefix("d~"): row for row in self.rows("d~")}
        seen: set[str] = set()
        for row, batch in zip(self.rows("b~"), self.batches(), strict=True):
            counts = Counter(item.state for item in batch.items)
            assert all(row[state] == counts[state] for state in State), "a count is wrong"
            assert row["accepted"] == len(batch.items), "the ledger does not add up"
            for item in batch.items:
                assert item.id not in seen, "a delivery is in two batches"
                seen.add(item.id)
                status = deliveries[item.id]["status"]
                assert status == STATUS[item.state], f"{item.id} is {status} in its row, {item.state} in its batch"
        assert seen == set(deliveries), "a delivery has no batch"
        for id, row in deliveries.items():
            if row["status"] != "PENDING":
                assert self._ended.setdefault(id, row["status"]) == row["status"], "a status went backwards"
            assert id not in self._ended or row["status"] == self._ended[id], "a status went backwards"
        for id, times in self.provider.arrived.items():
            assert times <= 1 + self.provider.retried[id], f"{id} arrived {times} times"
        self._check_keys()

    def _check_keys(self) -> None:
        accepted = [e for e in self.executions().values() if e.phase in ACCEPTED]
        keys = Counter(execution.key for execution in accepted)
        assert all(count == 1 for count in keys.values()), "one key, two accepted executions"
        for executionId, _ in self.acknowledged.values():
            assert executionId in {execution.id for execution in accepted}, "an acknowledged execution is gone"

    def finish(self) -> None:
        """Let time pass with everything in order: all that was accepted must come to its end."""
        self.provider.mode = "ok"
        for process in self.processes[1:]:
            self.kill(process)
        last = self.process()
        for _ in range(400):
            for _ in range(30):
                self.work(last)
                while self.parked:
                    self.step(0)
            self.forward(301)
            self.sweep(last)
            while self.parked:
                self.step(0)
            self.check()
            if not self.queue and not self._watched():
                break
        self._check_end()

    def _watched(self) -> list[str]:
        return self.tables._partitions[Table.WORK, Work.EXECUTION].keys

    def _check_end(self) -> None:
        executions, open_states = self.executions(), (State.QUEUED, State.SENDING, State.DEFERRED)
        assert not self._watched(), "the sweeper's list is never empty"
        for batch in self.batches():
            assert not any(item.state in open_states for item in batch.items), "a message never came to its end"
            for item in batch.items:
                arrived = self.provider.arrived[item.id]
                assert item.state is not State.SENT or arrived, f"{item.id} is sent but never arrived"
                assert item.state is not State.FAILED or not arrived, f"{item.id} is failed but arrived"
        people = {row["userId"] + row["executionId"] for row in self.rows("d~")}
        for executionId, wanted in self.acknowledged.values():
            assert executions[executionId].phase is Phase.STORED, "an execution never came to its end"
            assert all(person + executionId in people for person in wanted), "somebody was left out"

    def close(self) -> None:
        for process in self.processes:
            for task in process.tasks:
                task.cancel()
        self.settle()
        self.loop.close()
