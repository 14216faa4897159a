"""What the scenes share: the API, the screen, and what was not as it should be."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from dev.client import Client

ADMIN = ("olivia", "mandate-admin")


@dataclass
class Scene:
    console: Console
    client: Client
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

    def table(self, title: str, names: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """A table on a terminal, plain lines elsewhere."""
        if not self.console.is_terminal:
            for row in rows:
                self.console.print(" | ".join(row), highlight=False, soft_wrap=True)
            return
        table = Table(title=title)
        for name in names:
            table.add_column(name, overflow="fold")
        for row in rows:
            table.add_row(*row)
        self.console.print(table)

    def progress(self) -> Progress:
        """Bars on a terminal, nothing elsewhere."""
        return Progress(console=self.console, disable=not self.console.is_terminal)

    async def subscription(self, subscriptionId: str, label: str) -> None:
        new = {"subscriptionId": subscriptionId, "subscriptionLabel": label}
        await self.client.call(ADMIN, "POST", "/subscriptions", new)

    async def subscribe(self, userId: str, subscriptionId: str, channel: str, config: str) -> dict[str, Any]:
        wish = {"channel": channel, "channelConfig": config}
        return await self.client.call((userId, "user"), "POST", f"/subscriptions/{subscriptionId}/subscribe", wish)

    async def trigger(self, subscriptionId: str, data: dict[str, Any], **headers: str) -> dict[str, Any]:
        body = {"eventParameters": data}
        return await self.client.call(ADMIN, "POST", f"/trigger/{subscriptionId}", body, **headers)
