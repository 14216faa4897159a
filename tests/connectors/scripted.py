"""A service that answers what it is told and keeps what it was asked: for what the sandbox would never do."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from aiohttp import web


class Request(NamedTuple):
    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


class Scripted:
    def __init__(self, answers: list[tuple[int, dict[str, str], Any]]) -> None:
        """`answers` are status, headers and JSON, in order."""
        self.answers = list(answers)
        self.requests: list[Request] = []

    async def handle(self, request: web.BaseRequest) -> web.Response:
        body = await (request.json() if request.content_type == "application/json" else request.text())
        self.requests.append(Request(request.method, request.raw_path, dict(request.headers), body))
        status, headers, answer = self.answers.pop(0)
        return web.json_response(answer, status=status, headers=headers)


@asynccontextmanager
async def answering(service: Scripted) -> AsyncIterator[str]:
    """Serve it on 127.0.0.1 and answer its address."""
    runner = web.ServerRunner(web.Server(service.handle), shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
