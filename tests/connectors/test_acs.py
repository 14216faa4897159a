"""What is ACS's own: ids, HTML, look-ups. What all channels share: test_every_connector.py."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from azure.communication.email._shared.policy import HMACCredentialsPolicy
from azure.core.pipeline import PipelineContext, PipelineRequest
from azure.core.rest import HttpRequest
from yarl import URL

from dev.sandbox import Sandbox, serve
from messaging.connectors.acs import ConnectorMessagingEmail, _accepted, signature
from messaging.connectors.base import Message, Sent
from messaging.connectors.wire import Answer
from messaging.content import Content, make
from messaging.errors import (
    Ambiguous,
    ConnectorError,
    InvalidInput,
    RecipientRefused,
    SenderBlocked,
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


async def test_a_wrong_key_blocks_the_sender(sandbox: tuple[Sandbox, str]) -> None:
    wrong = "endpoint=https://sandbox.invalid/;accesskey=d3Jvbmc="
    async for mail in connector(sandbox[1], MESSAGING_ACS_CONNECTION_STRING=wrong):
        with pytest.raises(SenderBlocked, match="Denied"):
            await mail.send(to())


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


REFUSED = [
    (make("", "text"), InvalidInput, "subject: is empty"),
    (Content("s", " ", "<p></p>"), InvalidInput, "message: has no text"),
]


@pytest.mark.parametrize(("content", "error", "said"), REFUSED)
def test_what_mail_cannot_carry_is_refused_before_it_is_accepted(
    content: Content, error: type[InvalidInput], said: str
) -> None:
    one = ConnectorMessagingEmail(settings("UseDevelopmentStorage=true"), Http())
    with pytest.raises(error, match=said):
        one.check(content)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/emails:send?api-version=2025-09-01", '{"text": "zürich"}'),
        ("GET", "/emails/operations/fe5ce7a3-afff-8b85-b387-33e7a8c9dfa6?api-version=2025-09-01", ""),
    ],
)
@pytest.mark.parametrize("endpoint", ["https://one.communication.azure.com", "http://127.0.0.1:8080"])
def test_the_signature_is_the_sdks(endpoint: str, method: str, path: str, body: str) -> None:
    request = HttpRequest(method, endpoint + path, content=body or None)
    policy = HMACCredentialsPolicy(endpoint, "a2V5", decode_url=True)
    policy.on_request(PipelineRequest(request, PipelineContext(None)))
    date = request.headers["x-ms-date"]
    ours = signature(b"key", (method, URL(endpoint + path, encoded=True), body.encode()), date)
    assert {name: request.headers[name] for name in ours} == ours


@pytest.mark.parametrize("body", ['{"id": null, "status": "Running"}', '{"id": "1"}', "[]", "<html>"])
def test_an_answer_without_an_id_and_a_status_leaves_it_open(body: str) -> None:
    with pytest.raises(Ambiguous, match="cannot be read"):
        _accepted(Answer(202, {}, body.encode()))
