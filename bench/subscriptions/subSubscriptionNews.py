"""What all ways of the bench send: a subject and two lines to everybody."""

from messaging.models import (
    MessagingEventParameters,
    MessagingSubscriptionExecutionResult,
    MessagingSubscriptionRegistration,
)

SUBJECT, TEXT = "News", "Something has happened.\nThis is what you asked to be told."


def execute(
    eventParameters: MessagingEventParameters,
    registrations: list[MessagingSubscriptionRegistration],
    messagingService: object,
) -> MessagingSubscriptionExecutionResult:
    sent = [messagingService.sendMessage(SUBJECT, TEXT, one).success for one in registrations]  # type: ignore[attr-defined]
    return MessagingSubscriptionExecutionResult(success=True, messagesSent=sum(sent))
