"""What is Meta's own: templates, codes, its words. What all channels share: test_every_connector.py."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from dev.sandbox import Sandbox, serve
from dev.sandbox.credentials import META_ACCESS_TOKEN, META_PHONE_NUMBER_ID
from dev.sandbox.recipients import MAGIC
from messaging.connectors.base import Message, Sent
from messaging.connectors.whatsapp import ERRORS, ConnectorMessagingWhatsapp
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

ALICE = "+41791234567"
ACCEPTED = {"messages": [{"id": "wamid.A"}]}


def template(*parameters: Any, **changed: Any) -> Content:
    given = {"name": "order_update", "language": "en_US", "parameters": list(parameters)}
    return make("", "", template={**given, **changed})


PACKED = template("A17", "packed")


def to(recipient: str = ALICE, content: Content = PACKED) -> Message:
    return Message("fe5df35e-eed6-8823-9a63-3c1479bd4320", recipient, content)


@asynccontextmanager
async def connected(url: str, **more: Any) -> AsyncIterator[ConnectorMessagingWhatsapp]:
    http = Http()
    one = ConnectorMessagingWhatsapp(settings("UseDevelopmentStorage=true", url, **more), http)
    yield one
    await one.close()
    await http.close()


@pytest.fixture
async def sandbox() -> AsyncIterator[tuple[Sandbox, str]]:
    one = Sandbox()
    async with serve(one) as served:
        yield one, served.url


@pytest.fixture
async def whatsapp(sandbox: tuple[Sandbox, str]) -> AsyncIterator[ConnectorMessagingWhatsapp]:
    async with connected(sandbox[1]) as one:
        yield one


@asynccontextmanager
async def answering(
    status: int, answer: bytes | dict[str, Any] = b"", **headers: str
) -> AsyncIterator[tuple[ConnectorMessagingWhatsapp, list[tuple[web.Request, bytes]]]]:
    """The connector before a server that answers always the same, and what that server was sent."""
    seen: list[tuple[web.Request, bytes]] = []

    async def handle(request: web.Request) -> web.Response:
        seen.append((request, await request.read()))
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return web.Response(status=status, body=body, headers=headers)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    async with TestServer(app) as server, connected(str(server.make_url(""))) as one:
        yield one, seen


def refusal(code: int, message: str = "Words", **more: Any) -> dict[str, Any]:
    return {"error": {"message": f"(#{code}) {message}", "type": "OAuthException", "code": code, **more}}


async def failing(status: int, answer: bytes | dict[str, Any] = b"", **headers: str) -> ConnectorError:
    async with answering(status, answer, **headers) as (whatsapp, seen):
        with pytest.raises(ConnectorError) as error:
            await whatsapp.send(to())
    assert len(seen) == 1
    return error.value


async def test_meta_is_sent_what_its_reference_says() -> None:
    async with answering(200, ACCEPTED) as (whatsapp, seen):
        assert await whatsapp.send(to()) == Sent("wamid.A")
    ((request, body),) = seen
    assert (request.method, request.path_qs) == ("POST", f"/v23.0/{META_PHONE_NUMBER_ID}/messages")
    assert request.headers["Authorization"] == f"Bearer {META_ACCESS_TOKEN}"
    assert request.headers["Content-Type"] == "application/json"
    assert json.loads(body) == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": ALICE,
        "type": "template",
        "template": {
            "name": "order_update",
            "language": {"code": "en_US", "policy": "deterministic"},
            "components": [
                {
                    "type": "body",
                    "parameters": [{"type": "text", "text": "A17"}, {"type": "text", "text": "packed"}],
                }
            ],
        },
        "biz_opaque_callback_data": "fe5df35e-eed6-8823-9a63-3c1479bd4320",
    }


async def test_a_template_arrives(whatsapp: ConnectorMessagingWhatsapp, sandbox: tuple[Sandbox, str]) -> None:
    sent = await whatsapp.send(to())
    (message,) = sandbox[0].inbox.messages
    assert sent == Sent(str(message.providerMessageId)) and str(message.providerMessageId).startswith("wamid.")
    assert (message.recipient, message.text, message.sender) == (
        ALICE,
        "Your order A17 is now packed.",
        whatsapp.sender,
    )


async def test_a_template_may_have_no_parameters(
    whatsapp: ConnectorMessagingWhatsapp, sandbox: tuple[Sandbox, str]
) -> None:
    await whatsapp.send(to(content=make("s", "not sent", template={"name": "hello_world", "language": "en_US"})))
    (message,) = sandbox[0].inbox.messages
    assert (message.text or "").startswith("Welcome") and "components" not in message.raw["template"]


async def test_without_the_line_ends_removed_meta_would_refuse(sandbox: tuple[Sandbox, str]) -> None:
    async with connected(sandbox[1]) as whatsapp:
        await whatsapp.send(to(content=template("two\nlines", "a" + " " * 5 + "b")))
    assert sandbox[0].inbox.messages[0].text == "Your order two lines is now a b."


KINDS: dict[int, type[ConnectorError]] = {
    **dict.fromkeys([130472, 130497, 131021, 131026, 131030, 131049, 131050], RecipientRefused),
    **dict.fromkeys([100, 131008, 131009, 131047, 131051, 131058], MessageRefused),
    **dict.fromkeys([132000, 132001, 132005, 132007, 132012, 132015, 132016, 132018, 137000], MessageRefused),
    **dict.fromkeys([0, 3, 4, 10, 33, 190, 200, 299, 368, 80007, 130429, 131005, 131031, 131037], SenderBlocked),
    **dict.fromkeys([131042, 131045, 131048, 131057, 133010, 133016], SenderBlocked),
    **dict.fromkeys([131016, 131056], NotAccepted),
    **dict.fromkeys([1, 2, 131000], Ambiguous),
}


@pytest.mark.parametrize("status", [400, 500])
@pytest.mark.parametrize("code", KINDS)
async def test_a_known_code_decides_whatever_the_status(code: int, status: int) -> None:
    error = await failing(status, refusal(code))
    assert (type(error), str(error), error.code) == (KINDS[code], f"{code}: Words", str(code))


def test_the_table_is_what_metas_list_says() -> None:
    assert dict.fromkeys(range(200, 300), SenderBlocked) | KINDS == ERRORS


WORDS: list[tuple[int, bytes | dict[str, Any], type[ConnectorError], str]] = [
    (400, refusal(999, "New"), MessageRefused, "999: New"),
    (400, refusal(131026, error_data={"details": "No WhatsApp"}), RecipientRefused, "131026: Words: No WhatsApp"),
    (400, refusal(131009, f"41791234567 and {ALICE}"), MessageRefused, "131009: … and +…"),
    (400, refusal(100, "Gone", error_subcode=33), SenderBlocked, "100: Gone"),
    (401, {"error": {"message": "Session has expired", "code": 190}}, SenderBlocked, "190: Session has expired"),
    (400, {"error": {"message": ["?"], "code": "x", "error_data": "y"}}, MessageRefused, "HTTP 400: ['?']"),
    (400, {"error": "no"}, MessageRefused, "HTTP 400"),
    (400, b"[]", MessageRefused, "HTTP 400"),
    (400, b"\xff", MessageRefused, "HTTP 400"),
    (400, b"[" * 100_000, MessageRefused, "HTTP 400"),
    (502, b"<html>", Ambiguous, "HTTP 502"),
]


@pytest.mark.parametrize(("status", "answer", "kind", "words"), WORDS)
async def test_a_refusal_is_told_in_metas_words_without_the_recipient(
    status: int, answer: bytes | dict[str, Any], kind: type[ConnectorError], words: str
) -> None:
    error = await failing(status, answer)
    assert (type(error), str(error)) == (kind, words)


REFUSING = {
    "+12025550126": RecipientRefused,
    "+12025550130": RecipientRefused,
    "+12025550150": RecipientRefused,
    "+12025550131": SenderBlocked,
    "+12025550129": SenderBlocked,
    "+12025550156": NotAccepted,
}


@pytest.mark.parametrize(("number", "kind"), REFUSING.items())
async def test_the_sandboxs_refusals_are_understood(
    whatsapp: ConnectorMessagingWhatsapp, number: str, kind: type[ConnectorError]
) -> None:
    code = next(one.code for one in MAGIC if one.address == number)
    with pytest.raises(kind, match=f"^{code}: "):
        await whatsapp.send(to(number))


WRONG_SETTINGS = [
    ({"MESSAGING_WHATSAPP_API_KEY": "wrong"}, "190: "),
    ({"MESSAGING_WHATSAPP_PHONE_NUMBER_ID": "1"}, "100: Unsupported post request"),
]


@pytest.mark.parametrize(("setting", "words"), WRONG_SETTINGS)
async def test_a_wrong_setting_blocks_the_sender(
    sandbox: tuple[Sandbox, str], setting: dict[str, str], words: str
) -> None:
    async with connected(sandbox[1], **setting) as whatsapp:
        with pytest.raises(SenderBlocked, match=words):
            await whatsapp.send(to())


REFUSED: list[tuple[Content, type[InvalidInput], str]] = [
    (make("s", "Free text"), InvalidInput, "message: is free text, which WhatsApp takes only within 24 hours"),
    (make("s", "<p>HTML</p>"), InvalidInput, "give template=, an approved template"),
    (template(buttons=[]), UnsupportedOption, "template.buttons: is unknown"),
    (make("", "", template={"language": "en"}), InvalidInput, "template.name: must be"),
    (template(name="Order"), InvalidInput, "template.name: must be"),
    (template(name="a/../b"), InvalidInput, "template.name: must be"),
    (template(name="a\n"), InvalidInput, "template.name: must be"),
    (template(name="a" * 513), InvalidInput, "template.name: must be"),
    (template(name=7), InvalidInput, "template.name: must be"),
    (make("", "", template={"name": "a"}), InvalidInput, "template.language: must be"),
    (template(language="English"), InvalidInput, "template.language: must be"),
    (template(language=None), InvalidInput, "template.language: must be"),
    (template(parameters="text"), InvalidInput, "template.parameters: must be a list of at most 100 texts"),
    (template(parameters={"a": "b"}), InvalidInput, "template.parameters: must be a list"),
    (template(*["x"] * 101), InvalidInput, "template.parameters: must be a list of at most 100 texts"),
    (template("x", ""), InvalidInput, "template.parameters.1: must be a text of 1 to 1024 characters"),
    (template(" \n\t\x00"), InvalidInput, "template.parameters.0: must be"),
    (template("x" * 1025), InvalidInput, "template.parameters.0: must be"),
    (template(7), InvalidInput, "template.parameters.0: must be a text"),
    (template(None), InvalidInput, "template.parameters.0: must be a text"),
]


@pytest.mark.parametrize(("content", "error", "said"), REFUSED)
def test_what_whatsapp_cannot_take_is_refused_before_it_is_stored(
    content: Content, error: type[InvalidInput], said: str
) -> None:
    with pytest.raises(error, match=said) as raised:
        ConnectorMessagingWhatsapp.check(content)
    assert type(raised.value) is error


@pytest.mark.parametrize(
    "content", [template(*["x" * 1024] * 100), template("x" + "\n" * 2000), template(language="fil")]
)
def test_what_is_within_the_bounds_is_taken(content: Content) -> None:
    ConnectorMessagingWhatsapp.check(content)
