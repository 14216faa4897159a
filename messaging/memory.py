"""What connectors remember for all processes: a row for each name, across mandates, because senders are.

It spares requests to a provider and nothing hangs on it: when storage cannot be reached, it has forgotten.
"""

import logging

from messaging.errors import StorageUnavailable
from messaging.models import MessagingChannel
from messaging.storage import keys
from messaging.storage.base import Table, Tables, Upsert, Work

logger = logging.getLogger(__name__)


class Memory:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def get(self, channel: MessagingChannel, name: str) -> str | None:
        try:
            row = await self._tables.get(Table.WORK, Work.MEMORY, keys.memory(channel.value, name))
        except StorageUnavailable as error:
            logger.warning("Channel %s cannot remember: %s", channel.value, error)
            return None
        return row["text"] if row else None

    async def put(self, channel: MessagingChannel, name: str, text: str) -> None:
        try:
            await self._tables.commit(
                Table.WORK, Work.MEMORY, [Upsert(keys.memory(channel.value, name), {"text": text})]
            )
        except StorageUnavailable as error:
            logger.warning("Channel %s cannot remember: %s", channel.value, error)
