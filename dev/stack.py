"""The whole product on this machine: Azurite, the sandbox and the local host, started and ended together."""

import os
import secrets
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from dev.azurite import start_azurite
from dev.host.child import start_host
from dev.processes import ROOT, Child, check_port, python_module
from dev.sandbox.credentials import environment

LOCAL = ROOT / ".local"


@dataclass(frozen=True)
class Ports:
    """Ports on 127.0.0.1; 0 takes a free one. Azurite has three, one behind the other."""

    api: int = 0
    sandbox: int = 0
    storage: int = 0

    @classmethod
    def from_environment(cls) -> Self:
        """The usual ports, or what PORT_API, PORT_SANDBOX and PORT_STORAGE say."""
        usual = {"PORT_API": 7071, "PORT_SANDBOX": 7080, "PORT_STORAGE": 10000}
        return cls(*(int(os.environ.get(name) or port) for name, port in usual.items()))

    def azurite(self) -> tuple[int, int, int]:
        return (self.storage, self.storage + 1, self.storage + 2) if self.storage else (0, 0, 0)


@dataclass(frozen=True)
class Stack:
    """A running product: where its API and its sandbox are, and the settings that its processes were given."""

    api: str
    sandbox: str
    settings: dict[str, str]
    host: Child


def local_key() -> str:
    """The key that signs local tokens: made at random at first, kept in a file that git does not see."""
    path = LOCAL / "token-key"
    if not path.exists():
        LOCAL.mkdir(exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(48))
    return path.read_text().strip()


def local_settings(storage: str, sandbox: str, **more: str) -> dict[str, str]:
    """The product's settings for a storage account and a sandbox; `more` by the names of the environment."""
    ours = {
        "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
        "AzureWebJobsStorage": storage,
        "MESSAGING_AUTH": "local",
        "MESSAGING_LOCAL_KEY": local_key(),
    }
    return {**environment(sandbox), **ours, **more}


def start(
    stack: ExitStack, ports: Ports, folder: Path | None, say: Callable[[str], None], on_line: Callable[[str], None]
) -> Stack:
    """Start everything on an ExitStack, which ends it in reverse order.

    `folder` keeps the data (None: in memory). `say` hears what is being started, `on_line` every line of the host.
    Raises PortBusy and ChildFailed, whose messages say what to do.
    """
    for port, name in ((ports.api, "PORT_API"), (ports.sandbox, "PORT_SANDBOX")):
        if port:
            check_port(port, name)
    say("Starting storage (Azurite)")
    azurite = stack.enter_context(
        start_azurite(folder / "azurite" if folder else None, ports.azurite(), "PORT_STORAGE")
    )
    say("Starting the sandbox, which stands for the providers")
    sandbox = stack.enter_context(Child("sandbox", python_module("dev.sandbox", "--port", str(ports.sandbox))))
    sandbox_url = sandbox.wait_line(r"^ready (\S+)")[1]
    settings = local_settings(azurite.connection, sandbox_url)
    say("Starting the Functions host")
    state = (folder or LOCAL / "demo") / "host"
    arguments = ["--port", str(ports.api), "--state", str(state)]
    host = stack.enter_context(start_host(arguments, settings, on_line))
    return Stack(host.url, sandbox_url, settings, host.child)
