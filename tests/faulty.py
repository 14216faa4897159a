"""A storage account that fails on demand: a proxy in front of Azurite's tables, on the wire."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from yarl import URL

from messaging.storage import account
from tests.product import Product, running

KINDS = ["503", "refused", "lost", "slow"]


@dataclass
class Faults:
    """The n-th write (from 1) and those after it fail so: 503, refused, slow, lost (done, but never answered)."""

    kind: str = ""
    first: int = 1
    times: int = 0
    seen: int = 0
    """Writes so far."""
    url: str = field(default="")

    def plan(self, kind: str, first: int, times: int = 1000) -> None:
        self.kind, self.first, self.times, self.seen = kind, first, times, 0

    def next(self) -> str:
        """What happens to the write that comes now."""
        self.seen += 1
        return self.kind if self.first <= self.seen < self.first + self.times else ""


@asynccontextmanager
async def proxy(target: str) -> AsyncIterator[Faults]:
    """Serve on a free port what `target` (http://host:port) answers, as the faults say."""
    faults = Faults()
    async with ClientSession(auto_decompress=False) as session:

        async def handle(request: web.Request) -> web.StreamResponse:
            kind = faults.next() if request.path.endswith("$batch") else ""
            body = await request.read()
            if kind == "503":
                return web.Response(status=503)
            if kind == "refused":
                _hang_up(request)
            if kind == "slow":
                await asyncio.sleep(5)
                _hang_up(request)
            url = URL(f"{target}{request.raw_path}", encoded=True)  # the signature covers both as they came
            headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
            bare, data = ["Content-Type"], body or None
            async with session.request(
                request.method, url, data=data, headers=headers, skip_auto_headers=bare
            ) as answer:
                found = await answer.read()
            if kind == "lost":
                _hang_up(request)
            kept = ("content-type", "etag", "x-ms-request-id", "x-ms-continuation-nextrowkey")
            more = ("x-ms-continuation-nextpartitionkey", "dataserviceversion")
            named = {name: value for name, value in answer.headers.items() if name.lower() in kept + more}
            return web.Response(body=found, status=answer.status, headers=named)

        app = web.Application(client_max_size=8 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        faults.url = f"http://{host}:{port}"
        try:
            yield faults
        finally:
            await runner.cleanup()


@asynccontextmanager
async def shaky(
    storage: str, functions: Path, monkeypatch: pytest.MonkeyPatch, **more: Any
) -> AsyncIterator[tuple[Product, Faults]]:
    """The product on an account whose tables fail as planned; its time limits are short."""
    quick = {"retry_total": 2, "retry_backoff_factor": 0.01, "connection_timeout": 1, "read_timeout": 0.2}
    monkeypatch.setattr(account, "_RETRIES", quick)
    monkeypatch.setattr(account, "SECONDS", 2)
    (target,) = re.findall(r"TableEndpoint=(http://[^/]+)/", storage)
    async with proxy(target) as faults, running(storage.replace(target, faults.url), functions, **more) as product:
        yield product, faults


def _hang_up(request: web.Request) -> None:
    """Close the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    raise asyncio.CancelledError
