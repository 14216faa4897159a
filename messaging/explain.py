"""Did she get it, and if not, why? One person, one subscription, one channel, and its last execution.

What the last execution made for the person comes first; only if it made nothing, what is so now tells why.
"""

from dataclasses import dataclass
from typing import Protocol

from messaging.access import Action, Principal, may, require
from messaging.errors import Forbidden, InvalidInput
from messaging.executions import Execution, Phase
from messaging.history import History
from messaging.models import (
    MessagingChannel,
    MessagingDelivery,
    MessagingExplanation,
    MessagingSubscription,
    MessagingSubscriptionRegistration,
    Reason,
)
from messaging.pauses import Pauses
from messaging.registrations import Registrations
from messaging.registry import Registry

TEXTS: dict[Reason, str] = {
    Reason.NO_SUBSCRIPTION: "There is no such subscription in this mandate",
    Reason.SUBSCRIPTION_DISABLED: "The subscription is disabled",
    Reason.NOT_REGISTERED: "The person is not registered for this subscription over this channel",
    Reason.REGISTRATION_DISABLED: "The person has switched this registration off",
    Reason.CHANNEL_NOT_CONFIGURED: "This channel is not configured",
    Reason.NO_EXECUTION: "The subscription has not been executed yet",
    Reason.REGISTERED_LATER: "The person registered after the last execution",
    Reason.NOT_ADDRESSED: "The last execution made no message for this person over this channel",
    Reason.SENT: "The provider took the message",
    Reason.FAILED: "The message was not sent and will not be",
    Reason.QUEUED: "The message waits for a worker, or is being sent now",
    Reason.DEFERRED: "The provider did not take the message yet; it is tried again at retryAt",
    Reason.PAUSED: "The provider takes nothing from this sender right now; it goes on by itself when it does",
    Reason.UNKNOWN: "It may or may not have left; an operator decides",
}

_STATES = {"sent": Reason.SENT, "failed": Reason.FAILED, "unknown": Reason.UNKNOWN, "deferred": Reason.DEFERRED}

_WORST_FIRST = ("failed", "unknown", "deferred", "queued", "sending", "sent")


@dataclass(frozen=True, slots=True)
class Question:
    subscriptionId: str
    userId: str
    channel: MessagingChannel


class Senders(Protocol):
    def sender(self, channel: MessagingChannel) -> str:
        """The name under which the channel sends. Raises InvalidInput if it is not configured."""
        ...


class Explain:
    def __init__(self, readers: tuple[Registry, Registrations, History], pauses: Pauses, senders: Senders) -> None:
        self._registry, self._registrations, self._history = readers
        self._pauses = pauses
        self._senders = senders

    async def explain(self, principal: Principal, question: Question) -> MessagingExplanation:
        """Why the person got, or did not get, the last execution's message. Raises Forbidden for another's."""
        require(principal, Action.OWN_DELIVERIES)
        if question.userId != principal.userId and not may(principal, Action.READ_ALL_DELIVERIES):
            raise Forbidden("You may ask only about yourself")
        mandateId = principal.mandateId
        subscription = await self._registry.find(mandateId, question.subscriptionId)
        if subscription is None:
            return _because(Reason.NO_SUBSCRIPTION)
        execution = await self._history.latest(mandateId, question.subscriptionId)
        if execution:
            found = await self._history.received(mandateId, question.userId, execution)
            over = [one for one in found if one.channel is question.channel]
            if over:
                return await self._told(min(over, key=lambda one: _WORST_FIRST.index(one.state)))
        registration = await self._registrations.find(
            mandateId, subscription.id, (question.userId, question.channel)
        )
        reason = self._hindrance(subscription, registration, question.channel)
        return _because(reason) if reason else _nothing(execution, registration)

    async def _told(self, delivery: MessagingDelivery) -> MessagingExplanation:
        reason = _STATES.get(delivery.state, Reason.QUEUED)
        if reason in (Reason.QUEUED, Reason.DEFERRED):
            reason = await self._waits_for(delivery.channel) or reason
        return MessagingExplanation(
            reason=reason,
            text=TEXTS[reason],
            executionId=delivery.executionId,
            deliveryId=delivery.id,
            status=delivery.status,
            state=delivery.state,
            errorMessage=delivery.errorMessage,
            retryAt=delivery.retryAt,
        )

    async def _waits_for(self, channel: MessagingChannel) -> Reason | None:
        """What holds up everything that the channel sends."""
        try:
            paused = await self._pauses.get(channel, self._senders.sender(channel))
        except InvalidInput:
            return Reason.CHANNEL_NOT_CONFIGURED
        return Reason.PAUSED if paused else None

    def _hindrance(
        self,
        subscription: MessagingSubscription,
        registration: MessagingSubscriptionRegistration | None,
        channel: MessagingChannel,
    ) -> Reason | None:
        """What stands in the way now, whatever was executed."""
        if not subscription.enabled:
            return Reason.SUBSCRIPTION_DISABLED
        if registration is None:
            return Reason.NOT_REGISTERED
        if not registration.enabled:
            return Reason.REGISTRATION_DISABLED
        try:
            self._senders.sender(channel)
        except InvalidInput:
            return Reason.CHANNEL_NOT_CONFIGURED
        return None


def _nothing(
    execution: Execution | None, registration: MessagingSubscriptionRegistration | None
) -> MessagingExplanation:
    """Why an execution made nothing for somebody who could be reached."""
    if execution is None:
        return _because(Reason.NO_EXECUTION)
    if registration and registration.creationDate > execution.creationDate:
        return _because(Reason.REGISTERED_LATER, execution)
    if execution.phase is Phase.ACCEPTED:
        return _because(Reason.QUEUED, execution, "The last execution is still being prepared")
    return _because(Reason.NOT_ADDRESSED, execution)


def _because(reason: Reason, execution: Execution | None = None, text: str = "") -> MessagingExplanation:
    return MessagingExplanation(
        reason=reason,
        text=text or TEXTS[reason],
        executionId=execution.id if execution else None,
        errorMessage=execution.result.errorMessage if execution else None,
    )
