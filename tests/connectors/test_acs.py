"""The e-mail connector against the sandbox: good sends, each kind of error, look-ups, hostile content."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from dev.sandbox import Sandbox, serve
from messaging.connectors.acs import ERRORS, STATUSES, ConnectorMessagingEmail
from messaging.connectors.base import Message, Sent
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
from messaging.ids import delivery_id, execution_id
from messaging.settings import Settings
from tests.product import settings

ID = delivery_id(execution_id(1_800_000_000), "r", 0)
HELLO = make("Hello", "How are you?")


@pytest.fixture
async def sandbox() -> AsyncIterator[tuple[Sandbox, str]]:
    one = Sandbox()
    async with serve(one) as served:
        yield one, served.url


async def connector(url: str, **more: Any) -> AsyncIterator[ConnectorMessagingEmail]:
    http = Http()
    made: Settings = settings("UseDevelopmentStorage=true", url, **more)
    one = ConnectorMessagingEmail(made, http)
    yield one
    await one.close()
    await http.close()


@pytest.fixture
async def mail(sandbox: tuple[Sandbox, str]) -> AsyncIterator[ConnectorMessagingEmail]:
    async for one in connector(sandbox[1]):
        yield one


def to(recipient: str = "alice@example.com", content: Content = HELLO) -> Message:
    return Message(ID, recipient, content)


async def test_a_mail_arrives_under_the_deliverys_id(
    mail: ConnectorMessagingEmail, sandbox: tuple[Sandbox, str]
) -> None:
    assert await mail.send(to(content=make("Hello", "<p>How are <b>you</b>?</p>"))) == Sent(ID)
    (message,) = sandbox[0].inbox.messages
    assert (message.operationId, message.recipient, message.subject) == (ID, "alice@example.com", "Hello")
    assert (message.html, message.text) == ("<p>How are <b>you</b>?</p>", "How are you?")
    assert message.sender == mail.sender


async def test_plain_text_stays_plain(mail: ConnectorMessagingEmail, sandbox: tuple[Sandbox, str]) -> None:
    await mail.send(to(content=make("Hello", "1 < 2 & {{ 7*7 }}")))
    (message,) = sandbox[0].inbox.messages
    assert message.text == "1 < 2 & {{ 7*7 }}" and not message.html


ANSWERS = [
    ({"status": 400, "code": "InvalidEmailAddress"}, RecipientRefused),
    ({"status": 400}, MessageRefused),
    ({"status": 401}, SenderBlocked),
    ({"status": 403}, SenderBlocked),
    ({"status": 404}, SenderBlocked),
    ({"status": 408}, Ambiguous),
    ({"status": 409}, Ambiguous),
    ({"status": 413}, MessageRefused),
    ({"status": 429}, SenderBlocked),
    ({"status": 500}, Ambiguous),
    ({"status": 502}, Ambiguous),
    ({"status": 503}, Ambiguous),
    ({"status": 504}, Ambiguous),
    ({"kind": "reset"}, Ambiguous),
    ({"kind": "acceptThenDrop"}, Ambiguous),
    ({"kind": "malformedJson"}, Ambiguous),
    ({"kind": "timeout"}, Ambiguous),
]


@pytest.mark.parametrize(("rule", "kind"), ANSWERS)
async def test_each_answer_has_its_kind(
    sandbox: tuple[Sandbox, str], rule: dict[str, Any], kind: type[ConnectorError]
) -> None:
    sandbox[0].faults.replace([{"provider": "acs", **rule}])
    async for mail in connector(sandbox[1], MESSAGING_PROVIDER_TIMEOUT_SECONDS=0.3):
        with pytest.raises(ConnectorError) as error:
            await mail.send(to())
        assert type(error.value) is kind
    assert sum(seen.operation == "send" for seen in sandbox[0].requests.requests) == 1


async def test_a_slow_provider_that_answers_in_time_is_no_failure(
    mail: ConnectorMessagingEmail, sandbox: tuple[Sandbox, str]
) -> None:
    sandbox[0].faults.replace([{"provider": "acs", "delay": 0.2}])
    assert await mail.send(to()) == Sent(ID)


async def test_nobody_at_home_is_certainly_not_accepted() -> None:
    async for mail in connector("http://127.0.0.1:9"):
        with pytest.raises(NotAccepted):
            await mail.send(to())


async def test_a_wrong_key_blocks_the_sender(sandbox: tuple[Sandbox, str]) -> None:
    wrong = "endpoint=https://sandbox.invalid/;accesskey=d3Jvbmc="
    async for mail in connector(sandbox[1], MESSAGING_ACS_CONNECTION_STRING=wrong):
        with pytest.raises(SenderBlocked, match="Denied"):
            await mail.send(to())


@pytest.mark.parametrize("value", ["7", "Fri, 31 Dec 2100 23:59:59 GMT"])
async def test_the_providers_wish_to_wait_is_kept(
    mail: ConnectorMessagingEmail, sandbox: tuple[Sandbox, str], value: str
) -> None:
    sandbox[0].faults.replace([{"provider": "acs", "status": 429, "retryAfter": value}])
    with pytest.raises(SenderBlocked) as error:
        await mail.send(to())
    assert error.value.retryAfter == 7 if value == "7" else (error.value.retryAfter or 0) > 1_000_000_000


async def test_redirects_are_not_followed(mail: ConnectorMessagingEmail, sandbox: tuple[Sandbox, str]) -> None:
    assert mail._client is None
    await mail.send(to())
    policies = mail._client._config.redirect_policy  # type: ignore[attr-defined]
    assert policies.allow is False


async def test_a_look_up_tells_what_arrived(mail: ConnectorMessagingEmail, sandbox: tuple[Sandbox, str]) -> None:
    assert await mail.look_up(ID) is None
    await mail.send(to())
    assert await mail.look_up(ID) == ID


async def test_a_look_up_tells_what_ended_badly(mail: ConnectorMessagingEmail) -> None:
    await mail.send(to("suppressed@example.com"))
    with pytest.raises(RecipientRefused, match="EmailDroppedAllRecipientsSuppressed"):
        await mail.look_up(ID)


LOOK_UPS = [
    ({"status": 400}, Ambiguous),
    ({"status": 401}, SenderBlocked),
    ({"status": 429}, SenderBlocked),
    ({"status": 500}, Ambiguous),
    ({"kind": "reset"}, Ambiguous),
    ({"kind": "malformedJson"}, Ambiguous),
]


@pytest.mark.parametrize(("rule", "kind"), LOOK_UPS)
async def test_a_look_up_that_fails_decides_nothing(
    mail: ConnectorMessagingEmail, sandbox: tuple[Sandbox, str], rule: dict[str, Any], kind: type[ConnectorError]
) -> None:
    await mail.send(to())
    sandbox[0].faults.replace([{"provider": "acs", "operation": "lookup", **rule}])
    with pytest.raises(ConnectorError) as error:
        await mail.look_up(ID)
    assert type(error.value) is kind


HOSTILE = ["hi\r\nBcc: x@example.com", "<script>", "\u202egnp.exe", "=?utf-8?b?DQpCY2M6IHhAeS5jb20=?=", "x" * 5000]


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_text_is_only_text(
    mail: ConnectorMessagingEmail, sandbox: tuple[Sandbox, str], text: str
) -> None:
    await mail.send(to(content=make(text, text)))
    (message,) = sandbox[0].inbox.messages
    assert message.recipient == "alice@example.com"
    subject = message.subject or ""
    assert len(subject.splitlines()) == 1 and len(subject) <= 255


REFUSED = [
    (make("", "text"), InvalidInput, "subject: is empty"),
    (Content("s", " ", "<p></p>"), InvalidInput, "message: has no text"),
    (make("s", "m", template={"name": "t"}), UnsupportedOption, "has no templates"),
]


@pytest.mark.parametrize(("content", "error", "said"), REFUSED)
def test_what_mail_cannot_carry_is_refused_before_it_is_accepted(
    content: Content, error: type[InvalidInput], said: str
) -> None:
    one = ConnectorMessagingEmail(settings("UseDevelopmentStorage=true"), Http())
    with pytest.raises(error, match=said):
        one.check(content)


def test_every_code_and_status_has_one_of_the_five_kinds() -> None:
    kinds = {RecipientRefused, MessageRefused, SenderBlocked, NotAccepted, Ambiguous}
    assert set(ERRORS.values()) <= kinds and set(STATUSES.values()) <= kinds
