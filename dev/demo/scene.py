"""What the scenes share: the API, the queues, the screen, and what was not as it should be."""

import asyncio
import json
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from textwrap import shorten
from typing import Any
from uuid import uuid4

from azure.storage.queue.aio import QueueClient
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from dev.client import Client
from messaging.bootstrap import Messaging

ADMIN = ("olivia", "mandate-admin")
CHANNELS = {"email": "e-mail", "sms": "SMS", "whatsapp": "WhatsApp", "teams_chat": "Teams chat"}
PATIENCE = 60.0
"""Seconds that a scene waits for what comes by a queue."""

LONGEST_TEXT = 78


@dataclass
class Scene:
    """`product` is the service wired in this process, on the storage of the host that runs."""

    console: Console
    client: Client
    product: Messaging
    wrong: list[str] = field(default_factory=list)

    def title(self, text: str) -> None:
        self.console.print()
        self.console.print(text, style="bold", highlight=False, soft_wrap=True)

    def say(self, text: str) -> None:
        self.console.print(text, highlight=False, soft_wrap=True)

    def expect(self, right: bool, otherwise: str) -> None:
        """Note what is not as it should be."""
        if not right:
            self.wrong.append(otherwise)

    def table(self, names: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """A table on a terminal, plain lines elsewhere."""
        if not self.console.is_terminal:
            for row in rows:
                self.console.print(" | ".join(row), highlight=False, soft_wrap=True, markup=False)
            return
        table = Table()
        for name in names:
            table.add_column(name, overflow="fold")
        for row in rows:
            table.add_row(*row)
        self.console.print(table, markup=False)

    def progress(self) -> Progress:
        """Bars on a terminal, nothing elsewhere."""
        return Progress(console=self.console, disable=not self.console.is_terminal)

    async def subscription(self, subscriptionId: str, label: str) -> dict[str, Any]:
        new = {"subscriptionId": subscriptionId, "subscriptionLabel": label}
        return await self.client.call(ADMIN, "POST", "/subscriptions", new)

    async def subscribe(self, userId: str, subscriptionId: str, channel: str, config: str) -> dict[str, Any]:
        wish = {"channel": channel, "channelConfig": config}
        return await self.client.call((userId, "user"), "POST", f"/subscriptions/{subscriptionId}/subscribe", wish)

    async def trigger(self, subscriptionId: str, data: dict[str, Any], **headers: str) -> dict[str, Any]:
        body = {"eventParameters": data}
        return await self.client.call(ADMIN, "POST", f"/trigger/{subscriptionId}", body, **headers)

    async def put(self, queue: str, message: dict[str, Any]) -> None:
        """Put a message on a queue as any other system does: the JSON's text, base64 encoded."""
        connection = self.client.stack.settings["AzureWebJobsStorage"]
        async with QueueClient.from_connection_string(connection, queue) as client:
            await client.send_message(b64encode(json.dumps(message).encode()).decode(), time_to_live=-1)

    def event(self, name: str, userId: str, details: dict[str, Any]) -> dict[str, Any]:
        """A CloudEvent of another system about somebody of the mandate."""
        data = {"mandateId": self.client.mandateId, "userId": userId, "details": details}
        about = {"specversion": "1.0", "id": str(uuid4()), "source": "/demo", "type": f"com.example.{name}"}
        return {**about, "time": datetime.now(UTC).isoformat(), "data": data}

    async def execution(self, subscriptionId: str, kind: str, by: str) -> dict[str, Any]:
        """The newest execution of this kind and maker, as soon as there is one. Raises TimeoutError."""

        async def made() -> dict[str, Any] | None:
            found = await self.client.call(ADMIN, "GET", "/executions?limit=10")
            wanted = (subscriptionId, kind, by)
            its = (
                one
                for one in found["items"]
                if (one["subscriptionId"], one["trigger"], one["createdBy"]) == wanted
            )
            return next(its, None)

        return await wait_for(f"an execution of {subscriptionId} by {by}", made)

    async def settled(self, executionId: str) -> dict[str, Any]:
        """An execution once each of its messages has an outcome. Raises TimeoutError."""

        async def done() -> dict[str, Any] | None:
            one = await self.client.call(ADMIN, "GET", f"/executions/{executionId}")
            return one if one["done"] else None

        return await wait_for(f"the end of execution {executionId}", done)

    async def last(self) -> int:
        """The number of the newest message that a provider took."""
        return int((await self.client.sandbox("/messages?limit=1"))["last"])

    async def arrived(self, since: int) -> list[dict[str, Any]]:
        """What the providers have taken since then, oldest first."""
        found = await self.client.sandbox(f"/messages?since={since}&limit=10000")
        return list(found["items"])


async def wait_for[T](what: str, probe: Callable[[], Awaitable[T | None]], pause: float = 0.1) -> T:
    """What `probe` finds, asked again after each pause until it finds something. Raises TimeoutError."""
    end = time.monotonic() + PATIENCE
    while (found := await probe()) is None:
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not come within {PATIENCE:.0f} s")
        await asyncio.sleep(pause)
    return found


def words(message: dict[str, Any]) -> str:
    """What a message says, in one line."""
    return shorten(message["subject"] or message["text"], LONGEST_TEXT, placeholder=" …")
