"""logAuditEvent: what a Python caller reports executes the subscription, and never fails the caller."""

import json
from pathlib import Path
from typing import Any

import pytest

from messaging.bootstrap import build
from messaging.cursors import Asked
from messaging.errors import StorageUnavailable
from messaging.events import QUEUE, read
from tests.product import Product, mandate, settings


async def test_a_reported_event_executes_its_subscription(product: Product) -> None:
    await product.subscription("audit_login")
    await product.subscribe("alice", subscriptionId="audit_login")
    await product.messaging.audit.logAuditEvent("login", "u1", {"ip": "::1"}, mandateId=product.mandateId)
    taken = product.queues.take()
    assert taken is not None
    queue, message = taken
    assert queue == QUEUE
    body = json.dumps(message).encode()
    assert read("id-1", body).triggerData["timestamp"] == product.clock.now
    await product.messaging.inbound.take(QUEUE, "id-1", body, read)
    page = await product.messaging.history.getAllExecutions(product.principal(), Asked(10))
    assert [(one.subscriptionId, one.trigger) for one in page.items] == [("audit_login", "event")]


async def test_the_longest_event_fits_a_real_queue_and_a_longer_one_is_lost(
    storage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wired = build(settings(storage), subscriptions=tmp_path)
    try:
        await wired.audit.logAuditEvent("login", "u1", {"x": "ü" * 24_000}, mandateId=mandate())
        assert "is lost" not in caplog.text
        await wired.audit.logAuditEvent("login", "u1", {"x": "ü" * 25_000}, mandateId=mandate())
        assert "is lost" in caplog.text
    finally:
        await wired.close()


@pytest.mark.parametrize("details", [{"ip": object()}, {"ip": "\ud800"}, {"ip": "::1"}])
async def test_an_event_that_cannot_be_queued_is_an_error_in_the_log(
    product: Product, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, details: dict[str, Any]
) -> None:
    async def unreachable(*_: Any) -> None:
        json.dumps(_[1])
        raise StorageUnavailable

    monkeypatch.setattr(product.queues, "put", unreachable)
    await product.messaging.audit.logAuditEvent("login", "u1", details, mandateId=product.mandateId)
    assert "is lost" in caplog.text and "::1" not in caplog.text
