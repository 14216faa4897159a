"""Teams in a test: a sandbox, and connectors of one or several processes that share a memory."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from dev.sandbox import Sandbox, Served
from dev.sandbox.caller import PERSON
from messaging.connectors.base import Message
from messaging.connectors.teams import ConnectorMessagingTeams
from messaging.content import Content, make
from messaging.http import Http
from messaging.memory import Memory
from messaging.storage.memory import MemoryTables
from tests.product import serving, settings

HELLO = make("", "How are you?")
OTHER = "29:1abcdefghij_KLMNOP-q"


class World:
    """A sandbox, and connectors of one or several processes that share a memory."""

    def __init__(self, sandbox: Sandbox, served: Served, http: Http) -> None:
        self.sandbox = sandbox
        self.served = served
        self.http = http
        self.tables = MemoryTables()

    def connector(self, **more: Any) -> ConnectorMessagingTeams:
        login = {"MESSAGING_TEAMS_LOGIN_URL": self.served.login_url}
        made = settings("UseDevelopmentStorage=true", self.served.url, **login | more)
        return ConnectorMessagingTeams(made, self.http, Memory(self.tables))

    def fault(self, operation: str, **rule: Any) -> None:
        self.sandbox.faults.replace([{"provider": "teams", "operation": operation, **rule}])

    def requests(self) -> Counter[str]:
        return Counter(seen.operation for seen in self.sandbox.requests.requests)


@asynccontextmanager
async def teams_world() -> AsyncIterator[World]:
    sandbox = Sandbox()
    async with serving(sandbox) as (served, http):
        yield World(sandbox, served, http)


def to(person: str = PERSON, content: Content = HELLO) -> Message:
    return Message("d", person, content)
