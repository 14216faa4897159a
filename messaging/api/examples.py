"""What the answers look like: one example for each model of the specification. A test holds them to the models."""

from typing import Any

EXECUTION = "fe5df358-d456-8c30-8274-f184d0469581"
DELIVERY = "fe5df358-d456-8c30-beb7-50d304ec9f11"
STAMPS = {"creationDate": 1767225600.0, "lastModified": 1767225600.0}
PENDING = {"pending": 1, "queued": 0, "sending": 0, "deferred": 1, "unknown": 0}
COUNTS = {"accepted": 2, "sent": 1, "failed": 0, **PENDING}

SUBSCRIPTION: dict[str, Any] = {
    "id": "0dc7599b-7c97-47c9-ab3c-9b8e472fc0ab",
    "subscriptionId": "SystemErrors",
    "subscriptionLabel": "System errors",
    "mandateId": "m1",
    "description": "What breaks at night",
    "isSystemSubscription": False,
    "enabled": True,
    "schedule": "0 30 8 * * Mon-Fri",
    "timeZone": "Europe/Zurich",
    "nextRun": 1767252600.0,
    **STAMPS,
    "createdBy": "olivia",
    "modifiedBy": "olivia",
}
REGISTRATION: dict[str, Any] = {
    "id": "5b1f0a52-1d1e-4b7e-9a0b-3f0f6a3f2c11",
    "subscriptionId": "SystemErrors",
    "userId": "alice",
    "channel": "email",
    "channelConfig": "alice@example.com",
    "enabled": True,
    **STAMPS,
}
A_DELIVERY: dict[str, Any] = {
    "id": DELIVERY,
    "subscriptionId": "SystemErrors",
    "userId": "alice",
    "channel": "email",
    "status": "SENT",
    "state": "sent",
    "errorMessage": None,
    "sentAt": 1767225601.5,
    "creationDate": 1767225600.0,
    "executionId": EXECUTION,
    "attempts": 1,
    "retryAt": None,
    "providerMessageId": DELIVERY,
    "segments": None,
}
AN_EXECUTION: dict[str, Any] = {
    "executionId": EXECUTION,
    "subscriptionId": "SystemErrors",
    "trigger": "http",
    "createdBy": "olivia",
    "creationDate": 1767225600.0,
    **COUNTS,
    "done": False,
}
AUDIT_EVENT: dict[str, Any] = {
    "id": "7f3c",
    "source": "/identity-provider",
    "type": "com.example.login",
    "eventType": "login",
    "userId": "alice",
    "details": {"ip": "203.0.113.7"},
    "timestamp": 1767225600.0,
    "recordedAt": 1767225601.5,
    "outcome": None,
}

EXAMPLES: dict[str, dict[str, Any]] = {
    "MessagingSubscription": SUBSCRIPTION,
    "MessagingSubscriptionRegistration": REGISTRATION,
    "MessagingDelivery": A_DELIVERY,
    "MessagingExecution": AN_EXECUTION,
    "MessagingAuditEvent": AUDIT_EVENT,
    "MessagingSendResult": {"success": True, "deliveryId": DELIVERY, "errorMessage": None},
    "MessagingExplanation": {
        "reason": "deferred",
        "text": "The provider could not take the message yet; the next try is at 00:05 UTC.",
        "executionId": EXECUTION,
        "deliveryId": DELIVERY,
        "status": "PENDING",
        "state": "deferred",
        "errorMessage": "TooManyRequests",
        "retryAt": 1767225900.0,
    },
    "Triggered": {"success": True, "messagesSent": 2, "errorMessage": None, "executionId": EXECUTION},
    "Health": {
        "status": "ok",
        "storage": "ok",
        "channels": {"email": "configured", "sms": "configured", "whatsapp": "not configured"},
    },
    "SubscriptionChange": {"description": "What breaks at night", "enabled": True},
    "RegistrationChange": {"enabled": False},
}
"""By the names of the models; a list's are those of what it lists."""
