"""System events: each executes its audit subscription once, or leaves a trace at once."""

import json
import logging
from typing import Any

import pytest

from messaging.events import QUEUE, read
from tests.inbound import executions, poison
from tests.product import Product

TELL = """
from messaging.models import MessagingSubscriptionExecutionResult

def execute(eventParameters, registrations, messagingService):
    for one in registrations:
        messagingService.sendMessage("Event", repr(sorted(eventParameters.triggerData.items())), one)
    return MessagingSubscriptionExecutionResult(success=True, messagesSent=1)
"""


def cloud(product: Product, data: dict[str, Any] | None = None, **more: Any) -> bytes:
    about = {"mandateId": product.mandateId, "userId": "u1", "details": {"ip": "::1"}, **(data or {})}
    event = {
        "specversion": "1.0",
        "id": "e1",
        "source": "/idp",
        "type": "com.example.login",
        "time": "2026-01-01T00:00:00Z",
        "data": about,
    }
    return json.dumps({**event, **more}).encode()


def grid(product: Product) -> bytes:
    event = json.loads(cloud(product))
    renamed = {"topic": event["source"], "eventType": event["type"], "eventTime": event["time"]}
    rest = {"subject": "u1", "dataVersion": "1", "metadataVersion": "1"}
    return json.dumps({"id": event["id"], "data": event["data"], **renamed, **rest}).encode()


async def take(product: Product, body: bytes, messageId: str = "id-1") -> None:
    await product.messaging.inbound.take(QUEUE, messageId, body, read)


@pytest.mark.parametrize("schema", [cloud, grid])
async def test_an_event_executes_its_subscription_once(product: Product, schema: Any) -> None:
    await product.subscription("audit_login", TELL)
    await product.subscribe("alice", subscriptionId="audit_login")
    for number in range(2):
        await take(product, schema(product), f"id-{number}")
    await product.drain()
    (one,) = await executions(product)
    assert (one.trigger, one.createdBy, one.sent) == ("event", "event", 1)
    (mail,) = product.sandbox.inbox.messages
    expected = {"eventType": "login", "userId": "u1", "details": {"ip": "::1"}, "timestamp": 1767225600.0}
    assert mail.text == repr(sorted(expected.items()))


async def test_the_same_id_of_another_source_is_another_event(product: Product) -> None:
    await product.subscription("audit_login", TELL)
    for source in ("/a", "/b"):
        await take(product, cloud(product, source=source))
    assert len(await executions(product)) == 2


HOSTILE: list[tuple[Any, str]] = [
    (b"\xff\xfe", "body: "),
    (b"not base64 %%", "body: "),
    (b"[" * 65536, "body: "),
    (b"[]", "body: "),
    (b"{}", "specversion: "),
    ({"specversion": "0.3"}, "specversion: "),
    ({"id": 7}, "id: "),
    ({"source": ""}, "source: "),
    ({"type": "com.example."}, "type: "),
    ({"type": "com.example.log/in"}, "type: "),
    ({"time": "yesterday"}, "time: "),
    (b'{"specversion": "1.0", "id": "1", "source": "s", "type": "t"}', "data: "),
]


@pytest.mark.parametrize(("hostile", "reason"), HOSTILE)
async def test_what_does_not_fit_is_poison_at_once(product: Product, hostile: Any, reason: str) -> None:
    await take(product, hostile if isinstance(hostile, bytes) else cloud(product, **hostile))
    (row,) = await poison(product)
    assert row["reason"].startswith(reason)


@pytest.mark.parametrize("data", [{"mandateId": "../m"}, {"userId": 1}, {"details": "x"}])
async def test_wrong_data_names_its_field(product: Product, data: dict[str, Any]) -> None:
    await take(product, cloud(product, data))
    (row,) = await poison(product)
    assert next(iter(data)) in row["reason"]


async def test_an_event_that_nobody_asked_for_is_a_quiet_line(
    product: Product, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await take(product, cloud(product, type="com.example.logout"))
    assert "audit_logout" in caplog.text
    assert [one for one in caplog.records if one.levelno >= logging.WARNING] == []
    assert (await poison(product), await executions(product)) == ([], [])
