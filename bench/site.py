"""Where the bench runs: one Azurite with an empty account for each run, one fake provider."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

from aiohttp import ClientSession

from dev.azurite import Azurite, start_azurite
from dev.processes import Child, python_module
from dev.stack import local_settings

ACCOUNTS = 400

UNLIMITED = {
    "MESSAGING_RATE_LIMIT_SESSION": "1000000",
    "MESSAGING_RATE_LIMIT_TRIGGER": "1000000",
    "MESSAGING_RATE_LIMIT_STORAGE": "memory",
}
"""The bench asks twenty times a second whether all is sent; that is not to be limited, nor counted as storage."""


@dataclass
class Site:
    azurite: Azurite
    fake: str
    session: ClientSession
    numbers: Any

    def account(self) -> str:
        """The connection string of an account that nobody has used."""
        return self.azurite.account(next(self.numbers))

    def settings(self, connection: str) -> dict[str, str]:
        """The product's settings for the fake and an account."""
        return local_settings(connection, self.fake) | UNLIMITED

    async def forget(self, latency: int) -> None:
        """Let the fake count from 0 and answer after so many milliseconds."""
        await self._ask(f"/latency/{latency}")

    async def seen(self) -> dict[str, Any]:
        """What the fake has taken since: `count`, and `first` and `last` as UTC seconds."""
        return await self._ask("/seen")

    async def arrived(self, count: int) -> dict[str, Any]:
        """Wait until the fake has taken so many; what it has seen then."""
        while (seen := await self.seen())["count"] < count:
            await asyncio.sleep(0.02)
        return seen

    async def _ask(self, path: str) -> dict[str, Any]:
        async with self.session.get(f"{self.fake}{path}") as answer:
            return dict(await answer.json())


@asynccontextmanager
async def site() -> AsyncIterator[Site]:
    with ExitStack() as stack:
        azurite = stack.enter_context(start_azurite(accounts=ACCOUNTS))
        fake = stack.enter_context(Child("fake provider", python_module("bench.fake")))
        url = fake.wait_line(r"^ready (\S+)")[1]
        async with ClientSession() as session:
            yield Site(azurite, url, session, count())
