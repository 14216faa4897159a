"""Child processes: getting ready, failing with their own words, ending in order."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from azure.storage.queue import QueueClient

from dev.azurite import start_azurite
from dev.processes import ROOT, Child, ChildFailed, PortBusy, check_port

START = "import signal, sys, time; signal.signal(15, {}); print('up 42', flush=True); time.sleep(60)"
POLITE = START.format("lambda *_: sys.exit(7)")
DEAF = START.format("signal.SIG_IGN")


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_child_gets_ready_and_ends_when_asked() -> None:
    lines: list[str] = []
    with Child("polite", python(POLITE), on_line=lines.append) as child:
        assert child.wait_line(r"^up (\d+)$")[1] == "42"
        child.wait_until(lambda: lines == ["up 42"])
        assert child.code is None
    assert child.code == 7


def test_child_that_does_not_end_is_killed() -> None:
    with Child("deaf", python(DEAF)) as child:
        child.wait_line("up")
        assert child.stop(grace=0.2) == -signal.SIGKILL


def test_early_death_shows_the_last_lines() -> None:
    with Child("brief", python("print('first'); print('why'); raise SystemExit(3)")) as child:
        with pytest.raises(ChildFailed, match=r"brief ended with code 3 before it was ready; .*\n  first\n  why$"):
            child.wait_line("never")
        with pytest.raises(ChildFailed, match="brief ended with code 3"):
            child.wait_until(lambda: False)


def test_too_slow_is_said() -> None:
    with Child("slow", python(POLITE)) as child:
        with pytest.raises(ChildFailed, match=r"slow was not ready within 0.3 s"):
            child.wait_line("never", timeout=0.3)
        with pytest.raises(ChildFailed, match=r"slow was not ready within 0.1 s"):
            child.wait_until(lambda: False, timeout=0.1)
        with pytest.raises(ChildFailed, match=r"slow still runs after 0.1 s"):
            child.wait(timeout=0.1)


def test_missing_program_is_named() -> None:
    with pytest.raises(ChildFailed, match="there is no program no-such-program"):
        Child("tool", ["no-such-program"])


def test_busy_port_names_the_remedy() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        other.listen()
        with pytest.raises(PortBusy, match=rf"port {port} is busy: end the process that uses it or set MY_PORT"):
            check_port(port, "MY_PORT")
        with pytest.raises(PortBusy, match="set STORAGE_PORT"):
            start_azurite(ports=(0, port, 0), remedy="STORAGE_PORT")
    check_port(port, "MY_PORT")


def test_ctrl_c_in_the_parent_ends_the_children_last_first() -> None:
    script = f"""
import sys, time
from contextlib import ExitStack
from dev.processes import Child
with ExitStack() as stack:
    for name in ("one", "two"):
        child = stack.enter_context(Child(name, {python(POLITE)!r}))
        stack.callback(lambda name=name, child=child: print(name, child.code, flush=True))
        child.wait_line("up")
    print("started", flush=True)
    time.sleep(60)
"""
    command = python(script)
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "started\n"
        parent.send_signal(signal.SIGINT)
        rest = parent.stdout.read()
    # each line comes before its child's end: the one started last is asked first, the other still runs meanwhile
    assert rest == "two None\none None\n"


def test_azurite_keeps_its_data_in_a_folder(tmp_path: Path) -> None:
    for attempt in (1, 2):
        with start_azurite(tmp_path) as storage:
            queue = QueueClient.from_connection_string(storage.connection, "kept")
            with queue:
                if attempt == 1:
                    queue.create_queue()
                    queue.send_message("still here")
                assert [message.content for message in queue.peek_messages()] == ["still here"]
