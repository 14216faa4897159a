"""The SMS connector against the sandbox: good sends, each kind of error, its limits."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from dev.sandbox import Sandbox, serve
from messaging.connectors.base import Message, Sent
from messaging.connectors.twilio import ERRORS, STATUSES, ConnectorMessagingSms
from messaging.content import Content, make
from messaging.errors import (
    Ambiguous,
    ConnectorError,
    InvalidInput,
    MessageRefused,
    NotAccepted,
    RecipientRefused,
    SenderBlocked,
    UnsupportedOption,
)
from messaging.http import Http
from tests.product import settings

HELLO = make("ignored", "How are you?")
SERVICE = "MG" + "0" * 32


@pytest.fixture
async def sandbox() -> AsyncIterator[tuple[Sandbox, str]]:
    one = Sandbox()
    async with serve(one) as served:
        yield one, served.url


async def connector(url: str, **more: Any) -> AsyncIterator[ConnectorMessagingSms]:
    http = Http()
    one = ConnectorMessagingSms(settings("UseDevelopmentStorage=true", url, **more), http)
    yield one
    await one.close()
    await http.close()


@pytest.fixture
async def sms(sandbox: tuple[Sandbox, str]) -> AsyncIterator[ConnectorMessagingSms]:
    async for one in connector(sandbox[1]):
        yield one


def to(recipient: str = "+41791234567", content: Content = HELLO) -> Message:
    return Message("d", recipient, content)


async def test_a_text_arrives_and_its_parts_are_counted(
    sms: ConnectorMessagingSms, sandbox: tuple[Sandbox, str]
) -> None:
    sent = await sms.send(to(content=make("", "x" * 161)))
    (message,) = sandbox[0].inbox.messages
    assert sent == Sent(str(message.providerMessageId), 2)
    assert (message.recipient, message.text, message.sender) == ("+41791234567", "x" * 161, sms.sender)


async def test_html_is_sent_as_its_text(sms: ConnectorMessagingSms, sandbox: tuple[Sandbox, str]) -> None:
    await sms.send(to(content=make("Subject", "<p>How are <b>you</b>?</p>")))
    assert sandbox[0].inbox.messages[0].text == "How are you?"


async def test_a_messaging_service_may_be_the_sender(sandbox: tuple[Sandbox, str]) -> None:
    async for sms in connector(sandbox[1], MESSAGING_TWILIO_FROM_NUMBER=SERVICE):
        await sms.send(to())
    assert sandbox[0].inbox.messages[0].raw["MessagingServiceSid"] == SERVICE


ANSWERS = [
    ({"status": 400, "code": 21211}, RecipientRefused),
    ({"status": 400, "code": 21617}, MessageRefused),
    ({"status": 400, "code": 99999}, MessageRefused),
    ({"status": 401}, SenderBlocked),
    ({"status": 403}, SenderBlocked),
    ({"status": 404}, SenderBlocked),
    ({"status": 408}, Ambiguous),
    ({"status": 409}, MessageRefused),
    ({"status": 413}, MessageRefused),
    ({"status": 429}, SenderBlocked),
    ({"status": 500}, Ambiguous),
    ({"status": 502}, Ambiguous),
    ({"status": 503}, Ambiguous),
    ({"status": 504}, Ambiguous),
    ({"kind": "reset"}, Ambiguous),
    ({"kind": "acceptThenDrop"}, Ambiguous),
    ({"kind": "malformedJson"}, Ambiguous),
    ({"kind": "wrongContentType"}, Ambiguous),
    ({"kind": "timeout"}, Ambiguous),
]


@pytest.mark.parametrize(("rule", "kind"), ANSWERS)
async def test_each_answer_has_its_kind(
    sandbox: tuple[Sandbox, str], rule: dict[str, Any], kind: type[ConnectorError]
) -> None:
    sandbox[0].faults.replace([{"provider": "twilio", **rule}])
    async for sms in connector(sandbox[1], MESSAGING_PROVIDER_TIMEOUT_SECONDS=0.3):
        with pytest.raises(ConnectorError) as error:
            await sms.send(to())
        assert type(error.value) is kind
    assert sum(seen.operation == "send" for seen in sandbox[0].requests.requests) == 1


MAGIC = [
    ("+15005550001", RecipientRefused, "21211: "),
    ("+15005550002", RecipientRefused, "21612: "),
    ("+15005550003", RecipientRefused, "21408: "),
    ("+15005550004", RecipientRefused, "21610: "),
    ("+15005550009", RecipientRefused, "21614: "),
    ("+15005550429", SenderBlocked, "20429: "),
    ("+15005550500", Ambiguous, "20500: "),
]


@pytest.mark.parametrize(("number", "kind", "words"), MAGIC)
async def test_refusals_come_in_twilios_words(
    sms: ConnectorMessagingSms, number: str, kind: type[ConnectorError], words: str
) -> None:
    with pytest.raises(kind, match=words):
        await sms.send(to(number))


async def test_retry_after_is_kept(sms: ConnectorMessagingSms, sandbox: tuple[Sandbox, str]) -> None:
    sandbox[0].faults.replace([{"provider": "twilio", "status": 429, "retryAfter": 7}])
    with pytest.raises(SenderBlocked) as error:
        await sms.send(to())
    assert error.value.retryAfter == 7


async def test_nobody_at_home_is_certainly_not_accepted() -> None:
    async for sms in connector("http://127.0.0.1:9"):
        with pytest.raises(NotAccepted):
            await sms.send(to())


async def test_a_wrong_token_blocks_the_sender(sandbox: tuple[Sandbox, str]) -> None:
    async for sms in connector(sandbox[1], MESSAGING_TWILIO_AUTH_TOKEN="wrong"):
        with pytest.raises(SenderBlocked, match="20003"):
            await sms.send(to())


@pytest.mark.parametrize("text", ["x" * 1600, "ç" * 1600, "😀" * 1600])
def test_1600_characters_fit(text: str) -> None:
    ConnectorMessagingSms(settings("UseDevelopmentStorage=true"), Http()).check(make("", text))


REFUSED = [
    (make("", "x" * 1601), InvalidInput, "has 1601 characters; an SMS may have 1600"),
    (make("", "m", template={"name": "t"}), UnsupportedOption, "has no templates"),
]


@pytest.mark.parametrize(("content", "error", "said"), REFUSED)
def test_what_an_sms_cannot_carry_is_refused(content: Content, error: type[InvalidInput], said: str) -> None:
    with pytest.raises(error, match=said):
        ConnectorMessagingSms(settings("UseDevelopmentStorage=true"), Http()).check(content)


def test_every_code_and_status_has_one_of_the_five_kinds() -> None:
    kinds = {RecipientRefused, MessageRefused, SenderBlocked, NotAccepted, Ambiguous}
    assert set(ERRORS.values()) <= kinds and set(STATUSES.values()) <= kinds
    assert len(ERRORS) == 24
