"""Deliveries: what became of each message. Source: concept, "Delivery Endpoints"."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from messaging.api.common import App, Caller, Listed, ListQuery
from messaging.api.rate_limit import counted
from messaging.history import Filter
from messaging.inputs import SubscriptionId
from messaging.models import DeliveryStatus, MessagingChannel, MessagingDelivery
from messaging.rate_limit import Kind

router = APIRouter(prefix="/api/messaging/deliveries", tags=["deliveries"], dependencies=[counted(Kind.OTHER)])


def _filter(
    executionId: str | None = None,
    subscriptionId: SubscriptionId | None = None,
    userId: Annotated[str | None, Query(max_length=256)] = None,
    channel: MessagingChannel | None = None,
    status: DeliveryStatus | None = None,
) -> Filter:
    return Filter(executionId, subscriptionId, userId, channel, status)


@router.get("")
async def list_deliveries(
    app: App,
    caller: Caller,
    asked: ListQuery,
    wanted: Annotated[Filter, Depends(_filter)],
    since: Annotated[float | None, Query(ge=0, le=1e11, description="UTC seconds, inclusive")] = None,
) -> Listed[MessagingDelivery]:
    """Deliveries, newest first: a User's own, everybody's for the others.

    At most one of executionId, subscriptionId and userId. A page may be short or empty while nextCursor is set;
    by person it holds at most 200.
    """
    return Listed.of(await app.history.getDeliveries(caller, replace(wanted, since=since), asked))


@router.get("/{deliveryId}")
async def get_delivery(app: App, caller: Caller, deliveryId: str) -> MessagingDelivery:
    """One delivery."""
    return await app.history.getDelivery(caller, deliveryId)
