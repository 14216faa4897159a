"""Hostile queue messages, put as anybody may put them and taken as the host takes them: each leaves a trace."""

import asyncio
import json
from base64 import b64encode
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import azure.functions as func
import pytest
from azure.storage.queue import QueueClient

from dev.host.functions import QueueTrigger
from dev.host.hostjson import QueueRules
from dev.host.protos import RpcFunctionMetadata
from dev.host.queues import QueueListener
from dev.host.worker import Call, Outcome
from messaging import events, triggers, workflow
from messaging.cursors import Asked
from messaging.journal import AuditFilter
from messaging.storage.memory import MemoryTables
from tests.inbound import executions, poison
from tests.product import Product, mandate

Work = Callable[[func.QueueMessage], Awaitable[None]]

RULES = QueueRules(max_polling_interval=0.1)


def action(product: Product, **more: Any) -> dict[str, Any]:
    fitting = {"action": "messaging.executeSubscription", "mandateId": product.mandateId, "eventParameters": {}}
    return {**fitting, "subscriptionId": "SystemErrors", "idempotencyKey": "k1", **more}


def event(product: Product, **more: Any) -> dict[str, Any]:
    data = {"mandateId": product.mandateId, "userId": "alice", "details": {}}
    return {"specversion": "1.0", "id": "e1", "source": "/idp", "type": "com.example.login", "data": data, **more}


def encoded(value: Any) -> str:
    return b64encode(value if isinstance(value, bytes) else json.dumps(value).encode()).decode()


DOORS = [
    (workflow.QUEUE, triggers.take_action, action, "SystemErrors", {"mandateId": 7}, {"subscriptionId": "Nobody"}),
    (events.QUEUE, triggers.take_events, event, "audit_login", {"id": 7}, {"id": "e2", "type": "nobody"}),
]


async def serve(product: Product, queue: str, contents: list[str], work: Work, done: Callable[[], bool]) -> None:
    """Put the contents on the queue of the account and work on it, and on its poison queue, until done."""
    connection = product.messaging.settings.storage_connection
    assert connection is not None
    secret = connection.get_secret_value()
    with QueueClient.from_connection_string(secret, queue) as client:
        client.create_queue()
        for content in contents:
            client.send_message(content)

    async def keep(message: func.QueueMessage) -> None:
        await product.messaging.poison.keep(queue, message.id or "", message.get_body())

    def listener(name: str, function: Work, rules: QueueRules) -> QueueListener:
        async def run(call: Call) -> Outcome:
            data = call.data.bytes if call.data.bytes is not None else (call.data.string or "").encode()
            try:
                await function(func.QueueMessage(id=call.metadata["Id"].string, body=data))
            except Exception:
                return Outcome(False)
            return Outcome(True)

        binary = name.endswith("-poison")
        return QueueListener(
            QueueTrigger(RpcFunctionMetadata(name="f"), "message", name, secret, binary), rules, run
        )

    plain = QueueRules(max_polling_interval=0.1, base64=False)
    stop = asyncio.Event()
    listeners = [listener(queue, work, RULES), listener(f"{queue}-poison", keep, plain)]
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        for one in listeners:
            await one.prepare()
            group.create_task(one.listen(stop))
        while not await asyncio.to_thread(done):
            await asyncio.sleep(0.05)
        stop.set()


@pytest.mark.parametrize(("queue", "work", "fitting", "subscriptionId", "wrong", "nobody"), DOORS)
async def test_none_blocks_the_queue_and_each_leaves_a_trace(
    product: Product,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    queue: str,
    work: Work,
    fitting: Callable[..., dict[str, Any]],
    subscriptionId: str,
    wrong: dict[str, Any],
    nobody: dict[str, Any],
) -> None:
    monkeypatch.setattr(triggers, "_built", [product.messaging])
    caplog.set_level("INFO")
    await product.subscription(subscriptionId)
    other = mandate()
    foreign = {**fitting(product), "mandateId": other} if fitting is action else fitting(product, id="e3")
    if fitting is event:
        foreign["data"] = {**foreign["data"], "mandateId": other}
    refused = [b"\xff\xfe", b"", b"{", b"[" * 49_152, b"x" * 49_152, b"null", fitting(product, **wrong)]
    contents = [
        "not base64 %%",
        *map(encoded, refused),
        encoded(foreign),
        encoded(fitting(product, **nobody)),
        encoded(fitting(product)),
        encoded(fitting(product)),
    ]

    def done() -> bool:
        with (
            QueueClient.from_connection_string(secret, queue) as client,
            QueueClient.from_connection_string(secret, f"{queue}-poison") as bad,
        ):
            counts = [one.get_queue_properties().approximate_message_count for one in (client, bad)]
        return counts == [0, 0]

    connection = product.messaging.settings.storage_connection
    assert connection is not None
    secret = connection.get_secret_value()
    await serve(product, queue, contents, work, done)
    assert len(await poison(product)) == 1 + len(refused)
    (one,) = await executions(product)
    assert one.subscriptionId == subscriptionId
    assert f"Mandate {other}" in caplog.text and "obody not found" in caplog.text


async def test_a_thousand_at_once_are_all_settled(twin: tuple[Product, MemoryTables]) -> None:
    product, _ = twin
    await product.subscription("audit_login")
    take = product.messaging.inbound.take
    async with anyio.create_task_group() as group:
        for number in range(1000):
            body = json.dumps(event(product, id=f"e{number % 500}")).encode() if number % 4 else b"{}"
            group.start_soon(take, events.QUEUE, f"id-{number}", body, events.read)
    assert len(await poison(product)) == 250
    kept = len(await executions(product))
    found = await product.messaging.journal.getAuditEvents(product.principal(), AuditFilter(), Asked(1000))
    assert kept == 375 and found.nextCursor is not None
