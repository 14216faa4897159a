"""The workflow action: what a workflow puts on a queue to execute a subscription.

Source: concept, "Workflow-Action". `docs/workflow-action.schema.json` is this model; a test keeps it so.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from messaging import identity, strictjson
from messaging.errors import InvalidInput
from messaging.inbound import Order
from messaging.inputs import SubscriptionId
from messaging.models import MANDATE_ID, TriggerKind

QUEUE = "messaging-workflow-actions"

Mandate = Annotated[str, StringConstraints(pattern=f"^{MANDATE_ID.pattern}$")]
Key = Annotated[str, StringConstraints(min_length=1, max_length=255)]


class WorkflowAction(BaseModel):
    """Execute a subscription of a mandate. A message with unknown fields or other types is refused."""

    model_config = ConfigDict(extra="forbid", strict=True)

    action: Literal["messaging.executeSubscription"]
    mandateId: Mandate = Field(examples=["m1"])
    subscriptionId: SubscriptionId = Field(examples=["SystemErrors"])
    eventParameters: dict[str, Any] = Field(
        description="What the subscription's function gets as triggerData.", examples=[{"errors": ["disk full"]}]
    )
    idempotencyKey: Key | None = Field(
        default=None,
        description="The same key is the same execution. Without it, the queue message's id is the key.",
    )


def read(messageId: str, body: bytes) -> Order:
    """Raises ValidationError, which names the field, or InvalidInput."""
    try:
        strictjson.loads(body)
    except ValueError as error:
        raise InvalidInput("body", f"is not JSON: {error}") from None
    action = WorkflowAction.model_validate_json(body)
    key = action.idempotencyKey or messageId
    return Order(
        principal=identity.machine(action.mandateId, "workflow"),
        kind=TriggerKind.WORKFLOW,
        subscriptionId=action.subscriptionId,
        triggerData=action.eventParameters,
        idempotencyKey=key,
        again={**action.model_dump(), "idempotencyKey": key},
    )
