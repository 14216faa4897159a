"""One message to one person, now: an execution of one.

The same rows and the same worker as everything else, but awaited, and nothing is put off: what could be tried
later is failed, what may have left is unknown. Source: concept, `sendMessage`.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from messaging import batches as rows
from messaging import ids
from messaging.access import Principal
from messaging.batches import Batches
from messaging.errors import NotFound
from messaging.executions import Execution, Executions, Phase, Result
from messaging.messages import BatchMessage
from messaging.models import (
    DeliveryStatus,
    MessagingChannel,
    MessagingSendResult,
    MessagingSubscriptionRegistration,
    TriggerKind,
)
from messaging.outbox import Channels, Options, Outbox
from messaging.storage import keys
from messaging.storage.base import Table, Tables
from messaging.worker import Worker


class TestableChannels(Channels, Protocol):
    def test_template(self, channel: MessagingChannel) -> dict[str, Any] | None:
        """The template of a test message, where the channel takes only such."""
        ...


class Direct:
    def __init__(
        self, tables: Tables, worker: Worker, channels: TestableChannels, clock: Callable[[], float] = time.time
    ) -> None:
        self._tables = tables
        self._executions = Executions(tables)
        self._batches = Batches(tables)
        self._worker = worker
        self._channels = channels
        self._clock = clock

    async def send(
        self,
        principal: Principal,
        registration: MessagingSubscriptionRegistration,
        words: tuple[str, str],
        options: Options,
    ) -> MessagingSendResult:
        """Send (subject, message) and answer what became of it; what cannot be sent is refused, unstored."""
        execution = Execution(
            id=ids.execution_id(self._clock()),
            subscriptionId=registration.subscriptionId,
            subscriptionUuid="",
            trigger=TriggerKind.DIRECT,
            createdBy=principal.userId,
            phase=Phase.STORED,
            page=2,
            result=Result(success=True, messagesSent=1),
        )
        outbox = Outbox(execution.id, [registration], self._channels)
        taken = outbox.sendMessage(*words, registration, **options)
        if not taken.success or not taken.deliveryId:
            return taken
        message = await self._store(principal, execution, outbox)
        await self._worker.deliver(message, registration.channel)
        return await self._result(principal, taken.deliveryId)

    async def send_test(
        self, principal: Principal, registration: MessagingSubscriptionRegistration
    ) -> MessagingSendResult:
        """Send a test message and answer what became of it."""
        subscriptionId, options = registration.subscriptionId, Options()
        if template := self._channels.test_template(registration.channel):
            options["template"] = {**template, "parameters": [subscriptionId]}
        text = f"This is a test. Messages of {subscriptionId} reach you here."
        return await self.send(principal, registration, (f"Test message of {subscriptionId}", text), options)

    async def _store(self, principal: Principal, execution: Execution, outbox: Outbox) -> BatchMessage:
        mandateId = principal.mandateId
        await self._executions.watch(mandateId, execution)
        await self._batches.put_contents(mandateId, execution.id, outbox.contents())
        await self._executions.begin(mandateId, execution)
        (new,) = rows.split(outbox.messages, (execution.id, 1), 0, self._clock())
        await self._batches.insert(mandateId, replace(new, batch=replace(new.batch, once=True)))
        return BatchMessage(mandateId, execution.id, 1, 0)

    async def _result(self, principal: Principal, deliveryId: str) -> MessagingSendResult:
        row = await self._tables.get(Table.LEDGER, principal.mandateId, keys.delivery(deliveryId))
        if row is None:
            raise NotFound("There is no such delivery")
        return MessagingSendResult(
            success=row["status"] == DeliveryStatus.SENT,
            deliveryId=deliveryId,
            errorMessage=row.get("errorMessage") or None,
        )
