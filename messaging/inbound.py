"""The door for queue messages that others write: read once, executed once, refused once.

A message that does not fit is kept as poison at once, with a reason that names the field: five silent retries
would not make it fit. Only storage that cannot be reached raises, so that the host tries again.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from messaging.access import Principal
from messaging.acting import act_for
from messaging.errors import (
    InProgress,
    InvalidInput,
    SubscriptionFunctionBroken,
    SubscriptionFunctionNotFound,
    SubscriptionNotFound,
)
from messaging.journal import Journal
from messaging.models import MessagingAuditEvent, MessagingEventParameters, TriggerKind
from messaging.poison import Poison
from messaging.service import MessagingService, Trigger
from messaging.storage.base import Queues, together

logger = logging.getLogger(__name__)

AT_ONCE = 16
"""Orders of one message that are worked on at the same time."""

LONGEST_FIELD = 100
"""Characters of a field's name that a reason repeats: names are the sender's own words."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a message asks for. `again` is the message to queue if it has to wait: it carries the same key.

    `audit` is the event to keep in the journal first, whether or not anybody wants to hear of it.
    """

    principal: Principal
    kind: TriggerKind
    subscriptionId: str
    triggerData: dict[str, Any]
    idempotencyKey: str
    again: Mapping[str, Any]
    audit: MessagingAuditEvent | None = None


Read = Callable[[str, bytes], Order]
"""From a queue message's id and body to its order. Raises ValidationError or InvalidInput."""


class Inbound:
    def __init__(self, service: MessagingService, journal: Journal, poison: Poison, queues: Queues) -> None:
        self._service = service
        self._journal = journal
        self._poison = poison
        self._queues = queues

    async def take_each(self, queue: str, messageId: str, bodies: Sequence[bytes], read: Read) -> None:
        """Take every order of one message, each on its own: what is wrong with one stops no other.

        Raises StorageUnavailable when all have been tried; the host then brings them all again, and a repeat of
        what was done does nothing.
        """
        if len(bodies) == 1:  # no task of its own: what escapes it is its mandate's (acting.py)
            await self.take(queue, messageId, bodies[0], read)
            return
        turns = asyncio.Semaphore(AT_ONCE)

        async def one(number: int, body: bytes) -> None:
            async with turns:
                await self.take(queue, f"{messageId}-{number}", body, read)

        await together(one(number, body) for number, body in enumerate(bodies))

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
        act_for(order.principal.mandateId)
        trigger = Trigger(order.principal, order.kind, order.idempotencyKey)
        event = MessagingEventParameters(triggerData=await self._recorded(order))
        try:
            await self._service.executeSubscription(order.subscriptionId, event, trigger)
        except InProgress as error:
            await self._later(queue, order, error.retryAfter)
        except (SubscriptionNotFound, SubscriptionFunctionNotFound) as error:
            # An event is reported whether or not anybody wants to hear of it.
            unasked = order.kind is TriggerKind.EVENT and isinstance(error, SubscriptionNotFound)
            level = logging.INFO if unasked else logging.WARNING
            logger.log(level, "Mandate %s, %s: %s; nothing is sent", order.principal.mandateId, queue, error)

    async def _recorded(self, order: Order) -> dict[str, Any]:
        """The order's data, its event on record; a repeated event keeps the time of its first coming."""
        if order.audit is None:
            return order.triggerData
        timestamp = await self._journal.write(order.principal.mandateId, order.audit)
        return {**order.triggerData, "timestamp": timestamp}

    async def _later(self, queue: str, order: Order, seconds: float) -> None:
        """Not the host's retries: there are five of them, and a lease outlives them."""
        try:
            await self._queues.put(queue, order.again, seconds)
        except InvalidInput:  # with its key it is longer than a queue takes, so it waits here
            await asyncio.sleep(seconds)
            await self._execute(queue, order)


def reason(error: ValidationError) -> str:
    """The first thing that does not fit: the field's dotted name and the rule, never its value."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    name = ".".join(str(part) for part in first["loc"]) or "body"
    return f"{ascii(name[:LONGEST_FIELD])[1:-1]}: {first['msg']}"
