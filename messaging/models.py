"""The concept's data, with the rules that hold for it at every door.

Data is camelCase wherever it lives: field, column, JSON. Times are UTC seconds as floats.
Source: concept, "Datenmodell".
"""

import re
from enum import StrEnum
from typing import Any, NewType

from pydantic import BaseModel, ConfigDict, Field

MandateId = NewType("MandateId", str)
"""A tenant. Made only by identity.py, or read back from our own rows: a text from a request does not fit."""

MANDATE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@+-]{0,127}")


class MessagingChannel(StrEnum):
    EMAIL = "email"
    SMS = "sms"
    WHATSAPP = "whatsapp"
    TEAMS_CHAT = "teams_chat"


class DeliveryStatus(StrEnum):
    """What became of a message, in the concept's three words; `state` is the finer truth (delivery.py)."""

    PENDING = "PENDING"
    SENT = "SENT"
    FAILED = "FAILED"


class TriggerKind(StrEnum):
    HTTP = "http"
    WORKFLOW = "workflow"
    SCHEDULE = "schedule"
    EVENT = "event"
    DIRECT = "direct"


def is_subscription_id(text: str) -> bool:
    return bool(re.fullmatch(r"[A-Za-z_]{1,64}", text) and text.strip("_"))


class MessagingSubscription(BaseModel):
    """A named topic of a mandate that people register for.

    With a `schedule` it is executed by itself unless it is disabled, next at `nextRun` (UTC seconds).
    """

    id: str
    subscriptionId: str
    subscriptionLabel: str
    mandateId: str
    description: str | None = None
    isSystemSubscription: bool = False
    enabled: bool = True
    schedule: str | None = None
    timeZone: str = "UTC"
    nextRun: float | None = None
    creationDate: float
    lastModified: float
    createdBy: str
    modifiedBy: str
    scheduleRow: str = Field("", exclude=True)
    """The name of the one schedule row that counts (schedules.py), "" for none."""
    etag: str = Field("", exclude=True)


class MessagingSubscriptionRegistration(BaseModel):
    """One person's wish to get one subscription's messages over one channel."""

    id: str
    subscriptionId: str
    userId: str
    channel: MessagingChannel
    channelConfig: str
    enabled: bool = True
    creationDate: float
    lastModified: float
    etag: str = Field("", exclude=True)


class MessagingDelivery(BaseModel):
    """One message to one person over one channel, and what became of it.

    `state` is queued, sending, sent, failed, deferred or unknown. `attempts` counts sends begun. `retryAt` says
    when a deferred message is tried next. `providerMessageId` is the provider's own id for what it took,
    `segments` the number of text messages that it is billed as.
    """

    id: str
    subscriptionId: str
    userId: str
    channel: MessagingChannel
    status: DeliveryStatus
    state: str
    errorMessage: str | None = None
    sentAt: float | None = None
    creationDate: float
    executionId: str
    attempts: int = 0
    retryAt: float | None = None
    providerMessageId: str | None = None
    segments: int | None = None


class MessagingEventParameters(BaseModel):
    """What the trigger tells the subscription's function. Never trust it: it comes from outside."""

    triggerData: dict[str, Any] = Field(default_factory=dict)


class MessagingSendResult(BaseModel):
    """What sendMessage answers. Inside a function, success means accepted into this execution."""

    success: bool
    deliveryId: str | None = None
    errorMessage: str | None = None


class MessagingSubscriptionExecutionResult(BaseModel):
    """What a subscription's function answers; further fields are kept and handed to the caller."""

    model_config = ConfigDict(extra="allow")

    success: bool
    messagesSent: int = Field(default=0, ge=0)
    errorMessage: str | None = None


class AuditOutcome(StrEnum):
    """What became of an administrative act; `begun` where nobody lived to say it."""

    BEGUN = "begun"
    DONE = "done"
    FAILED = "failed"


class MessagingAuditEvent(BaseModel):
    """Who did what, and when: reported by another system, or an administrative act of this service.

    `id`, `source` and `type` are as the event named them; `eventType` is the last word of `type`. `timestamp` is
    the event's own time, `recordedAt` when this service first read it. `outcome` is set for the service's own acts
    only: done, failed (nothing was changed), or begun (whether it was done is not known).
    """

    id: str = Field(examples=["7f3c"])
    source: str = Field(examples=["/identity-provider"])
    type: str = Field(examples=["com.example.login"])
    eventType: str = Field(examples=["login"])
    userId: str = Field(examples=["alice"])
    details: dict[str, Any] = Field(examples=[{"ip": "203.0.113.7"}])
    timestamp: float = Field(examples=[1767225600.0])
    recordedAt: float = Field(examples=[1767225601.5])
    outcome: AuditOutcome | None = Field(default=None, examples=[None])


class Reason(StrEnum):
    """Why a person got, or did not get, the last execution's message."""

    NO_SUBSCRIPTION = "no_subscription"
    SUBSCRIPTION_DISABLED = "subscription_disabled"
    NOT_REGISTERED = "not_registered"
    REGISTRATION_DISABLED = "registration_disabled"
    CHANNEL_NOT_CONFIGURED = "channel_not_configured"
    NO_EXECUTION = "no_execution"
    REGISTERED_LATER = "registered_later"
    NOT_ADDRESSED = "not_addressed"
    SENT = "sent"
    FAILED = "failed"
    QUEUED = "queued"
    DEFERRED = "deferred"
    PAUSED = "paused"
    UNKNOWN = "unknown"


class MessagingExplanation(BaseModel):
    """The answer to "did she get it, and if not, why?"; `text` says the reason in a sentence."""

    reason: Reason
    text: str
    executionId: str | None = None
    deliveryId: str | None = None
    status: DeliveryStatus | None = None
    state: str | None = None
    errorMessage: str | None = None
    retryAt: float | None = None


class Ledger(BaseModel):
    """An execution's deliveries, counted: always the sum over its batch rows.

    accepted = sent + failed + pending, and pending = queued + sending + deferred + unknown.
    """

    accepted: int = 0
    sent: int = 0
    failed: int = 0
    pending: int = 0
    queued: int = 0
    sending: int = 0
    deferred: int = 0
    unknown: int = 0


class MessagingExecution(Ledger):
    """One run of a subscription. `done`: all pages stored, and nothing queued, sending or deferred."""

    executionId: str
    subscriptionId: str
    trigger: TriggerKind
    createdBy: str
    creationDate: float
    done: bool
