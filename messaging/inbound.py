"""The door for queue messages that others write: read once, executed once, refused once.

A message that does not fit is kept as poison at once, with a reason that names the field: five silent retries
would not make it fit. Only storage that cannot be reached raises, so that the host tries again.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from messaging.access import Principal
from messaging.errors import (
    InProgress,
    InvalidInput,
    SubscriptionFunctionBroken,
    SubscriptionFunctionNotFound,
    SubscriptionNotFound,
)
from messaging.models import MessagingEventParameters, TriggerKind
from messaging.poison import Poison
from messaging.service import MessagingService, Trigger
from messaging.storage.base import Queues

logger = logging.getLogger(__name__)

LONGEST_FIELD = 100
"""Characters of a field's name that a reason repeats: names are the sender's own words."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a message asks for. `again` is the message to queue if it has to wait: it carries the same key."""

    principal: Principal
    kind: TriggerKind
    subscriptionId: str
    triggerData: dict[str, Any]
    idempotencyKey: str
    again: Mapping[str, Any]


Read = Callable[[str, bytes], Order]
"""From a queue message's id and body to its order. Raises ValidationError or InvalidInput."""


class Inbound:
    def __init__(self, service: MessagingService, poison: Poison, queues: Queues) -> None:
        self._service = service
        self._poison = poison
        self._queues = queues

    async def take(self, queue: str, messageId: str, body: bytes, read: Read) -> None:
        """Execute what a message asks for; a repeated message is the same execution.

        Raises StorageUnavailable; whatever else is wrong leaves a log line or a poison row.
        """
        try:
            order = read(messageId, body)
            await self._execute(queue, order)
        except ValidationError as error:
            await self._poison.refuse(queue, messageId, body, reason(error))
        except (InvalidInput, SubscriptionFunctionBroken) as error:
            await self._poison.refuse(queue, messageId, body, str(error))

    async def _execute(self, queue: str, order: Order) -> None:
        trigger = Trigger(order.principal, order.kind, order.idempotencyKey)
        event = MessagingEventParameters(triggerData=order.triggerData)
        try:
            await self._service.executeSubscription(order.subscriptionId, event, trigger)
        except InProgress as error:
            # Not the host's retries: there are five of them, and a lease outlives them.
            await self._queues.put(queue, order.again, error.retryAfter)
        except (SubscriptionNotFound, SubscriptionFunctionNotFound) as error:
            # An event is reported whether or not anybody wants to hear of it.
            unasked = order.kind is TriggerKind.EVENT and isinstance(error, SubscriptionNotFound)
            level = logging.INFO if unasked else logging.WARNING
            logger.log(level, "Mandate %s, %s: %s; nothing is sent", order.principal.mandateId, queue, error)


def reason(error: ValidationError) -> str:
    """The first thing that does not fit: the field's dotted name and the rule, never its value."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    name = ".".join(str(part) for part in first["loc"]) or "body"
    return f"{ascii(name[:LONGEST_FIELD])[1:-1]}: {first['msg']}"
