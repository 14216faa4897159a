"""What commands print: one JSON document for scripts, plain lines for people."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import typer
from rich.console import Console
from rich.status import Status
from rich.text import Text

Line = str | Text


def show(document: Mapping[str, Any], human: Iterable[Line], as_json: bool) -> None:
    """Print the document as JSON, or the lines for people, which a pipe gets whole and without colours."""
    if as_json:
        typer.echo(json.dumps(document, indent=2))
        return
    console = Console(highlight=False)
    for line in human:
        console.print(Text(clean(line)) if isinstance(line, str) else line, soft_wrap=True)


def table(names: Sequence[str], rows: Iterable[Sequence[object]]) -> list[Line]:
    """Rows below column names, a row a line."""
    header = [Text(name, style="bold") for name in names]
    return aligned([header, *([_cell(value) for value in row] for row in rows)])


def facts(pairs: Mapping[str, object]) -> list[Line]:
    """Names with their values; what is empty is left out."""
    shown = {name: value for name, value in pairs.items() if value not in (None, "")}
    if not shown:
        return []
    return aligned([[Text(name, style="bold"), _cell(value)] for name, value in shown.items()])


def aligned(rows: Sequence[Sequence[Text]]) -> list[Line]:
    """Rows of cells as lines, the columns one below the other."""
    widths = [max(cell.cell_len for cell in column) for column in zip(*rows, strict=True)]
    lines: list[Line] = []
    for row in rows:
        line = Text("  ").join(_padded(cell, width) for cell, width in zip(row, widths, strict=True))
        line.rstrip()
        lines.append(line)
    return lines


def clean(value: object) -> str:
    """A value as text that cannot move the cursor or colour the terminal, whoever wrote it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(value).replace("\n", " "))


def when(seconds: float | None) -> str:
    """A time as people read it, in UTC; nothing for none."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%SZ}" if seconds else ""


def lasting(seconds: float) -> str:
    """A duration in its largest unit."""
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


@contextmanager
def progress(text: str) -> Iterator[Status | None]:
    """Something that moves while work is long, on a terminal only."""
    if not (sys.stdout.isatty() and sys.stderr.isatty()):
        yield None
        return
    with Console(stderr=True).status(text) as status:
        yield status


def _cell(value: object) -> Text:
    return Text(clean(value))


def _padded(cell: Text, width: int) -> Text:
    padded = cell.copy()
    padded.pad_right(width - cell.cell_len)
    return padded
