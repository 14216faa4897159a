"""Queue messages as the Functions host reads them: base64 of JSON, visible when they are due."""

import json
from base64 import b64decode
from uuid import uuid4

import pytest
from azure.storage.queue.aio import QueueClient

from messaging.errors import InvalidInput
from messaging.http import Http
from messaging.storage.account import Account
from messaging.storage.base import MAX_MESSAGE, message_text
from messaging.storage.memory import MemoryQueues
from messaging.storage.queues import AzureQueues
from tests.product import Clock


async def test_a_message_arrives_in_the_hosts_encoding(azurite: str) -> None:
    http = Http()
    queues, name = AzureQueues(Account(http, azurite, None, None)), f"q-{uuid4().hex[:8]}"
    await queues.put(name, {"mandateId": "m1", "text": "ü"})
    await queues.put(name, {"later": True}, delay=3600)
    await queues.put(name, {"soon": True}, delay=0.2)
    async with QueueClient.from_connection_string(azurite, name) as client:
        messages = [message.content async for message in client.receive_messages()]
        assert [json.loads(b64decode(text)) for text in messages] == [{"mandateId": "m1", "text": "ü"}]
        properties = await client.get_queue_properties()
        assert properties.approximate_message_count == 3
    await queues.close()
    await http.close()


async def test_the_twin_gives_messages_when_they_are_due() -> None:
    clock = Clock()
    queues = MemoryQueues(clock)
    await queues.put("a", {"n": 1}, delay=10)
    await queues.put("b", {"n": 2})
    assert queues.take() == ("b", {"n": 2})
    assert queues.take() is None
    clock.forward(10)
    assert queues.take() == ("a", {"n": 1})


@pytest.mark.parametrize("letter", ["y", "ü"])
async def test_the_longest_message_fits_and_a_longer_one_is_refused_by_both(azurite: str, letter: str) -> None:
    http, name = Http(), f"q-{uuid4().hex[:8]}"
    room = MAX_MESSAGE - len(message_text({"x": ""}))
    longest = letter * (room // len(letter.encode())) + "z" * (room % len(letter.encode()))
    azure = AzureQueues(Account(http, azurite, None, None))
    for queues in (azure, MemoryQueues()):
        await queues.put(name, {"x": longest})
        with pytest.raises(InvalidInput, match="message: has 49153 bytes"):
            await queues.put(name, {"x": longest + "y"})
    async with QueueClient.from_connection_string(azurite, name) as client:
        (message,) = await client.peek_messages(max_messages=2)
    assert json.loads(b64decode(message.content)) == {"x": longest}
    await azure.close()
    await http.close()
