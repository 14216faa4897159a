"""What came out, as tables: for a terminal and for docs/performance.md."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bench import report

BEGIN, END = "<!-- measured: written by make bench -->", "<!-- end of what make bench writes -->"


@dataclass(frozen=True)
class Section:
    """A table: its title, its columns, its rows as texts."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]

    def text(self) -> str:
        """For a terminal; figures to the right."""
        cells = [self.columns, *self.rows]
        widths = [max(len(row[n]) for row in cells) for n in range(len(self.columns))]
        lines = (
            "  ".join(_aligned(cell, width) for cell, width in zip(row, widths, strict=True)) for row in cells
        )
        return "\n".join((self.title, *lines, ""))

    def markdown(self) -> str:
        lines = (f"| {' | '.join(row)} |" for row in (self.columns, ("---",) * len(self.columns), *self.rows))
        return "\n".join((f"**{self.title}**", "", *lines, ""))


def _aligned(cell: str, width: int) -> str:
    return cell.rjust(width) if cell[:1].isdigit() else cell.ljust(width)


def _spread(one: dict[str, float], form: str) -> str:
    return f"{one['median']:{form}} ({one['min']:{form}}–{one['max']:{form}})"


def _ways(rows: list[dict[str, Any]]) -> Section:
    columns = ("way", "channel", "latency", "people", "messages/s (min–max)", "CPU µs/message")
    return Section(
        "Messages a second",
        columns,
        [
            (
                row["way"],
                row["channel"],
                f"{row['latency']} ms",
                f"{row['recipients']:,}",
                _spread(row["rate"], ",.0f"),
                f"{row['cpu']['median']:,.0f}",
            )
            for row in rows
        ],
    )


def _growths(rows: list[dict[str, Any]]) -> Section:
    columns = (
        "channel",
        "people",
        "messages/s",
        "CPU µs/message",
        "operations/message",
        "entities/message",
        "peak MB",
    )
    return Section(
        "A message's cost, by the size of its execution: CPU, storage operations and entities a message",
        columns,
        [
            (
                row["channel"],
                f"{row['recipients']:,}",
                f"{row['rate']:,.0f}",
                f"{row['cpu']:,.0f}",
                f"{report.operations(row):.3f}",
                f"{row['entities']:.3f}",
                f"{row['peak']:.0f}",
            )
            for row in rows
        ],
    )


def _latencies(rows: list[dict[str, Any]]) -> Section:
    columns = ("channel", "people", "until the answer", "answer to first message", "answer to last message")
    times = ("answer", "first", "last")
    cells = [
        (row["channel"], f"{row['recipients']:,}", *(_spread(row[name], ".2f") for name in times)) for row in rows
    ]
    return Section("Seconds from a trigger to the provider, on a host that has waited", columns, cells)


STARTS = {"http": "a process: to its first HTTP answer", "queue": "a process: to the mail of a batch that waits"}


def _starts(results: report.Results) -> Section:
    rows = [(STARTS[key], f"{_spread(one, '.2f')} s") for key, one in results.get("cold", {}).items()]
    rows += [
        (f"import {name}", f"{_spread(one, '.0f')} ms CPU") for name, one in results.get("imports", {}).items()
    ]
    return Section("Start", ("what", "median (min–max)"), rows)


def sections(results: report.Results) -> list[Section]:
    """What was measured, as tables, the goals first."""
    verdicts = {True: "met", False: "NOT MET"}
    reached = [(row["goal"], f"{row['measured']:g}", verdicts[row["met"]]) for row in report.goals(results)]
    parts: dict[str, Callable[[Any], Section]] = {"ways": _ways, "growth": _growths, "latency": _latencies}
    found = [Section("Goals", ("goal", "measured", ""), reached)]
    found += [make(results[name]) for name, make in parts.items() if name in results]
    return [*found, _starts(results)] if {"cold", "imports"} & results.keys() else found


def text(results: report.Results) -> str:
    return "\n".join(one.text() for one in sections(results))


def into(page: str, results: report.Results) -> str:
    """The page with everything between its two markers replaced by what was measured."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    runs = [
        f"- {name}: {run['at']}, {run['cores']} cores, Python {run['python']}, load before it {run['load']:.1f}"
        for name, run in results["runs"].items()
    ]
    tables = "\n".join(one.markdown() for one in sections(results))
    return f"{before}{BEGIN}\n{'\n'.join(runs)}\n\n{tables}{END}{after}"
