"""What a process and those that it started have used, from /proc; and what to make of several rounds."""

import os
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Sample:
    """One way, once: seconds from the trigger to the last record, CPU seconds of the Python processes."""

    seconds: float
    cpu: float
    count: int

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.count / self.seconds

    @property
    def micros(self) -> float:
        """CPU a message, in microseconds."""
        return 1e6 * self.cpu / self.count


def summary(values: list[float]) -> dict[str, float]:
    """Median, min and max of several rounds."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def cpu(pid: int) -> float:
    """CPU seconds of a process and of its living descendants."""
    return _own(pid) + sum(cpu(child) for child in children(pid))


def children(pid: int) -> list[int]:
    """The processes that a process has started and that still run."""
    tasks = Path(f"/proc/{pid}/task")
    return [int(child) for one in tasks.iterdir() for child in (one / "children").read_text().split()]


def peak(pid: int) -> float:
    """The most memory that a process has held so far, in MB."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1024


def _own(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def rounded(value: Any, digits: int = 4) -> Any:
    """Floats short enough for people, at any depth."""
    if isinstance(value, dict):
        return {name: rounded(one, digits) for name, one in value.items()}
    if isinstance(value, list):
        return [rounded(one, digits) for one in value]
    return round(value, digits) if isinstance(value, float) else value
