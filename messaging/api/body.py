"""What a request's body may be, decided before anything else reads it: JSON as RFC 8259 has it, and not too much.

Python's own parser takes NaN, Infinity, any depth and a name twice; no two systems would understand them alike.
"""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from math import isfinite
from typing import Any

from messaging.api.problems import Problem

MAX_BODY = 256 * 1024
MAX_DEPTH = 32

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class JsonBodies:
    """ASGI middleware: refuses with 400, 413, 415 or 422 what is not a usable JSON body."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
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
        value = json.loads(body, parse_constant=_refuse, parse_float=_finite, object_pairs_hook=_once)
    except RecursionError:
        return _too_deep()
    except ValueError as error:
        return Problem(400, f"The body is not JSON: {_reason(error)}")
    return _too_deep() if _depth(value) > MAX_DEPTH else None


def _refuse(number: str) -> None:
    raise ValueError(f"{number} is not JSON")


def _finite(number: str) -> float:
    """A number that other systems can read again: 1e400 would come back as Infinity."""
    value = float(number)
    if not isfinite(value):
        raise ValueError(f"{number[:40]} is too large")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names are all different: of two equal ones each reader picks its own."""
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {json.dumps(twice[:40])} stands twice in one object")
    return value


def _reason(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at line {error.lineno}, column {error.colno}"
    return "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)


def _too_deep() -> Problem:
    rule = f"may be nested {MAX_DEPTH} deep"
    return Problem(422, f"body: {rule}", errors=[{"field": "body", "rule": rule}])


def _depth(value: Any) -> int:
    """How deep arrays and objects are nested, found level by level."""
    depth, level = 0, [value]
    while level := [item for item in level if isinstance(item, dict | list)]:
        depth += 1
        level = [one for item in level for one in (item.values() if isinstance(item, dict) else item)]
    return depth
