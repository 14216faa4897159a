"""A host's life and death: draining, orphans, crashes, several hosts on one storage."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from pathlib import Path

from dev.processes import ROOT
from tests.dev.hostapp.records import HostApp, wait_for


def alive(pid: int) -> bool:
    """Whether a process still runs; one that only waits to be collected does not."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return bool(state.stdout.strip()) and not state.stdout.startswith("Z")


def test_sigterm_lets_running_work_end_and_takes_no_more(azurite: str, tmp_path: Path) -> None:
    app = HostApp(tmp_path, azurite)
    answers: list[bytes] = []

    def call() -> None:
        with urllib.request.urlopen(f"{host.url}/api/slow?seconds=1") as response:
            answers.append(response.read())

    with app.start() as host:
        app.send(name="running", seconds=1)
        client = threading.Thread(target=call)
        client.start()
        wait_for(lambda: bool(app.records("begin")) and bool(app.records("slow")))
        host.child.send(signal.SIGTERM)
        time.sleep(0.3)
        app.send(name="late")
        assert host.child.wait(5) == 0
        client.join()
    assert answers == [b"done"]
    assert [record["name"] for record in app.records("end")] == ["running"]
    assert app.count() == 1  # the late one, for the next host


def test_work_that_outlives_the_grace_stays_in_the_queue(azurite: str, tmp_path: Path) -> None:
    app = HostApp(tmp_path, azurite)
    with app.start("--shutdown-grace", "0.2") as host:
        app.send(name="endless", seconds=60)
        wait_for(lambda: bool(app.records("begin")))
        host.child.send(signal.SIGINT)
        assert host.child.wait(5) == 0
    assert app.records("end") == []
    assert app.count() == 1


def test_worker_library_serves_queue_and_timer(azurite: str, tmp_path: Path) -> None:
    app = HostApp(tmp_path, azurite, cron="* * * * * *")
    with app.start("--no-http", "--visibility-timeout", "1") as host:
        assert host.url == ""
        app.send(name="failing", fail=True)
        wait_for(lambda: len(app.records("begin")) == 2 and bool(app.records("tick")))
    begun = app.records("begin")
    assert [record["tries"] for record in begun] == [1, 2]
    assert begun[1]["at"] - begun[0]["at"] > 0.9
    assert app.records("tick")[0]["past_due"] is False


def held_by(app: HostApp, pid: int) -> set[str]:
    """The messages that a host has begun and not ended."""
    ended = {record["name"] for record in app.records("end")}
    return {record["name"] for record in app.records("begin") if record["pid"] == pid} - ended


def test_killed_host_loses_nothing_and_no_message_runs_twice_at_once(azurite: str, tmp_path: Path) -> None:
    app = HostApp(tmp_path, azurite)
    names = {f"task-{number}" for number in range(40)}
    options = ["--no-http", "--message-lease", "2", "--max-polling", "0.2"]
    with app.start(*options) as victim, app.start(*options):
        for name in names:
            app.send(name=name, seconds=0.5)
        wait_for(lambda: bool(held_by(app, victim.child.pid)))
        victim.child.kill()
        wait_for(lambda: app.count() == 0, 20)
    ends = Counter(record["name"] for record in app.records("end"))
    assert set(ends) == names
    begun: dict[str, list[dict[str, float]]] = {}
    for record in app.records("begin"):
        begun.setdefault(record["name"], []).append(record)
    repeated = {name: runs for name, runs in begun.items() if len(runs) > 1}
    assert repeated, "the victim held messages when it died"
    for first, second in repeated.values():
        assert first["pid"] == victim.child.pid != second["pid"]
        assert second["at"] - first["at"] > 0.9  # not before the lease of 2 s, which began with the receive


def test_no_server_outlives_a_killed_parent(tmp_path: Path) -> None:
    script = f"""
import os, signal
from pathlib import Path
from dev.azurite import start_azurite
from tests.dev.hostapp.records import HostApp
storage = start_azurite()
host = HostApp(Path({str(tmp_path)!r}), storage.connection).start()
print(storage.child.pid, host.child.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    parent = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=20, check=False
    )
    assert parent.returncode == -signal.SIGKILL
    children = [int(pid) for pid in parent.stdout.split()]
    assert len(children) == 2
    wait_for(lambda: not any(alive(pid) for pid in children))
