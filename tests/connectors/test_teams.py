"""What is Teams' own: login, chats, cards. What all channels share: test_every_connector.py."""

import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from dev.sandbox import credentials
from dev.sandbox.caller import PERSON
from messaging.connectors.base import Sent
from messaging.connectors.teams import ERRORS, ConnectorMessagingTeams
from messaging.content import Content, make
from messaging.errors import (
    ConnectorError,
    InvalidInput,
    MessageRefused,
    NotAccepted,
    RecipientRefused,
    SenderBlocked,
)
from messaging.http import Http
from messaging.memory import Memory
from messaging.storage.memory import MemoryTables
from tests.connectors.scripted import Scripted, answering
from tests.connectors.teams import World, teams_world, to
from tests.product import settings

CARD = {"type": "AdaptiveCard", "version": "1.5", "body": [{"type": "TextBlock", "text": "Soup"}]}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with teams_world() as made:
        yield made


def limit(rule: dict[str, Any]) -> float:
    """Seconds that the provider has: few where the rule lets them pass."""
    return 0.8 if rule.get("kind") == "timeout" else 10


async def test_the_requests_are_what_the_service_takes(world: World) -> None:
    service = Scripted([(201, {}, {"id": "a:1"}), (201, {}, {"id": "179548"})])
    async with answering(service) as url:
        chat = world.connector(MESSAGING_TEAMS_SERVICE_URL=url)
        assert await chat.send(to(content=make("Lunch", "Soup"))) == Sent("179548")
    opened, sent = service.requests
    assert (opened.method, opened.path) == ("POST", "/v3/conversations")
    assert opened.body == {
        "bot": {"id": f"28:{credentials.TEAMS_APP_ID}"},
        "isGroup": False,
        "members": [{"id": PERSON}],
        "tenantId": credentials.TEAMS_TENANT_ID,
        "channelData": {"tenant": {"id": credentials.TEAMS_TENANT_ID}},
    }
    assert (sent.method, sent.path) == ("POST", "/v3/conversations/a%3A1/activities")
    assert sent.body == {"type": "message", "text": "Lunch\n\nSoup", "textFormat": "plain"}
    for request in service.requests:
        assert request.headers["Authorization"].startswith("Bearer ey")
        assert request.headers["Content-Type"] == "application/json; charset=utf-8"
    assert world.requests() == {"token": 1}


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (make("", "How are you?"), "How are you?"),
        (make("Hello", "How are you?"), "Hello\n\nHow are you?"),
        (make("", "<p>How are <b>you</b>?</p>"), "How are you?"),
        (make("", "<p>Hello</p>", text="How are you?"), "How are you?"),
    ],
)
async def test_a_text_arrives(world: World, content: Content, text: str) -> None:
    chat = world.connector()
    sent = await chat.send(to(content=content))
    (message,) = world.sandbox.inbox.messages
    assert (sent, message.recipient, message.text) == (Sent(message.providerMessageId), PERSON, text)
    assert message.sender == chat.sender


@pytest.mark.parametrize(
    ("content", "summary"),
    [
        (make("Lunch", "Soup today", card=CARD), {"summary": "Lunch"}),
        (make("", "Soup\ntoday", card=CARD), {"summary": "Soup today"}),
        (make("", "", card=CARD), {}),
    ],
)
async def test_a_card_arrives_with_what_the_notification_says(
    world: World, content: Content, summary: dict[str, str]
) -> None:
    await world.connector().send(to(content=content))
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": CARD}
    assert world.sandbox.inbox.messages[0].raw == {"type": "message", "attachments": [attachment], **summary}


BEFORE = [
    ("conversation", {"status": 400}, MessageRefused),
    ("conversation", {"status": 401}, SenderBlocked),
    ("conversation", {"status": 403}, RecipientRefused),
    ("conversation", {"code": "InvalidBotApiHost"}, SenderBlocked),
    ("conversation", {"status": 404, "code": "NotFound"}, SenderBlocked),
    ("token", {"status": 400}, SenderBlocked),
    ("token", {"status": 401}, SenderBlocked),
    ("token", {"code": 90002}, SenderBlocked),
    ("token", {"status": 404}, SenderBlocked),
    ("token", {"body": {"token_type": "Bearer"}}, NotAccepted),
    ("token", {"body": []}, NotAccepted),
    *(
        (operation, rule, NotAccepted)
        for operation in ("token", "conversation")
        for rule in (
            {"status": 429},
            {"status": 500},
            {"status": 503},
            {"status": 504},
            {"kind": "reset"},
            {"kind": "acceptThenDrop"},
            {"kind": "malformedJson"},
            {"kind": "wrongContentType"},
            {"kind": "timeout"},
        )
    ),
]


@pytest.mark.parametrize(("operation", "rule", "kind"), BEFORE)
async def test_what_fails_before_the_send_leaves_nothing_open(
    world: World, operation: str, rule: dict[str, Any], kind: type[ConnectorError]
) -> None:
    world.fault(operation, **rule)
    with pytest.raises(ConnectorError) as error:
        await world.connector(MESSAGING_PROVIDER_TIMEOUT_SECONDS=limit(rule)).send(to())
    assert type(error.value) is kind
    assert not world.requests()["send"]


@pytest.mark.parametrize("code", ERRORS)
@pytest.mark.parametrize("operation", ["conversation", "send"])
async def test_each_code_has_its_kind_whatever_its_status(world: World, operation: str, code: str) -> None:
    world.fault(operation, code=code)
    with pytest.raises(ConnectorError, match=code) as error:
        await world.connector().send(to())
    assert (type(error.value), error.value.code) == (ERRORS[code], code)


@pytest.mark.parametrize(
    ("last", "said"),
    [
        ("403", r"The person has not installed the app in Teams \(ForbiddenOperationException: The bot is not"),
        ("209", r"The person has blocked or removed the app in Teams \(MessageWritesBlocked: Thread is blocked"),
        ("440", r"The person has blocked the app in Teams \(ConversationBlockedByUser: "),
        ("430", r"The app is not in the chat any more: the person has removed it \(BotNotInConversationRoster"),
        ("404", r"Teams does not find the chat with the person, although it was opened anew \(Conversation"),
    ],
)
async def test_a_person_who_cannot_be_reached_is_told_in_a_sentence(world: World, last: str, said: str) -> None:
    with pytest.raises(RecipientRefused, match=said):
        await world.connector().send(to(f"00000000-0000-4000-8000-000000000{last}"))


@pytest.mark.parametrize("operation", ["token", "conversation"])
async def test_the_providers_wish_to_wait_is_kept(world: World, operation: str) -> None:
    world.fault(operation, status=429, retryAfter=7)
    with pytest.raises(NotAccepted) as error:
        await world.connector().send(to())
    assert error.value.retryAfter == 7


async def test_a_wrong_secret_blocks_the_sender(world: World) -> None:
    with pytest.raises(SenderBlocked, match="AADSTS7000215: Invalid client secret provided") as error:
        await world.connector(MESSAGING_TEAMS_APP_SECRET="wrong").send(to())
    assert (error.value.code, "Trace ID" in str(error.value)) == ("AADSTS7000215", False)


async def test_a_login_that_cannot_be_reached_leaves_nothing_open(world: World) -> None:
    with pytest.raises(NotAccepted, match="cannot be reached"):
        await world.connector(MESSAGING_TEAMS_LOGIN_URL="https://127.0.0.1:9").send(to())


async def test_a_certificate_that_is_not_trusted_gets_no_secret(world: World) -> None:
    world.http = Http()
    with pytest.raises(NotAccepted, match="The login at Microsoft Entra cannot be reached"):
        await world.connector().send(to())
    await world.http.close()
    assert not world.requests()


async def test_a_slow_preparation_leaves_the_send_for_the_next_time(world: World) -> None:
    world.fault("conversation", delay=0.7)
    with pytest.raises(NotAccepted, match=r"did not answer within 0\.4 seconds"):
        await world.connector(MESSAGING_PROVIDER_TIMEOUT_SECONDS=0.8).send(to())
    assert not world.requests()["send"]


async def test_half_a_token_does_not_reach_the_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    world.fault("token", kind="malformedJson")
    with pytest.raises(NotAccepted):
        await world.connector().send(to())
    assert "eyJ" not in caplog.text and credentials.TEAMS_APP_SECRET not in caplog.text


REFUSED = [
    (make("", "x" * 41_000), InvalidInput, "message: takes .* bytes; a Teams message may have 81920"),
    (make("", "😀" * 21_000), InvalidInput, "message: takes .* bytes"),
    (make("", "", card={**CARD, "body": ["x" * 41_000]}), InvalidInput, "card: takes .* bytes"),
    (make("", "<br>"), InvalidInput, "message: has no text"),
    (make("", "m", card={}), InvalidInput, 'card: must have "type": "AdaptiveCard"'),
    (make("", "m", card={**CARD, "version": "9.9.9"}), InvalidInput, 'and a "version" such as "1.5"'),
    (make("", "m", card={**CARD, "type": "Card"}), InvalidInput, "card: must have"),
]


@pytest.mark.parametrize(("content", "error", "said"), REFUSED)
def test_what_teams_cannot_carry_is_refused(content: Content, error: type[InvalidInput], said: str) -> None:
    made = ConnectorMessagingTeams(settings("UseDevelopmentStorage=true"), Http(), Memory(MemoryTables()))
    with pytest.raises(error, match=said):
        made.check(content)


@pytest.mark.parametrize("text", ["x" * 40_000, "の" * 40_000, "😀" * 20_000, '"' * 20_000])
async def test_what_is_as_long_as_may_be_is_taken(world: World, text: str) -> None:
    chat = world.connector()
    chat.check(make("", text))
    await chat.send(to(content=make("", text)))
    assert world.sandbox.inbox.messages[0].text == text
