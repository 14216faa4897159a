"""The queue rules of the local host, against Azurite, with a plain function in place of the app."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import QueueClient, QueueMessage

from dev.azurite import ACCOUNT, KEY, start_azurite
from dev.host.functions import QueueTrigger
from dev.host.hostjson import QueueRules
from dev.host.protos import RpcFunctionMetadata
from dev.host.queues import QueueListener
from dev.host.worker import Call, Outcome
from tests.dev.hostapp.records import new_name
from tests.ports import free_ports

FAST = QueueRules(max_polling_interval=0.2)


@dataclass
class Bench:
    """A queue of its own, a listener on it, and what the function saw: the time of each call."""

    connection: str
    name: str = field(default_factory=new_name)
    calls: list[tuple[float, Call]] = field(default_factory=list)

    def client(self, suffix: str = "") -> QueueClient:
        return QueueClient.from_connection_string(self.connection, self.name + suffix, retry_total=0)

    def put(self, *contents: str) -> None:
        with self.client() as client:
            with contextlib.suppress(ResourceExistsError):  # a listener that runs already may have made it
                client.create_queue()
            for content in contents:
                client.send_message(content)

    def total(self, suffix: str = "") -> int:
        """Messages in the queue, visible or not."""
        with self.client(suffix) as client:
            return int(client.get_queue_properties().approximate_message_count or 0)

    def visible(self, suffix: str = "") -> list[QueueMessage]:
        with self.client(suffix) as client:
            return list(client.peek_messages(max_messages=32))

    def listener(self, rules: QueueRules, run: Callable[[Call], Awaitable[bool]]) -> QueueListener:
        async def noted(call: Call) -> Outcome:
            self.calls.append((time.monotonic(), call))
            return Outcome(await run(call))

        trigger = QueueTrigger(RpcFunctionMetadata(name="work"), "message", self.name, self.connection, False)
        return QueueListener(trigger, rules, noted)

    def serve(
        self,
        rules: QueueRules,
        run: Callable[[Call], Awaitable[bool]],
        until: Callable[[], bool],
        hosts: int = 1,
    ) -> None:
        """Listen until the condition holds, then drain; fails after 15 s."""

        async def session() -> None:
            stop = asyncio.Event()
            listeners = [self.listener(rules, run) for _ in range(hosts)]
            tasks = [asyncio.create_task(listener.listen(stop)) for listener in listeners]
            async with asyncio.timeout(15):
                while not await asyncio.to_thread(until):
                    await asyncio.sleep(0.05)
                stop.set()
                await asyncio.gather(*tasks)

        asyncio.run(session())


@pytest.fixture
def bench(azurite: str) -> Bench:
    return Bench(azurite)


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


async def succeed(_: Call) -> bool:
    return True


async def fail(_: Call) -> bool:
    return False


def test_success_deletes_and_the_function_sees_the_message(bench: Bench) -> None:
    bench.put(encoded('{"a": "ä"}'))
    bench.serve(FAST, succeed, lambda: bench.total() == 0)
    [(_, call)] = bench.calls
    assert call.parameter == "message"
    assert call.data.string == '{"a": "ä"}'
    facts = {name: value.json or value.string for name, value in call.metadata.items()}
    assert facts["DequeueCount"] == "1"
    assert facts["QueueTrigger"] == '{"a": "ä"}'
    assert facts["Id"]
    assert facts["PopReceipt"]
    for moment in ("InsertionTime", "ExpirationTime", "NextVisibleTime"):
        assert str(json.loads(facts[moment] or "")).endswith("+00:00")


def test_failing_message_is_tried_again_and_lands_in_poison_as_it_was(bench: Bench) -> None:
    content = encoded("fail <&> ä")
    bench.put(content)
    rules = QueueRules(max_polling_interval=0.1, max_dequeue_count=3, visibility_timeout=1)
    bench.serve(rules, fail, lambda: bench.total() == 0)
    moments = [moment for moment, _ in bench.calls]
    assert len(moments) == 3
    # storage counts visibility in whole seconds from a clock of whole milliseconds
    assert all(0.95 <= late - early < 1.9 for early, late in zip(moments, moments[1:], strict=False))
    assert [message.content for message in bench.visible("-poison")] == [content]


def test_five_tries_without_a_pause_are_the_default(bench: Bench) -> None:
    bench.put(encoded("x"))
    bench.serve(FAST, fail, lambda: bench.total() == 0)
    assert len(bench.calls) == 5
    assert [json.loads(call.metadata["DequeueCount"].json or "") for _, call in bench.calls] == [1, 2, 3, 4, 5]


def test_poison_queue_has_no_poison_queue(azurite: str) -> None:
    bench = Bench(azurite, new_name() + "-poison")
    bench.put(encoded("x"), "§ not base64")
    bench.serve(FAST, fail, lambda: len(bench.calls) == 1)
    time.sleep(0.3)
    assert len(bench.calls) == 1
    assert bench.total() == 2
    assert bench.visible() == []  # invisible for the rest of the lease
    with pytest.raises(ResourceNotFoundError):
        bench.visible("-poison")


@pytest.mark.parametrize("content", ["§ not base64", "abc", "{}"])
def test_undecodable_message_goes_to_poison_at_once(content: str, bench: Bench) -> None:
    bench.put(content)
    bench.serve(FAST, succeed, lambda: bench.total() == 0)
    assert bench.calls == []
    assert [message.content for message in bench.visible("-poison")] == [content]


def test_message_that_is_not_text_fails_without_reaching_the_function(bench: Bench) -> None:
    content = base64.b64encode(b"\xff\xfe").decode()
    bench.put(content)
    bench.serve(FAST, succeed, lambda: bench.total() == 0)
    assert bench.calls == []
    assert [message.content for message in bench.visible("-poison")] == [content]


def test_message_taken_too_often_goes_to_poison_unrun(bench: Bench) -> None:
    bench.put(encoded("kills the process"))
    with bench.client() as client:
        for _ in range(2):  # as hosts that died
            [taken] = client.receive_messages(max_messages=1)
            client.update_message(taken.id, taken.pop_receipt, visibility_timeout=0)
    bench.serve(QueueRules(max_dequeue_count=2), succeed, lambda: bench.total() == 0)
    assert bench.calls == []
    assert len(bench.visible("-poison")) == 1


def test_lease_is_renewed_so_that_no_other_host_runs_the_message(bench: Bench) -> None:
    bench.put(encoded("slow"))

    async def slow(_: Call) -> bool:
        await asyncio.sleep(3.2)
        return True

    bench.serve(QueueRules(max_polling_interval=0.2, message_lease=2), slow, lambda: bench.total() == 0, hosts=2)
    assert len(bench.calls) == 1


def test_two_hosts_share_the_messages_without_running_one_twice(bench: Bench) -> None:
    bench.put(*(encoded(str(number)) for number in range(40)))

    async def short(_: Call) -> bool:
        await asyncio.sleep(0.02)
        return True

    bench.serve(QueueRules(batch_size=4, new_batch_threshold=2), short, lambda: bench.total() == 0, hosts=2)
    assert sorted(int(call.data.string or "") for _, call in bench.calls) == list(range(40))


def test_message_that_somebody_else_took_is_not_an_error(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.put(encoded("gone"), encoded("taken"))

    async def lose(call: Call) -> bool:
        with bench.client() as client:
            receipt = call.metadata["PopReceipt"].string
            if call.data.string == "gone":
                client.delete_message(call.metadata["Id"].string or "", receipt)
            else:
                client.update_message(call.metadata["Id"].string or "", receipt, visibility_timeout=60)
        return True

    with caplog.at_level(logging.INFO, "host"):
        bench.serve(FAST, lose, lambda: len(bench.calls) == 2)
    messages = [record.getMessage() for record in caplog.records if record.name == "host.queues"]
    assert len(messages) == 2
    assert all("somebody else has it or it is gone" in message for message in messages)
    assert bench.total() == 1


def test_batches_start_together_and_refill_at_the_threshold(bench: Bench) -> None:
    bench.put(*(encoded(str(number)) for number in range(12)))
    running: list[int] = []
    now = 0

    async def work(_: Call) -> bool:
        nonlocal now
        now += 1
        running.append(now)
        await asyncio.sleep(0.1 + 0.05 * len(running))
        now -= 1
        return True

    bench.serve(QueueRules(batch_size=4, new_batch_threshold=2), work, lambda: bench.total() == 0)
    assert running[:4] == [1, 2, 3, 4]
    assert max(running) == 6  # batch_size + new_batch_threshold
    assert len(running) == 12


def test_queue_is_created_at_start_and_again_when_it_has_gone(bench: Bench) -> None:
    async def session() -> None:
        stop = asyncio.Event()
        listener = bench.listener(FAST, succeed)
        await listener.prepare()
        assert bench.total() == 0
        task = asyncio.create_task(listener.listen(stop))
        with bench.client() as client:
            client.delete_queue()
        await asyncio.sleep(0.6)
        stop.set()
        await task

    asyncio.run(session())
    assert bench.total() == 0


def test_outage_of_storage_is_logged_once_and_survived(caplog: pytest.LogCaptureFixture) -> None:
    blob, queue, table = free_ports(3)
    ports = (blob, queue, table)
    endpoint = f"QueueEndpoint=http://127.0.0.1:{ports[1]}/{ACCOUNT}"
    bench = Bench(f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};{endpoint}")

    async def session() -> None:
        stop = asyncio.Event()
        listener = bench.listener(FAST, succeed)
        await listener.prepare()
        task = asyncio.create_task(listener.listen(stop))
        await asyncio.sleep(0.5)
        with await asyncio.to_thread(start_azurite, None, ports):
            await asyncio.to_thread(bench.put, encoded("x"))
            async with asyncio.timeout(10):
                while not bench.calls:
                    await asyncio.sleep(0.05)
            stop.set()
            await task

    with caplog.at_level(logging.INFO, "host"):
        asyncio.run(session())
    messages = [record.getMessage() for record in caplog.records if record.name == "host.queues"]
    assert len(messages) == 2
    assert "storage does not answer" in messages[0]
    assert "storage answers again" in messages[1]
