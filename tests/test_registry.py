"""Subscriptions: made by whom, found by whom, changed under which version."""

import asyncio

import pytest

from messaging.access import Role
from messaging.cursors import Asked
from messaging.errors import AlreadyExists, Forbidden, NotFound, PreconditionFailed, SubscriptionNotFound
from messaging.inputs import SubscriptionChange, SubscriptionData
from messaging.storage.base import Table
from messaging.storage.memory import MemoryTables
from tests.product import Product, mandate


def data(subscriptionId: str = "SystemErrors", *, system: bool = False) -> SubscriptionData:
    return SubscriptionData(subscriptionId=subscriptionId, subscriptionLabel="Label", isSystemSubscription=system)


async def test_a_subscription_is_stored_with_the_services_fields(product: Product) -> None:
    made = await product.messaging.registry.createSubscription(product.principal("boss"), data())
    found = await product.messaging.registry.getSubscription(product.principal("alice", Role.USER), "SystemErrors")
    assert found == made
    assert (found.mandateId, found.createdBy, found.modifiedBy) == (product.mandateId, "boss", "boss")
    assert found.creationDate == found.lastModified == product.clock.now
    assert (found.enabled, found.isSystemSubscription, found.description) == (True, False, None)
    assert await product.messaging.registry.getSubscriptionById(product.principal(), made.id) == made


@pytest.mark.parametrize("second", ["audit_login", "AuditLogin", "auditLogin"])
async def test_one_function_file_has_one_subscription(product: Product, second: str) -> None:
    registry = product.messaging.registry
    await registry.createSubscription(product.principal(), data("audit_login"))
    with pytest.raises(AlreadyExists, match="AuditLogin"):
        await registry.createSubscription(product.principal(), data(second))
    if second != "audit_login":
        with pytest.raises(SubscriptionNotFound):
            await registry.getSubscription(product.principal(), second)


ROLES = [
    (Role.USER, False, Forbidden),
    (Role.USER, True, Forbidden),
    (Role.MANDATE_ADMIN, False, None),
    (Role.MANDATE_ADMIN, True, Forbidden),
    (Role.ADMIN, False, None),
    (Role.ADMIN, True, None),
]


@pytest.mark.parametrize(("role", "system", "refused"), ROLES)
async def test_who_makes_and_changes_subscriptions(
    product: Product, role: Role, system: bool, refused: type[Exception] | None
) -> None:
    registry, who = product.messaging.registry, product.principal("someone", role)
    change = SubscriptionChange(enabled=False)
    if refused:
        with pytest.raises(refused):
            await registry.createSubscription(who, data(system=system))
        await registry.createSubscription(product.principal("root", Role.ADMIN), data(system=system))
        with pytest.raises(refused):
            await registry.updateSubscription(who, "SystemErrors", change)
    else:
        await registry.createSubscription(who, data(system=system))
        changed = await registry.updateSubscription(who, "SystemErrors", change)
        assert not changed.enabled and changed.subscriptionLabel == "Label"


async def test_a_change_touches_the_given_fields_only_and_can_empty_the_description(product: Product) -> None:
    registry, boss = product.messaging.registry, product.principal()
    made = await registry.createSubscription(boss, data())
    product.clock.forward(5)
    changed = await registry.updateSubscription(boss, "SystemErrors", SubscriptionChange(description="d"))
    assert (changed.description, changed.enabled, changed.lastModified) == ("d", True, made.lastModified + 5)
    emptied = SubscriptionChange.model_validate({"description": None})
    await registry.updateSubscription(boss, "SystemErrors", emptied)
    assert (await registry.getSubscription(boss, "SystemErrors")).description is None


async def test_a_change_may_name_the_version_that_it_means(product: Product) -> None:
    registry, boss = product.messaging.registry, product.principal()
    made = await registry.createSubscription(boss, data())
    off = SubscriptionChange(enabled=False)
    changed = await registry.updateSubscription(boss, "SystemErrors", off, made.etag)
    assert (await registry.getSubscription(boss, "SystemErrors")).etag == changed.etag != made.etag
    with pytest.raises(PreconditionFailed):
        await registry.updateSubscription(boss, "SystemErrors", SubscriptionChange(enabled=True), made.etag)
    assert not (await registry.getSubscription(boss, "SystemErrors")).enabled


async def test_changes_at_the_same_time_all_arrive(product: Product) -> None:
    registry, boss = product.messaging.registry, product.principal()
    await registry.createSubscription(boss, data())
    changes = [
        SubscriptionChange(description="d"),
        SubscriptionChange(enabled=False),
        SubscriptionChange(subscriptionLabel="L"),
    ]
    await asyncio.gather(*(registry.updateSubscription(boss, "SystemErrors", change) for change in changes))
    found = await registry.getSubscription(boss, "SystemErrors")
    assert (found.description, found.enabled, found.subscriptionLabel) == ("d", False, "L")


async def test_another_mandate_sees_nothing(product: Product) -> None:
    made = await product.messaging.registry.createSubscription(product.principal(), data())
    product.mandateId = mandate()
    with pytest.raises(SubscriptionNotFound):
        await product.messaging.registry.getSubscription(product.principal(), "SystemErrors")
    with pytest.raises(NotFound):
        await product.messaging.registry.getSubscriptionById(product.principal(), made.id)
    assert not (await product.messaging.registry.getAllSubscriptions(product.principal(), Asked())).items


@pytest.mark.parametrize("subscriptionId", ["", "a/b", "x" * 65, "__", "Ä", "a b", "a'b", "a~b", "x\n"])
async def test_an_id_that_cannot_exist_is_not_found(product: Product, subscriptionId: str) -> None:
    with pytest.raises(SubscriptionNotFound):
        await product.messaging.registry.getSubscription(product.principal(), subscriptionId)


async def test_the_list_comes_in_pages(product: Product) -> None:
    registry, boss = product.messaging.registry, product.principal()
    names = sorted(f"Sub_{letter}" for letter in "abcde")
    for name in names:
        await registry.createSubscription(boss, data(name))
    seen, cursor = [], None
    while True:
        page = await registry.getAllSubscriptions(boss, Asked(2, cursor))
        seen += [one.subscriptionId for one in page.items]
        cursor = page.nextCursor
        if cursor is None:
            break
    assert seen == names


@pytest.mark.parametrize("rows", [1_000, 100_000])
async def test_a_look_up_visits_as_many_rows_in_a_large_registry(
    twin: tuple[Product, MemoryTables], rows: int
) -> None:
    product, tables = twin
    await product.subscription()
    partition = tables._partitions[Table.REGISTRY, product.mandateId]
    template = partition.rows[partition.keys[-1]]
    partition.rows.update({f"s~A{n:06d}": template for n in range(rows)})
    partition.keys = sorted(partition.rows)
    tables.visited = 0
    await product.messaging.registry.getSubscription(product.principal(), "SystemErrors")
    assert tables.visited == 1
    await product.messaging.registry.getAllSubscriptions(product.principal(), Asked(10))
    assert tables.visited == 1 + 11
