"""docs/deploy.md stays true: settings, functions, package, ways to log in and counts are those of the code."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any, get_args

import pytest

from dev.processes import ROOT
from dev.sandbox.meta import TEMPLATES
from messaging import pages
from messaging.connectors.whatsapp import ConnectorMessagingWhatsapp
from messaging.messages import PageMessage
from messaging.models import MessagingChannel
from messaging.settings import Settings
from messaging.storage.base import Row
from messaging.storage.memory import MemoryTables
from subscriptions import subSubscriptionAuditLogin, subSubscriptionSystemErrors
from tests.product import running
from tests.test_function_app import INDEX, run

DOC = (ROOT / "docs" / "deploy.md").read_text()
HOST_ONLY = {"AzureWebJobsStorage__credential"}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", DOC, re.MULTILINE | re.DOTALL)


def table(heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, without its head."""
    below = DOC.split(f"# {heading}\n", 1)[1]
    lines = re.search(r"^\|.*?\n(?!\|)", below, re.MULTILINE | re.DOTALL)
    assert lines
    return [[cell.strip() for cell in line.strip("| ").split("|")] for line in lines[0].splitlines()[2:]]


def git(*arguments: str) -> list[str]:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()


def test_its_blocks_are_bash() -> None:
    script = "\n".join(blocks("bash"))
    parsed = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
    assert parsed.returncode == 0, parsed.stderr


def test_its_settings_exist() -> None:
    named = set(re.findall(r"\b(?:MESSAGING_[A-Z_]+|AzureWebJobsStorage(?:__[A-Za-z]+)?)\b", DOC))
    known = {str(field.alias) for field in Settings.model_fields.values()}
    assert named - known == HOST_ONLY


def test_its_functions_are_those_of_the_app() -> None:
    indexed = run(INDEX)
    assert indexed.returncode == 0, indexed.stderr
    assert blocks("text")[0].split() == sorted(json.loads(indexed.stdout))


def test_it_publishes_what_funcignore_leaves() -> None:
    archived = re.search(r"^git archive .* HEAD (.*)$", DOC, re.MULTILINE)
    assert archived
    left = set(git("ls-files", "-c")) - set(git("ls-files", "-c", "-i", "--exclude-from=.funcignore"))
    assert set(archived[1].split()) == {path.split("/")[0] for path in left}


def test_it_names_every_way_to_log_in() -> None:
    ways = get_args(Settings.model_fields["auth"].annotation)
    assert [row[0] for row in table("Who may call")] == [f"`{way}`" for way in ways]


def test_its_whatsapp_templates_are_those_that_are_sent() -> None:
    told = {name.strip("`"): "\n".join(re.findall("`([^`]+)`", text)) for name, text in table("WhatsApp")}
    sent = (subSubscriptionSystemErrors.TEMPLATE, subSubscriptionAuditLogin.TEMPLATE)
    named = [*sent, ConnectorMessagingWhatsapp.testTemplate]
    assert told == {one["name"]: TEMPLATES[one["name"], one["language"]] for one in named}


class Counting(MemoryTables):
    """The twin, counting what an account is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = self.transactions = 0

    async def get(self, *given: Any, **named: Any) -> Row | None:
        self.reads += 1
        return await super().get(*given, **named)

    async def range(self, *given: Any, **named: Any) -> list[Row]:
        self.reads += 1
        return await super().range(*given, **named)

    async def commit(self, *given: Any, **named: Any) -> list[str]:
        self.transactions += 1
        return await super().commit(*given, **named)

    def take(self) -> list[int]:
        """Reads, transactions and entities since the last call."""
        counted = [self.reads, self.transactions, self.written]
        self.reads = self.transactions = self.written = 0
        return counted


@pytest.mark.parametrize(("channel", "row"), [(MessagingChannel.EMAIL, 1), (MessagingChannel.SMS, 2)])
async def test_its_operations_are_counted(channel: MessagingChannel, row: int, tmp_path: Path) -> None:
    said = [[int(cell) for cell in cells[1:]] for cells in table("Counted operations")]
    tables = Counting()
    async with running("UseDevelopmentStorage=true", tmp_path, tables=tables) as product:
        await product.subscription()
        for number in range(48):
            address = f"u{number}@example.com" if channel is MessagingChannel.EMAIL else f"+417910000{number:02}"
            await product.subscribe(f"u{number}", address, channel.value)
        tables.take()
        await product.execute()
        assert [*tables.take(), len(product.queues.messages)] == said[0]
        await product.drain()
        assert [*tables.take(), 2] == said[row]  # the host's receive and delete
        await product.messaging.sweeper.sweep()
        settled = tables.take()
        await product.messaging.sweeper.sweep()
        idle = tables.take()
        assert [*idle, 0] == said[3]
        assert [one - other for one, other in zip(settled, idle, strict=True)] == said[4][:3]


async def test_the_looks_of_a_page_that_waits_are_counted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert f"looks again five times within a second, {len(pages.LOOKS)} reads" in DOC and sum(pages.LOOKS) == 1
    monkeypatch.setattr(pages, "PAGE", 1)
    monkeypatch.setattr(pages, "MAX_OPEN", 0)
    monkeypatch.setattr(pages, "LOOKS", (0.0,) * len(pages.LOOKS))
    tables = Counting()
    async with running("UseDevelopmentStorage=true", tmp_path, tables=tables) as product:
        await product.subscription()
        for person in ("alice", "bob"):
            await product.subscribe(person)
        execution = await product.execute()
        tables.take()
        product.queues.messages.clear()
        await product.messaging.pages.prepare(PageMessage(product.mandateId, execution.id, 2))
        assert [*tables.take(), len(product.queues.messages)] == [2 + len(pages.LOOKS), 0, 0, 1]


async def test_its_operations_of_the_tick_are_counted(tmp_path: Path) -> None:
    *_, idle, due = [[int(cell) for cell in cells[1:]] for cells in table("Counted operations")]
    tables = Counting()
    async with running("UseDevelopmentStorage=true", tmp_path, tables=tables) as product:
        await product.subscription(schedule="0 0 * * * *")
        await product.subscribe("alice")
        tables.take()
        await product.messaging.ticker.tick()
        assert [*tables.take(), 0] == idle
        product.clock.forward(3600)
        await product.messaging.ticker.tick()
        taken = [*tables.take(), len(product.queues.messages)]
        assert [one - other for one, other in zip(taken, idle, strict=True)] == due
