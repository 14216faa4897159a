"""Child processes of a local run: start them, wait until they serve, end them by their own id.

A child gets a session of its own, so that Ctrl-C reaches the parent alone and the parent decides what ends and
when. It also gets the parent's id in `DEV_PARENT_PID`: the local host and Azurite end by themselves once that
parent has gone, even if it was killed. Put children on an `ExitStack` and they end in reverse order, whatever
happens.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parent.parent
PARENT_VARIABLE = "DEV_PARENT_PID"
KEPT_LINES = 2000
SHOWN_LINES = 25

# Taken out of the environment: it is about this process, not about what this process starts by other means.
_parent = int(os.environ.pop(PARENT_VARIABLE, "") or os.getppid())


class ChildFailed(RuntimeError):
    """A child ended, or did not get ready in time. The message holds its last output lines."""


class PortBusy(RuntimeError):
    """Another process listens on the port. The message says how to choose another one."""


class Child:
    """One running child process; a context manager that ends it.

    `command` is started in the repository root with this process's environment plus `environment`.
    Every line that it writes (stdout and stderr) is kept for error messages and given to `on_line`.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        on_line: Callable[[str], None] | None = None,
    ) -> None:
        self.name = name
        self._on_line = on_line
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._changed = threading.Condition()
        self._closed = False
        try:
            self._process = subprocess.Popen(
                list(command),
                cwd=ROOT,
                env={**os.environ, **(environment or {}), PARENT_VARIABLE: str(os.getpid())},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise ChildFailed(f"{name} cannot start: there is no program {command[0]}, install it") from error
        self._reader = threading.Thread(target=self._read, name=f"{name} output", daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    @property
    def code(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.poll()

    @property
    def output(self) -> list[str]:
        """The last lines that it wrote, oldest first."""
        with self._changed:
            return list(self._lines)

    def wait_line(self, pattern: str, timeout: float = 30.0) -> re.Match[str]:
        """Wait for a line in which the regular expression is found, seen already or still to come.

        Raises ChildFailed when the child ends first or `timeout` seconds pass.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                for line in self._lines:
                    if found := re.search(pattern, line):
                        return found
                if self._closed:
                    raise self._failure(f"ended with code {self._process.wait()} before it was ready")
                left = deadline - time.monotonic()
                if left <= 0:
                    raise self._failure(f"was not ready within {timeout:g} s")
                self._changed.wait(left)

    def wait_until(self, probe: Callable[[], bool], timeout: float = 30.0) -> None:
        """Ask `probe` every 50 ms until it says true; raises ChildFailed like `wait_line`."""
        deadline = time.monotonic() + timeout
        while not probe():
            if self.code is not None:
                self._reader.join(1.0)
                raise self._failure(f"ended with code {self.code} before it was ready")
            if time.monotonic() > deadline:
                raise self._failure(f"was not ready within {timeout:g} s")
            time.sleep(0.05)

    def wait(self, timeout: float = 30.0) -> int:
        """Wait until it ends by itself and give its exit code; raises ChildFailed after `timeout` seconds."""
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise self._failure(f"still runs after {timeout:g} s") from error
        self._reader.join(1.0)
        return code

    def send(self, number: signal.Signals) -> None:
        """Send a signal; nothing happens if it has ended."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it at once (SIGKILL), as a crash would."""
        self._process.kill()
        self.wait()

    def stop(self, grace: float = 15.0) -> int:
        """Ask it to end (SIGTERM), kill it after `grace` seconds, and give its exit code."""
        self._process.terminate()
        try:
            return self.wait(grace)
        except BaseException as error:
            self.kill()
            if not isinstance(error, ChildFailed):
                raise  # a second Ctrl-C: the child is gone, now the parent may go on unwinding
            return self._process.wait()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                text = line.rstrip("\r\n")
                with self._changed:
                    self._lines.append(text)
                    self._changed.notify_all()
                if self._on_line:
                    self._on_line(text)
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _failure(self, what: str) -> ChildFailed:
        last = "\n".join(f"  {line}" for line in list(self._lines)[-SHOWN_LINES:])
        return ChildFailed(f"{self.name} {what}; its last lines:\n{last or '  (none)'}")


def python_module(module: str, *arguments: str) -> list[str]:
    """The command that runs a module of this repository with the Python that runs now."""
    return [sys.executable, "-m", module, *arguments]


def parent_has_gone() -> bool:
    """Whether the process that started this one has ended."""
    return os.getppid() != _parent


def check_port(port: int, remedy: str) -> None:
    """Raise PortBusy if 127.0.0.1:`port` is taken; `remedy` names the variable or option that changes it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port in TIME_WAIT is free for a server
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise PortBusy(f"port {port} is busy: end the process that uses it or set {remedy}") from error
