"""The figures of the proofs, printed together at the end: they come from several processes."""

from collections.abc import Callable
from functools import partial

import pytest
from _pytest.terminal import TerminalReporter

FIGURE = "figure"


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Have a line printed at the end."""
    return partial(record_property, FIGURE)


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Print what the proofs told, file by file, also of those that failed."""
    reports = [one for kind in ("passed", "failed") for one in terminalreporter.stats.get(kind, [])]
    figures: dict[str, list[str]] = {}
    for report in sorted(reports, key=lambda report: report.location[0]):
        told = [str(value) for name, value in report.user_properties if name == FIGURE]
        figures.setdefault(report.location[0], []).extend(told)
    terminalreporter.section("what was found (`make proof` runs two files at a time: alone, times are shorter)")
    for file, lines in figures.items():
        terminalreporter.write_line("\n".join(["", file, *lines]))
