"""Subscriptions of a mandate. Source: concept, "Subscription Endpoints"."""

from fastapi import APIRouter, Response

from messaging.api.common import App, Caller, Listed, ListQuery, ToMatch, tagged
from messaging.api.rate_limit import counted
from messaging.inputs import SubscriptionChange, SubscriptionData
from messaging.models import MessagingSubscription
from messaging.rate_limit import Kind

router = APIRouter(
    prefix="/api/messaging/subscriptions", tags=["subscriptions"], dependencies=[counted(Kind.SUBSCRIPTIONS)]
)


@router.get("")
async def list_subscriptions(app: App, caller: Caller, asked: ListQuery) -> Listed[MessagingSubscription]:
    """The mandate's subscriptions."""
    return Listed.of(await app.registry.getAllSubscriptions(caller, asked))


@router.post("", status_code=201)
async def create_subscription(
    app: App, caller: Caller, data: SubscriptionData, response: Response
) -> MessagingSubscription:
    """A new subscription. People may register for it at once, whether or not its function exists."""
    made = await app.registry.createSubscription(caller, data)
    response.headers["Location"] = f"{router.prefix}/{made.subscriptionId}"
    return tagged(response, made)


@router.get("/{subscriptionId}")
async def get_subscription(
    app: App, caller: Caller, subscriptionId: str, response: Response
) -> MessagingSubscription:
    """One subscription, with its version as ETag."""
    return tagged(response, await app.registry.getSubscription(caller, subscriptionId))


@router.put("/{subscriptionId}")
async def update_subscription(
    app: App, caller: Caller, subscriptionId: str, change: SubscriptionChange, version: ToMatch
) -> MessagingSubscription:
    """Change the fields that are given."""
    return version.tag(await app.registry.updateSubscription(caller, subscriptionId, change, version.wanted))


@router.delete("/{subscriptionId}", status_code=204)
async def delete_subscription(app: App, caller: Caller, subscriptionId: str, version: ToMatch) -> None:
    """End a subscription at once. Its registrations go in the background; the deliveries stay readable."""
    await app.registry.deleteSubscription(caller, subscriptionId, version.wanted)
