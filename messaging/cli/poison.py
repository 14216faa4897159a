"""`poison`: queue messages that failed too often or were refused, and what to do with them."""

from dataclasses import asdict
from typing import Annotated

import typer

from messaging.cli.common import Json, Limit, group, run
from messaging.cli.output import Line, facts, show, table, when

app = group("Queue messages that failed too often or were refused.")

Id = Annotated[str, typer.Argument(metavar="ID", help="The id that `poison list` shows.")]


@app.command("list")
def list_(limit: Limit = 100, as_json: Json = False) -> None:
    """The kept messages, queue by queue, without their bodies."""
    found = run(lambda product: product.poison.listed(limit + 1))
    kept, more = found[:limit], len(found) > limit
    rows = [(one.id, when(one.at)) for one in kept]
    parts: list[Line] = table(("id", "kept at"), rows) if kept else ["No poison messages."]
    parts += [f"There are more than these {limit}; see --limit."] if more else []
    items = [{"id": one.id, "queue": one.queue, "at": one.at} for one in kept]
    show({"items": items, "more": more}, parts, as_json)


@app.command("show")
def show_(id: Id, as_json: Json = False) -> None:
    """One kept message with its body."""
    kept = run(lambda product: product.poison.get(id))
    shown = facts(
        {"id": kept.id, "queue": kept.queue, "kept at": when(kept.at), "reason": kept.reason, "body": kept.body}
    )
    show(asdict(kept), shown, as_json)


@app.command()
def replay(id: Id, as_json: Json = False) -> None:
    """Put the message back on its queue, when what made it fail is gone.

    Repeats do no harm, but for a workflow message without an idempotencyKey: it is executed anew.
    """
    run(lambda product: product.poison.replay(id))
    show({"id": id, "replayed": True}, ["It is on its queue again."], as_json)


@app.command()
def drop(id: Id, as_json: Json = False) -> None:
    """Forget the message for good."""
    run(lambda product: product.poison.drop(id))
    show({"id": id, "dropped": True}, ["It is gone."], as_json)
