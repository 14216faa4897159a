"""Registrations: who wants which subscription over which channel.

A registration is three rows (by subscription, by person, by id) that move in one transaction, so no list is stale.
Source: concept, "Interface-Methoden", whose names the methods keep.
"""

import time
from collections.abc import Callable
from typing import Any, Protocol
from uuid import uuid4

from messaging.access import Action, Principal, may, require
from messaging.cursors import Asked, Page
from messaging.errors import Forbidden, NotFound
from messaging.inputs import RegistrationChange, RegistrationData
from messaging.models import MandateId, MessagingChannel, MessagingSubscriptionRegistration
from messaging.registry import Registry, by_id, columns, listed, match
from messaging.storage import keys
from messaging.storage.base import Delete, Insert, Merge, Row, Table, Tables, repeated

Registration = MessagingSubscriptionRegistration


class Channels(Protocol):
    def require(self, channel: MessagingChannel) -> None:
        """Raise InvalidInput if the channel is not configured."""
        ...


class Registrations:
    def __init__(
        self, tables: Tables, registry: Registry, channels: Channels, clock: Callable[[], float] = time.time
    ) -> None:
        self._tables = tables
        self._registry = registry
        self._channels = channels
        self._clock = clock

    async def within(self, mandateId: MandateId, span: keys.Span, limit: int) -> list[tuple[str, Registration]]:
        """Registrations of a range with their keys, in order; for the service itself."""
        rows = await self._tables.range(Table.REGISTRY, mandateId, span, limit)
        return [(row.key, _registration(row)) for row in rows]

    async def find(
        self, mandateId: MandateId, subscriptionUuid: str, who: tuple[str, MessagingChannel]
    ) -> Registration | None:
        """A person's registration over one channel; for the service itself."""
        key = keys.registration(subscriptionUuid, who[0], who[1].value)
        row = await self._tables.get(Table.REGISTRY, mandateId, key)
        return _registration(row) if row else None

    async def getAllRegistrations(
        self, principal: Principal, subscriptionId: str, asked: Asked
    ) -> Page[Registration]:
        """Everybody's registrations of a subscription; for those who may read all."""
        require(principal, Action.READ_ALL_REGISTRATIONS)
        found = await self._registry.getSubscription(principal, subscriptionId)
        scope = ("registrations", principal.mandateId, found.id)
        page = await listed(self._tables, principal.mandateId, keys.registrations(found.id), scope, asked)
        return Page([_registration(row) for row in page.items], page.nextCursor)

    async def getOwnRegistrations(self, principal: Principal, asked: Asked) -> Page[Registration]:
        require(principal, Action.OWN_REGISTRATIONS)
        span = keys.person_registrations(principal.userId)
        scope = ("own registrations", principal.mandateId, principal.userId)
        page = await listed(self._tables, principal.mandateId, span, scope, asked)
        return Page([_registration(row) for row in page.items], page.nextCursor)

    async def getRegistration(self, principal: Principal, registrationId: str) -> Registration:
        """One's own registration, or anybody's for those who may read all. Raises NotFound."""
        return _registration(await self._readable(principal, registrationId))

    async def subscribeUser(
        self, principal: Principal, subscriptionId: str, data: RegistrationData
    ) -> tuple[Registration, bool]:
        """Register the caller over one channel; True if there was no registration before.

        One that is there already gets the new channelConfig and is enabled. Raises InvalidInput for a channel that
        is not configured or a channelConfig that it cannot reach.
        """
        require(principal, Action.OWN_REGISTRATIONS)
        subscription = await self._registry.getSubscription(principal, subscriptionId)
        self._channels.require(data.channel)
        given = {"channelConfig": _normalise(data.channel, data.channelConfig), "enabled": True}
        key = keys.registration(subscription.id, principal.userId, data.channel.value)

        async def move() -> tuple[Registration, bool]:
            row = await self._tables.get(Table.REGISTRY, principal.mandateId, key)
            if row is not None:
                return await self._write(principal.mandateId, row, given), False
            made = Registration(
                id=str(uuid4()),
                subscriptionId=subscriptionId,
                userId=principal.userId,
                channel=data.channel,
                creationDate=(now := self._clock()),
                lastModified=now,
                **given,
            )
            return await self._insert(principal.mandateId, subscription.id, made), True

        return await repeated(move)

    async def updateRegistration(
        self, principal: Principal, registrationId: str, change: RegistrationChange, etag: str | None = None
    ) -> Registration:
        """Change one's own registration. Raises PreconditionFailed if `etag` names another version."""

        async def move() -> Registration:
            row = await self._living(principal, registrationId)
            match(row.etag, etag)
            given = change.given()
            if change.channelConfig is not None:
                channel = MessagingChannel(row["channel"])
                self._channels.require(channel)
                given["channelConfig"] = _normalise(channel, change.channelConfig)
            return await self._write(principal.mandateId, row, given)

        return await repeated(move)

    async def deleteRegistration(self, principal: Principal, registrationId: str) -> None:
        """End one's own registration: all its rows, or none."""

        async def move() -> None:
            await self._remove(principal.mandateId, await self._own(principal, registrationId))

        await repeated(move)

    async def unsubscribeUser(self, principal: Principal, subscriptionId: str, channel: MessagingChannel) -> None:
        """End the caller's registration over one channel; nothing happens if there is none."""
        require(principal, Action.OWN_REGISTRATIONS)
        subscription = await self._registry.getSubscription(principal, subscriptionId)
        key = keys.registration(subscription.id, principal.userId, channel.value)

        async def move() -> None:
            row = await self._tables.get(Table.REGISTRY, principal.mandateId, key)
            if row is not None:
                await self._remove(principal.mandateId, row)

        await repeated(move)

    async def _readable(self, principal: Principal, registrationId: str) -> Row:
        require(principal, Action.OWN_REGISTRATIONS)
        row = await by_id(self._tables, principal.mandateId, registrationId, "r~")
        if row and (row["userId"] == principal.userId or may(principal, Action.READ_ALL_REGISTRATIONS)):
            return row
        raise NotFound("There is no such registration")

    async def getOwn(self, principal: Principal, registrationId: str) -> Registration:
        """One's own registration for a subscription that is there. Raises NotFound, or Forbidden for another's."""
        return _registration(await self._living(principal, registrationId))

    async def _living(self, principal: Principal, registrationId: str) -> Row:
        """Those of a deleted subscription are there until the sweeper has come, but lead to nothing any more."""
        row = await self._own(principal, registrationId)
        subscription = await self._registry.find(principal.mandateId, row["subscriptionId"])
        if subscription is None or subscription.id != row.key.split("~")[1]:
            raise NotFound("There is no such registration")
        return row

    async def _own(self, principal: Principal, registrationId: str) -> Row:
        row = await self._readable(principal, registrationId)
        if row["userId"] != principal.userId:
            raise Forbidden("Only the person themselves may do this with a registration")
        return row

    async def _insert(self, mandateId: MandateId, subscriptionUuid: str, made: Registration) -> Registration:
        etags = await self._tables.commit(Table.REGISTRY, mandateId, rows_of(subscriptionUuid, made))
        return made.model_copy(update={"etag": etags[0]})

    async def _write(self, mandateId: MandateId, row: Row, given: dict[str, Any]) -> Registration:
        change = {**given, "lastModified": self._clock()}
        twin = Merge(_by_person(row), change)
        etags = await self._tables.commit(Table.REGISTRY, mandateId, [Merge(row.key, change, row.etag), twin])
        return _registration(Row(row.key, {**row.values, **change}, etags[0]))

    async def _remove(self, mandateId: MandateId, row: Row) -> None:
        await self._tables.commit(Table.REGISTRY, mandateId, rows_to_remove(row))


def rows_of(subscriptionUuid: str, made: Registration) -> list[Insert]:
    """A new registration's three rows: by subscription, by person, by id."""
    values = columns(made)
    key = keys.registration(subscriptionUuid, made.userId, made.channel.value)
    return [
        Insert(key, values),
        Insert(keys.person_registration(made.userId, subscriptionUuid, made.channel.value), values),
        Insert(keys.pointer(made.id), {"row": key}),
    ]


def rows_to_remove(row: Row) -> list[Delete]:
    """The end of a registration's three rows, in the version that was read."""
    return [Delete(row.key, row.etag), Delete(_by_person(row)), Delete(keys.pointer(row["id"]))]


def _by_person(row: Row) -> str:
    _, subscriptionUuid, _, channel = row.key.split("~")
    return keys.person_registration(row["userId"], subscriptionUuid, channel)


def _registration(row: Row) -> Registration:
    return Registration(**row.values, etag=row.etag)


def _normalise(channel: MessagingChannel, channelConfig: str) -> str:
    from messaging.recipients import normalise  # its libraries are for who registers, not for who sends

    return normalise(channel, channelConfig)
