"""Counting the calls of whoever is known, and telling in headers how their bucket stands."""

from contextlib import suppress
from typing import Any

from fastapi import Depends, Request

from messaging.access import Action, may
from messaging.api.body import Scope
from messaging.api.common import App, Identified, MandateQuery
from messaging.errors import Forbidden, InvalidInput, TooManyRequests
from messaging.identity import principal
from messaging.rate_limit import Kind, Standing


def counted(kind: Kind) -> Any:
    """A router's dependency: its calls count in this bucket of the caller's session, whatever the answer."""

    async def count(app: App, identified: Identified, request: Request) -> None:
        _tell(request, await app.rateLimits.session(identified, kind))

    return Depends(count)


async def _count_trigger(
    app: App, identified: Identified, subscriptionId: str, request: Request, mandateId: MandateQuery = None
) -> None:
    """Count in the subscription's bucket, which all callers of the mandate share.

    A call that cannot execute anything counts in the session instead: who may not trigger must not use up the
    bucket of those who may, and made-up ids must not make rows.
    """
    with suppress(Forbidden, InvalidInput):
        caller = principal(identified, mandateId)
        if may(caller, Action.TRIGGER) and await app.registry.find(caller.mandateId, subscriptionId):
            _tell(request, await app.rateLimits.trigger(caller.mandateId, subscriptionId))
            return
    _tell(request, await app.rateLimits.session(identified, Kind.OTHER))


count_trigger: Any = Depends(_count_trigger)


def _tell(request: Request, standing: Standing) -> None:
    request.state.rateLimit = standing
    if not standing.admitted:
        raise TooManyRequests(standing.reset)


def headers(scope: Scope) -> dict[bytes, bytes]:
    """How the bucket stands that this request was counted in; nothing if it was not counted."""
    standing: Standing | None = scope["state"].get("rateLimit")
    if standing is None:
        return {}
    told = {"limit": standing.limit, "remaining": standing.remaining, "reset": standing.reset}
    return {f"ratelimit-{name}".encode(): str(value).encode() for name, value in told.items()}
