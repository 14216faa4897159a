"""The concept's data, with the rules that hold for it at every door.

Data is camelCase wherever it lives: field, column, JSON. Times are UTC seconds as floats.
Source: concept, "Datenmodell".
"""

import re
from enum import StrEnum
from typing import Annotated, Any, NewType, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    StringConstraints,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

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


def _subscription_id(text: str) -> str:
    if not is_subscription_id(text):
        raise ValueError("must be 1 to 64 letters and underscores, at least one of them a letter")
    return text


SubscriptionId = Annotated[
    str,
    AfterValidator(_subscription_id),
    Field(json_schema_extra={"pattern": "^(?=.*[A-Za-z])[A-Za-z_]{1,64}$"}),
]
Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Description = Annotated[str, StringConstraints(max_length=2000)]
Schedule = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    Field(
        description="When it is executed by itself, as NCRONTAB: second, minute, hour, day, month, weekday. "
        "Once a minute at most. Five fields mean second 0.",
        examples=["0 30 8 * * Mon-Fri"],
    ),
]
TimeZone = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64),
    Field(description="The time zone of `schedule`, by its IANA name.", examples=["Europe/Zurich"]),
]
ChannelConfig = Annotated[str, StringConstraints(min_length=1, max_length=320)]


class _Input(BaseModel):
    """What a caller sends: unknown fields are refused, nothing is guessed from another type."""

    model_config = ConfigDict(extra="forbid", strict=True)


_EMPTIED = {"description", "schedule"}


class _Change(_Input):
    """Fields to be changed; only `description` and `schedule` may be emptied, with null."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core)
        for name, told in handler.resolve_ref_schema(schema)["properties"].items():
            if name not in _EMPTIED:
                told |= next(one for one in told.pop("anyOf") if one != {"type": "null"})
                del told["default"]
        return schema

    @model_validator(mode="after")
    def _no_null(self) -> Self:
        for name in self.model_fields_set - _EMPTIED:
            if getattr(self, name) is None:
                raise ValueError(f"{name} must not be null")
        return self

    def given(self) -> dict[str, Any]:
        """The fields that the caller named."""
        return self.model_dump(exclude_unset=True)


class SubscriptionData(_Input):
    """A new subscription. Only an Admin makes system subscriptions."""

    subscriptionId: SubscriptionId = Field(examples=["SystemErrors"])
    subscriptionLabel: Label = Field(examples=["System errors"])
    description: Description | None = None
    isSystemSubscription: bool = False
    enabled: bool = True
    schedule: Schedule | None = None
    timeZone: TimeZone = "UTC"


class SubscriptionChange(_Change):
    """The fields of a subscription that may change; those not given stay."""

    subscriptionLabel: Label | None = None
    description: Description | None = None
    enabled: bool | None = None
    schedule: Schedule | None = None
    timeZone: TimeZone | None = None


class RegistrationData(_Input):
    """How a person wants to be reached: an e-mail address, a phone number, a Teams user id."""

    channel: Annotated[MessagingChannel, Field(strict=False, examples=["email"])]
    channelConfig: ChannelConfig = Field(examples=["alice@example.com"])


class RegistrationChange(_Change):
    """The fields of a registration that may change; those not given stay."""

    channelConfig: ChannelConfig | None = None
    enabled: bool | None = None


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
