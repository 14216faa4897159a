"""Storage that fails while accepting, claiming, recording: the caller hears the truth, nothing is lost."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from messaging.cursors import Asked
from messaging.errors import InProgress, StorageUnavailable
from messaging.executions import ACCEPTED, from_row
from messaging.inputs import SubscriptionChange
from messaging.journal import AuditFilter
from messaging.storage.base import Table
from messaging.storage.keys import below
from tests.faulty import KINDS, Faults, shaky
from tests.product import Product

STEPS = {
    1: "the sweeper's list",
    2: "execution and key",
    3: "event parameters",
    4: "contents",
    5: "batch",
    6: "commit point",
}


@pytest.fixture(name="shaky")
async def _shaky(
    storage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Product, Faults]]:
    async with shaky(storage, tmp_path, monkeypatch) as (product, faults):
        await product.subscription()
        await product.subscribe("alice")
        await product.subscribe("bob")
        await product.execute()  # makes the tables
        await product.drain()
        product.sandbox.clear()
        yield product, faults


async def accepted(product: Product) -> list[str]:
    rows = await product.messaging.tables.range(Table.LEDGER, product.mandateId, below("x"), 100)
    return [one.id for one in map(from_row, rows) if one.phase in ACCEPTED and one.key]


async def insist(product: Product) -> str:
    """Repeat the call with the same key until it is answered."""
    for _ in range(5):
        try:
            return (await product.execute(idempotencyKey="once")).id
        except InProgress as wait:
            product.clock.forward(wait.retryAfter + 1)
    raise AssertionError("it is never answered")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("step", STEPS, ids=STEPS.values())
async def test_an_outage_while_accepting_is_told_and_a_repeat_settles_it(
    shaky: tuple[Product, Faults], step: int, kind: str
) -> None:
    product, faults = shaky
    faults.plan(kind, step)
    with pytest.raises(StorageUnavailable) as outage:
        await product.execute(idempotencyKey="once")
    assert (outage.value.executionId is None) == (step <= 3)  # it may have been accepted
    faults.plan("", 1)
    executionId = await insist(product)
    assert await accepted(product) == [executionId]
    await product.drain()
    if step == 6 and kind == "lost":  # accepted, and only its queue message is missing
        product.clock.forward(901)
        await product.messaging.sweeper.sweep()
        await product.drain()
    assert sorted(m.recipient for m in product.sandbox.inbox.messages) == ["alice@example.com", "bob@example.com"]


@pytest.mark.parametrize("step", STEPS, ids=STEPS.values())
@pytest.mark.parametrize("kind", ["503", "refused", "lost"])
async def test_one_lost_write_or_reply_while_accepting_is_no_outage(
    shaky: tuple[Product, Faults], step: int, kind: str
) -> None:
    product, faults = shaky
    faults.plan(kind, step, times=1)
    execution = await product.execute(idempotencyKey="once")
    assert await accepted(product) == [execution.id]
    await product.drain()
    assert len(product.sandbox.inbox.messages) == 2


MOVES = {1: "claim", 2: "record"}


@pytest.mark.parametrize("kind", ["503", "refused", "lost", "slow"])
@pytest.mark.parametrize("move", MOVES, ids=MOVES.values())
async def test_an_outage_while_working_loses_and_doubles_nothing(
    shaky: tuple[Product, Faults], move: int, kind: str
) -> None:
    product, faults = shaky
    execution = await product.execute()
    faults.plan(kind, move, times=4)
    try:
        await product.drain()
    except StorageUnavailable:  # the claim: the host gives the message again
        assert move == 1
        faults.plan("", 1)
        product.clock.forward(121)
        await product.messaging.sweeper.sweep()
        product.clock.forward(900)
        await product.messaging.sweeper.sweep()
        await product.drain()
    states = {one.state for one in (await product.deliveries(execution)).values()}
    assert states == {"sent"}
    assert len(product.sandbox.inbox.messages) == 2
    posts = [seen.recipient for seen in product.sandbox.requests.requests if seen.operation == "send"]
    assert sorted(posts) == ["alice@example.com", "bob@example.com"]


@pytest.mark.parametrize("write", [1, 2, 3, 4])
async def test_an_act_whose_reply_is_lost_once_is_done_and_on_record_as_done(
    shaky: tuple[Product, Faults], write: int
) -> None:
    """The writes: its row, the act itself (a deletion notes the registrations first), its outcome."""
    product, faults = shaky
    registry, boss = product.messaging.registry, product.principal()
    faults.plan("lost", write, 1)
    await product.subscription("Other")
    etag = (await registry.getSubscription(boss, "Other")).etag
    faults.plan("lost", write, 1)
    changed = await registry.updateSubscription(boss, "Other", SubscriptionChange(enabled=False), etag)
    assert not changed.enabled
    faults.plan("lost", write, 1)
    await registry.deleteSubscription(boss, "Other", changed.etag)
    assert await registry.find(product.mandateId, "Other") is None
    page = await product.messaging.journal.getAuditEvents(boss, AuditFilter(), Asked(10))
    assert [one.outcome for one in page.items] == ["done"] * 4
