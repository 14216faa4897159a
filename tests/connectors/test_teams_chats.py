"""Chats with people at Teams: opened once, remembered for all processes, opened anew, and nobody else's."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from dev.sandbox import entra
from dev.sandbox.caller import PERSON
from messaging.connectors import teams
from messaging.errors import (
    NotAccepted,
    SenderBlocked,
)
from tests.connectors.scripted import Scripted, answering
from tests.connectors.teams import OTHER, World, teams_world, to


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with teams_world() as made:
        yield made


async def test_one_login_and_one_chat_for_all_that_begins_together(world: World) -> None:
    chat = world.connector()
    sent = await asyncio.gather(*(chat.send(to(person)) for person in [PERSON, OTHER] * 10))
    assert len({one.providerMessageId for one in sent}) == 20
    assert world.requests() == {"token": 1, "conversation": 2, "send": 20}


async def test_a_chat_is_remembered_for_all_processes(world: World) -> None:
    await world.connector().send(to())
    await world.connector().send(to())
    assert world.requests() == {"token": 2, "conversation": 1, "send": 2}


async def test_a_process_keeps_a_bounded_number_of_chats_in_mind(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teams, "MAX_CHATS", 1)
    chat = world.connector()
    for person in (PERSON, OTHER, PERSON):
        await chat.send(to(person))
    assert world.requests() == {"token": 1, "conversation": 2, "send": 3}


async def test_a_chat_that_is_gone_is_opened_anew_once(world: World) -> None:
    chat, other = world.connector(), world.connector()
    await chat.send(to())
    await other.send(to())
    world.sandbox.conversations.clear()
    await asyncio.gather(*(chat.send(to()) for _ in range(5)))
    assert world.requests() == {"token": 2, "conversation": 2, "send": 2 + 5 + 5}
    await other.send(to())  # its own memory holds the same id, which is there again
    assert len(world.sandbox.inbox.messages) == 8


async def test_the_new_chat_takes_the_place_of_the_old_one(world: World) -> None:
    answers = [(201, {"id": "old"}), (404, {}), (201, {"id": "new"}), (201, {"id": "1"}), (201, {"id": "2"})]
    service = Scripted([(status, {}, body) for status, body in answers])
    async with answering(service) as url:
        for _ in range(2):
            await world.connector(MESSAGING_TEAMS_SERVICE_URL=url).send(to())
    sends = [request.path for request in service.requests if request.path.endswith("/activities")]
    assert sends == [f"/v3/conversations/{chat}/activities" for chat in ("old", "new", "new")]


async def test_a_refused_token_is_renewed_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    chat = world.connector()
    await chat.send(to())
    monkeypatch.setattr(entra, "SIGNING_KEY", b"another")  # no token given out so far is taken any more
    await asyncio.gather(*(chat.send(to()) for _ in range(3)))
    assert world.requests() == {"token": 2, "conversation": 1, "send": 1 + 3 + 3}


async def test_a_redirect_within_an_open_chat_is_not_followed(world: World) -> None:
    elsewhere = Scripted([])
    async with answering(elsewhere) as other:
        redirect: tuple[int, dict[str, str], Any] = (307, {"Location": f"{other}/v3/conversations"}, {})
        async with answering(Scripted([(201, {}, {"id": "a:1"}), redirect])) as url:
            with pytest.raises(SenderBlocked, match="redirects are not followed"):
                await world.connector(MESSAGING_TEAMS_SERVICE_URL=url).send(to())
    assert elsewhere.requests == []


async def test_a_service_url_in_an_answer_is_not_followed(world: World) -> None:
    elsewhere = Scripted([])
    async with answering(elsewhere) as other:
        service = Scripted([(201, {}, {"id": "a:1", "serviceUrl": other}), (201, {}, {"id": "1"})])
        async with answering(service) as url:
            await world.connector(MESSAGING_TEAMS_SERVICE_URL=url).send(to())
    assert (len(service.requests), elsewhere.requests) == (2, [])


@pytest.mark.parametrize(
    ("chat", "path"),
    [
        ("19:x@thread.v2;messageid=1", "19%3Ax%40thread.v2%3Bmessageid%3D1"),
        ("a/../../b?c#d", "a%2F..%2F..%2Fb%3Fc%23d"),
        ("a%2Fb 🙂", "a%252Fb%20%F0%9F%99%82"),
    ],
)
async def test_a_chats_id_stays_one_part_of_the_path(world: World, chat: str, path: str) -> None:
    service = Scripted([(201, {}, {"id": chat}), (201, {}, {"id": "1"})])
    async with answering(service) as url:
        await world.connector(MESSAGING_TEAMS_SERVICE_URL=url).send(to())
    assert service.requests[1].path == f"/v3/conversations/{path}/activities"


@pytest.mark.parametrize("chat", [None, 5, "", ".", "..", "a\r\nHost: x", "\ud800", "x" * 1001])
async def test_a_chat_without_a_usable_id_is_not_used(world: World, chat: Any) -> None:
    service = Scripted([(201, {}, {"id": chat})])
    async with answering(service) as url:
        with pytest.raises(NotAccepted, match="answer cannot be read"):
            await world.connector(MESSAGING_TEAMS_SERVICE_URL=url).send(to())
