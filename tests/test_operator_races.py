"""What an operator decides while others move: workers, other operators, outages."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from messaging.connectors.base import Message, Sent
from messaging.delivery import State
from messaging.errors import Conflict, SenderBlocked, StorageUnavailable
from messaging.messages import BatchMessage
from messaging.models import MessagingChannel
from messaging.operator import Undecidable
from messaging.storage.base import Table
from tests.product import Product
from tests.unknown import admin, first, listed, one, posts, unknown_mail, unknown_sms

SMS = MessagingChannel.SMS


async def test_a_retry_meets_a_worker_that_sends_other_messages_of_the_batch(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    connector = product.messaging.connectors.get(SMS)
    monkeypatch.setattr(type(connector), "groupSize", 1)
    original = connector.send
    decided: list[str] = []

    async def send(message: Message) -> Sent:
        product.clock.forward(1)
        found = (await product.deliveries(execution))["u0"]
        if found.state == "unknown" and not decided:
            decided.append(message.recipient)
            await product.messaging.operator.retry(admin(product), found.id)
        return await original(message)

    monkeypatch.setattr(connector, "send", send)
    await product.subscription()
    for n in range(4):
        await product.subscribe(f"u{n}", f"+4179000000{n}", "sms")
    product.sandbox.faults.replace(
        [{"provider": "twilio", "kind": "reset", "recipient": "+41790000000", "times": 1}]
    )
    execution = await product.execute()
    message = BatchMessage(product.mandateId, execution.id, 1, 0)
    product.queues.messages.clear()
    await product.messaging.worker.deliver(message, SMS)
    assert decided and not product.queues.messages  # the worker that holds the batch needs none
    after = await product.deliveries(execution)
    assert {one.state for one in after.values()} == {"sent"}
    assert {person: one.attempts for person, one in after.items()} == {"u0": 2, "u1": 1, "u2": 1, "u3": 1}
    received = sorted(one.recipient for one in product.sandbox.inbox.messages)
    assert received == [f"+4179000000{n}" for n in range(4)]


async def test_a_claim_that_meets_a_resolution_is_not_lost(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    await product.subscription()
    for n in range(2):
        await product.subscribe(f"u{n}", f"+4179000000{n}", "sms")
    product.sandbox.faults.replace(
        [
            {"provider": "twilio", "kind": "reset", "recipient": "+41790000000", "times": 1},
            {"provider": "twilio", "status": 401, "recipient": "+41790000001", "times": 1},
        ]
    )
    execution = await product.execute()
    await product.drain()
    found = await product.deliveries(execution)
    assert {person: one.state for person, one in found.items()} == {"u0": "unknown", "u1": "deferred"}
    pauses, original = product.messaging.pauses, product.messaging.pauses.get
    met: list[str] = []

    async def get(channel: MessagingChannel, sender: str) -> Any:
        """Called by a worker between the reading of a batch and its claim."""
        if not met:
            met.append(found["u0"].id)
            await product.messaging.operator.resolve(admin(product), met[0], State.FAILED)
        return await original(channel, sender)

    monkeypatch.setattr(pauses, "get", get)
    for _ in range(3):  # the sender was blocked: the second try waits for the first one's probe
        product.clock.forward(70)
        await product.drain()
    after = await product.deliveries(execution)
    assert met and {person: one.state for person, one in after.items()} == {"u0": "failed", "u1": "sent"}


async def test_a_decision_is_made_on_the_row_as_it_is(product: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    execution = await unknown_sms(product)
    known = (await first(product, execution)).id
    batches = product.messaging.service.services.batches
    tables, original = product.messaging.tables, product.messaging.tables.commit
    moved: list[float] = []

    async def commit(table: Table, *rest: Any) -> Any:
        """Somebody else moves the batch just before the operator does."""
        if table is Table.LEDGER and not moved:
            moved.append(product.clock.now + 50)
            (read,) = await batches.of_page(product.mandateId, execution.id, 1)
            await batches.move(product.mandateId, read, replace(read.batch, leaseUntil=moved[0]), {})
        return await original(table, *rest)

    monkeypatch.setattr(tables, "commit", commit)
    await product.messaging.operator.resolve(admin(product), known, State.SENT)
    (read,) = await batches.of_page(product.mandateId, execution.id, 1)
    assert (read.batch.leaseUntil, read.batch.items[0].state) == (moved[0], State.SENT)


async def test_of_operators_who_decide_at_once_one_does(product: Product) -> None:
    known = (await first(product, await unknown_sms(product))).id
    moves = [
        product.messaging.operator.retry(admin(product, "a"), known),
        product.messaging.operator.resolve(admin(product, "b"), known, State.SENT, "b knows"),
        product.messaging.operator.resolve(admin(product, "c"), known, State.FAILED, "c knows"),
    ]
    results = await asyncio.gather(*moves, return_exceptions=True)
    assert [result for result in results if result is None] == [None]
    assert all(isinstance(result, Undecidable | Conflict) for result in results if result is not None)
    retried = results[0] is None
    await product.drain()
    after = await one(product, known)
    assert after.state in ("sent", "failed") and posts(product) == 1 + retried


async def test_a_retry_that_dies_before_its_queue_message_is_found_by_the_sweeper(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution = await unknown_sms(product)
    await product.messaging.sweeper.sweep()
    assert await listed(product) == []
    original = product.queues.put

    async def down(*_: Any) -> None:
        raise StorageUnavailable

    monkeypatch.setattr(product.queues, "put", down)
    known = (await first(product, execution)).id
    with pytest.raises(StorageUnavailable):
        await product.messaging.operator.retry(admin(product), known)
    monkeypatch.setattr(product.queues, "put", original)
    await product.messaging.sweeper.sweep()
    assert len(await listed(product)) == 1 and not product.queues.messages
    product.clock.forward(901)
    await product.messaging.sweeper.sweep()
    await product.drain()
    assert (await one(product, known)).state == "sent" and posts(product) == 2
    await product.messaging.sweeper.sweep()
    assert await listed(product) == []


async def test_a_retried_mail_whose_sender_is_blocked_meanwhile_is_unknown_again(product: Product) -> None:
    known = (await unknown_mail(product, "acceptThenDrop")).id
    await product.messaging.operator.retry(admin(product), known)
    sender = product.messaging.connectors.get(MessagingChannel.EMAIL).sender
    await product.messaging.pauses.block(MessagingChannel.EMAIL, sender, SenderBlocked(code="Denied"))
    await product.drain()
    after = await one(product, known)
    assert (after.state, after.errorMessage, posts(product)) == ("unknown", "The sender is blocked: Denied", 1)
    await product.messaging.operator.end_pause(MessagingChannel.EMAIL, sender, "olivia")
    await product.messaging.operator.retry(admin(product), known)
    await product.drain()
    assert ((await one(product, known)).state, posts(product)) == ("sent", 1)
