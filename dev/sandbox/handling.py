"""The order in which every request is treated: read, fault, answer, remember."""

import asyncio
import json
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from aiohttp import web

from dev.sandbox.exchange import Call, Endpoint, Reply
from dev.sandbox.faults import LONGEST, Rule
from dev.sandbox.records import Seen
from dev.sandbox.state import Sandbox

HTML_PAGE = b"<!doctype html><title>Gateway</title><h1>This is not the API you are looking for.</h1>\n"
SLOW_SECONDS = 5.0
SLOW_PIECES = 40


def handler(sandbox: Sandbox, endpoint: Endpoint) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The endpoint as an aiohttp handler."""

    async def handle(request: web.Request) -> web.StreamResponse:
        call = Call(request, await request.read(), endpoint.provider, endpoint.operation)
        endpoint.read(sandbox, call)
        rule = sandbox.faults.take(call) if sandbox.faults else None
        if rule is not None:
            return await play(sandbox, endpoint, call, rule)
        reply = _judge(sandbox, endpoint, call)
        return reply.response()

    return handle


def _judge(sandbox: Sandbox, endpoint: Endpoint, call: Call, answered: int | None = None) -> Reply:
    """Let the provider answer, and remember it; `answered` is the status that really goes out (0 for none)."""
    before = sandbox.inbox.last
    reply = endpoint.answer(sandbox, call)
    remember(sandbox, call, reply.status if answered is None else answered, sandbox.inbox.last > before)
    return reply


def remember(sandbox: Sandbox, call: Call, status: int, stored: bool) -> None:
    """Write the request into the log."""
    seen = Seen(time.time(), call.provider, call.operation, call.recipient, call.operationId, status, stored)
    sandbox.requests.add(seen)


async def play(sandbox: Sandbox, endpoint: Endpoint, call: Call, rule: Rule) -> web.StreamResponse:
    """Answer, or do not answer, as the rule says. What is accepted is accepted before the delay."""
    if rule.kind in ("reset", "timeout"):
        remember(sandbox, call, 0, stored=False)
        await asyncio.sleep(rule.delay or (LONGEST if rule.kind == "timeout" else 0))
        return _drop(call.request)
    if rule.kind == "acceptThenDrop":
        _judge(sandbox, endpoint, call, answered=0)
        await asyncio.sleep(rule.delay)
        return _drop(call.request)
    reply = _fault_reply(sandbox, endpoint, call, rule)
    if rule.kind == "slow":
        return await _slowly(call.request, reply, rule.delay or SLOW_SECONDS)
    await asyncio.sleep(rule.delay)
    return reply.response()


def _fault_reply(sandbox: Sandbox, endpoint: Endpoint, call: Call, rule: Rule) -> Reply:
    if rule.kind == "acceptThenStatus":
        reply = endpoint.errors.fault(call, rule.status or (None if rule.code else 500), rule.code)
        _judge(sandbox, endpoint, call, answered=reply.status)
    elif rule.refuses:
        reply = endpoint.errors.fault(call, rule.status, rule.code)
        remember(sandbox, call, reply.status, stored=False)
    else:
        reply = _judge(sandbox, endpoint, call)
    if rule.body is not None:
        reply.body = rule.body
    if rule.retryAfter is not None:
        reply.headers["Retry-After"] = str(rule.retryAfter)
    if rule.kind == "malformedJson":
        text = json.dumps(reply.body)
        reply.body = text[: len(text) // 2]
    elif rule.kind == "wrongContentType":
        reply.body = HTML_PAGE
        reply.headers["Content-Type"] = "text/html; charset=utf-8"
    return reply


async def _slowly(request: web.Request, reply: Reply, seconds: float) -> web.StreamResponse:
    whole = reply.response()
    body = whole.body
    assert isinstance(body, bytes)
    response = web.StreamResponse(status=whole.status, headers=whole.headers)
    response.content_length = len(body)
    await response.prepare(request)
    size = max(1, len(body) // SLOW_PIECES)
    with suppress(ConnectionResetError):  # the caller may well have lost patience
        for position in range(0, len(body), size):
            await asyncio.sleep(seconds * size / len(body))
            await response.write(body[position : position + size])
    return response


def _drop(request: web.Request) -> web.StreamResponse:
    """Close the connection with a TCP reset. What is returned finds no connection any more."""
    transport = request.transport
    if transport is not None:
        connection = transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response()
