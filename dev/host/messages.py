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
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Self
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from azure.core.exceptions import AzureError, DecodeError

from dev.host.protos import TypedData
from dev.host.queue_api import Answer, Query, QueueApi, Refused
from messaging.http import Http

log = logging.getLogger("host.queues")
POISON = "-poison"
LONGEST_NAME = 63


@dataclass
class Message:
    """A received message."""

    id: str
    pop_receipt: str
    dequeue_count: int
    inserted_on: datetime
    expires_on: datetime
    next_visible_on: datetime
    content: str

    @classmethod
    def read(cls, element: ET.Element) -> Self:
        """From storage's XML; raises KeyError or ValueError if it is not such."""
        facts = {part.tag: part.text or "" for part in element}
        return cls(
            id=facts["MessageId"],
            pop_receipt=facts["PopReceipt"],
            dequeue_count=int(facts["DequeueCount"]),
            inserted_on=parsedate_to_datetime(facts["InsertionTime"]),
            expires_on=parsedate_to_datetime(facts["ExpirationTime"]),
            next_visible_on=parsedate_to_datetime(facts["TimeNextVisible"]),
            content=facts["MessageText"],
        )

    @property
    def path(self) -> str:
        """Its place in the queue."""
        return f"/messages/{self.id}"


class StoredQueue:
    """A queue and, unless it is a poison queue itself, its poison queue."""

    def __init__(self, connection: str, name: str) -> None:
        self.name = name
        self._http = Http()
        self._queue = QueueApi(connection, name, self._http)
        poison = name + POISON
        has_poison = not name.endswith(POISON) and len(poison) <= LONGEST_NAME
        self._poison = QueueApi(connection, poison, self._http) if has_poison else None

    @property
    def has_poison(self) -> bool:
        """Whether messages that keep failing can be moved elsewhere."""
        return self._poison is not None

    async def create(self) -> None:
        """Create the queue if it is not there."""
        await _create(self._queue)

    async def receive(self, count: int, lease: int) -> list[Message]:
        """Take up to `count` messages for `lease` seconds; creates the queue if it has gone.

        It is not tried again: the next look comes anyway.
        """
        try:
            query = {"numofmessages": count, "visibilitytimeout": lease}
            return _messages(await self._queue.call("GET", "/messages", query))
        except Refused as error:
            if error.status != 404:
                raise
        await self.create()
        return []

    async def renew(self, message: Message, lease: int) -> bool:
        """Extend the lease and note the new receipt; False when the message is somebody else's now."""
        return await self._set_invisible(message, lease, "renew")

    async def release(self, message: Message, seconds: int) -> None:
        """Give the message back; it is visible again after `seconds`."""
        await self._set_invisible(message, seconds, "release")

    async def delete(self, message: Message) -> None:
        """Remove a message that is done."""
        try:
            await self._queue.insist("DELETE", message.path, {"popreceipt": message.pop_receipt})
        except Refused as error:
            self._forgive(error, message, "delete")

    async def move_to_poison(self, message: Message) -> None:
        """Copy the message as it is to the poison queue, creating that on demand, then remove it here."""
        assert self._poison is not None
        body = f"<QueueMessage><MessageText>{escape(message.content)}</MessageText></QueueMessage>"
        try:
            await self._poison.insist("POST", "/messages", body=body)
        except Refused as error:
            if error.status != 404:
                raise
            await _create(self._poison)
            await self._poison.insist("POST", "/messages", body=body)
        await self.delete(message)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def _set_invisible(self, message: Message, seconds: int, verb: str) -> bool:
        query: Query = {"popreceipt": message.pop_receipt, "visibilitytimeout": seconds}
        try:
            answer = await self._queue.insist("PUT", message.path, query)
        except Refused as error:
            return self._forgive(error, message, verb)
        message.pop_receipt = answer.headers["x-ms-popreceipt"]
        return True

    def _forgive(self, error: Refused, message: Message, verb: str) -> bool:
        """Log an old receipt or a missing message or queue and give False; raise anything else."""
        if error.status == 404 or error.code == "PopReceiptMismatch":
            log.info("cannot %s message %s of %s: somebody else has it or it is gone", verb, message.id, self.name)
            return False
        raise error


def reason(error: AzureError) -> str:
    """The first line of an error; the rest is the answer of storage in XML."""
    return str(error).partition("\n")[0]


def body(message: Message, encoded: bool) -> bytes:
    """The bytes of a message; raises ValueError when it should be base64 and is not."""
    text = message.content
    return base64.b64decode("".join(text.split()), validate=True) if encoded else text.encode()


def metadata(message: Message, content: bytes) -> dict[str, TypedData]:
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


def _moment(value: datetime) -> TypedData:
    return TypedData(json=json.dumps(value.isoformat()))


def _messages(answer: Answer) -> list[Message]:
    try:
        return [Message.read(element) for element in ET.fromstring(answer.body)]  # noqa: S314
    except (ET.ParseError, KeyError, ValueError) as error:
        raise DecodeError(f"the answer cannot be read: {error!r}") from error


async def _create(queue: QueueApi) -> None:
    try:
        await queue.call("PUT")
    except Refused as error:
        if error.status != 409:  # it is there, or another is being deleted
            raise
