"""What a request's body may be, decided before anything else reads it: strict JSON, and not too much of it."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from messaging import strictjson
from messaging.api.problems import Problem

MAX_BODY = 256 * 1024
TAKES_BODY = {"POST", "PUT"}
"""The body of another method means nothing, and nobody reads it (RFC 9110, 9.3)."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class JsonBodies:
    """ASGI middleware: refuses with 400, 413, 415 or 422 what is not a usable JSON body."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in TAKES_BODY:
            await self._app(scope, receive, send)
            return
        body = await _read(receive)
        refused = _refusal(body, _content_type(scope))
        if refused is not None:
            await refused(scope, receive, send)
            return
        sent = False

        async def replay() -> MutableMapping[str, Any]:
            nonlocal sent
            if sent:
                return await receive()
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, replay, send)


async def _read(receive: Receive) -> bytes:
    """The whole body, or just more than is allowed of it."""
    body = b""
    while len(body) <= MAX_BODY:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    return body


def _content_type(scope: Scope) -> str:
    values = [value for name, value in scope["headers"] if name.lower() == b"content-type"]
    return values[0].decode("latin-1").partition(";")[0].strip().lower() if values else ""


def _refusal(body: bytes, content_type: str) -> Problem | None:
    if not body:
        return None
    if len(body) > MAX_BODY:
        return Problem(413, f"The body may have {MAX_BODY} bytes")
    if content_type != "application/json":
        return Problem(415, "The body must be application/json")
    try:
        strictjson.loads(body)
    except strictjson.TooDeep as error:
        return Problem(422, f"body: {error}", errors=[{"field": "body", "rule": str(error)}])
    except ValueError as error:
        return Problem(400, f"The body is not JSON: {error}")
    return None
