"""Workflow messages: each executes once, or leaves a trace at once; none blocks the queue."""

import json
from pathlib import Path
from typing import Any

import anyio
import pytest

from dev.processes import ROOT
from messaging import workflow
from messaging.errors import StorageUnavailable
from messaging.storage.base import MAX_MESSAGE, Row, message_text
from messaging.storage.memory import MemoryTables
from messaging.workflow import QUEUE, WorkflowAction, read
from tests.inbound import executions, poison
from tests.product import GREETING, Product, running

SLOW = GREETING.replace("    sent", "    import time; time.sleep(1)\n    sent", 1)
"""A function that takes a second."""

SCHEMA = ROOT / "docs" / "workflow-action.schema.json"


def message(product: Product, **more: Any) -> bytes:
    fitting = {
        "action": "messaging.executeSubscription",
        "mandateId": product.mandateId,
        "subscriptionId": "SystemErrors",
        "eventParameters": {"errors": ["disk full"]},
    }
    return json.dumps({**fitting, **more}).encode()


async def take(product: Product, body: bytes, messageId: str = "id-1") -> None:
    await product.messaging.inbound.take(QUEUE, messageId, body, read)


async def test_a_message_executes_and_a_redelivered_one_does_not_again(product: Product) -> None:
    await product.subscription()
    await product.subscribe("alice")
    for _ in range(2):
        await take(product, message(product))
    await product.drain()
    (one,) = await executions(product)
    assert (one.trigger, one.createdBy, one.sent, one.done) == ("workflow", "workflow", 1, True)
    assert len(product.sandbox.inbox.messages) == 1


async def test_the_same_key_is_the_same_execution_in_any_message(product: Product) -> None:
    await product.subscription()
    await product.subscribe("alice")
    for number in range(2):
        await take(product, message(product, idempotencyKey="k1"), f"id-{number}")
    await take(product, message(product), "id-2")
    assert len(await executions(product)) == 2


HOSTILE: list[tuple[bytes | dict[str, Any], str]] = [
    (b"", "body: "),
    (b"not base64 %%", "body: "),
    (b"\xff\xfe\x00", "body: "),
    (b"{" * 65536, "body: "),
    (b"[]", "body: "),
    (b"null", "body: "),
    (b"{}", "action: "),
    ({"action": "messaging.deleteEverything"}, "action: "),
    ({"mandateId": 7}, "mandateId: "),
    ({"mandateId": "m1/../m2"}, "mandateId: "),
    ({"mandateId": "m1\n"}, "mandateId: "),
    ({"subscriptionId": "System Errors"}, "subscriptionId: "),
    ({"subscriptionId": None}, "subscriptionId: "),
    ({"eventParameters": ["disk full"]}, "eventParameters: "),
    ({"eventParameters": {"n": float("nan")}}, "body: is not JSON: NaN"),
    (b'{"action": "messaging.executeSubscription", "action": "another"}', "body: is not JSON: the name"),
    ({"eventParameters": "x" * 48_000}, "eventParameters: "),
    ({"idempotencyKey": ""}, "idempotencyKey: "),
    ({"idempotencyKey": "k" * 256}, "idempotencyKey: "),
    ({"surprise\u2028": "alice@example.com"}, "surprise\\u2028: "),
]


@pytest.mark.parametrize(("hostile", "reason"), HOSTILE)
async def test_what_does_not_fit_is_poison_at_once_and_names_the_field(
    product: Product, caplog: pytest.LogCaptureFixture, hostile: bytes | dict[str, Any], reason: str
) -> None:
    await product.subscription()
    body = hostile if isinstance(hostile, bytes) else message(product, **hostile)
    for _ in range(2):
        await take(product, body)
    (row,) = await poison(product)
    assert row["queue"] == QUEUE
    assert row["reason"].startswith(reason)
    assert "is refused" in caplog.text
    assert "alice@example.com" not in caplog.text + row["reason"]
    assert await executions(product) == []


async def test_what_retries_cannot_help_is_logged(product: Product, caplog: pytest.LogCaptureFixture) -> None:
    await product.subscription("NoFunction", source=None)
    await product.subscribe("alice", subscriptionId="NoFunction")
    for subscriptionId in ("Nobody", "NoFunction"):
        await take(product, message(product, subscriptionId=subscriptionId))
        assert f"{subscriptionId}" in caplog.text
    await product.subscription()
    await take(product, message(product, mandateId="another"))
    assert "Mandate another" in caplog.text
    assert (await poison(product), await executions(product), product.queues.messages) == ([], [], [])


async def test_a_broken_function_is_kept_for_a_replay(product: Product) -> None:
    await product.subscription(source="import nothing_of_this_name")
    await product.subscribe("alice")
    await take(product, message(product))
    (row,) = await poison(product)
    assert "failed to load" in row["reason"]


async def test_a_message_whose_key_is_being_worked_on_comes_later(product: Product) -> None:
    await product.subscription(source=SLOW)
    await product.subscribe("alice")
    async with anyio.create_task_group() as group:
        for _ in range(2):
            group.start_soon(take, product, message(product))
    ((visible, _, again),) = [one for one in product.queues.messages if one[1] == QUEUE]
    assert visible > product.clock.now
    assert again["idempotencyKey"] == "id-1"
    assert read("another-id", json.dumps(again).encode()).idempotencyKey == "id-1"


@pytest.mark.parametrize(("room", "queued"), [(0, 1), (1, 0)])
async def test_what_is_too_long_to_be_put_back_with_its_key_waits_where_it_is(
    storage: str, tmp_path: Path, room: int, queued: int
) -> None:
    brief: dict[str, Any] = {"MESSAGING_LEASE_SECONDS": "2", "MESSAGING_PROVIDER_TIMEOUT_SECONDS": "1"}
    async with running(storage, tmp_path, **brief) as product:
        await product.subscription(source=SLOW)
        await product.subscribe("alice")
        empty = len(message_text(read("id-1", message(product, eventParameters={"x": ""})).again))
        body = message(product, eventParameters={"x": "y" * (MAX_MESSAGE - empty + room)})
        assert len(body) < MAX_MESSAGE
        async with anyio.create_task_group() as group:
            for _ in range(2):
                group.start_soon(take, product, body)
        assert len([one for one in product.queues.messages if one[1] == QUEUE]) == queued
        assert len(await executions(product)) == 1
        assert await poison(product) == []


async def test_a_hundred_at_once_are_a_hundred_executions(product: Product) -> None:
    await product.subscription()
    async with anyio.create_task_group() as group:
        for number in range(100):
            body = message(product) if number % 2 else b"{}"
            group.start_soon(take, product, body, f"id-{number}")
    assert (len(await executions(product)), len(await poison(product))) == (50, 50)


class Unreachable(MemoryTables):
    async def get(self, *_: Any) -> Row | None:
        raise StorageUnavailable


async def test_storage_that_cannot_be_reached_is_left_to_the_host(tmp_path: Path) -> None:
    async with running("UseDevelopmentStorage=true", tmp_path, tables=Unreachable()) as product:
        with pytest.raises(StorageUnavailable):
            await take(product, message(product))


def test_the_published_schema_is_the_model() -> None:
    assert json.loads(SCHEMA.read_text()) == WorkflowAction.model_json_schema()
    assert workflow.QUEUE in (ROOT / "docs" / "triggers.md").read_text()
