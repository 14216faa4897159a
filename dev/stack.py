"""The whole product on this machine: Azurite, the sandbox and the local host, started and ended together."""

import os
import secrets
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from dev.azurite import start_azurite
from dev.host.child import RunningHost, start_host
from dev.processes import ROOT, Child, check_port, python_module
from dev.sandbox.credentials import environment

LOCAL = ROOT / ".local"
SANDBOX = LOCAL / "sandbox"


@dataclass(frozen=True)
class Layout:
    """Ports on 127.0.0.1 (0 takes a free one; Azurite has three, one behind the other), and folders.

    `app` is the function app's, `data` keeps what storage holds (None: in memory).
    """

    api: int = 0
    sandbox: int = 0
    storage: int = 0
    app: Path = ROOT
    data: Path | None = None

    @classmethod
    def usual(cls) -> Self:
        """The usual ports, or what PORT_API, PORT_SANDBOX and PORT_STORAGE say; data in .local/."""
        return cls(
            api=_port("PORT_API", 7071),
            sandbox=_port("PORT_SANDBOX", 7080),
            storage=_port("PORT_STORAGE", 10000),
            data=LOCAL,
        )

    def azurite(self) -> tuple[int, int, int]:
        return (self.storage, self.storage + 1, self.storage + 2) if self.storage else (0, 0, 0)


@dataclass
class Stack:
    """A running product: where its API and its sandbox are, and the host with the settings that it was given."""

    sandbox: str
    settings: dict[str, str]
    host: RunningHost
    arguments: list[str]
    on_line: Callable[[str], None]

    @property
    def api(self) -> str:
        return self.host.url


def _port(name: str, usual: int) -> int:
    return int(os.environ.get(name) or usual)


def local_key() -> str:
    """The key that signs local tokens: made at random at first, kept in a file that git does not see."""
    path = LOCAL / "token-key"
    if not path.exists():
        LOCAL.mkdir(exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(48))
    return path.read_text().strip()


def local_settings(storage: str, sandbox: str, login: str | None = None, **more: str) -> dict[str, str]:
    """The product's settings for a storage account and a sandbox; `more` by the names of the environment.

    `login` is the sandbox's https address, where Teams needs it.
    """
    ours = {
        "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
        "AzureWebJobsStorage": storage,
        "MESSAGING_AUTH": "local",
        "MESSAGING_LOCAL_KEY": local_key(),
    }
    return {**environment(sandbox, login, str(SANDBOX / "ca.pem") if login else None), **ours, **more}


def start(
    stack: ExitStack, layout: Layout, say: Callable[[str], None], on_line: Callable[[str], None], **more: str
) -> Stack:
    """Start everything on an ExitStack, which ends it in reverse order; `more` are further settings.

    `say` hears what is being started, `on_line` every line of the host. Raises PortBusy and ChildFailed, whose
    messages say what to do.
    """
    for port, name in ((layout.api, "PORT_API"), (layout.sandbox, "PORT_SANDBOX")):
        if port:
            check_port(port, name)
    say("Starting storage (Azurite)")
    data = layout.data / "azurite" if layout.data else None
    azurite = stack.enter_context(start_azurite(data, layout.azurite(), "PORT_STORAGE"))
    say("Starting the sandbox, which stands for the providers")
    options = ["--port", str(layout.sandbox), "--tls-port", "0", "--state", str(SANDBOX)]
    sandbox = stack.enter_context(Child("sandbox", python_module("dev.sandbox", *options)))
    url, login = sandbox.wait_line(r"^ready (\S+) (\S+)").groups()
    say("Starting the Functions host")
    settings = local_settings(azurite.connection, url, login, **more)
    state = (layout.data or LOCAL / "demo") / "host"
    arguments = ["--port", str(layout.api), "--state", str(state), "--app", str(layout.app)]
    running = Stack(url, settings, start_host(arguments, settings, on_line), arguments, on_line)
    stack.callback(lambda: running.host.stop())
    return running


def restart(running: Stack) -> None:
    """End the host and start it again, as a deployment does."""
    running.host.stop()
    running.host = start_host(running.arguments, running.settings, running.on_line)
