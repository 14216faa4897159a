"""Running the real commands as a process with the app's environment would, and what they answer."""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from typer.testing import CliRunner

from dev.sandbox.credentials import environment
from messaging.cli.app import app
from messaging.executions import Execution
from tests.product import LOCAL_KEY, Product


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """What stdout holds, which is one JSON document."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Commands:
    """The commands on a storage account."""

    connection: str

    async def __call__(self, line: str, changed: Mapping[str, str | None] | None = None) -> Answer:
        """Run one command line; `changed` are environment variables, None for one that is not there."""
        local: dict[str, str | None] = {
            **environment("http://127.0.0.1:9"),
            "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
            "AzureWebJobsStorage": self.connection,
            "MESSAGING_AUTH": "local",
            "MESSAGING_LOCAL_KEY": LOCAL_KEY,
            **(changed or {}),
        }
        # in a thread: a command brings an event loop of its own
        result = await asyncio.to_thread(CliRunner().invoke, app, line, env=local)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Answer(result.exit_code, result.stdout, result.stderr)


async def world(product: Product) -> Execution:
    """Four people and what became of their messages: sent, failed, deferred, and sam's SMS unknown."""
    product.clock.now = time.time()
    await product.subscription()
    for person in ("alice", "refused", "throttled"):
        await product.subscribe(person)
    await product.subscribe("sam", "+41790000000", "sms")
    product.sandbox.faults.replace([{"provider": "twilio", "kind": "acceptThenDrop", "times": 1}])
    execution = await product.execute()
    await product.drain()
    return execution
