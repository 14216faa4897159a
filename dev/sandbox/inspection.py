"""What programs ask the sandbox itself: messages, requests, faults and the WhatsApp window, all as JSON.

GET    /messages           {"items": […], "accepted", "dropped", "last"}; filters provider, channel, recipient,
                           since (indexes above it, oldest first), limit (1,000). Without since: the newest ones.
GET    /messages/count     {"count", "dropped"}; the same filters
DELETE /messages
GET    /requests           {"items": […], "total", "dropped"}; the newest `limit` (1,000), oldest first
GET    /requests/summary   counts, and how often anybody was sent to: `RequestLog.summary`
DELETE /requests
GET, PUT, DELETE /faults   the rules: `faults.py`
GET, PUT, DELETE /whatsapp/inbound   who has written to us: PUT {"from": "+41791234567" or "*", "at"?: UTC seconds}
DELETE /                   forget everything
"""

from collections import deque
from itertools import islice
from typing import Any

from aiohttp import web

from dev.sandbox.exchange import parse_json
from dev.sandbox.records import Filter
from dev.sandbox.state import Sandbox

LIMIT = 1000


def routes(sandbox: Sandbox) -> list[web.RouteDef]:
    """The routes for programs."""
    return [*_messages(sandbox), *_requests(sandbox), *_faults(sandbox), *_window(sandbox)]


def number(request: web.Request, name: str, default: int) -> int:
    """A query parameter that is a whole number from 0. Raises HTTPBadRequest naming it."""
    text = request.query.get(name, "")
    if text and not (text.isascii() and text.isdigit() and len(text) < 16):
        raise web.HTTPBadRequest(text=f"{name} must be a whole number from 0.")
    return int(text) if text else default


def wanted(request: web.Request) -> Filter:
    """The filter that the query describes. A + that arrived as a space (as in an unquoted number) is mended."""
    query = request.query
    recipient = query.get("recipient", "")
    recipient = "+" + recipient[1:] if recipient.startswith(" ") else recipient
    return Filter(query.get("provider", ""), query.get("channel", ""), recipient, number(request, "since", 0))


def _messages(sandbox: Sandbox) -> list[web.RouteDef]:
    async def show(request: web.Request) -> web.Response:
        selected = sandbox.inbox.select(wanted(request))
        limit = number(request, "limit", LIMIT)
        items = list(islice(selected, limit)) if "since" in request.query else list(deque(selected, limit))
        inbox = sandbox.inbox
        facts = {"accepted": inbox.accepted.total(), "dropped": inbox.dropped, "last": inbox.last}
        return web.json_response({"items": [message.as_json() for message in items], **facts})

    async def count(request: web.Request) -> web.Response:
        number_of = sum(1 for _ in sandbox.inbox.select(wanted(request)))
        return web.json_response({"count": number_of, "dropped": sandbox.inbox.dropped})

    async def clear(request: web.Request) -> web.Response:
        sandbox.inbox.clear()
        return web.Response(status=204)

    return [web.get("/messages", show), web.get("/messages/count", count), web.delete("/messages", clear)]


def _requests(sandbox: Sandbox) -> list[web.RouteDef]:
    async def show(request: web.Request) -> web.Response:
        log = sandbox.requests
        items = [seen._asdict() for seen in deque(log.requests, number(request, "limit", LIMIT))]
        return web.json_response({"items": items, "total": log.total, "dropped": log.total - len(log.requests)})

    async def summary(request: web.Request) -> web.Response:
        return web.json_response(sandbox.requests.summary())

    async def clear(request: web.Request) -> web.Response:
        sandbox.requests.clear()
        return web.Response(status=204)

    return [web.get("/requests", show), web.get("/requests/summary", summary), web.delete("/requests", clear)]


def _faults(sandbox: Sandbox) -> list[web.RouteDef]:
    async def show(request: web.Request) -> web.Response:
        return web.json_response([rule.as_json() for rule in sandbox.faults.rules])

    async def replace(request: web.Request) -> web.Response:
        try:
            sandbox.faults.replace(parse_json(await request.read()))
        except ValueError as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        return await show(request)

    async def clear(request: web.Request) -> web.Response:
        sandbox.faults.replace([])
        return web.Response(status=204)

    return [web.get("/faults", show), web.put("/faults", replace), web.delete("/faults", clear)]


def _window(sandbox: Sandbox) -> list[web.RouteDef]:
    async def show(request: web.Request) -> web.Response:
        return web.json_response(sandbox.inbound)

    async def wrote(request: web.Request) -> web.Response:
        given: Any = parse_json(await request.read())
        at = given.get("at") if isinstance(given, dict) else None
        if not isinstance(given, dict) or not isinstance(given.get("from"), str):
            raise web.HTTPBadRequest(
                text='from is missing: a number as in {"from": "+41791234567"}, or * for all.'
            )
        if at is not None and (isinstance(at, bool) or not isinstance(at, int | float)):
            raise web.HTTPBadRequest(text="at must be UTC seconds.")
        sandbox.wrote(given["from"], at)
        return await show(request)

    async def clear(request: web.Request) -> web.Response:
        sandbox.inbound.clear()
        return web.Response(status=204)

    async def clear_all(request: web.Request) -> web.Response:
        sandbox.clear()
        return web.Response(status=204)

    path = "/whatsapp/inbound"
    return [web.get(path, show), web.put(path, wrote), web.delete(path, clear), web.delete("/", clear_all)]
