"""`pauses`: senders that a provider does not serve right now."""

import time
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from messaging.bootstrap import Messaging
from messaging.cli.common import By, Json, group, run
from messaging.cli.output import Line, show, table, when
from messaging.models import MessagingChannel
from messaging.storage.base import Table, Work

app = group("Senders that a provider does not serve right now.")


@dataclass(frozen=True, slots=True)
class Paused:
    """A pause as its row tells it."""

    channel: str
    sender: str
    reason: str
    since: float
    until: float
    failures: int


async def paused(product: Messaging) -> list[Paused]:
    """Every pause there is."""
    rows = await product.tables.range(Table.WORK, Work.PAUSE, ("!", "~"), 1000)
    return [Paused(**{name: row[name] for name in Paused.__slots__}) for row in rows]


@app.command("list")
def list_(as_json: Json = False) -> None:
    """The paused senders. When a pause is over, one message tries: success ends it, failure prolongs it."""
    found = run(paused)
    names = ("channel", "sender", "since", "until", "reason", "failures")
    rows = [(one.channel, one.sender, when(one.since), _until(one), one.reason, one.failures) for one in found]
    parts: list[Line] = table(names, rows) if found else ["No sender is paused."]
    items: list[dict[str, Any]] = [{name: getattr(one, name) for name in Paused.__slots__} for one in found]
    show({"items": items}, parts, as_json)


@app.command()
def end(
    channel: Annotated[MessagingChannel, typer.Argument(case_sensitive=False)],
    sender: Annotated[str, typer.Argument(metavar="SENDER", help="The sender that `pauses list` shows.")],
    by: By = "cli",
    as_json: Json = False,
) -> None:
    """Let a sender send again at once.

    Do it when the provider serves it again. Messages that wait come back at their own next try; a sender that is
    still blocked is paused anew by the first message.
    """
    run(lambda product: product.operator.end_pause(channel, sender, by))
    show({"channel": channel.value, "sender": sender, "ended": True}, ["The pause is over."], as_json)


def _until(pause: Paused) -> str:
    over = " (over: the next message tries)" if pause.until <= time.time() else ""
    return when(pause.until) + over
