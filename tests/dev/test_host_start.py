"""How the local host starts: the ready line, and everything that it refuses with a sentence and exit code 1."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from pathlib import Path

import pytest

from dev.processes import ROOT, ChildFailed, python_module
from tests.dev.hostapp.records import HostApp

NO_STORAGE = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=Zm9v;QueueEndpoint=http://127.0.0.1:1/a"
TIMER_ONLY = """
import azure.functions as func
app = func.FunctionApp()
@app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *")
def tick(timer: func.TimerRequest) -> None: ...
"""


def run_host(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a host that is expected to end by itself."""
    return subprocess.run(
        python_module("dev.host", *arguments),
        cwd=ROOT,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        (None, "function_app.py is missing or has no function"),
        ("", "Could not find top level function app instances in function_app.py"),
        ("import no_such_module_at_all", "ModuleNotFoundError: No module named 'no_such_module_at_all'"),
        ("1 / 0", "cannot be loaded: ZeroDivisionError: division by zero"),
        (TIMER_ONLY.replace("timer: func", "other: func"), "cannot load the tick function"),
    ],
)
def test_app_that_cannot_be_loaded(source: str | None, complaint: str, tmp_path: Path) -> None:
    if source is not None:
        (tmp_path / "function_app.py").write_text(source, encoding="utf-8")
    ended = run_host("--app", str(tmp_path), "--port", "0")
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert complaint in ended.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("missing", "complaint"),
    [
        ("HOSTAPP_CRON", "dev.host: function tick needs the setting HOSTAPP_CRON: set this environment variable"),
        (
            "HOSTAPP_STORAGE",
            "dev.host: function work needs a storage connection: "
            "set the environment variable HOSTAPP_STORAGE to a connection string",
        ),
    ],
)
def test_missing_setting_is_named(missing: str, complaint: str, tmp_path: Path) -> None:
    app = HostApp(tmp_path, NO_STORAGE)
    settings = {name: value for name, value in app.environment.items() if name != missing}
    ended = run_host(*app.arguments(), **settings)
    assert (ended.returncode, ended.stderr.splitlines()[-1]) == (1, complaint)


def test_missing_folder_is_named(tmp_path: Path) -> None:
    ended = run_host("--app", str(tmp_path / "nowhere"), "--no-http")
    assert ended.returncode == 1
    assert ended.stderr == f"dev.host: there is no function app in {tmp_path}/nowhere: No such file or directory\n"


def test_wrong_connection_string_is_named(tmp_path: Path) -> None:
    app = HostApp(tmp_path, "nonsense")
    ended = run_host(*app.arguments(), **app.environment)
    assert ended.returncode == 1
    assert f"dev.host: the connection string for the queue {app.queue} is wrong" in ended.stderr


def test_busy_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        ended = run_host("--port", str(port))
    assert ended.returncode == 1
    assert ended.stderr == f"dev.host: port {port} is busy: end the process that uses it or set --port\n"


def test_start_of_a_child_that_fails_shows_its_words(tmp_path: Path) -> None:
    with pytest.raises(ChildFailed, match=r"(?s)ended with code 1 before it was ready.*'never': has 1 fields"):
        HostApp(tmp_path, NO_STORAGE, cron="never").start()


@pytest.mark.parametrize(
    ("arguments", "line"), [(["--no-http"], r"ready\n"), (["--port", "0"], r"ready http://127\.0\.0\.1:\d+\n")]
)
def test_ready_line_is_all_that_stdout_gets(arguments: list[str], line: str, tmp_path: Path) -> None:
    (tmp_path / "function_app.py").write_text(TIMER_ONLY, encoding="utf-8")
    arguments = ["--app", str(tmp_path), "--state", str(tmp_path), *arguments]
    command = python_module("dev.host", *arguments)
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as host:
        assert host.stdout is not None
        first = host.stdout.readline()
        host.terminate()
        rest = host.stdout.read()
    assert host.returncode == 0
    assert re.fullmatch(line, first)
    assert rest == ""
