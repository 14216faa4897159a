"""`functions`: which subscriptions have their function, whether the files can be used, what they would send."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from messaging.access import Principal
from messaging.bootstrap import SUBSCRIPTIONS, Messaging
from messaging.cli.common import Json, Mandate, group, run
from messaging.cli.files import FileCheck, all_files, check, path_of
from messaging.cli.output import Line, facts, progress, show, table
from messaging.cli.preview import Shown, channels, preview
from messaging.cursors import Asked
from messaging.functions import FunctionFailed
from messaging.identity import operator
from messaging.models import MessagingChannel, MessagingSubscription

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


@app.command("preview")
def preview_(
    function: Annotated[str, typer.Argument(metavar="FUNCTION", help="A file, or subSubscriptionX.")],
    event: Annotated[
        Path | None,
        typer.Option("--event", metavar="FILE", help="The trigger's data: a JSON object. {} without it."),
    ] = None,
    channel: Annotated[
        list[MessagingChannel] | None, typer.Option("--channel", help="Only this channel; may be repeated.")
    ] = None,
    save: Annotated[
        Path | None, typer.Option("--save", metavar="FOLDER", help="Write each HTML message there, for a browser.")
    ] = None,
    as_json: Json = False,
) -> None:
    """What each channel would get, for a made-up person on each. Nothing is stored or sent; no settings needed."""
    path = Path(function) if function.endswith(".py") else SUBSCRIPTIONS / f"{function}.py"
    checked = asyncio.run(check(path))
    if checked.finding != "ok":
        raise FunctionFailed(f"{checked.file}: {checked.finding}, {checked.text}")
    result, shown = asyncio.run(preview(path, _event(event), channel or channels()))
    saved = _saved(save, shown) if save else []
    items = [one.document() for one in shown]
    said = result.model_dump(mode="json", exclude_none=True)
    show({"result": said, "messages": items}, [*facts(said), *_messages(items), *saved], as_json)
    raise typer.Exit(not result.success)


def _event(file: Path | None) -> dict[str, Any]:
    """The trigger's data from a file. Raises BadParameter."""
    try:
        event = json.loads(file.read_text()) if file else {}
    except (OSError, ValueError) as error:
        raise typer.BadParameter(f"{file}: {error}", param_hint="--event") from None
    if not isinstance(event, dict):
        raise typer.BadParameter(f"{file}: must be a JSON object", param_hint="--event")
    return event


def _messages(items: list[dict[str, Any]]) -> Iterator[Line]:
    """Each message under its channel's name; its text as the reader would see it."""
    for one in items:
        yield ""
        yield Text(one["channel"], style="bold")
        yield from facts({name: value for name, value in one.items() if name not in ("channel", "text", "html")})
        yield from one.get("text", "").splitlines()
    if not items:
        yield "It sends nothing."


def _saved(folder: Path, shown: list[Shown]) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    lines = [""]
    for number, one in enumerate(shown):
        if one.content and one.content.html:
            target = folder / f"{number}-{one.channel.value}.html"
            target.write_text(one.content.html)
            lines.append(f"{target} is the HTML of message {number}")
    return lines


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
