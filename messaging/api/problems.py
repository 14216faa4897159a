"""Errors as answers: RFC 9457 problem details, and the one table from error class to status.

A problem never holds a secret, a path of this machine, or what another mandate has.
"""

import logging
from http import HTTPStatus
from math import ceil
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

from messaging import errors

logger = logging.getLogger(__name__)

STATUSES: dict[type[errors.MessagingError], int] = {
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.AlreadyExists: 409,
    errors.InProgress: 409,
    errors.Conflict: 409,
    errors.PreconditionFailed: 412,
    errors.InvalidInput: 422,
    errors.TooManyRequests: 429,
    errors.SubscriptionFunctionBroken: 500,
    errors.SubscriptionFunctionNotFound: 501,
    errors.IssuerUnavailable: 503,
    errors.StorageUnavailable: 503,
}

RETRY_AFTER_OUTAGE = 5
"""Seconds that a caller is asked to wait when storage is unavailable."""


MAX_ERRORS = 20
MAX_NAME = 100
"""Errors that an answer tells, and characters of a field's name: both are the caller's, who must not fill it."""


class Problem(JSONResponse):
    media_type = "application/problem+json"

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None, **more: Any) -> None:
        body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
        super().__init__(body | more, status, headers)


def status_of(error: errors.MessagingError) -> int:
    """The status of the nearest class in the error's line of ancestors."""
    return next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), 500)


def from_error(error: errors.MessagingError) -> Problem:
    """The answer for an error of ours."""
    status = status_of(error)
    headers: dict[str, str] = {}
    more: dict[str, Any] = {}
    if isinstance(error, errors.InvalidInput):
        more["errors"] = [{"field": error.field, "rule": error.rule}]
    if isinstance(error, errors.Unauthenticated):
        wrong = ' error="invalid_token"' if isinstance(error, errors.InvalidToken) else ""
        headers["WWW-Authenticate"] = f"Bearer{wrong}"
    if isinstance(error, errors.InProgress | errors.TooManyRequests | errors.IssuerUnavailable):
        headers["Retry-After"] = str(max(1, ceil(error.retryAfter)))
    if isinstance(error, errors.StorageUnavailable):
        headers["Retry-After"] = str(RETRY_AFTER_OUTAGE)
        more |= {"executionId": error.executionId} if error.executionId else {}
    return Problem(status, str(error), headers, **more)


def install(app: FastAPI) -> None:
    """Answer every error of the app with a problem."""
    app.add_exception_handler(errors.MessagingError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


async def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.MessagingError)
    return from_error(error)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    every = error.errors()
    found = [{"field": _field(one["loc"])[:MAX_NAME], "rule": _rule(one["msg"])} for one in every[:MAX_ERRORS]]
    detail = "; ".join(f"{one['field']}: {one['rule']}" for one in found)
    if len(every) > MAX_ERRORS:
        detail += f"; and {len(every) - MAX_ERRORS} more"
    return Problem(422, detail, errors=found)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    detail = "There is nothing at this path" if error.status_code == 404 else phrase
    headers = {"Allow": _allowed(request)} if error.status_code == 405 else dict(error.headers or {})
    return Problem(error.status_code, detail, headers)


def _allowed(request: Request) -> str:
    """The methods of every route at this path; the framework names only those of the first one."""
    asked = [(method, {**request.scope, "method": method}) for method in ("GET", "POST", "PUT", "DELETE")]
    routes = request.app.routes
    return ", ".join(name for name, one in asked if any(route.matches(one)[0] is Match.FULL for route in routes))


async def _unexpected(request: Request, error: Exception) -> Response:
    return Problem(500, "Something went wrong here; it is logged")


def _field(loc: tuple[int | str, ...]) -> str:
    """`("body", "channelConfig")` as the caller wrote it: `channelConfig`."""
    return ".".join(map(str, loc[1:])) or str(loc[0])


def _rule(message: str) -> str:
    return message.removeprefix("Value error, ").replace("Input should be", "must be")
