"""Registrations of people for subscriptions. Source: concept, "Registration Endpoints"."""

from fastapi import APIRouter, Response

from messaging.api.common import App, Caller, Listed, ListQuery, ToMatch, tagged
from messaging.api.rate_limit import counted
from messaging.inputs import RegistrationChange, RegistrationData
from messaging.models import MessagingChannel, MessagingSendResult, MessagingSubscriptionRegistration
from messaging.rate_limit import Kind

router = APIRouter(prefix="/api/messaging", tags=["registrations"], dependencies=[counted(Kind.REGISTRATIONS)])


@router.get("/subscriptions/{subscriptionId}/registrations")
async def list_registrations(
    app: App, caller: Caller, subscriptionId: str, asked: ListQuery
) -> Listed[MessagingSubscriptionRegistration]:
    """Everybody's registrations of a subscription; for Admins and Mandate-Admins."""
    return Listed.of(await app.registrations.getAllRegistrations(caller, subscriptionId, asked))


@router.post(
    "/subscriptions/{subscriptionId}/subscribe",
    status_code=201,
    responses={200: {"model": MessagingSubscriptionRegistration, "description": "You were registered before"}},
)
async def subscribe(
    app: App, caller: Caller, subscriptionId: str, data: RegistrationData, response: Response
) -> MessagingSubscriptionRegistration:
    """Register yourself over a channel: 201, or 200 if you were registered; channelConfig is then replaced."""
    registration, isNew = await app.registrations.subscribeUser(caller, subscriptionId, data)
    response.status_code = 201 if isNew else 200
    return tagged(response, registration)


@router.delete("/subscriptions/{subscriptionId}/unsubscribe", status_code=204)
async def unsubscribe(app: App, caller: Caller, subscriptionId: str, channel: MessagingChannel) -> None:
    """End your registration over a channel; 204 also when there is none."""
    await app.registrations.unsubscribeUser(caller, subscriptionId, channel)


@router.get("/registrations")
async def list_own_registrations(
    app: App, caller: Caller, asked: ListQuery
) -> Listed[MessagingSubscriptionRegistration]:
    """Your own registrations."""
    return Listed.of(await app.registrations.getOwnRegistrations(caller, asked))


@router.put("/registrations/{registrationId}")
async def update_registration(
    app: App, caller: Caller, registrationId: str, change: RegistrationChange, version: ToMatch
) -> MessagingSubscriptionRegistration:
    """Change your registration: where it reaches you, or whether it does for now."""
    return version.tag(await app.registrations.updateRegistration(caller, registrationId, change, version.wanted))


@router.post("/registrations/{registrationId}/test")
async def test_registration(app: App, caller: Caller, registrationId: str) -> MessagingSendResult:
    """Send yourself a test message now: the answer tells what really became of it."""
    return await app.service.sendTest(caller, registrationId)


@router.delete("/registrations/{registrationId}", status_code=204)
async def delete_registration(app: App, caller: Caller, registrationId: str) -> None:
    """End your registration."""
    await app.registrations.deleteRegistration(caller, registrationId)
