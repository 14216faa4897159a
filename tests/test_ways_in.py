"""Every subscription can be executed in every way. Source: concept, "Trigger-Mechanismus"."""

import json

from messaging import events, workflow
from tests.inbound import executions
from tests.product import Product


async def test_a_subscription_is_executed_in_every_way_and_each_execution_names_its_own(
    product: Product,
) -> None:
    await product.subscription("audit_login", schedule="0 * * * * *")
    await product.subscribe("alice", subscriptionId="audit_login")
    inbound, mandateId = product.messaging.inbound, product.mandateId
    await product.execute("audit_login")
    action = {
        "action": "messaging.executeSubscription",
        "mandateId": mandateId,
        "subscriptionId": "audit_login",
        "eventParameters": {},
    }
    await inbound.take(workflow.QUEUE, "id-1", json.dumps(action).encode(), workflow.read)
    data = {"mandateId": mandateId, "userId": "u1", "details": {}}
    event = {"specversion": "1.0", "id": "e1", "source": "/idp", "type": "com.example.login", "data": data}
    await inbound.take(events.QUEUE, "id-2", json.dumps(event).encode(), events.read)
    product.clock.forward(60)
    await product.messaging.ticker.tick()
    await product.drain()
    found = {one.trigger.value: (one.createdBy, one.sent, one.done) for one in await executions(product)}
    assert found == {
        "http": ("boss", 1, True),
        "workflow": ("workflow", 1, True),
        "event": ("event", 1, True),
        "schedule": ("schedule", 1, True),
    }
    assert len(product.sandbox.inbox.messages) == 4
