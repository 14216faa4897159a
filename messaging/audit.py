"""Audit events of this service: what Python callers report, and its own administrative acts.

Source: concept, "Audit Log Events".
"""

import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from messaging.access import Principal
from messaging.errors import MessagingError, StorageError, StorageUnavailable
from messaging.journal import Journal
from messaging.messages import SYSTEM_EVENTS
from messaging.models import AuditOutcome, MandateId, MessagingAuditEvent
from messaging.storage import keys
from messaging.storage.base import Queues, Table, Tables

logger = logging.getLogger(__name__)

SOURCE = "messaging"


class Audit:
    def __init__(
        self, tables: Tables, queues: Queues, journal: Journal, clock: Callable[[], float] = time.time
    ) -> None:
        self._tables = tables
        self._queues = queues
        self._journal = journal
        self._clock = clock

    async def logAuditEvent(
        self, eventType: str, userId: str, details: Mapping[str, Any], *, mandateId: MandateId
    ) -> None:
        """Report an event: it is kept in the journal, and `audit_<eventType>` is executed where it exists.

        It never fails the caller's work: an event that cannot be queued is lost, and an error in the log says so.
        """
        try:
            await self._queue(mandateId, self._event(eventType, userId, details))
        except (StorageError, TypeError, ValueError, RecursionError) as error:
            logger.error("An audit event of mandate %s is lost: %s", mandateId, type(error).__name__)

    @asynccontextmanager
    async def act(self, principal: Principal, eventType: str, details: Mapping[str, Any]) -> AsyncIterator[None]:
        """An administrative act within the block: on record before it is done, with its outcome after it.

        Where the record cannot be written the act is not done: StorageUnavailable. An error within the block says
        that nothing was changed, but for StorageUnavailable, after which nobody knows: the record stays `begun`.
        """
        mandateId, event = principal.mandateId, self._event(eventType, principal.userId, details)
        event = event.model_copy(update={"outcome": AuditOutcome.BEGUN})
        await self._journal.write(mandateId, event)
        try:
            yield
        except StorageUnavailable:
            raise
        except MessagingError:
            await self._conclude(mandateId, event, AuditOutcome.FAILED)
            raise
        await self._conclude(mandateId, event, AuditOutcome.DONE)
        await self._tell(mandateId, event)

    async def _conclude(self, mandateId: MandateId, event: MessagingAuditEvent, outcome: AuditOutcome) -> None:
        try:
            await self._journal.conclude(mandateId, event, outcome)
        except StorageError:
            logger.error("Audit event %s of mandate %s is %s, but says begun", event.id, mandateId, outcome)

    async def _tell(self, mandateId: MandateId, event: MessagingAuditEvent) -> None:
        """Have the act's audit subscription executed, where there is one."""
        try:
            subscription = keys.subscription(f"audit_{event.eventType}")
            if await self._tables.get(Table.REGISTRY, mandateId, subscription):
                await self._queue(mandateId, event)
        except StorageError:
            logger.error("Nobody is told of audit event %s of mandate %s", event.id, mandateId)

    def _event(self, eventType: str, userId: str, details: Mapping[str, Any]) -> MessagingAuditEvent:
        now = round(self._clock(), 3)
        return MessagingAuditEvent(
            id=str(uuid4()),
            source=SOURCE,
            type=eventType,
            eventType=eventType.rpartition(".")[2],
            userId=userId,
            details=dict(details),
            timestamp=now,
            recordedAt=now,
        )

    async def _queue(self, mandateId: MandateId, event: MessagingAuditEvent) -> None:
        """Put the event on the queue that other systems' events come by (events.py)."""
        message = {
            "specversion": "1.0",
            "id": event.id,
            "source": event.source,
            "type": event.type,
            "time": datetime.fromtimestamp(event.timestamp, UTC).isoformat(),
            "data": {"mandateId": mandateId, "userId": event.userId, "details": event.details},
        }
        await self._queues.put(SYSTEM_EVENTS, message)
