"""The routes, and serving them on 127.0.0.1."""

import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from dev.sandbox import acs, entra, inspection, meta, page, teams, tls, twilio
from dev.sandbox.handling import handler
from dev.sandbox.state import Sandbox

HOST = "127.0.0.1"
LARGEST_BYTES = 16 * 1024 * 1024  # above every provider's own limit, so that the provider can refuse
SHUTDOWN_SECONDS = 0.2  # a request that a fault holds open must not hold up the end
BACKLOG = 1024


@dataclass(frozen=True)
class Served:
    """Where the sandbox is: `url` for everything, `login_url` (https) and the certificate to trust with TLS."""

    url: str
    login_url: str | None = None
    ca_file: str | None = None


def create_app(sandbox: Sandbox) -> web.Application:
    """The whole sandbox as an aiohttp application."""
    app = web.Application(client_max_size=LARGEST_BYTES)
    for provider in (acs, twilio, teams, meta, entra):
        for endpoint in provider.ENDPOINTS:
            app.router.add_route(endpoint.method, endpoint.path, handler(sandbox, endpoint))
    app.router.add_routes(inspection.routes(sandbox))
    app.router.add_routes(page.routes(sandbox))
    return app


@asynccontextmanager
async def serve(
    sandbox: Sandbox, port: int = 0, tls_port: int | None = None, state: Path | None = None
) -> AsyncIterator[Served]:
    """Serve the sandbox in this event loop while the block runs.

    Port 0 picks a free one. `tls_port` adds https for the Teams login, with certificates in `state`. Raises
    OSError if a port is in use.
    """
    if tls_port is not None and state is None:
        raise ValueError("TLS needs a state directory for its certificates.")
    runner = web.AppRunner(create_app(sandbox), access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        served = Served(f"http://{HOST}:{await _listen(runner, port)}")
        if tls_port is not None and state is not None:
            bound = await _listen(runner, tls_port, tls.context(state))
            served = Served(served.url, f"https://{HOST}:{bound}", str(state / "ca.pem"))
        yield served
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, port: int, context: ssl.SSLContext | None = None) -> int:
    """Open one port and answer its number."""
    listener = socket.create_server((HOST, port), backlog=BACKLOG)
    await web.SockSite(runner, listener, ssl_context=context, backlog=BACKLOG).start()
    return int(listener.getsockname()[1])
