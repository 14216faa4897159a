"""Azurite, Microsoft's storage emulator, as a child process on 127.0.0.1.

It needs Node.js and `node_modules/azurite` (`make install`). It is started without npx, so that the process id
is its own, and watches its parent, so that it ends even when the parent is killed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from dev.processes import PARENT_VARIABLE, ROOT, Child, ChildFailed, check_port

SCRIPT = ROOT / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"
SERVICES = ("blob", "queue", "table")
# The account that every Azurite has; its key is public and opens nothing else.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
SHORT_KEY = "a2V5"  # the further accounts stand in one environment variable, which holds 128 KiB
# Azurite does not end with its parent: this preloaded line looks twice a second.
WATCH_PARENT = (
    "data:text/javascript,setInterval(()=>{if(process.ppid!==Number(process.env."
    + PARENT_VARIABLE
    + "))process.kill(process.pid,'SIGTERM')},500).unref()"
)


@dataclass(frozen=True)
class Azurite:
    """A running Azurite; a context manager that ends it. `ports` are those of blob, queue and table."""

    child: Child
    ports: tuple[int, int, int]

    @property
    def connection(self) -> str:
        """The connection string of its first account."""
        return self._of(ACCOUNT, KEY)

    def account(self, number: int) -> str:
        """The connection string of one of the further accounts, each an empty world of its own."""
        return self._of(f"account{number}", SHORT_KEY)

    def _of(self, name: str, key: str) -> str:
        endpoints = "".join(
            f"{service.capitalize()}Endpoint=http://127.0.0.1:{port}/{name};"
            for service, port in zip(SERVICES, self.ports, strict=True)
        )
        return f"DefaultEndpointsProtocol=http;AccountName={name};AccountKey={key};{endpoints}"

    def stop(self) -> None:
        """End it; data in memory is lost, data in a folder stays."""
        self.child.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def start_azurite(
    folder: Path | None = None,
    ports: tuple[int, int, int] = (0, 0, 0),
    remedy: str = "other ports",
    on_line: Callable[[str], None] | None = None,
    accounts: int = 0,
) -> Azurite:
    """Start Azurite and wait until blob, queue and table serve.

    folder: where the data is kept; None keeps it in memory.
    ports: of blob, queue and table; 0 takes a free one.
    accounts: how many further accounts there are, numbered from 0.
    remedy: what the message about a busy port tells to set.
    Raises PortBusy, or ChildFailed with Azurite's own words.
    """
    if not SCRIPT.exists():
        raise ChildFailed(f"Azurite is not installed: there is no {SCRIPT}, run `make install`")
    command = ["node", "--import", WATCH_PARENT, str(SCRIPT), "--silent"]
    command += ["--skipApiVersionCheck", "--disableTelemetry"]
    command += ["--location", str(folder)] if folder else ["--inMemoryPersistence"]
    for service, port in zip(SERVICES, ports, strict=True):
        if port:
            check_port(port, remedy)
        command += [f"--{service}Host", "127.0.0.1", f"--{service}Port", str(port)]
    known = [f"{ACCOUNT}:{KEY}", *(f"account{number}:{SHORT_KEY}" for number in range(accounts))]
    environment = {"AZURITE_ACCOUNTS": ";".join(known)}
    child = Child("Azurite", command, environment, on_line)
    try:
        blob, queue, table = (_listening(child, service) for service in SERVICES)
    except BaseException:
        child.stop()
        raise
    return Azurite(child, (blob, queue, table))


def _listening(child: Child, service: str) -> int:
    line = child.wait_line(rf"{service.capitalize()} service is successfully listening at http://.*:(\d+)")
    return int(line[1])
