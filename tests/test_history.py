"""Reading what happened: every filter, every page, for the right people, at a bounded cost."""

from typing import Any

import pytest

from messaging import history as module
from messaging import ids
from messaging.access import Role
from messaging.cursors import Asked
from messaging.errors import Forbidden, InvalidInput, NotFound
from messaging.executions import Execution
from messaging.history import Filter
from messaging.models import DeliveryStatus, MessagingChannel
from messaging.storage.base import Table
from messaging.storage.memory import MemoryTables
from tests.product import Product, mandate


async def filled(product: Product) -> list[Execution]:
    """Two subscriptions, three people; three executions of the first and one of the second, all delivered."""
    for name, people in (("SystemErrors", ("alice", "bob", "refused")), ("Other", ("alice",))):
        await product.subscription(name)
        for person in people:
            await product.subscribe(person, subscriptionId=name)
    executions = []
    for name in ("SystemErrors", "Other", "SystemErrors", "SystemErrors"):
        product.clock.forward(10)
        executions.append(await product.execute(name))
        await product.drain()
    return executions


async def every(
    product: Product, wanted: Filter, limit: int = 2, userId: str = "boss", role: Role = Role.MANDATE_ADMIN
) -> list[tuple[str, str]]:
    """(execution, person) of a whole list, read page by page."""
    seen: list[tuple[str, str]] = []
    cursor = None
    for _ in range(100):
        page = await product.messaging.history.getDeliveries(
            product.principal(userId, role), wanted, Asked(limit, cursor)
        )
        assert len(page.items) <= limit
        seen += [(one.executionId, one.userId) for one in page.items]
        cursor = page.nextCursor
        if cursor is None:
            return seen
    raise AssertionError("the list does not end")


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_each_filter_finds_its_deliveries_newest_first(product: Product, limit: int) -> None:
    one, other, three, four = (execution.id for execution in await filled(product))
    people = {"alice", "bob", "refused"}

    async def found(**wanted: Any) -> list[tuple[str, str]]:
        return await every(product, Filter(**wanted), limit)

    everything = await found()
    assert [id for id, _ in everything] == [four] * 3 + [three] * 3 + [other] + [one] * 3
    assert {person for id, person in everything if id == four} == people
    assert await found(subscriptionId="SystemErrors") == [entry for entry in everything if entry[0] != other]
    assert await found(subscriptionId="Other") == [(other, "alice")]
    assert await found(subscriptionId="Nothing") == []
    assert await found(executionId=three) == [entry for entry in everything if entry[0] == three]
    assert await found(executionId="nothing") == []
    assert await found(userId="alice") == [(four, "alice"), (three, "alice"), (other, "alice"), (one, "alice")]
    assert await found(userId="nobody") == []
    assert await found(status=DeliveryStatus.FAILED) == [(id, "refused") for id in (four, three, one)]
    assert await found(channel=MessagingChannel.SMS) == []
    since = ids.created_at(three)
    assert await found(since=since) == [entry for entry in everything if entry[0] in (three, four)]
    assert await found(since=since + 0.001) == [entry for entry in everything if entry[0] == four]
    for narrower in ({"userId": "bob"}, {"subscriptionId": "SystemErrors"}, {"executionId": three}):
        fewer = await found(**narrower)
        assert await found(**narrower, since=since) == [entry for entry in fewer if entry[0] in (three, four)]


async def test_a_list_of_a_subscription_goes_on_behind_many_executions(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "VISITED_EXECUTIONS", 2)
    executions = await filled(product)
    assert len(await every(product, Filter(subscriptionId="SystemErrors"), 100)) == 9
    assert len(await every(product, Filter(subscriptionId="SystemErrors", status=DeliveryStatus.FAILED), 1)) == 3
    assert executions


async def test_a_user_sees_only_their_own(product: Product) -> None:
    executions = await filled(product)
    alice = [id for id, _ in await every(product, Filter(), 2, "alice", Role.USER)]
    assert alice == [execution.id for execution in reversed(executions)]
    only = await every(product, Filter(subscriptionId="Other"), 2, "alice", Role.USER)
    assert only == [(executions[1].id, "alice")]
    history, person = product.messaging.history, product.principal("alice", Role.USER)
    with pytest.raises(Forbidden):
        await history.getDeliveries(person, Filter(userId="bob"), Asked())
    bobs = (await history.getDeliveries(product.principal(), Filter(userId="bob"), Asked(1))).items[0]
    with pytest.raises(NotFound):
        await history.getDelivery(person, bobs.id)
    assert (await history.getDelivery(product.principal("bob", Role.USER), bobs.id)).id == bobs.id
    for refused in (history.getExecution(person, executions[0].id), history.getAllExecutions(person, Asked())):
        with pytest.raises(Forbidden):
            await refused


async def test_another_mandate_finds_nothing(product: Product) -> None:
    executions = await filled(product)
    page = await product.messaging.history.getDeliveries(product.principal(), Filter(), Asked(1))
    product.mandateId = mandate()
    history, boss = product.messaging.history, product.principal("boss", Role.ADMIN)
    for wanted in (
        Filter(),
        Filter(userId="alice"),
        Filter(executionId=executions[0].id),
        Filter(subscriptionId="Other"),
    ):
        assert not (await history.getDeliveries(boss, wanted, Asked())).items
    assert not (await history.getAllExecutions(boss, Asked())).items
    for missing in (history.getDelivery(boss, page.items[0].id), history.getExecution(boss, executions[0].id)):
        with pytest.raises(NotFound):
            await missing
    with pytest.raises(InvalidInput, match="does not belong"):
        await history.getDeliveries(boss, Filter(), Asked(1, page.nextCursor))


@pytest.mark.parametrize("other", [Filter(userId="alice"), Filter(status=DeliveryStatus.SENT), Filter(since=1.0)])
async def test_a_cursor_of_another_filter_is_refused(product: Product, other: Filter) -> None:
    await filled(product)
    page = await product.messaging.history.getDeliveries(product.principal(), Filter(), Asked(1))
    with pytest.raises(InvalidInput, match="does not belong"):
        await product.messaging.history.getDeliveries(product.principal(), other, Asked(1, page.nextCursor))


async def test_at_most_one_of_three_filters(product: Product) -> None:
    with pytest.raises(InvalidInput, match="at most one"):
        await product.messaging.history.getDeliveries(product.principal(), Filter("x", "Other"), Asked())


async def test_executions_come_newest_first_in_pages(product: Product) -> None:
    executions = await filled(product)
    seen: list[str] = []
    cursor = None
    while True:
        page = await product.messaging.history.getAllExecutions(product.principal(), Asked(3, cursor))
        seen += [one.executionId for one in page.items]
        cursor = page.nextCursor
        if cursor is None:
            break
    assert seen == [execution.id for execution in reversed(executions)]


@pytest.mark.parametrize("others", [1_000, 100_000])
async def test_a_person_is_found_at_the_same_cost_among_any_number(
    twin: tuple[Product, MemoryTables], others: int
) -> None:
    product, tables = twin
    executions = await filled(product)
    ledger = tables._partitions[Table.LEDGER, product.mandateId]
    row = next(row for key, row in ledger.rows.items() if key.startswith("d~"))
    ledger.rows.update({f"d~ff000000-0000-8000-8000-{n:012x}": row for n in range(others)})
    ledger.rows.update({f"u~{n:032x}~x": row for n in range(others)})
    ledger.keys = sorted(ledger.rows)
    tables.visited = 0
    history = product.messaging.history
    await history.getDeliveries(product.principal("alice", Role.USER), Filter(), Asked(10))
    assert tables.visited == 4 + 4  # pointers and rows
    await history.getDeliveries(product.principal(), Filter(executionId=executions[0].id), Asked(10))
    assert tables.visited == 8 + 3
    await history.getDeliveries(product.principal(), Filter(), Asked(10))
    assert tables.visited == 11 + 11
