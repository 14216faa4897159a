"""The crash matrix: real processes, killed with SIGKILL at every boundary, and what the people received.

0 lost, 0 doubled on e-mail; on SMS at most one group unknown and 0 doubled, whatever is killed.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from dev.client import Client, Refused
from dev.processes import ChildFailed
from messaging.messages import EXECUTIONS
from messaging.models import MandateId
from messaging.storage.base import Table, Tables, Work
from tests.product import mandate
from tests.proof.crashing import app_folder, environment
from tests.proof.world import ADMIN, World, mixed, until, world

PEOPLE = 110
GROUP = 16
TIMES = {
    "MESSAGING_LEASE_SECONDS": "4",
    "MESSAGING_PROVIDER_TIMEOUT_SECONDS": "1.5",
    "MESSAGING_RETRY_FIRST_SECONDS": "1",
    "MESSAGING_PAUSE_SECONDS": "1",
    "MESSAGING_SWEEP_AFTER_SECONDS": "2",
}
HURRIED = ["--message-lease", "3", "--visibility-timeout", "1", "--max-polling", "0.3", "--timers-every", "1"]


@dataclass(frozen=True)
class Cell:
    """Where the process dies; `page` people a page (0: all on one); seconds that the provider takes to answer."""

    name: str
    point: str
    page: int = 0
    delay: float = 0


CELLS = [
    Cell("store: work row, no execution yet", "messaging.executions:Executions.watch:after:1"),
    Cell("store: execution and key, no contents yet", "messaging.executions:Executions.begin:after:1"),
    Cell("store: event parameters, function not called yet", "messaging.batches:Batches.put_contents:after:1"),
    Cell("store: contents, no batches yet", "messaging.batches:Batches.put_contents:after:2"),
    Cell("store: first batch", "messaging.batches:Batches.insert:after:1"),
    Cell("store: a middle batch", "messaging.batches:Batches.insert:after:2"),
    Cell("store: last batch, not committed", "messaging.pages:Pages._commit:before:1"),
    Cell("commit: committed, nothing queued", "messaging.pages:Pages._commit:after:1"),
    Cell("commit: one batch queued", "messaging.storage.queues:AzureQueues.put:after:1"),
    Cell("commit: all queued, not answered", "messaging.pages:Pages.run:after:1"),
    Cell("worker: before the claim", "messaging.worker:Worker._claim:before:1"),
    Cell("worker: claimed, nothing sent", "messaging.worker:Worker._send_group:before:1"),
    Cell("worker: requests under way", "messaging.connectors.base:Connector.send:before:9"),
    Cell("worker: requests left, no answer yet", "messaging.connectors.base:Connector.send:after:1", delay=0.7),
    Cell("worker: one answer, no record", "messaging.connectors.base:Connector.send:after:1"),
    Cell("worker: many answers, no record", "messaging.connectors.base:Connector.send:after:20"),
    Cell("worker: group sent, not recorded", "messaging.worker:Worker._send_group:after:1"),
    Cell("worker: group recorded, the next marked", "messaging.worker:Worker._record:after:1"),
    Cell("worker: between later groups", "messaging.worker:Worker._send_group:after:3"),
    Cell("worker: all recorded, message not deleted", "messaging.worker:Worker.deliver:after:1"),
    Cell("pages: page one committed, page two not queued", "messaging.pages:Pages.queue_page:before:1", 40),
    Cell("pages: page two claimed", "messaging.pages:Pages._claim:after:1", 40),
    Cell("pages: page two stored, not committed", "messaging.pages:Pages._commit:before:2", 40),
    Cell("pages: page two committed, not queued", "messaging.pages:Pages._commit:after:2", 40),
    Cell("pages: the last page committed, not queued", "messaging.pages:Pages._commit:after:3", 40),
]


HEAD = f"{'killed at':50} | posts | received | lost | doubled | states"


@dataclass
class Outcome:
    """What a cell came to."""

    posts: int
    received: int
    states: dict[str, int]
    lost: int
    doubled: int

    def row(self, name: str) -> str:
        states = ", ".join(f"{count} {state}" for state, count in self.states.items() if count)
        return f"{name:50} | {self.posts:5} | {self.received:8} | {self.lost:4} | {self.doubled:7} | {states}"


@dataclass
class Matrix:
    here: World
    app: Path

    def start(self, cell: Cell | None = None) -> None:
        """A host that dies as the cell says, or one that lives."""
        page = cell.page if cell else 0
        more = environment(cell.point if cell else "", page)
        self.here.host("--app", str(self.app), *HURRIED, more=more)

    async def trigger(self, mandateId: MandateId, cell: Cell) -> str:
        """Trigger until there is an answer, as a careful caller does: the same key, again and again."""

        async def call() -> str | None:
            if self.here.hosts[-1].child.code is not None:
                self.start(Cell(cell.name, "", cell.page))
            try:
                async with self.here.client(mandateId) as client:
                    body = {"eventParameters": {"errors": ["disk full"]}}
                    answer = await client.call(
                        ADMIN, "POST", "/trigger/SystemErrors", body, Idempotency_Key="once"
                    )
                    return str(answer["executionId"])
            except (aiohttp.ClientError, Refused, ChildFailed) as error:
                if isinstance(error, Refused) and error.status not in (409, 503):
                    raise
                return None

        return str(await until(call, 60, 0.3))

    async def settled(self, mandateId: MandateId, executionId: str, page: int) -> dict[str, int]:
        """The execution's ledger once nothing can happen any more."""

        async def call() -> Any:
            if self.here.hosts[-1].child.code is not None:
                self.start(Cell("", "", page))
            try:
                async with self.here.client(mandateId) as client:
                    one = await client.call(ADMIN, "GET", f"/executions/{executionId}")
            except (aiohttp.ClientError, ChildFailed):
                return None
            assert one["accepted"] == one["sent"] + one["failed"] + one["pending"]
            return one if one["done"] else None

        return dict(await until(call, 90, 0.3))

    async def outcome(self, client: Client, ledger: dict[str, int], people: list[tuple[str, str, str]]) -> Outcome:
        """Count what the provider saw for these people."""
        messages = (await client.sandbox("/messages?limit=100000"))["items"]
        requests = (await client.sandbox("/requests?limit=100000"))["items"]
        ours = {config for _, _, config in people}
        received = Counter(one["recipient"] for one in messages if one["recipient"] in ours)
        sends = [one for one in requests if one["operation"] == "send" and one["recipient"] in ours]
        operations = {(one["recipient"], one["operationId"]) for one in sends if one["operationId"]}
        assert len(operations) == len({recipient for recipient, _ in operations}), "one mail, two operation ids"
        missing = sum(config not in received for config in ours)
        states = {name: ledger[name] for name in ("sent", "failed", "unknown")}
        return Outcome(
            posts=len(sends),
            received=sum(received.values()),
            states=states,
            lost=max(0, missing - ledger["unknown"] - ledger["failed"]) + ledger["failed"],
            doubled=sum(count - 1 for count in received.values()),
        )


@pytest.fixture(scope="module")
async def matrix(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Matrix]:
    folder = tmp_path_factory.mktemp("crashes")
    async with world(folder, **TIMES) as here:
        yield Matrix(here, app_folder(folder / "app"))


@pytest.mark.parametrize("cell", CELLS, ids=[cell.name for cell in CELLS])
async def test_a_killed_process_loses_and_doubles_nothing(
    matrix: Matrix, cell: Cell, tell: Callable[[str], None]
) -> None:
    here, mandateId = matrix.here, mandate()
    people = mixed(PEOPLE, f"c{CELLS.index(cell)}x")
    people = [(user, channel, _number(config, CELLS.index(cell))) for user, channel, config in people]
    await here.crowd(mandateId, await here.subscription(mandateId), people)
    matrix.start(cell)
    killed = here.hosts[-1]
    async with here.client(mandateId) as client:
        await client.sandbox("/faults", "PUT", [{"provider": "*", "delay": cell.delay}] if cell.delay else [])
    executionId = await matrix.trigger(mandateId, cell)
    ledger = await matrix.settled(mandateId, executionId, cell.page)
    async with here.client(mandateId) as client:
        found = await matrix.outcome(client, ledger, people)
    assert killed.child.code == -9, "the process was not killed"
    if cell is CELLS[0]:
        tell(f"{HEAD}\n{'-' * len(HEAD)}")
    tell(found.row(cell.name))
    assert (found.lost, found.doubled) == (0, 0), found
    assert ledger["accepted"] == PEOPLE == ledger["sent"] + ledger["unknown"]
    assert ledger["unknown"] <= GROUP
    here.hosts[-1].stop()


def _number(config: str, cell: int) -> str:
    """A phone number of this cell's own; mail addresses are already."""
    return f"+417{cell + 10:02d}{config[-6:]}" if config.startswith("+") else config


async def test_a_killed_poison_function_keeps_its_message(matrix: Matrix, tell: Callable[[str], None]) -> None:
    for when in ("before", "after"):
        matrix.start(Cell("", f"messaging.poison:Poison.keep:{when}:1"))
        host = matrix.here.hosts[-1]
        await matrix.here.messaging.queues.put(EXECUTIONS, {"nonsense": when})
        await asyncio.to_thread(host.child.wait, 60)
        matrix.start()
        await until(partial(_kept_once, matrix.here.messaging.tables, when), 30)
        await asyncio.sleep(2)
        assert await _kept_once(matrix.here.messaging.tables, when)
        matrix.here.hosts[-1].stop()
        tell(f"{'poison: ' + when + ' the row is stored':50} |     – |        – |    0 |       0 | kept once")


async def _kept_once(tables: Tables, word: str) -> bool:
    rows = await tables.range(Table.WORK, Work.POISON, ("!", "~"), 100)
    return sum(word in row["part000"] for row in rows) == 1


SWEEPS = [
    Cell("sweeper: batch queued, row not moved", "messaging.storage.queues:AzureQueues.put:after:1"),
    Cell("sweeper: before an execution is forgotten", "messaging.sweeper:Sweeper._forget:before:1"),
    Cell("sweeper: after an execution is forgotten", "messaging.sweeper:Sweeper._forget:after:1"),
]


@pytest.mark.parametrize("cell", SWEEPS, ids=[cell.name for cell in SWEEPS])
async def test_a_killed_sweeper_is_swept_up_after(matrix: Matrix, cell: Cell, tell: Callable[[str], None]) -> None:
    here, mandateId = matrix.here, mandate()
    people = mixed(20, f"s{SWEEPS.index(cell)}x")
    people = [(user, channel, _number(config, 60 + SWEEPS.index(cell))) for user, channel, config in people]
    await here.crowd(mandateId, await here.subscription(mandateId), people)
    lost = Cell(cell.name, "messaging.pages:Pages._commit:after:1")
    matrix.start(lost)  # its queue messages are lost
    executionId = await matrix.trigger(mandateId, lost)
    here.hosts[-1].child.kill()
    matrix.start(cell)
    killed = here.hosts[-1]
    ledger = await matrix.settled(mandateId, executionId, 0)
    await asyncio.to_thread(killed.child.wait, 30)
    if here.hosts[-1].child.code is not None:
        matrix.start()
    async with here.client(mandateId) as client:
        found = await matrix.outcome(client, ledger, people)
    tell(found.row(cell.name))
    assert (found.lost, found.doubled, ledger["accepted"]) == (0, 0, 20)
    assert killed.child.code == -9
    here.hosts[-1].stop()
