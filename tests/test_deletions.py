"""Deleting a subscription: at once for everybody, in the background for the rows, never for the history."""

import pytest

from messaging import deletions
from messaging.access import Role
from messaging.cursors import Asked
from messaging.errors import Forbidden, PreconditionFailed, SubscriptionNotFound
from messaging.inputs import SubscriptionData
from messaging.models import MessagingChannel, MessagingSubscriptionRegistration
from messaging.registrations import rows_of
from messaging.storage import keys
from messaging.storage.base import Table, Work
from messaging.storage.memory import MemoryTables
from tests.product import Product

EVERYTHING = ("!", "~~~")


async def rows(product: Product) -> list[str]:
    found = await product.messaging.tables.range(Table.REGISTRY, product.mandateId, EVERYTHING, 1000)
    return [row.key for row in found]


async def listed(product: Product) -> int:
    return len(await product.messaging.tables.range(Table.WORK, Work.DELETION, EVERYTHING, 1000))


async def delete(product: Product) -> None:
    await product.messaging.registry.deleteSubscription(product.principal(), "SystemErrors")


async def test_the_rows_go_and_the_history_stays(product: Product) -> None:
    await product.subscription()
    await product.subscription("Kept")
    for user in ("alice", "bob"):
        await product.subscribe(user)
    await product.subscribe("alice", subscriptionId="Kept")
    execution = await product.execute()
    await product.drain()
    kept = [key for key in await rows(product) if not key.startswith(("r~", "p~", "i~", "s~SystemErrors"))]

    await delete(product)
    with pytest.raises(SubscriptionNotFound):
        await product.messaging.registry.getSubscription(product.principal(), "SystemErrors")
    with pytest.raises(SubscriptionNotFound):
        await product.subscribe("carol")
    assert await product.messaging.deletions.go_on() == 2
    assert len(await rows(product)) == len(kept) + 4  # Kept's pointer and alice's registration of it
    assert {one.state for one in (await product.deliveries(execution)).values()} == {"sent"}

    assert await listed(product) == 1
    product.clock.forward(601)
    assert await product.messaging.deletions.go_on() == 0
    assert await listed(product) == 0


async def test_a_subscription_made_again_starts_empty(product: Product) -> None:
    await product.subscription()
    await product.subscribe("alice")
    await delete(product)
    await product.subscription()
    boss = product.principal()
    assert (await product.messaging.registrations.getAllRegistrations(boss, "SystemErrors", Asked(10))).items == []
    await product.subscribe("bob")
    assert await product.messaging.deletions.go_on() == 1
    found = await product.messaging.registrations.getAllRegistrations(boss, "SystemErrors", Asked(10))
    assert [one.userId for one in found.items] == ["bob"]


async def test_somebody_who_registered_in_the_same_moment_is_removed_later(product: Product) -> None:
    await product.subscription()
    found = await product.messaging.registry.getSubscription(product.principal(), "SystemErrors")
    await delete(product)
    assert await product.messaging.deletions.go_on() == 0
    late = MessagingSubscriptionRegistration(
        id="0a8d0a55-9c3b-4b0e-8d0c-1f1f1f1f1f1f",
        subscriptionId="SystemErrors",
        userId="late",
        channel=MessagingChannel.EMAIL,
        channelConfig="late@example.com",
        creationDate=product.clock.now,
        lastModified=product.clock.now,
    )
    await product.messaging.tables.commit(Table.REGISTRY, product.mandateId, rows_of(found.id, late))
    product.clock.forward(601)
    assert await product.messaging.deletions.go_on() == 1
    assert await listed(product) == 1  # until a run finds nothing
    assert await product.messaging.deletions.go_on() == 0
    assert await listed(product) == 0 and await rows(product) == []


async def test_a_deletion_that_was_only_noted_deletes_nothing(product: Product) -> None:
    await product.subscription()
    await product.subscribe("alice")
    found = await product.messaging.registry.getSubscription(product.principal(), "SystemErrors")
    await product.messaging.deletions.note(product.mandateId, found.id)  # and then the process died
    assert await product.messaging.deletions.go_on() == 0
    product.clock.forward(601)
    assert await product.messaging.deletions.go_on() == 0 and await listed(product) == 0
    assert len(await rows(product)) == 2 + 3


async def test_many_registrations_go_in_bounded_runs(
    twin: tuple[Product, MemoryTables], monkeypatch: pytest.MonkeyPatch
) -> None:
    product, tables = twin
    monkeypatch.setattr(deletions, "AT_A_TIME", 2 * deletions.PAGE)
    await product.subscription()
    found = await product.messaging.registry.getSubscription(product.principal(), "SystemErrors")
    for number in range(5000):
        person = MessagingSubscriptionRegistration(
            id=f"{number:08d}-9c3b-4b0e-8d0c-1f1f1f1f1f1f",
            subscriptionId="SystemErrors",
            userId=f"user{number}",
            channel=MessagingChannel.EMAIL,
            channelConfig="person@example.com",
            creationDate=0,
            lastModified=0,
        )
        await tables.commit(Table.REGISTRY, product.mandateId, rows_of(found.id, person))
    before = tables.visited
    await delete(product)
    assert tables.visited - before < 10  # however many are registered
    runs = 0
    while await product.messaging.deletions.go_on():
        runs += 1
        assert runs < 10
    assert runs == 3
    assert await tables.range(Table.REGISTRY, product.mandateId, keys.registrations(found.id), 1) == []
    assert await rows(product) == []


async def test_who_may_delete(product: Product) -> None:
    await product.subscription()
    registry = product.messaging.registry
    with pytest.raises(Forbidden):
        await registry.deleteSubscription(product.principal("alice", Role.USER), "SystemErrors")
    with pytest.raises(PreconditionFailed):
        await registry.deleteSubscription(product.principal(), "SystemErrors", 'W/"older"')
    admin = product.principal("root", Role.ADMIN)
    data = SubscriptionData(subscriptionId="System", subscriptionLabel="System", isSystemSubscription=True)
    await registry.createSubscription(admin, data)
    with pytest.raises(Forbidden):
        await registry.deleteSubscription(product.principal(), "System")
    await registry.deleteSubscription(admin, "System")
    with pytest.raises(SubscriptionNotFound):
        await registry.deleteSubscription(admin, "System")
