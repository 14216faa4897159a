"""Subscriptions: what a mandate offers. One per function file: `audit_login` and `AuditLogin` exclude each other.

Source: concept, "Interface-Methoden", whose names the methods keep.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import uuid4

from pydantic import BaseModel

from messaging import timetable
from messaging.access import Action, Principal, may, require
from messaging.audit import Audit
from messaging.cursors import Asked, Page, encode, rest
from messaging.errors import AlreadyExists, Conflict, Forbidden, NotFound, PreconditionFailed, SubscriptionNotFound
from messaging.ids import is_id
from messaging.inputs import SubscriptionChange, SubscriptionData
from messaging.models import MandateId, MessagingSubscription, is_subscription_id
from messaging.storage import keys
from messaging.storage.base import Delete, Insert, Merge, Row, Table, Tables, repeated

Subscription = MessagingSubscription

Deleting = Callable[[MandateId, str], Awaitable[None]]
"""Notes on the list of work that the registrations of a subscription (by its UUID) are to go."""
Scheduling = Callable[[Subscription], Awaitable[str]]
"""Notes there when a subscription is due, and answers the note's name."""


class Registry:
    def __init__(
        self,
        tables: Tables,
        notes: tuple[Deleting, Scheduling],
        audit: Audit,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._tables = tables
        self._deleting, self._scheduling = notes
        self._audit = audit
        self._clock = clock

    async def find(self, mandateId: MandateId, subscriptionId: str) -> Subscription | None:
        """A subscription by its id; for the service itself, which has asked for access before."""
        if not is_subscription_id(subscriptionId):
            return None
        row = await self._tables.get(Table.REGISTRY, mandateId, keys.subscription(subscriptionId))
        return _subscription(row) if row and row["subscriptionId"] == subscriptionId else None

    async def getSubscription(self, principal: Principal, subscriptionId: str) -> Subscription:
        require(principal, Action.READ_SUBSCRIPTIONS)
        found = await self.find(principal.mandateId, subscriptionId)
        if found is None:
            raise SubscriptionNotFound(subscriptionId)
        return self._shown(found)

    async def getSubscriptionById(self, principal: Principal, id: str) -> Subscription:
        """A subscription by its UUID. Raises NotFound."""
        require(principal, Action.READ_SUBSCRIPTIONS)
        row = await by_id(self._tables, principal.mandateId, id, "s~")
        if row is None:
            raise NotFound("There is no such subscription")
        return self._shown(_subscription(row))

    async def getAllSubscriptions(self, principal: Principal, asked: Asked) -> Page[Subscription]:
        require(principal, Action.READ_SUBSCRIPTIONS)
        scope = ("subscriptions", principal.mandateId)
        page = await listed(self._tables, principal.mandateId, keys.below("s"), scope, asked)
        return Page([self._shown(_subscription(row)) for row in page.items], page.nextCursor)

    async def createSubscription(self, principal: Principal, data: SubscriptionData) -> Subscription:
        """A new subscription of the mandate.

        Raises Forbidden, InvalidInput for a schedule that breaks a rule, or AlreadyExists where the id's function
        file has a subscription already.
        """
        system = data.isSystemSubscription
        require(principal, Action.CHANGE_SYSTEM_SUBSCRIPTION if system else Action.CHANGE_SUBSCRIPTION)
        _check_times(data.schedule, data.timeZone)
        now, who = self._clock(), principal.userId
        stamps = {"creationDate": now, "lastModified": now, "createdBy": who, "modifiedBy": who}
        made = Subscription(id=str(uuid4()), mandateId=principal.mandateId, **data.model_dump(), **stamps)
        key = keys.subscription(made.subscriptionId)
        if await self._tables.get(Table.REGISTRY, principal.mandateId, key):
            raise AlreadyExists(_taken(made))
        async with self._audit.act(principal, "subscription_created", data.model_dump()):
            made.scheduleRow = await self._scheduling(made)
            await self._insert(principal.mandateId, key, made)
        return await self.getSubscription(principal, made.subscriptionId)

    async def _insert(self, mandateId: MandateId, key: str, made: Subscription) -> None:
        rows = [Insert(key, _stored(made)), Insert(keys.pointer(made.id), {"row": key})]
        try:
            await self._tables.commit(Table.REGISTRY, mandateId, rows)
        except Conflict:
            row = await self._tables.get(Table.REGISTRY, mandateId, key)
            if row is None or row["id"] != made.id:  # else the reply was lost and the row is ours
                raise AlreadyExists(_taken(made)) from None

    async def updateSubscription(
        self, principal: Principal, subscriptionId: str, change: SubscriptionChange, etag: str | None = None
    ) -> Subscription:
        """Change the given fields.

        Raises PreconditionFailed if `etag` names another version, InvalidInput for a schedule that breaks a rule.
        """
        require(principal, Action.CHANGE_SUBSCRIPTION)
        before = await self._changeable(principal, subscriptionId, etag)
        if _times(changed := before.model_copy(update=change.given())) != _times(before):
            _check_times(changed.schedule, changed.timeZone)
        stamps = {"lastModified": self._clock(), "modifiedBy": principal.userId}

        async def move() -> Subscription:
            found = await self.getSubscription(principal, subscriptionId)
            changed = found.model_copy(update=change.given() | stamps)
            if changed == found:
                return found  # it is this very change that stands there: the reply was lost
            match(found.etag, etag)
            if _times(changed) != _times(found):
                changed.scheduleRow = await self._scheduling(changed)
            merge = Merge(keys.subscription(subscriptionId), _stored(changed), found.etag)
            (written,) = await self._tables.commit(Table.REGISTRY, principal.mandateId, [merge])
            return self._shown(changed.model_copy(update={"etag": written}))

        details = {"subscriptionId": subscriptionId, "changes": change.given()}
        async with self._audit.act(principal, "subscription_changed", details):
            return await repeated(move)

    async def deleteSubscription(self, principal: Principal, subscriptionId: str, etag: str | None = None) -> None:
        """End a subscription at once; its registrations go in the background, its deliveries stay.

        Raises Forbidden, SubscriptionNotFound, or PreconditionFailed if `etag` names another version.
        """
        require(principal, Action.CHANGE_SUBSCRIPTION)

        found = await self._changeable(principal, subscriptionId, etag)

        async def move() -> None:
            current = await self.find(principal.mandateId, subscriptionId)
            if current is None or current.id != found.id:
                return  # gone: by us, and the reply was lost, or by somebody else in the same moment
            match(current.etag, etag)
            await self._deleting(principal.mandateId, found.id)
            rows = [Delete(keys.subscription(subscriptionId), current.etag), Delete(keys.pointer(found.id))]
            await self._tables.commit(Table.REGISTRY, principal.mandateId, rows)

        details = {"subscriptionId": subscriptionId, "id": found.id}
        async with self._audit.act(principal, "subscription_deleted", details):
            await repeated(move)

    def _shown(self, subscription: Subscription) -> Subscription:
        """The subscription with its next run, as of now."""
        return subscription.model_copy(update={"nextRun": timetable.next_run(subscription, self._clock())})

    async def _changeable(self, principal: Principal, subscriptionId: str, etag: str | None) -> Subscription:
        found = await self.getSubscription(principal, subscriptionId)
        if found.isSystemSubscription and not may(principal, Action.CHANGE_SYSTEM_SUBSCRIPTION):
            raise Forbidden("Only an Admin may change a system subscription")
        match(found.etag, etag)
        return found


async def by_id(tables: Tables, mandateId: MandateId, id: str, prefix: str) -> Row | None:
    """The registry row that a UUID points at, if it is one of this kind."""
    pointer = await tables.get(Table.REGISTRY, mandateId, keys.pointer(id)) if is_id(id) else None
    if pointer is None or not pointer["row"].startswith(prefix):
        return None
    return await tables.get(Table.REGISTRY, mandateId, pointer["row"])


async def listed(
    tables: Tables, mandateId: MandateId, span: keys.Span, scope: Sequence[object], asked: Asked
) -> Page[Row]:
    """One page of a range of the registry; `scope` is what its cursors are bound to."""
    left = rest(span, scope, asked.cursor)
    rows = await tables.range(Table.REGISTRY, mandateId, left, asked.limit + 1)
    more = encode(scope, rows[asked.limit - 1].key) if len(rows) > asked.limit else None
    return Page(rows[: asked.limit], more)


def match(stored: str, wanted: str | None) -> None:
    """Hold an object's version against If-Match. Raises PreconditionFailed."""
    if wanted is not None and wanted not in ("*", stored):
        raise PreconditionFailed("The object has changed since the version that If-Match names")


def _taken(made: Subscription) -> str:
    return f"{keys.function_name(made.subscriptionId)} has a subscription already"


def columns(model: BaseModel) -> dict[str, Any]:
    """A model as columns; a column cannot hold None, so an empty text stands for it."""
    return {name: "" if value is None else value for name, value in model.model_dump(mode="json").items()}


def _subscription(row: Row) -> Subscription:
    emptied = {name: row.get(name) or None for name in ("description", "schedule")}
    return Subscription(**{**row.values, **emptied}, etag=row.etag)


def _stored(subscription: Subscription) -> dict[str, Any]:
    """A subscription as columns: what follows from others is left out, what only we need is in."""
    shown = columns(subscription)
    del shown["nextRun"]
    return shown | {"scheduleRow": subscription.scheduleRow}


def _times(subscription: Subscription) -> tuple[str | None, str, bool]:
    """What a subscription's due times follow from."""
    return subscription.schedule, subscription.timeZone, subscription.enabled


def _check_times(schedule: str | None, timeZone: str) -> None:
    timetable.zone(timeZone)
    if schedule is not None:
        timetable.timetable(schedule, timeZone)
