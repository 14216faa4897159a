"""What a schema cannot say: which of the values that fit it this service accepts at this moment.

Only requests that are meant to be accepted are changed; those meant to be refused go out as they are.
"""

from typing import Any
from uuid import uuid4

import schemathesis
from schemathesis import Case, GenerationMode, HookContext

ADDRESSES = {"email": "fuzz@example.com", "sms": "+41790000000"}


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
    if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return
    case.query.pop("cursor", None)  # only what a list gave
    case.headers.pop("If-Match", None)  # only what a read gave
    if "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = str(uuid4())  # once for one body
    if case.operation.label == "GET /api/messaging/deliveries":  # at most one of these
        for surplus in [one for one in ("executionId", "subscriptionId", "userId") if one in case.query][1:]:
            del case.query[surplus]
    if isinstance(case.body, dict):
        _address(case.body)
        _times(case.body)


def _address(body: dict[str, Any]) -> None:
    """An address fits its channel; which form that is, is told in words."""
    if "channel" in body:
        body["channel"] = body["channel"] if body["channel"] in ADDRESSES else "email"
        body["channelConfig"] = ADDRESSES[body["channel"]]
    else:
        body.pop("channelConfig", None)


def _times(body: dict[str, Any]) -> None:
    """Which texts are schedules and time zones, is told in words."""
    if body.get("schedule") is not None:
        body["schedule"] = "0 30 8 * * Mon-Fri"
    if "timeZone" in body:
        body["timeZone"] = "Europe/Zurich"
