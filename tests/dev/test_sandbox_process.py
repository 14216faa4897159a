"""`python -m dev.sandbox`: how it starts, how it ends, and that the product's settings lead to it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dev.sandbox import credentials

COMMAND = [sys.executable, "-m", "dev.sandbox"]
ROOT = Path(__file__).parents[2]
LOG_IN = """
import asyncio, os
from azure.identity.aio import ClientSecretCredential
async def main():
    names = "TENANT_ID", "APP_ID", "APP_SECRET", "LOGIN_URL"
    settings = [os.environ[f"MESSAGING_TEAMS_{name}"] for name in names]
    async with ClientSecretCredential(
        *settings[:3], authority=settings[3], disable_instance_discovery=True
    ) as credential:
        print(bool((await credential.get_token("https://api.botframework.com/.default")).token))
asyncio.run(main())
"""


@contextmanager
def running(*options: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """The process and the words of its ready line."""
    with subprocess.Popen([*COMMAND, *options], stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().split()
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_says_ready_and_ends_on_a_signal(number: signal.Signals) -> None:
    with running("--port", "0") as (process, words):
        assert words[0] == "ready"
        assert words[1].startswith("http://127.0.0.1:")
        assert len(words) == 2
        process.send_signal(number)
        assert process.wait(5) == 0
        assert process.stdout is not None
        assert process.stdout.read() == ""


def test_settings_lead_the_real_login_to_it(tmp_path: Path) -> None:
    with running("--port", "0", "--tls-port", "0", "--state", str(tmp_path)) as (_process, words):
        _ready, url, login_url = words
        settings = credentials.environment(url, login_url, str(tmp_path / "ca.pem"))
        done = subprocess.run(
            [sys.executable, "-c", LOG_IN], env=os.environ | settings, capture_output=True, text=True
        )
        assert done.stdout.strip() == "True", done.stderr
    assert settings["MESSAGING_ACS_ENDPOINT"] == settings["MESSAGING_TWILIO_BASE_URL"] == url


def test_busy_port_is_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run([*COMMAND, "--port", port], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"The sandbox cannot start: port {port} is in use. Choose another, 0 picks a free one.\n"


def test_help_shows_the_magic_recipients() -> None:
    done = subprocess.run([*COMMAND, "--help"], capture_output=True, text=True, cwd=ROOT, check=True)
    assert "suppressed@" in done.stdout


def test_ends_when_its_parent_is_gone() -> None:
    starter = (
        "import subprocess, sys; p = subprocess.Popen(sys.argv[1:]); print(p.pid, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", starter, *COMMAND, "--port", "0"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert parent.stdout.readline().startswith("ready ")
        parent.kill()
    deadline = time.monotonic() + 5
    while _alive(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _alive(child)


def _alive(pid: int) -> bool:
    """Whether the process runs; one that has ended but was not waited for by its new parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
