"""Teams: the login, opening a chat, sending into it."""

import asyncio
import time
from typing import Any
from urllib.parse import quote

import pytest

from dev.sandbox import Sandbox, credentials, entra
from dev.sandbox.caller import PERSON, Answer, Caller, calling, conversation

CARD = {
    "contentType": "application/vnd.microsoft.card.adaptive",
    "content": {"type": "AdaptiveCard", "body": [{"type": "TextBlock", "text": "Hello"}]},
}
TEXT = {"type": "message", "text": "Text"}


@pytest.mark.parametrize(
    ("changes", "status", "error", "number"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
        ({"client_id": "wrong"}, 400, "unauthorized_client", 700016),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
        ({"scope": "https://graph.microsoft.com/.default"}, 400, "invalid_scope", 70011),
    ],
)
def test_login_is_checked(changes: dict[str, str], status: int, error: str, number: int) -> None:
    async def scenario() -> Answer:
        async with calling(Sandbox()) as caller:
            return await caller.log_in(**changes)

    answer = asyncio.run(scenario())
    assert (answer.status, answer.body["error"], answer.body["error_codes"]) == (status, error, [number])
    assert answer.body["error_description"].startswith(f"AADSTS{number}: ")


def test_discovery_names_this_server_and_only_its_tenant() -> None:
    async def scenario() -> None:
        async with calling(Sandbox()) as caller:
            path = f"/{credentials.TEAMS_TENANT_ID}/v2.0/.well-known/openid-configuration"
            document = (await caller.call("GET", path)).body
            assert document["issuer"] == f"{caller.url}/{credentials.TEAMS_TENANT_ID}/v2.0"
            assert document["token_endpoint"].startswith(caller.url)
            unknown = await caller.call("GET", path.replace(credentials.TEAMS_TENANT_ID, "other"))
            assert (unknown.status, unknown.body["error_codes"]) == (400, [90002])
            token = await caller.call("POST", "/other/oauth2/v2.0/token")
            assert (token.status, token.body["error_codes"]) == (400, [90002])

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "token",
    ["", "x", "a.b.c", entra.issue(time.time() - 3601), entra.issue(time.time())[:-1] + "-", "é"],
)
def test_token_is_checked(token: str) -> None:
    async def scenario() -> None:
        sandbox = Sandbox()
        async with calling(sandbox) as caller:
            caller.token = token
            opened = await caller.connector("", conversation())
            sent = await caller.connector("/a:1/activities", TEXT)
        assert (opened.status, sent.status) == (401, 401)
        assert sent.body["error"]["message"] == "Authorization has been denied for this request."

    asyncio.run(scenario())


def test_a_token_outlives_the_sandbox_that_gave_it() -> None:
    async def scenario() -> None:
        async with calling(Sandbox()) as caller:
            await caller.log_in()
        async with calling(Sandbox()) as again:
            again.token = caller.token
            assert (await again.teams()).status == 201

    asyncio.run(scenario())


def test_one_chat_for_one_person() -> None:
    async def scenario() -> None:
        async with calling(Sandbox()) as caller:
            await caller.log_in()
            first = await caller.connector("", conversation())
            again = await caller.connector("", conversation())
            other = await caller.connector("", conversation("29:1abcdefghij_KLMNOP-q"))
        assert (first.status, again.status, other.status) == (201, 200, 201)
        assert first.body["id"] == again.body["id"] != other.body["id"]
        assert first.body["id"].startswith("a:1")

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "payload",
    [
        [],
        conversation() | {"bot": {"id": "28:other"}},
        conversation() | {"members": []},
        conversation("alice@example.com"),
        conversation() | {"members": [{"aadObjectId": PERSON}]},
        conversation() | {"channelData": {"tenant": {"id": "other"}}},
        conversation() | {"channelData": {}, "tenantId": None},
    ],
)
def test_bad_conversation_is_refused(payload: Any) -> None:
    async def scenario() -> Answer:
        async with calling(Sandbox()) as caller:
            await caller.log_in()
            return await caller.connector("", payload)

    answer = asyncio.run(scenario())
    assert (answer.status, answer.body["error"]["code"]) == (400, "BadArgument")


async def _open(caller: Caller) -> str:
    await caller.log_in()
    opened = await caller.connector("", conversation())
    return quote(opened.body["id"], safe="")


@pytest.mark.parametrize(
    ("activity", "status", "code"),
    [
        ([], 400, "BadArgument"),
        ({"text": "Text"}, 400, "BadArgument"),
        ({"type": "teleport", "text": "Text"}, 400, "BadArgument"),
        ({"type": "message"}, 400, "BadArgument"),
        ({"type": "message", "text": 5}, 400, "BadArgument"),
        ({"type": "message", "attachments": [{"contentType": "text/html", "content": "x"}]}, 400, "BadArgument"),
        ({"type": "message", "text": "x" * 110_000}, 413, "MessageSizeTooBig"),
    ],
)
def test_bad_activity_is_refused(activity: Any, status: int, code: str) -> None:
    async def scenario() -> Answer:
        async with calling(Sandbox()) as caller:
            return await caller.connector(f"/{await _open(caller)}/activities", activity)

    answer = asyncio.run(scenario())
    assert (answer.status, answer.body["error"]["code"]) == (status, code)


def test_unknown_chat_is_not_found() -> None:
    async def scenario() -> Answer:
        async with calling(Sandbox()) as caller:
            await caller.log_in()
            return await caller.connector("/a%3A1unknown/activities", TEXT)

    answer = asyncio.run(scenario())
    assert (answer.status, answer.body["error"]["code"]) == (404, "ConversationNotFound")


@pytest.mark.parametrize("activity", [TEXT, {"type": "message", "attachments": [CARD]}])
def test_good_activity_is_taken(activity: dict[str, Any]) -> None:
    async def scenario() -> None:
        sandbox = Sandbox()
        async with calling(sandbox) as caller:
            first, second = await caller.teams(PERSON, activity), await caller.teams(PERSON, activity)
        assert (first.status, second.status) == (201, 201)
        assert [message.providerMessageId for message in sandbox.inbox.messages] == [
            first.body["id"],
            second.body["id"],
        ]
        assert sandbox.inbox.messages[0].recipient == PERSON

    asyncio.run(scenario())
