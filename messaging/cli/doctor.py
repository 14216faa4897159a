"""`doctor`: everything that can be wrong with an installation, in the order in which it should be put right."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict

import typer
from rich.text import Text

from messaging.bootstrap import SUBSCRIPTIONS, Messaging, build
from messaging.cli.checks import (
    Finding,
    check_identity,
    check_pauses,
    check_poison,
    check_queues,
    check_schedules,
    check_storage,
    check_sweeper,
    note,
    ok,
    problem,
)
from messaging.cli.common import Json, plain_errors
from messaging.cli.files import all_files, check
from messaging.cli.output import Line, aligned, clean, progress, show
from messaging.errors import ConfigurationError, StorageError
from messaging.models import MessagingChannel
from messaging.settings import Settings

STYLES = {"ok": "green", "note": "cyan", "problem": "bold red"}


def doctor(as_json: Json = False) -> None:
    """Look at settings, storage, identity, queues, channels, senders, functions and overdue work.

    Each problem says what to do. Exit code 0 if all is well, 1 otherwise. It writes one table row and one queue
    message, and deletes both.
    """
    with progress("Looking around") as status:

        def say(text: str) -> None:
            if status:
                status.update(text)

        findings = asyncio.run(_examine(say))
    wrong = [one for one in findings if one.level == "problem"]
    last = "All is well."
    if wrong:
        count = "1 problem" if len(wrong) == 1 else f"{len(wrong)} problems, begin with the first"
        last = f"{count}: {wrong[0].todo}"
    document = {"ok": not wrong, "findings": [asdict(one) for one in findings], "todo": last if wrong else ""}
    show(document, [*_lines(findings), "", last], as_json)
    raise typer.Exit(bool(wrong))


async def _examine(say: Callable[[str], None]) -> list[Finding]:
    findings = await check_functions()
    try:
        product = build(settings := Settings.from_environment())
    except ConfigurationError as error:
        wrong = [_wrong_setting(line) for line in str(error).split("; ")]
        return [*wrong, *findings]
    try:
        product.inspection.connect()
        say("Asking storage")
        storage = await check_storage(product)
        identity = await check_identity(product)
        findings = [ok("settings", "all can be used"), *storage, identity, *check_channels(settings), *findings]
        return findings if storage[0].level == "problem" else findings + await _in_storage(product)
    except ConfigurationError as error:
        return [_wrong_setting(str(error)), *check_channels(settings), *findings]
    finally:
        await product.close()


async def _in_storage(product: Messaging) -> list[Finding]:
    """What stands in storage and waits."""
    findings: list[Finding] = []
    checks: list[Callable[[Messaging], Awaitable[list[Finding]]]] = [
        check_queues,
        check_poison,
        check_pauses,
        check_sweeper,
        check_schedules,
    ]
    for one in checks:
        try:
            with plain_errors():
                findings += await one(product)
        except StorageError as error:
            findings.append(problem("storage", str(error), "Run doctor again; if it stays, look at the account."))
    return findings


def check_channels(settings: Settings) -> list[Finding]:
    """A channel without any of its settings is not wanted; one with some of them is a mistake."""
    findings = []
    for channel in MessagingChannel:
        missing = settings.missing(channel)
        every = Settings.model_construct().missing(channel)
        if not missing:
            findings.append(ok("channels", f"{channel} is configured"))
        elif missing == every:
            findings.append(note("channels", f"{channel} is not configured; it needs {', '.join(missing)}"))
        else:
            names = ", ".join(missing)
            findings.append(problem("channels", f"{channel} lacks {names}", f"Set {names}; see docs/settings.md."))
    if not any(settings.configured(channel) for channel in MessagingChannel):
        findings.append(problem("channels", "no channel is configured", "Set those of one; see docs/settings.md."))
    return findings


async def check_functions() -> list[Finding]:
    checked = [await check(path) for path in all_files(SUBSCRIPTIONS)]
    wrong = [
        problem("functions", f"{one.file}: {one.text}", "Mend the file; `functions check FILE` tests it.")
        for one in checked
        if one.finding != "ok"
    ]
    return [ok("functions", f"{len(checked) - len(wrong)} of {len(checked)} files can be used"), *wrong]


def _wrong_setting(line: str) -> Finding:
    """What to do about one line of a ConfigurationError, which says what would be right."""
    name, rule = line.split(": ", 1)
    if name == "settings":
        return problem("settings", rule, "Set it so; see docs/settings.md.")
    return problem("settings", line, f"Correct {name}; see docs/settings.md.")


def _lines(findings: list[Finding]) -> list[Line]:
    rows = []
    for one in findings:
        rows.append([Text(one.level, style=STYLES[one.level]), Text(one.check), Text(clean(one.text))])
        rows += [[Text(), Text(), Text(f"→ {clean(one.todo)}")]] if one.todo else []
    return aligned(rows)
