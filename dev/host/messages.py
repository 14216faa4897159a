"""One queue in storage and the operations of the real host on it, with the errors that it forgives.

A message is named by its id and pop receipt. A receipt changes with every receive and renewal, so an operation
with an old one fails: somebody else has taken the message. That is normal after a lease ran out, and only
logged.
"""

from __future__ import annotations

import base64
import contextlib
import json
import logging
from datetime import UTC, datetime

from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

from dev.host.errors import HostError
from dev.host.protos import TypedData

log = logging.getLogger("host.queues")
POISON = "-poison"
LONGEST_NAME = 63
NO_END = datetime.max.replace(tzinfo=UTC)


class StoredQueue:
    """A queue and, unless it is a poison queue itself, its poison queue."""

    def __init__(self, connection: str, name: str) -> None:
        self.name = name
        self._queue = _client(connection, name)
        poison = name + POISON
        has_poison = not name.endswith(POISON) and len(poison) <= LONGEST_NAME
        self._poison = _client(connection, poison) if has_poison else None

    @property
    def has_poison(self) -> bool:
        """Whether messages that keep failing can be moved elsewhere."""
        return self._poison is not None

    async def create(self) -> None:
        """Create the queue if it is not there."""
        await _create(self._queue)

    async def receive(self, count: int, lease: int) -> list[QueueMessage]:
        """Take up to `count` messages for `lease` seconds; creates the queue if it has gone."""
        pages = self._queue.receive_messages(
            messages_per_page=count, max_messages=count, visibility_timeout=lease, retry_total=0
        ).by_page()
        try:
            async for page in pages:
                return [message async for message in page]
        except ResourceNotFoundError:
            await self.create()
        return []

    async def renew(self, message: QueueMessage, lease: int) -> bool:
        """Extend the lease and note the new receipt; False when the message is somebody else's now."""
        try:
            renewed = await self._queue.update_message(message.id, message.pop_receipt, visibility_timeout=lease)
        except HttpResponseError as error:
            return self._forgive(error, message, "renew")
        message.pop_receipt = renewed.pop_receipt
        return True

    async def release(self, message: QueueMessage, seconds: int) -> None:
        """Give the message back; it is visible again after `seconds`."""
        try:
            await self._queue.update_message(message.id, message.pop_receipt, visibility_timeout=seconds)
        except HttpResponseError as error:
            self._forgive(error, message, "release")

    async def delete(self, message: QueueMessage) -> None:
        """Remove a message that is done."""
        try:
            await self._queue.delete_message(message.id, message.pop_receipt)
        except HttpResponseError as error:
            self._forgive(error, message, "delete")

    async def move_to_poison(self, message: QueueMessage) -> None:
        """Copy the message as it is to the poison queue, creating that on demand, then remove it here."""
        assert self._poison is not None
        try:
            await self._poison.send_message(message.content)
        except ResourceNotFoundError:
            await _create(self._poison)
            await self._poison.send_message(message.content)
        await self.delete(message)

    async def close(self) -> None:
        """Close the connections."""
        await self._queue.close()
        if self._poison is not None:
            await self._poison.close()

    def _forgive(self, error: HttpResponseError, message: QueueMessage, verb: str) -> bool:
        """Log an old receipt or a missing message or queue and give False; raise anything else."""
        if error.status_code == 404 or getattr(error, "error_code", None) == "PopReceiptMismatch":
            log.info("cannot %s message %s of %s: somebody else has it or it is gone", verb, message.id, self.name)
            return False
        raise error


def reason(error: AzureError) -> str:
    """The first line of an error; the rest is the answer of storage in XML."""
    return str(error).partition("\n")[0]


def body(message: QueueMessage, encoded: bool) -> bytes:
    """The bytes of a message; raises ValueError when it should be base64 and is not."""
    text = message.content or ""
    return base64.b64decode("".join(text.split()), validate=True) if encoded else text.encode()


def metadata(message: QueueMessage, content: bytes) -> dict[str, TypedData]:
    """What the host tells a queue function about its message besides the content."""
    facts = {
        "Id": TypedData(string=message.id),
        "PopReceipt": TypedData(string=message.pop_receipt),
        "DequeueCount": TypedData(json=str(message.dequeue_count)),
        "InsertionTime": _moment(message.inserted_on),
        "ExpirationTime": _moment(message.expires_on),
        "NextVisibleTime": _moment(message.next_visible_on),
    }
    with contextlib.suppress(UnicodeDecodeError):  # as the real host: no text, no such fact
        facts["QueueTrigger"] = TypedData(string=content.decode())
    return facts


def _moment(value: datetime | None) -> TypedData:
    return TypedData(json=json.dumps((value or NO_END).isoformat()))


def _client(connection: str, name: str) -> QueueClient:
    # The retries are for deleting and releasing; looking for messages is not retried, it comes again anyway.
    try:
        return QueueClient.from_connection_string(
            connection,
            name,
            retry_total=3,
            initial_backoff=1,
            increment_base=1,
            random_jitter_range=0,
            connection_timeout=5,
            read_timeout=30,
            use_env_settings=False,  # else every look reads ~/.netrc and the proxy variables
        )
    except ValueError as error:
        raise HostError(f"the connection string for the queue {name} is wrong: {error}") from error


async def _create(queue: QueueClient) -> None:
    with contextlib.suppress(ResourceExistsError):
        await queue.create_queue(retry_total=0)
