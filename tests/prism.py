"""Prism, which stands before the sandbox and holds requests and answers against the providers' own OpenAPI files.

With `--errors` it answers 422 for a request and 500 for an answer that breaks the contract.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from dev.processes import ROOT
from tests.ports import free_ports

SPECS = Path(os.environ.get("SPECS_DIR", ROOT.parent / "shared" / "specs"))
FILES = {
    "acs": "acs-email/acs-email-2025-09-01.bundled.nullable.json",
    "twilio": "twilio_api_v2010.json",
    "meta": "meta-business-messaging-api_v23.0.yaml",
    "teams": "botframework-ConnectorAPI.json",
}
START_SECONDS = 60

needs_files = pytest.mark.skipif(
    not SPECS.is_dir(), reason=f"no OpenAPI files: {SPECS} is not a directory; SPECS_DIR names another place"
)


@contextmanager
def prisms(logs: Path) -> Iterator[dict[str, int]]:
    """Ports of a Prism for each provider, and under "sandbox" the port to which they all pass on."""
    names = ("sandbox", *FILES)
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    with ExitStack() as stack:
        for name in FILES:
            process = stack.enter_context(_prism(name, ports, logs / name))
            stack.callback(process.kill)
        deadline = time.monotonic() + START_SECONDS
        while not all("Prism is listening" in (logs / name).read_text() for name in FILES):
            assert time.monotonic() < deadline, {name: (logs / name).read_text()[-500:] for name in FILES}
            time.sleep(0.05)
        yield ports


def _prism(name: str, ports: dict[str, int], log: Path) -> subprocess.Popen[bytes]:
    script = ROOT / "node_modules/@stoplight/prism-cli/dist/index.js"
    upstream = f"http://127.0.0.1:{ports['sandbox']}"
    listen = ["proxy", "-h", "127.0.0.1", "-p", str(ports[name]), "--errors"]
    command = ["node", str(script), *listen, str(SPECS / FILES[name]), upstream]
    with log.open("wb") as output:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
