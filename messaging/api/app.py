"""The API as one ASGI app, kept safe from the defects of the Functions adapter (docs/architecture.md)."""

import logging
from collections.abc import MutableMapping
from functools import cache
from typing import Any

from messaging.acting import acting_for
from messaging.api import (
    audit,
    deliveries,
    docs,
    executions,
    explain,
    health,
    problems,
    rate_limit,
    registrations,
    subscriptions,
    trigger,
)
from messaging.api.body import App, JsonBodies, Receive, Scope, Send
from messaging.api.openapi import Api, operation_id
from messaging.bootstrap import Messaging

logger = logging.getLogger(__name__)

RESOURCES = (subscriptions, registrations, trigger, deliveries, executions, audit, explain, health)

HEADERS = {
    b"cache-control": b"no-store",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"referrer-policy": b"no-referrer",
    b"x-content-type-options": b"nosniff",
}
"""On every answer that does not set them itself."""


def create(messaging: Messaging) -> App:
    """The API of a wired product, with everything that stands around it."""
    return Headers(JsonBodies(routes(messaging)))


def routes(messaging: Messaging) -> Api:
    """The routes of a wired product."""
    shown = messaging.settings.docs == "on"
    api = Api(
        title="Messaging",
        version="0.1.0",
        openapi_url="/openapi.json" if shown else None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=operation_id,
    )
    api.state.messaging = messaging
    problems.install(api)
    for resource in (*RESOURCES, docs) if shown else RESOURCES:
        api.include_router(resource.router)
    return api


class Headers:
    """ASGI middleware: the headers that every answer carries, and how a counted caller stands."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})

        async def guarded(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                wanted = HEADERS | rate_limit.headers(scope)
                added = [(name, value) for name, value in wanted.items() if name not in present]
                message["headers"] = [*message["headers"], *added]
            await send(message)

        await self._app(scope, receive, guarded)


_create_once = cache(create)


async def asgi(messaging: Messaging, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one request.

    The adapter lets an exception fail the invocation after the app has answered it: it is logged instead.
    """
    with acting_for(None):
        try:
            await _create_once(messaging)(scope, receive, send)
        except Exception:
            logger.exception("A request failed unexpectedly")
