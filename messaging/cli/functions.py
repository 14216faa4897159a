"""`functions`: which subscriptions have their function, and whether the files can be used."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from messaging.access import Principal
from messaging.bootstrap import SUBSCRIPTIONS, Messaging
from messaging.cli.common import Json, Mandate, group, run
from messaging.cli.files import FileCheck, all_files, check, path_of
from messaging.cli.output import Line, progress, show, table
from messaging.cursors import Asked
from messaging.identity import operator
from messaging.models import MessagingSubscription

app = group("The files of subscription functions.")


@app.command("list")
def list_(mandate: Mandate, as_json: Json = False) -> None:
    """Every subscription of a mandate with its function, and the files that no subscription of it uses."""

    async def work(product: Messaging) -> list[tuple[MessagingSubscription, FileCheck]]:
        found = await _subscriptions(product, operator(mandate))
        with progress("Importing files"):
            return [(one, await check(path_of(SUBSCRIPTIONS, one.subscriptionId))) for one in found]

    checked = run(work)
    used = {Path(file.file) for _, file in checked}
    unused = [path.name for path in all_files(SUBSCRIPTIONS) if path not in used]
    rows = [
        (one.subscriptionId, one.enabled, Path(file.file).name, file.finding, file.text) for one, file in checked
    ]
    names = ("subscription", "enabled", "file", "finding", "")
    parts: list[Line] = table(names, rows) if rows else ["The mandate has no subscriptions."]
    parts += [f"Files without a subscription here: {', '.join(unused)}"] if unused else []
    items = [_document(one, file) for one, file in checked]
    show({"items": items, "filesWithoutSubscription": unused}, parts, as_json)


@app.command("check")
def check_(
    files: Annotated[list[Path] | None, typer.Argument(metavar="[FILE]...", help="All, if none is named.")] = None,
    as_json: Json = False,
) -> None:
    """Import files as the service would; exit code 1 if one of them cannot be used. It needs no settings."""

    async def work() -> list[FileCheck]:
        with progress("Importing files"):
            return [await check(path) for path in files or all_files(SUBSCRIPTIONS)]

    checked = asyncio.run(work())
    wrong = [one for one in checked if one.finding != "ok"]
    rows = [(one.file, one.finding, one.text) for one in checked]
    parts: list[Line] = table(("file", "finding", ""), rows) if rows else ["There are no files."]
    show({"ok": not wrong, "items": [asdict(one) for one in checked]}, parts, as_json)
    raise typer.Exit(bool(wrong))


async def _subscriptions(product: Messaging, principal: Principal) -> list[MessagingSubscription]:
    found: list[MessagingSubscription] = []
    cursor: str | None = None
    while True:
        page = await product.registry.getAllSubscriptions(principal, Asked(1000, cursor))
        found += page.items
        cursor = page.nextCursor
        if cursor is None:
            return found


def _document(subscription: MessagingSubscription, file: FileCheck) -> dict[str, Any]:
    return {
        "subscriptionId": subscription.subscriptionId,
        "enabled": subscription.enabled,
        "exists": file.finding != "missing",
        "loads": file.finding == "ok",
        **asdict(file),
    }
