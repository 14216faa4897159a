"""`errors`: what was logged as an error, without recipients and secrets."""

import time
from collections import deque
from dataclasses import asdict
from typing import Annotated

import typer

from messaging.bootstrap import Messaging
from messaging.cli.common import Json, Limit, group, mandate_name, moment, run
from messaging.cli.output import Line, show, table, when
from messaging.errorjournal import NOBODY
from messaging.errorrecords import ErrorRecord
from messaging.identity import operator

app = group("What was logged as an error.")


@app.command("list")
def list_(
    mandate: Annotated[
        str | None,
        typer.Option("--mandate", "-m", callback=mandate_name, metavar="MANDATE", help="Errors of this mandate."),
    ] = None,
    nobody: Annotated[bool, typer.Option("--nobody", help="Errors that belong to no mandate.")] = False,
    since: Annotated[str, typer.Option(metavar="TIME", help="Since then: ISO 8601, UTC seconds, or 2h.")] = "1d",
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """Logged errors, the latest first; with --json also their stack traces."""
    if nobody == (mandate is not None):
        raise typer.BadParameter("give either --mandate MANDATE or --nobody")
    first = moment(since)

    async def work(product: Messaging) -> tuple[deque[ErrorRecord], int]:
        mandateId = operator(mandate).mandateId if mandate else NOBODY
        latest: deque[ErrorRecord] = deque(maxlen=limit)
        number = 0
        async for record in product.errors.errors(mandateId, first, time.time() + 60):
            latest.appendleft(record)
            number += 1
        return latest, number

    found, number = run(work)
    rows = [(when(one.at), one.level, one.source, one.message) for one in found]
    parts: list[Line] = table(("at", "level", "source", "message"), rows) if found else ["No errors."]
    parts += [f"There are {number - limit} more; see --limit."] if number > limit else []
    show({"items": [asdict(one) for one in found], "more": number > limit}, parts, as_json)
