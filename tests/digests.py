"""A digest in a test: errors are logged, the timer runs, and alice is told."""

import json
import logging
from typing import Any

from messaging.acting import acting_for
from messaging.models import MandateId
from messaging.settings import DIGEST_MARGIN
from tests.errors import attached
from tests.product import Product

logger = logging.getLogger("billing")

TELL = """
import json
from messaging.models import MessagingSubscriptionExecutionResult

def execute(eventParameters, registrations, messagingService):
    for one in registrations:
        messagingService.sendMessage("Errors", json.dumps(eventParameters.triggerData), one)
    return MessagingSubscriptionExecutionResult(success=True, messagesSent=1)
"""


async def log(product: Product, *messages: str, mandateId: MandateId | None = None) -> None:
    """Log errors for a mandate (the product's own unless one is named) and write them."""
    with attached(product), acting_for(mandateId or product.mandateId):
        for message in messages:
            logger.error(message)
    await product.messaging.errorlog.flush()


async def subscribed(product: Product, source: str | None = TELL) -> None:
    await product.subscription("SystemErrors", source)
    await product.subscribe("alice")


async def run(product: Product, after: float = DIGEST_MARGIN + 1) -> None:
    """The timer's run, some time later, and the messages that come of it."""
    product.clock.forward(after)
    await product.messaging.digest.run(waits=())
    await product.drain()


def told(product: Product) -> list[dict[str, Any]]:
    """What alice was told so far: the triggerData of each digest."""
    return [json.loads(mail.text or "") for mail in product.sandbox.inbox.messages]


def counts(product: Product) -> list[dict[str, int]]:
    return [{one["message"]: one["count"] for one in data["errors"]} for data in told(product)]
