"""Queue messages on Azure Storage Queues, in the Functions host's encoding. Queues are made on first use."""

import math
from contextlib import suppress
from typing import TYPE_CHECKING

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError

from messaging.storage.account import Account, reaching_storage
from messaging.storage.base import QueueMessage, message_text

if TYPE_CHECKING:
    from azure.storage.queue.aio import QueueClient, QueueServiceClient

LONGEST_DELAY = 7 * 24 * 3600 - 60


class AzureQueues:
    def __init__(self, account: Account) -> None:
        self._account = account
        self._service: QueueServiceClient | None = None
        self._clients: dict[str, QueueClient] = {}

    async def put(self, queue: str, message: QueueMessage, delay: float = 0) -> None:
        text = message_text(message)
        seconds = min(max(0, math.ceil(delay)), LONGEST_DELAY)
        client = self._client(queue)
        async with reaching_storage():
            try:
                await client.send_message(text, visibility_timeout=seconds, time_to_live=-1)
            except ResourceNotFoundError:
                with suppress(ResourceExistsError):  # another process made it in the same moment
                    await client.create_queue()
                await client.send_message(text, visibility_timeout=seconds, time_to_live=-1)

    async def close(self) -> None:
        if self._service is not None:
            await self._service.close()

    def _client(self, queue: str) -> "QueueClient":
        from azure.storage.queue import TextBase64EncodePolicy  # costly, and most instances never put a message
        from azure.storage.queue.aio import QueueServiceClient

        if self._service is None:
            self._service = self._account.client(QueueServiceClient, "queue")
        if queue not in self._clients:
            encoding = {"message_encode_policy": TextBase64EncodePolicy()}
            self._clients[queue] = self._service.get_queue_client(queue, **encoding)
        return self._clients[queue]
