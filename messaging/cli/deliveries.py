"""`deliveries`: what became of messages, and what an operator decides about the unknown ones."""

import time
from enum import StrEnum
from typing import Annotated, Any

import typer

from messaging.access import Principal
from messaging.bootstrap import Messaging
from messaging.cli.common import By, Json, Limit, Mandate, group, moment, on_terminal, run
from messaging.cli.output import Line, facts, progress, show, table, when
from messaging.cli.story import Story, answer, batch_document, gather, pause_document
from messaging.cursors import Asked
from messaging.delivery import STATUS, State
from messaging.history import Filter
from messaging.identity import operator
from messaging.models import DeliveryStatus, MessagingChannel, MessagingDelivery

app = group("What became of messages, and what to do about the unknown ones.")

LOOKED_AT = 500
"""Deliveries read at a time where only some of them are wanted."""

Id = Annotated[str, typer.Argument(metavar="ID", help="The delivery's id.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Channel = Annotated[MessagingChannel | None, typer.Option(case_sensitive=False)]
Since = Annotated[
    float | None,
    typer.Option(parser=moment, metavar="WHEN", help="2026-08-22T03:00 (UTC), UTC seconds, or an age: 90m, 2h."),
]


class Verdict(StrEnum):
    SENT = "sent"
    FAILED = "failed"


@app.command("list")
def list_(  # noqa: PLR0913 - an option of a typer command is a parameter
    mandate: Mandate,
    execution: Annotated[str | None, typer.Option(metavar="ID", help="Of one execution.")] = None,
    subscription: Annotated[str | None, typer.Option(metavar="ID", help="Of one subscription.")] = None,
    user: Annotated[str | None, typer.Option(metavar="ID", help="Of one person.")] = None,
    status: Annotated[DeliveryStatus | None, typer.Option(case_sensitive=False)] = None,
    state: Annotated[State | None, typer.Option(case_sensitive=False, help="The finer truth.")] = None,
    channel: Channel = None,
    since: Since = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """Deliveries, newest first."""
    if sum(value is not None for value in (execution, subscription, user)) > 1:
        raise typer.BadParameter("give at most one of --execution, --subscription and --user")
    status = status or (STATUS[state] if state else None)
    wanted = Filter(execution, subscription, user, channel, status, since)

    async def work(product: Messaging) -> tuple[list[MessagingDelivery], bool]:
        with progress("Looking through deliveries"):
            return await _matching(product, operator(mandate), wanted, state, limit)

    found, more = run(work)
    names = ("id", "created", "user", "channel", "state", "attempts", "sent or next try", "error")
    rows = [
        (one.id, when(one.creationDate), one.userId, one.channel, one.state, one.attempts)
        + (when(one.sentAt or one.retryAt), one.errorMessage)
        for one in found
    ]
    parts: list[Line] = table(names, rows) if found else ["No deliveries."]
    parts += [f"There may be more than these {limit}; see --limit and --since."] if more else []
    show({"items": [_document(one) for one in found], "more": more}, parts, as_json)


@app.command("show")
def show_(
    mandate: Mandate,
    id: Id,
    recipient: Annotated[bool, typer.Option("--recipient", help="Print the address it goes to, too.")] = False,
    as_json: Json = False,
) -> None:
    """One delivery with all that decides about it: did the person get it, and if not, why?"""
    story = run(lambda product: gather(product, operator(mandate), id))
    text, todo = answer(story, time.time())
    document = {
        "answer": text,
        "todo": todo,
        "delivery": _document(story.delivery) | ({"recipient": story.recipient} if recipient else {}),
        "execution": story.counted.model_dump(mode="json") | {"phase": story.execution.phase.value},
        "batch": batch_document(story.batch),
        "pause": pause_document(story.pause) if story.pause else None,
        "missingSettings": story.missing,
    }
    shown = facts(_facts(story) | ({"recipient": story.recipient} if recipient else {}))
    show(document, [text, *([f"To do: {todo}"] if todo else []), "", *shown], as_json)


@app.command()
def retry(mandate: Mandate, id: Id, by: By = "cli", yes: Yes = False, as_json: Json = False) -> None:
    """Send an unknown message again.

    An e-mail is first asked for at the provider and sent only if it never came. An SMS is really sent again: if
    the first one left, the person gets it twice. On a terminal you are asked before that.
    """

    async def work(product: Messaging) -> MessagingDelivery:
        principal = operator(mandate, by)
        found = await product.operator.find(principal, id)
        batch = found.stored.batch
        twice = found.item.state is State.UNKNOWN and not product.connectors.get(batch.channel).canAsk
        if twice and not yes and on_terminal():
            question = f"The {batch.channel} may have left; sending it again may reach the person twice. Send it?"
            typer.confirm(question, abort=True, err=True)
        await product.operator.retry(principal, id)
        return await product.history.getDelivery(principal, id)

    show(_document(run(work)), ["It is queued again; `deliveries show` tells what becomes of it."], as_json)


@app.command()
def resolve(  # noqa: PLR0913 - an option of a typer command is a parameter
    mandate: Mandate,
    id: Id,
    verdict: Annotated[Verdict, typer.Option("--as", help="What really became of it.")],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="How you know; stands in the record.")] = "",
    by: By = "cli",
    as_json: Json = False,
) -> None:
    """Settle an unknown message, for good, as you found it to be."""

    async def work(product: Messaging) -> MessagingDelivery:
        principal = operator(mandate, by)
        await product.operator.resolve(principal, id, State(verdict.value), reason)
        return await product.history.getDelivery(principal, id)

    show(_document(run(work)), [f"It is settled as {verdict.value}."], as_json)


async def _matching(
    product: Messaging, principal: Principal, wanted: Filter, state: State | None, limit: int
) -> tuple[list[MessagingDelivery], bool]:
    """The newest deliveries that are wanted, and whether there may be more."""
    picky = state or wanted.status or wanted.channel
    found: list[MessagingDelivery] = []
    cursor: str | None = None
    while True:
        page = await product.history.getDeliveries(principal, wanted, Asked(LOOKED_AT if picky else limit, cursor))
        found += [one for one in page.items if state is None or one.state == state]
        cursor = page.nextCursor
        if cursor is None or len(found) >= limit:
            return found[:limit], len(found) > limit or cursor is not None


def _document(delivery: MessagingDelivery) -> dict[str, Any]:
    return delivery.model_dump(mode="json")


def _facts(story: Story) -> dict[str, object]:
    one, batch, execution, pause = story.delivery, story.batch, story.execution, story.pause
    counts = ", ".join(f"{batch.count(state)} {state}" for state in State if batch.count(state))
    held = f"owner {batch.owner}, lease until {when(batch.leaseUntil)}" if batch.owner else "no owner"
    due = f", due {when(batch.nextAt)}" if batch.is_open() else ""
    return {
        "delivery": one.id,
        "state": f"{one.state} ({one.status})",
        "user": one.userId,
        "channel": one.channel,
        "created": when(one.creationDate),
        "attempts": one.attempts,
        "next try": when(one.retryAt),
        "sent at": when(one.sentAt),
        "provider's id": one.providerMessageId,
        "segments": one.segments,
        "note" if one.state == State.SENT else "error": one.errorMessage,
        "execution": f"{execution.id} of {execution.subscriptionId}, {execution.phase}, by {execution.createdBy}",
        "ledger": ledger_line(story.counted.model_dump()),
        "batch": f"page {batch.page}, number {batch.number}: {counts}",
        "lock": f"{held}{due}, {batch.takeovers} take-overs",
        "sender": _sender(story) if pause or story.missing else "",
    }


def _sender(story: Story) -> str:
    pause = story.pause
    if pause is None:
        return f"not configured: {', '.join(story.missing)}"
    return (
        f"{pause.sender} is paused since {when(pause.since)} until {when(pause.until)} because of {pause.reason}, "
        f"failures in a row: {pause.failures}"
    )


def ledger_line(counts: dict[str, Any]) -> str:
    """Counts of an execution, those that are not 0."""
    names = ("sent", "failed", *(state.value for state in State if STATUS[state] is DeliveryStatus.PENDING))
    parts = [f"{counts[name]} {name}" for name in names if counts[name]]
    return f"{counts['accepted']} accepted" + (f": {', '.join(parts)}" if parts else "")
