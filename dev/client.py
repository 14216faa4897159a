"""A small client of the local API and of the sandbox, for the demo and for tests that run real processes."""

from types import TracebackType
from typing import Any, Self

from aiohttp import ClientSession, ClientTimeout

from dev.stack import Stack
from dev.token import token


class Refused(RuntimeError):
    """The API answered with a problem."""

    def __init__(self, call: str, status: int, detail: str) -> None:
        super().__init__(f"{call}: {status} {detail}")
        self.status = status
        self.detail = detail


class Client:
    """Calls the API of a running stack as anybody of one mandate; an asynchronous context manager."""

    def __init__(self, stack: Stack, mandateId: str) -> None:
        self.stack = stack
        self.mandateId = mandateId
        self._session = ClientSession(timeout=ClientTimeout(total=120))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def call(
        self, who: tuple[str, str], method: str, path: str, data: Any = None, **headers: str
    ) -> dict[str, Any]:
        """Call a route as `who` (user, role); raises Refused for anything but success."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent["Authorization"] = f"Bearer {token(who[0], self.mandateId, who[1])}"
        url = f"{self.stack.api}/api/messaging{path}"
        async with self._session.request(method, url, json=data, headers=sent) as response:
            if response.status >= 400:
                problem = await response.json(content_type=None)
                raise Refused(f"{method} {path}", response.status, problem["detail"])
            return await response.json() if response.status != 204 else {}

    async def run_timer(self, name: str) -> None:
        """Have the host run a timer function now; it answers before the function has ended."""
        async with self._session.post(f"{self.stack.api}/admin/functions/{name}", json={}) as response:
            response.raise_for_status()

    async def sandbox(self, path: str = "/messages", method: str = "GET", data: Any = None) -> Any:
        """Ask the sandbox, for example what has arrived."""
        async with self._session.request(method, f"{self.stack.sandbox}{path}", json=data) as response:
            response.raise_for_status()
            return await response.json(content_type=None)
