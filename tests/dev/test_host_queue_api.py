"""The local host's requests to a queue, against Azurite and, for what that never does, a server of a few lines."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from azure.core.exceptions import AzureError, DecodeError
from azure.storage.queue import AccountSasPermissions, QueueClient, ResourceTypes, generate_account_sas

from dev.azurite import ACCOUNT, KEY
from dev.host import queue_api
from dev.host.errors import HostError
from dev.host.messages import StoredQueue
from dev.host.queue_api import QueueApi, Refused
from messaging.http import Http
from tests.dev.hostapp.records import new_name


@asynccontextmanager
async def stored(connection: str, name: str) -> AsyncIterator[StoredQueue]:
    queue = StoredQueue(connection, name)
    try:
        yield queue
    finally:
        await queue.close()


@asynccontextmanager
async def answering(*answers: Callable[[], web.Response | None]) -> AsyncIterator[tuple[StoredQueue, list[str]]]:
    """A queue whose storage gives these answers in turn, and the verbs that it was asked.

    None, and what comes after the last answer, is a broken connection.
    """
    verbs: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        verbs.append(request.method)
        answer = answers[len(verbs) - 1]() if len(verbs) <= len(answers) else None
        if answer is None:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return answer

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    endpoint = f"QueueEndpoint=http://127.0.0.1:{runner.addresses[0][1]}/{ACCOUNT}"
    try:
        async with stored(f"AccountName={ACCOUNT};AccountKey={KEY};{endpoint}", "work") as queue:
            yield queue, verbs
    finally:
        await runner.cleanup()


MESSAGE = (
    "<QueueMessagesList><QueueMessage><MessageId>1</MessageId><PopReceipt>a+/=</PopReceipt>"
    "<DequeueCount>1</DequeueCount><InsertionTime>Tue, 24 Nov 2026 10:00:00 GMT</InsertionTime>"
    "<ExpirationTime>Fri, 31 Dec 9999 23:59:59 GMT</ExpirationTime>"
    "<TimeNextVisible>Tue, 24 Nov 2026 10:10:00 GMT</TimeNextVisible><MessageText>{}</MessageText>"
    "</QueueMessage></QueueMessagesList>"
)


@pytest.mark.anyio
async def test_a_message_arrives_as_it_was_put(azurite: str) -> None:
    name, texts = new_name(), ["", "<&>\"' ä €", "x" * 40_000]
    async with stored(azurite, name) as queue:
        assert await queue.receive(16, 60) == []  # makes the queue
        with QueueClient.from_connection_string(azurite, name) as client:
            sent = [client.send_message(text) for text in texts]
        received = await queue.receive(32, 60)
        assert [message.content for message in received] == texts
        assert [message.id for message in received] == [message.id for message in sent]
        assert [message.inserted_on for message in received] == [message.inserted_on for message in sent]
        assert [message.expires_on for message in received] == [message.expires_on for message in sent]
        assert all(message.next_visible_on > message.inserted_on for message in received)
        assert [message.dequeue_count for message in received] == [1, 1, 1]
        assert await queue.receive(32, 60) == []


@pytest.mark.anyio
async def test_every_verb_with_a_shared_access_signature(azurite: str) -> None:
    signature = generate_account_sas(
        ACCOUNT,
        KEY,
        resource_types=ResourceTypes(service=True, container=True, object=True),
        permission=AccountSasPermissions(
            read=True, write=True, delete=True, list=True, add=True, create=True, update=True, process=True
        ),
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )
    [endpoint] = [part for part in azurite.split(";") if part.startswith("QueueEndpoint=")]
    name = new_name()
    async with stored(f"{endpoint};SharedAccessSignature={signature}", name) as queue:
        await queue.create()
        with QueueClient.from_connection_string(azurite, name) as client:
            client.send_message("a <b>")
        [message] = await queue.receive(16, 60)
        assert await queue.renew(message, 60)
        await queue.release(message, 0)
        [message] = await queue.receive(16, 60)
        await queue.move_to_poison(message)
    with QueueClient.from_connection_string(azurite, name + "-poison") as client:
        assert [message.content for message in client.peek_messages()] == ["a <b>"]


@pytest.mark.anyio
async def test_a_wrong_key_is_told_in_storages_own_word(azurite: str) -> None:
    async with stored(azurite.replace(KEY, "a2V5"), new_name()) as queue:
        with pytest.raises(AzureError, match="HTTP 403 Auth"):
            await queue.receive(16, 60)


@pytest.mark.anyio
async def test_a_look_is_not_repeated_and_a_deletion_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_api, "PAUSES", (0, 0, 0))
    answers = [
        lambda: web.Response(status=503),
        lambda: web.Response(text=MESSAGE.format("x")),
        lambda: web.Response(status=503),
        lambda: None,
        lambda: web.Response(status=204),
    ]
    async with answering(*answers) as (queue, verbs):
        with pytest.raises(Refused, match="HTTP 503"):
            await queue.receive(16, 60)
        [message] = await queue.receive(16, 60)
        await queue.delete(message)
    assert verbs == ["GET", "GET", "DELETE", "DELETE", "DELETE"]


@pytest.mark.anyio
async def test_what_fails_to_the_end_and_what_is_refused_are_azure_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_api, "PAUSES", (0, 0, 0))
    answers = [
        lambda: web.Response(text=MESSAGE.format("x")),
        lambda: web.Response(status=400, headers={"x-ms-error-code": "InvalidInput"}),
    ]
    async with answering(*answers) as (queue, verbs):
        [message] = await queue.receive(16, 60)
        with pytest.raises(Refused, match="HTTP 400 InvalidInput"):
            await queue.delete(message)
        with pytest.raises(AzureError, match="disconnected"):
            await queue.delete(message)
    assert len(verbs) >= 6  # aiohttp tries once more on a connection that was used before


@pytest.mark.anyio
@pytest.mark.parametrize("text", ["", "no XML", MESSAGE.format("").replace("PopReceipt", "Other")])
async def test_an_answer_that_cannot_be_read_is_an_azure_error(text: str) -> None:
    async with answering(lambda: web.Response(text=text)) as (queue, _):
        with pytest.raises(DecodeError, match="cannot be read"):
            await queue.receive(16, 60)


def test_connection_strings() -> None:
    QueueApi("UseDevelopmentStorage=true", "work", Http())
    for wrong in ("", "AccountName", "AccountKey=a2V5", "AccountName=a;AccountKey=a"):
        with pytest.raises(HostError, match="the connection string for the queue work is wrong"):
            QueueApi(wrong, "work", Http())
