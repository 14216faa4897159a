"""What an operator decides about unknown messages, on Azurite and the sandbox."""

from dataclasses import replace
from typing import Any

import pytest

from messaging import delivery
from messaging.access import Role
from messaging.delivery import Batch, Item, Outcome, State
from messaging.errors import Forbidden, InvalidInput, NotFound, SenderBlocked
from messaging.identity import operator
from messaging.models import DeliveryStatus, MessagingChannel
from messaging.operator import MAX_REASON, Undecidable
from tests.product import Product, mandate
from tests.unknown import LOST, admin, first, listed, one, posts, unknown_mail, unknown_sms

SMS, EMAIL = MessagingChannel.SMS, MessagingChannel.EMAIL


async def test_a_retried_sms_is_sent_exactly_once_more(product: Product) -> None:
    execution = await unknown_sms(product, 3)
    before = await first(product, execution)
    assert (before.state, before.attempts, before.errorMessage) == ("unknown", 1, LOST)
    product.clock.forward(90_000)
    await product.messaging.operator.retry(admin(product), before.id)
    queued = await one(product, before.id)
    assert (queued.status, queued.state, queued.attempts) == (DeliveryStatus.PENDING, "queued", 1)
    assert queued.errorMessage == f"Retried by olivia (before: {LOST})"
    for _ in range(3):
        await product.drain()
    after = await one(product, before.id)
    assert (after.status, after.state, after.attempts) == (DeliveryStatus.SENT, "sent", 2)
    assert after.errorMessage is None and after.sentAt == product.clock.now and after.providerMessageId
    received = [message.recipient for message in product.sandbox.inbox.messages]
    assert sorted(received) == ["+41790000000", "+41790000000", "+41790000001", "+41790000002"]
    counted = await product.messaging.history.counted(product.mandateId, execution)
    assert (counted.sent, counted.pending, counted.done) == (3, 0, True)


async def test_a_retried_mail_that_had_left_is_not_sent_again(product: Product) -> None:
    before = await unknown_mail(product, "acceptThenDrop")
    assert (before.state, before.attempts) == ("unknown", 1)
    await product.messaging.operator.retry(admin(product), before.id)
    await product.drain()
    after = await one(product, before.id)
    assert (after.state, after.attempts, after.providerMessageId) == ("sent", 1, before.id)
    assert (posts(product), len(product.sandbox.inbox.messages)) == (1, 1)


async def test_a_retried_mail_that_never_came_is_sent_under_its_id(product: Product) -> None:
    before = await unknown_mail(product, "reset")
    await product.messaging.operator.retry(admin(product), before.id)
    await product.drain()
    after = await one(product, before.id)
    assert (after.state, after.attempts) == ("sent", 2)
    (message,) = product.sandbox.inbox.messages
    assert (message.operationId, posts(product)) == (before.id, 2)


@pytest.mark.parametrize(
    ("state", "reason", "words"),
    [
        (State.SENT, "she has it", f"Resolved by olivia: she has it (before: {LOST})"),
        (State.FAILED, "", f"Resolved by olivia (before: {LOST})"),
    ],
)
async def test_a_resolved_delivery_is_final(product: Product, state: State, reason: str, words: str) -> None:
    execution = await unknown_sms(product, 2)
    before = await first(product, execution)
    product.clock.forward(60)
    await product.messaging.operator.resolve(admin(product), before.id, state, reason)
    after = await one(product, before.id)
    assert (after.state, after.errorMessage, after.providerMessageId, after.attempts) == (state, words, None, 1)
    assert after.sentAt == (product.clock.now if state is State.SENT else None)
    refusal = f"The delivery is {state}; only an unknown one can be decided"
    with pytest.raises(Undecidable, match=refusal):
        await product.messaging.operator.retry(admin(product), before.id)
    with pytest.raises(Undecidable, match=refusal):
        await product.messaging.operator.resolve(admin(product), before.id, State.FAILED)
    await product.drain()
    assert posts(product) == 2 and await one(product, before.id) == after
    counted = await product.messaging.history.counted(product.mandateId, execution)
    assert (counted.unknown, counted.sent + counted.failed, counted.done) == (0, 2, True)


async def test_only_unknown_deliveries_can_be_decided(product: Product) -> None:
    await product.subscription()
    for person in ("alice", "refused", "throttled"):
        await product.subscribe(person)
    execution = await product.execute()
    queued = await product.deliveries(execution)
    with pytest.raises(Undecidable, match="is queued"):
        await product.messaging.operator.retry(admin(product), queued["alice"].id)
    await product.drain()
    rows = await listed(product)
    for person, state in (("alice", "sent"), ("refused", "failed"), ("throttled", "deferred")):
        with pytest.raises(Undecidable, match=f"is {state}"):
            await product.messaging.operator.resolve(admin(product), queued[person].id, State.FAILED)
    assert await listed(product) == rows  # refused before anything was written


async def test_another_mandates_delivery_is_not_found(product: Product) -> None:
    known = (await first(product, await unknown_sms(product))).id
    stranger = operator(mandate())
    for principal, id in ((stranger, known), (admin(product), "x" * 2000), (admin(product), known.upper())):
        with pytest.raises(NotFound, match="There is no such delivery"):
            await product.messaging.operator.retry(principal, id)
        with pytest.raises(NotFound, match="There is no such delivery"):
            await product.messaging.operator.resolve(principal, id, State.SENT)


@pytest.mark.parametrize("role", [Role.USER, Role.MANDATE_ADMIN])
async def test_only_an_admin_decides(product: Product, role: Role) -> None:
    known = (await first(product, await unknown_sms(product))).id
    with pytest.raises(Forbidden):
        await product.messaging.operator.retry(product.principal("u0", role), known)
    with pytest.raises(Forbidden):
        await product.messaging.operator.resolve(product.principal("u0", role), known, State.SENT)


@pytest.mark.parametrize(
    ("state", "reason"), [(State.UNKNOWN, ""), (State.SENT, "two\nlines"), (State.SENT, "x" * (MAX_REASON + 1))]
)
async def test_a_resolution_is_sent_or_failed_and_its_reason_a_line(
    product: Product, state: State, reason: str
) -> None:
    known = (await first(product, await unknown_sms(product))).id
    with pytest.raises(InvalidInput):
        await product.messaging.operator.resolve(admin(product), known, state, reason)


async def test_while_its_sender_is_paused_a_retry_is_refused(product: Product) -> None:
    known = (await first(product, await unknown_sms(product))).id
    sender = product.messaging.connectors.get(SMS).sender
    until = await product.messaging.pauses.block(SMS, sender, SenderBlocked(code="20003"))
    with pytest.raises(Undecidable, match=r"The sender of sms is paused \(20003\)"):
        await product.messaging.operator.retry(admin(product), known)
    assert (await one(product, known)).state == "unknown"
    product.clock.now = until
    await product.messaging.operator.retry(admin(product), known)
    await product.drain()
    assert (await one(product, known)).state == "sent"


async def test_what_must_not_wait_is_not_retried_before_the_pause_has_gone(product: Product) -> None:
    known = (await unknown_mail(product, "reset")).id
    sender = product.messaging.connectors.get(EMAIL).sender
    until = await product.messaging.pauses.block(EMAIL, sender, SenderBlocked(code="Denied"))
    with pytest.raises(Undecidable, match="paused"):
        await product.messaging.operator.retry(admin(product), known)
    product.clock.now = until  # over, and this message is the one that tries
    await product.messaging.operator.retry(admin(product), known)
    await product.drain()
    assert (await one(product, known)).state == "sent"


async def test_a_pause_is_ended_once(product: Product) -> None:
    sender = product.messaging.connectors.get(EMAIL).sender
    await product.messaging.pauses.block(EMAIL, sender, SenderBlocked(code="Denied"))
    await product.messaging.operator.end_pause(EMAIL, sender, "olivia")
    with pytest.raises(NotFound, match="There is no pause of this sender"):
        await product.messaging.operator.end_pause(EMAIL, sender, "olivia")


async def test_a_channel_without_its_settings_retries_nothing(product: Product) -> None:
    known = (await first(product, await unknown_sms(product))).id
    connectors = product.messaging.connectors
    connectors._settings = connectors._settings.model_copy(update={"twilio_auth_token": None})
    connectors._made.clear()
    with pytest.raises(InvalidInput, match="sms is not configured"):
        await product.messaging.operator.retry(admin(product), known)
    await product.messaging.operator.resolve(admin(product), known, State.FAILED)


async def test_each_decision_is_one_line_without_a_recipient(
    product: Product, caplog: pytest.LogCaptureFixture
) -> None:
    execution = await unknown_sms(product, 2)
    known = (await first(product, execution)).id
    caplog.clear()
    await product.messaging.operator.resolve(admin(product), known, State.SENT, "she told me")
    (record,) = [record for record in caplog.records if record.name == "messaging.operator"]
    assert record.levelname == "WARNING"
    assert record.getMessage() == f"Operator olivia moved delivery {known} from unknown to sent"
    assert "4179" not in caplog.text


# the pure move


def batch(**more: Any) -> Batch:
    items = (Item("a", "r", "c", State.UNKNOWN, attempts=1), Item("b", "r", "c", State.DEFERRED, 1, 900.0))
    return Batch("x", 1, 0, SMS, 0.0, items, nextAt=900.0, takeovers=11, **more)


def test_a_retry_makes_a_free_batch_due_and_leaves_a_held_one_to_its_owner() -> None:
    outcome = Outcome(State.QUEUED, ask=True)
    moved = delivery.decide(batch(), "a", outcome, 100.0)
    assert (moved.items[0], moved.nextAt, moved.takeovers) == (
        Item("a", "r", "c", State.QUEUED, attempts=1, ask=True),
        100.0,
        0,
    )
    held = batch(owner="w", leaseUntil=101.0)
    moved = delivery.decide(held, "a", outcome, 100.0)
    assert (moved.nextAt, moved.owner, moved.leaseUntil) == (900.0, "w", 101.0)
    assert delivery.decide(held, "a", outcome, 102.0).nextAt == 102.0


def test_a_resolution_leaves_the_rest_of_the_batch_alone() -> None:
    moved = delivery.decide(batch(), "a", Outcome(State.FAILED), 100.0)
    settled = replace(batch().items[0], state=State.FAILED)
    assert moved == replace(batch(), items=(settled, batch().items[1]), takeovers=0)


@pytest.mark.parametrize(("id", "state"), [("b", State.QUEUED), ("a", State.DEFERRED), ("a", State.SENDING)])
def test_no_other_move_is_an_operators(id: str, state: State) -> None:
    with pytest.raises(ValueError, match="an operator cannot move"):
        delivery.decide(batch(), id, Outcome(state), 100.0)
