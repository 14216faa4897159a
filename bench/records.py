"""A delivery record as somebody without this product would write it: PENDING, then SENT, with the table SDK."""

import time
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from azure.data.tables import TableServiceClient, UpdateMode

from bench.people import Recipient

TABLE = "deliveries"


class Records:
    def __init__(self, connection: str, mandateId: str = "m1") -> None:
        service = TableServiceClient.from_connection_string(connection)
        self._table = service.create_table_if_not_exists(TABLE)
        self._mandateId = mandateId

    def pending(self, one: Recipient, channel: str) -> str:
        """Write one record; its id."""
        entity = self._entity(one, channel)
        self._table.create_entity(entity)
        return str(entity["RowKey"])

    def all_pending(self, people: Sequence[Recipient], channel: str) -> list[str]:
        """Write a record for everybody, a hundred in one transaction."""
        entities = [self._entity(one, channel) for one in people]
        for at in range(0, len(entities), 100):
            self._table.submit_transaction([("create", entity) for entity in entities[at : at + 100]])
        return [str(entity["RowKey"]) for entity in entities]

    def sent(self, deliveryId: str) -> None:
        change = {"PartitionKey": self._mandateId, "RowKey": deliveryId, "status": "SENT", "sentAt": time.time()}
        self._table.update_entity(change, mode=UpdateMode.MERGE)

    def count_sent(self) -> int:
        found = self._table.query_entities("status eq 'SENT'", select=["RowKey"])
        return sum(1 for _ in found)

    def _entity(self, one: Recipient, channel: str) -> dict[str, Any]:
        return {
            "PartitionKey": self._mandateId,
            "RowKey": str(uuid4()),
            "subscriptionId": "News",
            "userId": one.userId,
            "channel": channel,
            "status": "PENDING",
            "creationDate": time.time(),
        }
