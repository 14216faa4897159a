"""Requests that nobody wrote: schemathesis makes them from the specification that a running service shows.

All its checks are on: no server error, no status, header, content type or body that the specification does not
tell, nothing accepted that it forbids, nothing refused that it allows, no method or token ignored.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from dev.client import Client
from dev.token import token

HERE = Path(__file__).parent
ADMIN = ("root", "admin")


@dataclass(frozen=True)
class Report:
    cases: int
    failures: list[str]
    text: str


async def prepare(client: Client) -> dict[str, str]:
    """Something to find, as the settings of schemathesis.toml: a registration of the Admin and a delivery."""
    new = {"subscriptionId": "SystemErrors", "subscriptionLabel": "Errors"}
    await client.call(ADMIN, "POST", "/subscriptions", new)
    mail = {"channel": "email", "channelConfig": "fuzz@example.com"}
    registration = await client.call(ADMIN, "POST", "/subscriptions/SystemErrors/subscribe", mail)
    await client.call(ADMIN, "POST", "/trigger/SystemErrors", {"eventParameters": {"errors": ["one"]}})
    delivery = (await client.call(ADMIN, "GET", "/deliveries"))["items"][0]
    return {"FUZZ_REGISTRATION": registration["id"], "FUZZ_DELIVERY": delivery["id"]}


def fuzz(client: Client, known: dict[str, str], folder: Path, *options: str) -> Report:
    """Run schemathesis with an Admin's token; `options` bound it. Raises when it ends before its end."""
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml")),
        *("run", f"{client.stack.api}/openapi.json", "--report-json-path", str(folder / "report.json")),
        *("-H", f"Authorization: Bearer {token(ADMIN[0], client.mandateId, ADMIN[1])}", "--no-color", *options),
    ]
    environment = (
        os.environ | known | {"SCHEMATHESIS_HOOKS": "tests.fuzz.hooks", "PYTHONPATH": str(HERE.parents[1])}
    )
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    report = json.loads((folder / "report.json").read_text())
    assert report["stop_reason"] == "completed" and report["operations"]["errored"] == 0, ran.stdout + ran.stderr
    failures = [f"{one['title']}: {', '.join(one['operations'])}" for one in report["failures"]]
    assert (ran.returncode == 0) == (not failures), ran.stdout + ran.stderr
    return Report(report["test_cases"]["generated"], failures, ran.stdout)
