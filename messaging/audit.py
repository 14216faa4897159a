"""Audit events of Python callers: messages on the queue of system events. Source: concept, "Audit Log Events"."""

import json
import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from messaging.errors import StorageError
from messaging.events import QUEUE
from messaging.models import MandateId
from messaging.storage.base import Queues

logger = logging.getLogger(__name__)

SOURCE = "messaging"

LONGEST = 49_152
"""Bytes of an event: base64 makes them the 64 KiB that a queue message holds."""


class Audit:
    def __init__(self, queues: Queues, clock: Callable[[], float] = time.time) -> None:
        self._queues = queues
        self._clock = clock

    async def logAuditEvent(
        self, eventType: str, userId: str, details: Mapping[str, Any], *, mandateId: MandateId
    ) -> None:
        """Report an event, so that `audit_<eventType>` is executed where the mandate has that subscription.

        It never fails the caller's work: an event that cannot be queued is lost, and an error in the log says so.
        """
        try:
            event = {
                "specversion": "1.0",
                "id": str(uuid4()),
                "source": SOURCE,
                "type": eventType,
                "time": datetime.fromtimestamp(self._clock(), UTC).isoformat(),
                "data": {"mandateId": mandateId, "userId": userId, "details": dict(details)},
            }
            if len(json.dumps(event, ensure_ascii=False).encode()) > LONGEST:
                raise ValueError
            await self._queues.put(QUEUE, event)
        except (StorageError, TypeError, ValueError, RecursionError) as error:
            logger.error("An audit event of mandate %s is lost: %s", mandateId, type(error).__name__)
