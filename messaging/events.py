"""System events: what other systems report on a queue, as CloudEvents 1.0 or in the Event Grid schema.

An event of type `com.example.login` is kept in the journal and executes `audit_login` where its mandate has that
subscription. A message is one event or an array of them. Sources: concept, "Audit Log Events"; CloudEvents 1.0,
"Required attributes" and "JSON Batch Format"; Event Grid event schema.
"""

import json
import time
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from messaging import identity, messages, strictjson
from messaging.errors import InvalidInput
from messaging.inbound import Order
from messaging.models import MessagingAuditEvent, TriggerKind, is_subscription_id

QUEUE = messages.SYSTEM_EVENTS

Text = Annotated[str, StringConstraints(min_length=1, max_length=1024, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]
"""CloudEvents 1.0, "Type System": no control characters."""


class EventData(BaseModel):
    """Whom the event concerns. `details` is any object."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    mandateId: str
    userId: Annotated[Text, StringConstraints(max_length=256)]
    details: dict[str, Any]


class CloudEvent(BaseModel):
    """Attributes beyond these are extensions, which CloudEvents allows; they are not read."""

    model_config = ConfigDict(strict=True, defer_build=True)

    specversion: Literal["1.0"]
    id: Text
    source: Text
    type: Text
    time: AwareDatetime | None = None
    data: EventData


class GridEvent(BaseModel):
    """The Event Grid schema of the same."""

    model_config = ConfigDict(strict=True, defer_build=True)

    id: Text
    source: Text = Field(alias="topic")
    type: Text = Field(alias="eventType")
    time: AwareDatetime | None = Field(alias="eventTime", default=None)
    data: EventData


def split(body: bytes) -> list[bytes]:
    """The events of a message, each to be read on its own. What is no filled array is one event."""
    try:
        document = strictjson.loads(body)
    except ValueError:
        return [body]
    if not isinstance(document, list) or not document:
        return [body]
    return [json.dumps(event, ensure_ascii=False).encode() for event in document]


def read(messageId: str, body: bytes) -> Order:
    """Raises ValidationError or InvalidInput, which name the field. An event without a time happened now."""
    document = _document(body)
    event: CloudEvent | GridEvent
    if "eventType" in document and "specversion" not in document:
        event = GridEvent.model_validate_json(body)
    else:
        event = CloudEvent.model_validate_json(body)
    name = event.type.rpartition(".")[2]
    subscriptionId = f"audit_{name}"
    if not name or not is_subscription_id(subscriptionId):
        raise InvalidInput("type", "must end with a word of letters and underscores, at most 58 characters")
    data, now = event.data, time.time()
    timestamp = round(event.time.timestamp() if event.time else now, 3)
    return Order(
        principal=identity.machine(data.mandateId, "event"),
        kind=TriggerKind.EVENT,
        subscriptionId=subscriptionId,
        triggerData={"eventType": name, "userId": data.userId, "details": data.details, "timestamp": timestamp},
        # CloudEvents: source and id together are unique. A line feed is in no key that a header brings.
        idempotencyKey=f"{event.source}\n{event.id}",
        again=document,
        audit=MessagingAuditEvent(
            id=event.id,
            source=event.source,
            type=event.type,
            eventType=name,
            userId=data.userId,
            details=data.details,
            timestamp=timestamp,
            recordedAt=now,
        ),
    )


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = strictjson.loads(body)
    except ValueError as error:
        raise InvalidInput("body", f"is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise InvalidInput("body", "must be an event, a JSON object in UTF-8, or an array of events")
    return document
