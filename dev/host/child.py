"""Starting the local host as a child process, for tests and for other local commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from dev.processes import Child, python_module


@dataclass(frozen=True)
class RunningHost:
    """A host that serves; a context manager that ends it. `url` is empty when it serves no HTTP."""

    child: Child
    url: str

    def stop(self) -> int:
        """End it in good order and give its exit code."""
        return self.child.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def start_host(
    arguments: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    on_line: Callable[[str], None] | None = None,
    name: str = "host",
) -> RunningHost:
    """Start `python -m dev.host` with these arguments and wait until it serves.

    `environment` is added to this process's own. Raises ChildFailed with the host's own words.
    """
    child = Child(name, python_module("dev.host", *arguments), environment, on_line)
    try:
        ready = child.wait_line(r"^ready ?(\S*)$")
    except BaseException:
        child.stop()
        raise
    return RunningHost(child, ready[1])
