"""Executing a subscription over HTTP. Source: concept, "Trigger Endpoints"."""

import asyncio
import json
import re
from hashlib import sha256
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from messaging.access import Principal
from messaging.api.common import App, Caller
from messaging.api.rate_limit import count_trigger
from messaging.bootstrap import Messaging
from messaging.executions import Execution, Phase
from messaging.models import MessagingEventParameters, MessagingExecution, TriggerKind
from messaging.service import Trigger

router = APIRouter(prefix="/api/messaging/trigger", tags=["trigger"], dependencies=[count_trigger])

MAX_WAIT = 60
"""Seconds that `Prefer: wait=N` may ask for."""

_POLL = 0.25


class TriggerData(BaseModel):
    """What the subscription's function gets to know."""

    model_config = ConfigDict(extra="forbid", strict=True)

    eventParameters: dict[str, Any] = Field(examples=[{"errors": ["disk full"]}])


class Triggered(BaseModel):
    """The function's result, further fields of its own included. `messagesSent` counts what is stored so far."""

    model_config = ConfigDict(extra="allow")

    success: bool
    messagesSent: int
    errorMessage: str | None
    executionId: str


class Wish:
    """How the caller wants to be answered: Idempotency-Key, and Prefer (RFC 7240)."""

    def __init__(
        self,
        idempotencyKey: Annotated[
            str | None, Header(alias="Idempotency-Key", min_length=1, max_length=255)
        ] = None,
        prefer: Annotated[str | None, Header(description="`respond-async`, `wait=N` (seconds)")] = None,
    ) -> None:
        self.idempotencyKey = idempotencyKey
        self.background, self.wait = parse_prefer(prefer or "")


@router.post(
    "/{subscriptionId}",
    response_model=Triggered,
    responses={202: {"model": Triggered, "description": "Accepted; pages or messages remain, see Location"}},
)
async def trigger_subscription(
    app: App, caller: Caller, subscriptionId: str, data: TriggerData, wish: Annotated[Wish, Depends()]
) -> JSONResponse:
    """Execute the subscription: 200 when everything is stored, 202 with Location while pages remain.

    With `Prefer: wait=N` the answer waits until every message has an outcome, at most N seconds.
    """
    body = _hash(data.eventParameters)
    trigger = Trigger(caller, TriggerKind.HTTP, wish.idempotencyKey, body, wish.background)
    event = MessagingEventParameters(triggerData=data.eventParameters)
    execution = await app.service.executeSubscription(subscriptionId, event, trigger)
    counted = None
    if wish.wait or wish.background:
        counted = await _counted(app, caller, execution, wish.wait)
    done = counted.done if counted and wish.wait else execution.phase is not Phase.ACCEPTED
    return _answer(execution, counted, done=done)


def _answer(execution: Execution, counted: MessagingExecution | None, *, done: bool) -> JSONResponse:
    ledger = counted.model_dump(mode="json") if counted else {}
    body = {**execution.result.model_dump(mode="json"), **ledger, "executionId": execution.id}
    location = f"/api/messaging/executions/{execution.id}"
    return JSONResponse(body, 200 if done else 202, None if done else {"Location": location})


async def _counted(app: Messaging, caller: Principal, execution: Execution, wait: int) -> MessagingExecution:
    """The execution's ledger once it is done, or as it is after `wait` seconds; read from its batch rows."""
    loop = asyncio.get_running_loop()
    end = loop.time() + wait
    while True:
        counted = await app.history.getExecution(caller, execution.id)
        if counted.done or loop.time() >= end:
            return counted
        await asyncio.sleep(min(_POLL, max(0, end - loop.time())))


def parse_prefer(header: str) -> tuple[bool, int]:
    """Whether `respond-async` is preferred, and the seconds of `wait` (0 without it). Source: RFC 7240."""
    preferences = [part.strip().lower() for part in re.split("[,;]", header)]
    waits = [part[5:].strip('"') for part in preferences if part.startswith("wait=")]
    seconds = int(waits[0][:9]) if waits and waits[0].isascii() and waits[0].isdigit() else 0
    return "respond-async" in preferences, min(seconds, MAX_WAIT)


def _hash(eventParameters: dict[str, Any]) -> str:
    return sha256(json.dumps(eventParameters, sort_keys=True).encode()).hexdigest()
