"""The README's commands, as real processes: the demo, the token, and how everything ends."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import jwt
import pytest

from dev.processes import ROOT, Child, python_module
from tests.ports import free_ports

SHOWN = [
    "alice | e-mail | 3 system errors: Connection to the database was lost | SENT | ",
    "alice | SMS | 3 system errors in 2 groups. 2x billing",
    "alice | WhatsApp | Report of system errors: 3 system errors in 2 groups.",
    "alice | Teams chat | 3 system errors in 2 groups",
    "bob | e-mail | 3 system errors: Connection to the database was lost | SENT | ",
    "bob | Teams chat | – | FAILED | The person has not installed the app in Teams",
    "carol | e-mail | – | FAILED | InvalidEmailAddress: ",
    "dave | e-mail | – | none | registration is off",
    "All 1,500 messages are sent",
    "HTTP call | http | olivia | Today: soup",
    "workflow message | workflow | workflow | Today: pasta",
    "system event com.example.lunch | event | event | Today: curry",
    "schedule | schedule | schedule | Today: a surprise",
    "e-mail | 4 system errors: Invoice 4713 has no customer",
    "SMS | 4 system errors in 2 groups. 3x invoices: Invoice 4713 has no customer",
    "WhatsApp | Report of system errors: 4 system errors in 2 groups.",
    "Teams chat | 4 system errors in 2 groups",
]
"""How lines of the demo begin, in their order."""


def descendants(pid: int) -> list[int]:
    """The process ids below a process."""
    below = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return below + [one for child in below for one in descendants(child)]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_demo_shows_who_received_what_and_ends_with_0() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dev.demo"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert [start for line in lines for start in SHOWN if line.startswith(start)] == SHOWN
    assert sum(" | SENT | " in line for line in lines) == 5
    assert any("Subscription function not found for audit_lunch" in line for line in lines)
    assert sum(line.endswith(" | messaging | done") for line in lines) == 6
    assert sum(" UTC | " in line and " | /demo | " in line for line in lines) == 2
    assert lines[-1] == "All as it should be."


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ending_the_run_ends_every_process_it_started(number: signal.Signals) -> None:
    ports = free_ports(5)  # the storage takes three
    environment = {"PORT_API": str(ports[0]), "PORT_SANDBOX": str(ports[1]), "PORT_STORAGE": str(ports[2])}
    with Child("run", python_module("dev.run"), environment) as run:
        run.wait_line("Ctrl-C ends everything")
        started = descendants(run.pid)
        assert len(started) == 3
        run.send(number)
        assert run.wait(30) == 0
        end = time.monotonic() + 10
        while any(map(alive, started)) and time.monotonic() < end:
            time.sleep(0.05)
        assert not [pid for pid in started if alive(pid)]


def test_a_busy_port_is_named_with_what_to_set() -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        with Child("run", python_module("dev.run"), {"PORT_API": str(port)}) as run:
            assert run.wait(30) == 1
            assert f"port {port} is busy" in run.output[-1] and "PORT_API" in run.output[-1]


@pytest.mark.parametrize("role", ["user", "mandate-admin", "admin"])
def test_a_token_is_the_last_line(role: str) -> None:
    command = ["make", "token", "USER=alice", "MANDATE=m1", f"ROLE={role}"]
    shell = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))
    }  # not ours
    printed = subprocess.run(command, cwd=ROOT, env=shell, capture_output=True, text=True, check=True).stdout
    claims = jwt.decode(printed.splitlines()[-1], options={"verify_signature": False})
    assert (claims["sub"], claims["mandateId"], len(claims["roles"])) == ("alice", "m1", 1)


def test_a_token_for_nobody_is_refused() -> None:
    refused = subprocess.run(
        [sys.executable, "-m", "dev.token", "--user", "a", "--mandate", "a/b", "--role", "user"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 1 and "MANDATE must be" in refused.stderr
