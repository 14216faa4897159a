"""Messages that may or may not have left, for what operators decide about them."""

from typing import Any

from messaging.access import Principal, Role
from messaging.executions import Execution
from messaging.models import MessagingDelivery
from messaging.storage.base import Row, Table, Work
from tests.product import Product

LOST = "The connection to the provider broke before it answered"


def admin(product: Product, userId: str = "olivia") -> Principal:
    return product.principal(userId, Role.ADMIN)


def posts(product: Product) -> int:
    """Send requests that the providers saw."""
    return sum(seen.operation == "send" for seen in product.sandbox.requests.requests)


async def unknown_sms(product: Product, people: int = 1, **fault: Any) -> Execution:
    """An execution of SMS of which the first may or may not have left; the others are sent."""
    await product.subscription()
    for n in range(people):
        await product.subscribe(f"u{n}", f"+4179000000{n}", "sms")
    how = {"kind": "acceptThenDrop", "recipient": "+41790000000", "times": 1, **fault}
    product.sandbox.faults.replace([{"provider": "twilio", **how}])
    execution = await product.execute()
    await product.drain()
    return execution


async def unknown_mail(product: Product, kind: str) -> MessagingDelivery:
    """A mail, sent directly, that may or may not have left."""
    await product.subscription()
    alice = await product.subscribe("alice")
    product.sandbox.faults.replace([{"provider": "acs", "kind": kind, "times": 1, "operation": "send"}])
    sent = await product.messaging.service.sendMessage("Hello", "How are you?", alice, product.principal())
    return await one(product, sent.deliveryId or "")


async def one(product: Product, deliveryId: str) -> MessagingDelivery:
    return await product.messaging.history.getDelivery(product.principal(), deliveryId)


async def first(product: Product, execution: Execution) -> MessagingDelivery:
    return (await product.deliveries(execution))["u0"]


async def listed(product: Product) -> list[Row]:
    return await product.messaging.tables.range(Table.WORK, Work.EXECUTION, ("0", "g"), 1000)
