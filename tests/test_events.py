"""System events: each executes its audit subscription once, or leaves a trace at once."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from messaging.cursors import Asked
from messaging.errors import StorageUnavailable
from messaging.events import QUEUE, read, split
from messaging.journal import AuditFilter
from messaging.models import MessagingAuditEvent
from messaging.storage.base import Operation, Partition, Table
from messaging.storage.memory import MemoryTables
from tests.inbound import executions, poison
from tests.product import Product, running

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


async def take_each(product: Product, body: bytes) -> None:
    await product.messaging.inbound.take_each(QUEUE, "id-1", split(body), read)


async def journal(product: Product) -> list[MessagingAuditEvent]:
    """The reported events that the mandate's journal holds."""
    page = await product.messaging.journal.getAuditEvents(product.principal(), AuditFilter(), Asked(200))
    return [one for one in page.items if one.source != "messaging"]


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
    (kept,) = await journal(product)
    assert kept.model_dump(include=set(expected)) == expected
    assert (kept.id, kept.source, kept.type, kept.outcome) == ("e1", "/idp", "com.example.login", None)


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
    ({"source": "a\nb"}, "source: "),
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
    assert [one.eventType for one in await journal(product)] == ["logout"]


async def test_an_event_without_a_time_keeps_the_time_of_its_first_coming(product: Product) -> None:
    await product.subscription("audit_login", TELL)
    await product.subscribe("alice", subscriptionId="audit_login")
    body = cloud(product, time=None)
    early = read("", body).audit
    assert early is not None
    await product.messaging.journal.write(product.mandateId, early)  # and the process died
    await take(product, body)
    await product.drain()
    assert await journal(product) == [early]
    (mail,) = product.sandbox.inbox.messages
    assert f"('timestamp', {early.timestamp})" in str(mail.text)


async def test_a_row_without_its_execution_is_completed_by_the_next_delivery(product: Product) -> None:
    await product.subscription("audit_login", "import nothing_of_this_name")
    await product.subscribe("alice", subscriptionId="audit_login")
    await take(product, cloud(product))
    assert (len(await journal(product)), len(await poison(product))) == (1, 1)
    product.function("audit_login", TELL)
    await take(product, cloud(product))
    assert (len(await journal(product)), len(await executions(product))) == (1, 1)


async def test_each_event_of_an_array_is_its_own(product: Product) -> None:
    await product.subscription("audit_login")
    bad = {"specversion": "1.0", "id": 7}
    events = [json.loads(cloud(product, id=f"e{n}")) for n in range(3)]
    body = json.dumps(
        [events[0], bad, events[1], "text", json.loads(grid(product)), events[2], events[2]]
    ).encode()
    for _ in range(2):
        await take_each(product, body)
    assert {one.id for one in await journal(product)} == {"e0", "e1", "e2"}
    assert len(await executions(product)) == 3
    rows = {row.key: row for row in await poison(product)}
    assert {key: row["reason"].split(":")[0] for key, row in rows.items()} == {
        f"{QUEUE}~id-1-1": "id",
        f"{QUEUE}~id-1-3": "body",
    }
    assert json.loads(rows[f"{QUEUE}~id-1-1"]["part000"]) == bad


@pytest.mark.parametrize("body", [b"[]", b"[1e4", b"\xff", b"{}", b'"text"'])
def test_what_is_no_filled_array_is_read_as_it_came(body: bytes) -> None:
    assert split(body) == [body]


class OnceUnreachable(MemoryTables):
    """Storage whose journal does not answer once."""

    answers = False

    async def commit(self, table: Table, partition: Partition, operations: Sequence[Operation]) -> list[str]:
        if table is Table.JOURNAL and not self.answers:
            self.answers = True
            raise StorageUnavailable
        return await super().commit(table, partition, operations)


async def test_an_event_that_storage_does_not_take_stops_no_other_and_comes_again(tmp_path: Path) -> None:
    async with running("UseDevelopmentStorage=true", tmp_path, tables=OnceUnreachable()) as product:
        body = json.dumps([json.loads(cloud(product, id=f"e{n}")) for n in range(3)]).encode()
        with pytest.raises(StorageUnavailable):
            await take_each(product, body)
        assert len(await journal(product)) == 2
        await take_each(product, body)
        assert len(await journal(product)) == 3
