"""The HTTP trigger: requests as the real host hands them over, responses as it writes them.

Header names are lower-cased and repeated ones joined by commas; a body is handed over only if Content-Length is
more than 0, so a chunked one arrives empty; empty query values are left out of the parameters but stay in the
URL. The URL keeps its percent-encoding. No matching route is 404, a function that fails is 500, both without a
body.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from email.utils import formatdate
from urllib.parse import parse_qsl, quote

from aiohttp import web
from multidict import CIMultiDict

from dev.host.admin import serve_admin
from dev.host.functions import TimerTrigger
from dev.host.protos import RpcHttp, RpcHttpCookie, TypedData
from dev.host.routes import HttpTrigger, Route, find
from dev.host.worker import Call, Outcome

BODY_LIMIT = 100 * 1024 * 1024  # so that the app's own limit is the one that answers
HEADER_LIMIT = 32 * 1024
SAME_SITE = {1: "lax", 2: "strict", 3: "none"}
# What the server itself decides about the connection and the length of the body.
FRAMING = {"connection", "content-length", "keep-alive", "transfer-encoding"}

log = logging.getLogger("host.http")

Run = Callable[[HttpTrigger | TimerTrigger, Call], Awaitable[Outcome]]


async def start_server(
    routes: Sequence[Route], timers: Sequence[TimerTrigger], run: Run, port: int, grace: float
) -> web.AppRunner:
    """Listen on 127.0.0.1:`port` (0: a free one); `cleanup()` of the result ends it within `grace` seconds.

    `timers` are those that `admin.py` runs on request.
    """

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await answer(request, routes, run)
        except (ConnectionError, web.HTTPException):
            raise
        except Exception:
            log.exception("%s %s", request.method, request.path)
            return web.Response(status=500)

    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # it logs the mistakes of clients as errors

    application = web.Application(client_max_size=BODY_LIMIT)
    serve_admin(application, timers, run)
    application.router.add_route("*", "/{path:(?s:.*)}", handle)
    runner = web.AppRunner(
        application,
        access_log=None,
        shutdown_timeout=grace,
        auto_decompress=False,
        max_line_size=HEADER_LIMIT,
        max_field_size=HEADER_LIMIT,
    )
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return runner


async def answer(request: web.Request, routes: Sequence[Route], run: Run) -> web.Response:
    """Find the function for a request, call it and turn what it returns into the response."""
    target = re.sub(r"^https?://[^/?]*", "", request.raw_path)
    if not _is_text(target) or not all(_is_text(value) for value in request.headers.values()):
        return web.Response(status=400)
    path, _, query = target.partition("?")
    if (found := find(routes, request.method, path)) is None:
        return web.Response(status=404)
    if (request.content_length or 0) > BODY_LIMIT:
        return web.Response(status=413)
    trigger, parameters = found
    message = RpcHttp(
        method=request.method,
        url=f"http://{request.headers.get('Host', '127.0.0.1')}{target}",
        headers=_joined((name.lower(), value) for name, value in request.headers.items()),
        query=_joined(parse_qsl(query)),
        params=parameters,
        body=await _body(request),
    )
    outcome = await run(trigger, Call(trigger.parameter, TypedData(http=message), {}))
    return _response(outcome)


async def _body(request: web.Request) -> TypedData:
    return TypedData(bytes=await request.read()) if request.content_length else TypedData()


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:  # bytes that are not UTF-8 arrive as surrogates
        return False
    return True


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _response(outcome: Outcome) -> web.Response:
    value = outcome.value
    if not outcome.ok or value is None:
        return web.Response(status=500)
    if value.http is None:
        return web.Response(text=value.string or "")
    headers: CIMultiDict[str] = CIMultiDict(
        (name, text) for name, text in value.http.headers.items() if name.lower() not in FRAMING
    )
    for cookie in value.http.cookies or ():
        headers.add("Set-Cookie", _cookie(cookie))
    content = value.http.body.bytes or (value.http.body.string or "").encode()
    return web.Response(status=int(value.http.status_code), body=content, headers=headers)


def _cookie(cookie: RpcHttpCookie) -> str:
    """A cookie as ASP.NET Core writes it; the worker library has taken the function's own header apart."""
    parts = [f"{cookie.name}={quote(cookie.value, safe='-_.~')}"]
    if cookie.expires and cookie.expires.value:
        parts.append(f"expires={formatdate(cookie.expires.value.seconds, usegmt=True)}")
    if cookie.max_age:
        parts.append(f"max-age={cookie.max_age.value:.0f}")
    if cookie.domain and cookie.domain.value:
        parts.append(f"domain={cookie.domain.value}")
    if cookie.path and cookie.path.value:
        parts.append(f"path={cookie.path.value}")
    if cookie.secure and cookie.secure.value:
        parts.append("secure")
    if cookie.same_site in SAME_SITE:
        parts.append(f"samesite={SAME_SITE[cookie.same_site]}")
    if cookie.http_only and cookie.http_only.value:
        parts.append("httponly")
    return "; ".join(parts)
