"""Registrations: one per person, subscription and channel; three rows that move together."""

import asyncio
from pathlib import Path

import pytest

from messaging.access import Role
from messaging.cursors import Asked
from messaging.errors import Forbidden, InvalidInput, NotFound, PreconditionFailed, SubscriptionNotFound
from messaging.inputs import RegistrationChange, RegistrationData
from messaging.models import MessagingChannel
from messaging.storage.base import Row, Table
from messaging.storage.keys import below
from tests.product import Product, mandate, running


async def rows(product: Product) -> dict[str, list[Row]]:
    """The registration rows of the mandate, by their first letter."""
    found = {}
    for letter in "rpi":
        found[letter] = await product.messaging.tables.range(Table.REGISTRY, product.mandateId, below(letter), 100)
    return found


async def test_a_registration_works_before_its_function_exists(product: Product) -> None:
    await product.subscription(source=None)
    made = await product.subscribe("alice", "Alice@EXAMPLE.com")
    assert made.channelConfig == "Alice@example.com" and made.enabled
    assert made.creationDate == made.lastModified == product.clock.now


async def test_registering_again_replaces_the_address_and_enables(product: Product) -> None:
    await product.subscription()
    first = await product.subscribe("alice", "old@example.com")
    alice = product.principal("alice", Role.USER)
    await product.messaging.registrations.updateRegistration(alice, first.id, RegistrationChange(enabled=False))
    data = RegistrationData(channel=MessagingChannel.EMAIL, channelConfig="new@example.com")
    again, isNew = await product.messaging.registrations.subscribeUser(alice, "SystemErrors", data)
    assert not isNew
    assert (again.id, again.channelConfig, again.enabled) == (first.id, "new@example.com", True)
    stored = await rows(product)
    assert len(stored["r"]) == len(stored["p"]) == 1
    assert dict(stored["r"][0].values) == dict(stored["p"][0].values)


async def test_registering_at_the_same_time_makes_one(product: Product) -> None:
    await product.subscription()
    made = await asyncio.gather(*(product.subscribe("alice", f"a{n}@example.com") for n in range(4)))
    assert len({one.id for one in made}) == 1
    stored = await rows(product)
    assert len(stored["r"]) == len(stored["p"]) == 1
    assert dict(stored["r"][0].values) == dict(stored["p"][0].values)


async def test_an_end_takes_all_rows_and_a_new_one_is_new(product: Product) -> None:
    await product.subscription()
    alice = product.principal("alice", Role.USER)
    first = await product.subscribe("alice")
    await product.messaging.registrations.deleteRegistration(alice, first.id)
    stored = await rows(product)
    assert not stored["r"] and not stored["p"] and len(stored["i"]) == 1  # the subscription's pointer
    assert (await product.subscribe("alice")).id != first.id
    for _ in range(2):
        await product.messaging.registrations.unsubscribeUser(alice, "SystemErrors", MessagingChannel.EMAIL)
    assert not (await rows(product))["r"]


async def test_who_sees_and_changes_a_registration(product: Product) -> None:
    await product.subscription()
    made = await product.subscribe("alice")
    registrations = product.messaging.registrations
    off = RegistrationChange(enabled=False)
    for role, error in ((Role.USER, NotFound), (Role.MANDATE_ADMIN, Forbidden), (Role.ADMIN, Forbidden)):
        with pytest.raises(error):
            await registrations.updateRegistration(product.principal("bob", role), made.id, off)
        with pytest.raises(error):
            await registrations.deleteRegistration(product.principal("bob", role), made.id)
    with pytest.raises(Forbidden):
        await registrations.getAllRegistrations(product.principal("bob", Role.USER), "SystemErrors", Asked())
    page = await registrations.getAllRegistrations(product.principal(), "SystemErrors", Asked())
    assert [one.id for one in page.items] == [made.id]
    own = await registrations.getOwnRegistrations(product.principal("alice", Role.USER), Asked())
    assert [one.id for one in own.items] == [made.id]
    assert not (await registrations.getOwnRegistrations(product.principal("bob", Role.USER), Asked())).items


async def test_another_mandate_does_not_find_it(product: Product) -> None:
    await product.subscription()
    made = await product.subscribe("alice")
    product.mandateId = mandate()
    for id in (made.id, "00000000-0000-4000-8000-000000000000", "x", made.id.upper()):
        with pytest.raises(NotFound):
            await product.messaging.registrations.getRegistration(product.principal("alice", Role.ADMIN), id)


async def test_a_subscriptions_id_is_no_registration(product: Product) -> None:
    await product.subscription()
    subscription = await product.messaging.registry.getSubscription(product.principal(), "SystemErrors")
    with pytest.raises(NotFound):
        await product.messaging.registrations.getRegistration(product.principal(), subscription.id)


async def test_a_change_may_name_the_version_that_it_means(product: Product) -> None:
    await product.subscription()
    made, alice = await product.subscribe("alice"), product.principal("alice", Role.USER)
    change = RegistrationChange(channelConfig="new@example.com")
    changed = await product.messaging.registrations.updateRegistration(alice, made.id, change, made.etag)
    assert changed.channelConfig == "new@example.com" and changed.enabled
    with pytest.raises(PreconditionFailed):
        await product.messaging.registrations.updateRegistration(alice, made.id, change, made.etag)


REFUSED = [
    ("email", "not an address", InvalidInput, "e-mail address"),
    ("whatsapp", "+41791234567", InvalidInput, "whatsapp is not configured"),
]


@pytest.mark.parametrize(("channel", "config", "error", "said"), REFUSED)
async def test_what_cannot_be_reached_is_refused_and_nothing_is_stored(
    storage: str, tmp_path: Path, channel: str, config: str, error: type[Exception], said: str
) -> None:
    async with running(storage, tmp_path, MESSAGING_WHATSAPP_API_KEY=None) as product:
        await product.subscription()
        with pytest.raises(error, match=said):
            await product.subscribe("alice", config, channel)
        assert not (await rows(product))["r"]


async def test_a_change_keeps_to_the_channels_rule(product: Product) -> None:
    await product.subscription()
    made = await product.subscribe("alice")
    with pytest.raises(InvalidInput):
        await product.messaging.registrations.updateRegistration(
            product.principal("alice", Role.USER), made.id, RegistrationChange(channelConfig="+41791234567")
        )


async def test_an_unknown_subscription_is_named(product: Product) -> None:
    with pytest.raises(SubscriptionNotFound, match="Subscription SystemErrors not found"):
        await product.subscribe("alice")
