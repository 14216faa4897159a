"""`audit`: who did what in a mandate."""

import json
from typing import Annotated

import typer

from messaging.access import Principal
from messaging.bootstrap import Messaging
from messaging.cli.common import Json, Limit, Mandate, run
from messaging.cli.deliveries import Since
from messaging.cli.output import Line, progress, show, table, when
from messaging.cursors import Asked
from messaging.identity import operator
from messaging.journal import LONGEST_PAGE, AuditFilter
from messaging.models import MessagingAuditEvent

SHOWN = 100
"""Characters of the details that people are shown; --json has them all."""


def audit(  # noqa: PLR0913 - an option of a typer command is a parameter
    mandate: Mandate,
    type_: Annotated[str | None, typer.Option("--type", metavar="WORD", help="Like login.")] = None,
    user: Annotated[str | None, typer.Option(metavar="ID", help="Of one person.")] = None,
    since: Since = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """Who did what in a mandate, newest first: reported events and administrative acts."""
    wanted = AuditFilter(type_, user, since)

    async def work(product: Messaging) -> tuple[list[MessagingAuditEvent], bool]:
        with progress("Looking through the journal"):
            return await _matching(product, operator(mandate), wanted, limit)

    found, more = run(work)
    names = ("at", "event", "user", "outcome", "source", "details")
    rows = [
        (when(one.timestamp), one.eventType, one.userId, one.outcome, one.source, _short(one)) for one in found
    ]
    parts: list[Line] = table(names, rows) if found else ["No audit events."]
    parts += [f"There may be more than these {limit}; see --limit and --since."] if more else []
    show({"items": [one.model_dump(mode="json") for one in found], "more": more}, parts, as_json)


async def _matching(
    product: Messaging, principal: Principal, wanted: AuditFilter, limit: int
) -> tuple[list[MessagingAuditEvent], bool]:
    """The newest events that are wanted, and whether there may be more."""
    found: list[MessagingAuditEvent] = []
    cursor: str | None = None
    while True:
        page = await product.journal.getAuditEvents(principal, wanted, Asked(LONGEST_PAGE, cursor))
        found += page.items
        cursor = page.nextCursor
        if cursor is None or len(found) >= limit:
            return found[:limit], len(found) > limit or cursor is not None


def _short(event: MessagingAuditEvent) -> str:
    text = json.dumps(event.details, ensure_ascii=False)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
