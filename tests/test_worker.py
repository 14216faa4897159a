"""A batch from its queue message to its end, on Azurite and the sandbox: what is sent, recorded, deferred."""

import asyncio
from typing import Any

import pytest

from messaging import worker as module
from messaging.batches import StoredBatch
from messaging.connectors.base import Sent
from messaging.delivery import State
from messaging.errors import Conflict, StorageUnavailable
from messaging.executions import Execution
from messaging.messages import BatchMessage
from messaging.models import DeliveryStatus, MessagingChannel, MessagingDelivery
from tests.product import Product, running

EMAIL = MessagingChannel.EMAIL


async def accepted(product: Product, *people: str) -> Execution:
    """An execution for these people, stored and queued, nothing sent yet."""
    await product.subscription()
    for person in people or ("alice",):
        await product.subscribe(person)
    return await product.execute()


async def only(product: Product, execution: Execution) -> MessagingDelivery:
    (delivery,) = (await product.deliveries(execution)).values()
    return delivery


async def stored(product: Product, execution: Execution) -> StoredBatch:
    (found,) = await product.messaging.worker._batches.of_page(product.mandateId, execution.id, 1)
    return found


def posts(product: Product) -> int:
    """Send requests that the provider saw."""
    return sum(seen.operation == "send" for seen in product.sandbox.requests.requests)


def fault(product: Product, **rule: Any) -> None:
    product.sandbox.faults.replace([{"provider": "acs", **rule}])


async def test_a_sent_message_names_what_the_provider_calls_it(product: Product) -> None:
    execution = await accepted(product)
    await product.drain()
    delivery = await only(product, execution)
    assert (delivery.status, delivery.state, delivery.attempts) == (DeliveryStatus.SENT, "sent", 1)
    assert delivery.providerMessageId == delivery.id
    assert delivery.sentAt == product.clock.now
    (message,) = product.sandbox.inbox.messages
    assert (message.recipient, message.subject, message.text) == ("alice@example.com", "Hello", "How are you?")
    assert message.operationId == delivery.id


async def test_a_refused_recipient_fails_in_the_providers_words(product: Product) -> None:
    execution = await accepted(product, "refused")
    await product.drain()
    delivery = await only(product, execution)
    assert (delivery.status, delivery.state) == (DeliveryStatus.FAILED, "failed")
    assert delivery.errorMessage and delivery.errorMessage.startswith("InvalidEmailAddress: ")
    assert not product.queues.messages


@pytest.mark.parametrize("status", [401, 403, 404, 429])
async def test_a_blocked_sender_defers_and_goes_on_by_itself(product: Product, status: int) -> None:
    execution = await accepted(product)
    fault(product, status=status, times=1)
    await product.drain()
    delivery = await only(product, execution)
    assert (delivery.status, delivery.state, delivery.attempts) == (DeliveryStatus.PENDING, "deferred", 1)
    assert delivery.retryAt and delivery.retryAt > product.clock.now
    counted = await product.messaging.history.counted(product.mandateId, execution)
    assert (counted.deferred, counted.pending, counted.done) == (1, 1, False)
    await product.drain()
    assert posts(product) == 1
    product.clock.now = delivery.retryAt
    await product.drain()
    delivery = await only(product, execution)
    assert (delivery.state, delivery.attempts, delivery.retryAt) == ("sent", 2, None)


async def test_retry_after_is_honoured(product: Product) -> None:
    execution = await accepted(product)
    fault(product, status=429, retryAfter=3600, times=1)
    await product.drain()
    assert (await only(product, execution)).retryAt == product.clock.now + 3600


async def test_a_provider_that_does_not_answer_is_given_up_in_time(storage: str, tmp_path: Any) -> None:
    async with running(storage, tmp_path, MESSAGING_PROVIDER_TIMEOUT_SECONDS=0.2) as product:
        execution = await accepted(product)
        fault(product, kind="timeout", times=1)
        await asyncio.wait_for(product.drain(), 5)
        delivery = await only(product, execution)
        assert delivery.state == "deferred"
        assert delivery.errorMessage == "The provider did not answer within 0.2 seconds"


async def test_a_provider_that_cannot_be_reached_defers(storage: str, tmp_path: Any) -> None:
    async with running(storage, tmp_path, MESSAGING_ACS_ENDPOINT="http://127.0.0.1:9") as product:
        execution = await accepted(product)
        await product.drain()
        delivery = await only(product, execution)
        assert (delivery.state, delivery.errorMessage) == ("deferred", "The provider cannot be reached")


async def test_after_a_day_it_is_given_up(product: Product) -> None:
    execution = await accepted(product)
    fault(product, status=403)
    end = product.clock.now + 86_400
    while (delivery := await only(product, execution)).status is DeliveryStatus.PENDING:
        assert product.clock.now <= end
        product.clock.now = delivery.retryAt or product.clock.now
        await product.drain()
    assert delivery.state == "failed" and product.clock.now == end
    assert 20 < delivery.attempts < 60


async def test_one_bad_message_does_not_hold_up_the_others(product: Product) -> None:
    execution = await accepted(product, "alice", "refused", "throttled", "bob")
    await product.drain()
    states = {person: one.state for person, one in (await product.deliveries(execution)).items()}
    assert states == {"alice": "sent", "bob": "sent", "refused": "failed", "throttled": "deferred"}


async def test_a_batch_larger_than_a_group_goes_in_groups(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution = await accepted(product, *(f"u{n}" for n in range(20)))
    connector = product.messaging.connectors.get(EMAIL)
    monkeypatch.setattr(type(connector), "groupSize", 8)
    groups = []
    original = connector.send

    async def watched(message: Any) -> Sent:
        groups.append((await stored(product, execution)).batch.count(State.SENDING))
        return await original(message)

    monkeypatch.setattr(connector, "send", watched)
    await product.drain()
    assert sorted(set(groups)) == [4, 8] and len(groups) == 20
    assert len(product.sandbox.inbox.messages) == 20


async def test_while_it_is_sent_a_message_is_sending(product: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    execution = await accepted(product)
    connector = product.messaging.connectors.get(EMAIL)
    seen: list[Any] = []

    async def watched(message: Any) -> Sent:
        seen.append(
            (
                (await only(product, execution)).state,
                await product.messaging.history.counted(product.mandateId, execution),
            )
        )
        return Sent("id")

    monkeypatch.setattr(connector, "send", watched)
    await product.drain()
    ((state, counted),) = seen
    assert state == "sending" and (counted.sending, counted.pending, counted.done) == (1, 1, False)


async def test_a_message_of_a_settled_or_leased_batch_is_acknowledged(product: Product) -> None:
    execution = await accepted(product)
    message = BatchMessage(product.mandateId, execution.id, 1, 0)
    await product.drain()
    before = await stored(product, execution)
    await product.messaging.worker.deliver(message, EMAIL)
    assert await stored(product, execution) == before and posts(product) == 1


async def test_a_message_that_comes_early_is_put_back_for_the_rest_of_the_time(product: Product) -> None:
    execution = await accepted(product)
    fault(product, status=429, retryAfter=600, times=1)
    await product.drain()
    product.clock.forward(100)
    product.queues.messages.clear()
    await product.messaging.worker.deliver(BatchMessage(product.mandateId, execution.id, 1, 0), EMAIL)
    ((visible, _, _),) = product.queues.messages
    assert visible == (await stored(product, execution)).batch.nextAt
    assert posts(product) == 1


async def test_eight_workers_at_once_claim_once(product: Product) -> None:
    execution = await accepted(product, *(f"u{n}" for n in range(10)))
    message = BatchMessage(product.mandateId, execution.id, 1, 0)
    await asyncio.gather(*(product.messaging.worker.deliver(message, EMAIL) for _ in range(8)))
    assert posts(product) == len(product.sandbox.inbox.messages) == 10
    assert {one.attempts for one in (await product.deliveries(execution)).values()} == {1}


async def test_a_worker_that_lost_its_batch_drops_its_record(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution = await accepted(product)
    message = BatchMessage(product.mandateId, execution.id, 1, 0)
    connector = product.messaging.connectors.get(EMAIL)
    original, calls = connector.send, []

    async def slow(sent: Any) -> Sent:
        calls.append(sent)
        if len(calls) == 1:
            product.clock.forward(121)
            await product.messaging.worker.deliver(message, EMAIL)
        return await original(sent)

    monkeypatch.setattr(connector, "send", slow)
    await product.messaging.worker.deliver(message, EMAIL)
    delivery = await only(product, execution)
    assert (delivery.state, delivery.attempts) == ("sent", 2)
    assert len(product.sandbox.inbox.messages) == 1


async def test_an_outage_while_recording_is_waited_for(product: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    execution = await accepted(product)
    batches = product.messaging.worker._batches
    original, failures = batches.move, [StorageUnavailable(), StorageUnavailable()]

    async def shaky(*arguments: Any) -> Any:
        if arguments[3] and failures:
            raise failures.pop()
        return await original(*arguments)

    async def soon(seconds: float) -> None: ...

    monkeypatch.setattr(batches, "move", shaky)
    monkeypatch.setattr(asyncio, "sleep", soon)
    await product.drain()
    assert (await only(product, execution)).state == "sent" and posts(product) == 1


async def test_a_lost_reply_to_a_record_is_read_back(product: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    execution = await accepted(product)
    tables = product.messaging.tables
    original = tables.commit
    lost: list[int] = []

    async def lossy(*arguments: Any) -> Any:
        result = await original(*arguments)
        if len(arguments[2]) > 1 and not lost:
            lost.append(1)
            raise Conflict("as the SDK's own retry would see it")
        return result

    monkeypatch.setattr(tables, "commit", lossy)
    await product.drain()
    assert lost and (await only(product, execution)).state == "sent" and posts(product) == 1


async def test_a_bug_in_a_connector_is_ambiguous_and_logged_without_the_recipient(
    product: Product, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    execution = await accepted(product)
    connector = product.messaging.connectors.get(EMAIL)

    async def broken(message: Any) -> str:
        raise ZeroDivisionError(message.recipient)

    monkeypatch.setattr(connector, "_send", broken)
    await product.drain()
    assert (await only(product, execution)).state == "deferred"
    assert "ZeroDivisionError" in caplog.text and "alice@example.com" not in caplog.text


async def test_no_recipient_and_no_body_reaches_a_log(product: Product, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", logger="messaging")
    await accepted(product, "alice", "refused", "throttled", "broken")
    await product.drain()
    for secret in ("example.com", "How are you", "Hello"):
        assert secret not in "\n".join(r.getMessage() for r in caplog.records if r.name.startswith("messaging"))


async def test_a_channel_that_lost_its_settings_waits(
    storage: str, tmp_path: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(storage, tmp_path) as product:
        await accepted(product)
        connectors = product.messaging.connectors
        connectors._settings = connectors._settings.model_copy(update={"acs_sender_email": None})
        connectors._made.clear()
        await product.drain()
        ((visible, _, _),) = product.queues.messages
        assert visible == product.clock.now + module.UNCONFIGURED_WAIT
        assert "has lost its settings" in caplog.text


async def test_an_unknown_batch_is_logged_and_dropped(product: Product, caplog: pytest.LogCaptureFixture) -> None:
    await product.messaging.worker.deliver(BatchMessage(product.mandateId, "x", 1, 0), EMAIL)
    assert "does not exist" in caplog.text
