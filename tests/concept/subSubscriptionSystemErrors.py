# modules/services/serviceMessaging/subscriptions/subSubscriptionSystemErrors.py
from typing import List
from messaging.models import (
    MessagingEventParameters,
    MessagingSubscriptionExecutionResult,
    MessagingSubscriptionRegistration,
    MessagingChannel
)

def execute(
    eventParameters: MessagingEventParameters,
    registrations: List[MessagingSubscriptionRegistration],
    messagingService
) -> MessagingSubscriptionExecutionResult:
    """
    Subscription-Funktion für System-Errors.
    Erhält eventParameters vom Trigger und registrations bereits geholt.
    """
    # Gruppiere nach Channel
    emailRegistrations = [r for r in registrations if r.channel == MessagingChannel.EMAIL]
    smsRegistrations = [r for r in registrations if r.channel == MessagingChannel.SMS]

    # Bereite Nachrichten vor (können pro Channel unterschiedlich sein)
    emailSubject = "System Error Report"
    errors = eventParameters.triggerData.get('errors', [])
    emailMessage = f"System errors detected: {errors}"

    smsMessage = f"System Error: {len(errors)} errors detected"

    messagesSent = 0

    # Versende über sendMessage
    for reg in emailRegistrations:
        sendResult = messagingService.sendMessage(
            subject=emailSubject,
            message=emailMessage,
            registration=reg
        )
        if sendResult.success:
            messagesSent += 1

    for reg in smsRegistrations:
        sendResult = messagingService.sendMessage(
            subject="", # SMS hat kein Subject
            message=smsMessage,
            registration=reg
        )
        if sendResult.success:
            messagesSent += 1

    return MessagingSubscriptionExecutionResult(
        success=True,
        messagesSent=messagesSent
    )
