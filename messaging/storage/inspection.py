"""What an operator asks the account itself: whether queues work, what waits in them, what time it is there."""

import time
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import ResourceExistsError

from messaging.errors import ConfigurationError, StorageUnavailable
from messaging.storage.account import Account, reaching_storage

if TYPE_CHECKING:
    from azure.storage.queue.aio import QueueServiceClient

PROBE = "messaging-doctor"
"""The queue of `round_trip`; its messages live for a minute."""


class Inspection:
    def __init__(self, account: Account) -> None:
        self._account = account
        self._service: QueueServiceClient | None = None

    def connect(self) -> "QueueServiceClient":
        """The account's queues; nothing is sent yet. Raises ConfigurationError for a useless connection string."""
        from azure.data.tables.aio import TableServiceClient
        from azure.storage.queue.aio import QueueServiceClient  # see queues.py

        if self._service is None:
            try:
                self._account.client(TableServiceClient, "table")  # it refuses strings that queues take
                self._service = self._account.client(QueueServiceClient, "queue")
            except ValueError:
                rule = "is not the connection string of a storage account"
                raise ConfigurationError(f"AzureWebJobsStorage: {rule}") from None
        return self._service

    async def lengths(self, prefix: str) -> dict[str, int]:
        """About how many messages, visible or not, each queue holds whose name begins with the prefix."""
        service, found = self.connect(), {}
        async with reaching_storage():
            async for queue in service.list_queues(name_starts_with=prefix):
                if queue.name != PROBE:
                    properties = await service.get_queue_client(queue.name).get_queue_properties()
                    found[queue.name] = properties.approximate_message_count or 0
        return found

    async def round_trip(self) -> float:
        """Write a queue message, read it and delete it; answers by how many seconds storage's clock is ahead."""
        client, ahead = self.connect().get_queue_client(PROBE), 0.0

        def arrived(response: Any) -> None:
            nonlocal ahead
            date = parsedate_to_datetime(response.http_response.headers["Date"])
            ahead = date.timestamp() + 0.5 - time.time()  # the header has whole seconds

        async with reaching_storage():
            with suppress(ResourceExistsError):
                await client.create_queue()
            sent = await client.send_message("{}", time_to_live=60, raw_response_hook=arrived)
            there = {message.id for message in await client.peek_messages(max_messages=32)}
            await client.delete_message(sent.id, sent.pop_receipt)
        if sent.id not in there:
            raise StorageUnavailable("Storage took a queue message and does not have it")
        return ahead

    async def close(self) -> None:
        if self._service is not None:
            await self._service.close()
