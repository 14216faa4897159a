"""WhatsApp: what is refused, the 24-hour window, and templates."""

import asyncio
import time
from typing import Any

import pytest

from dev.sandbox import Sandbox, credentials
from dev.sandbox.caller import JSON, WHATSAPP_PATH, Answer, calling, whatsapp_template, whatsapp_text

ALICE = "+41791234567"
GOOD = whatsapp_text(ALICE)


def send(payload: dict[str, Any]) -> tuple[Answer, Sandbox]:
    async def scenario() -> tuple[Answer, Sandbox]:
        sandbox = Sandbox(window_open=True)
        async with calling(sandbox) as caller:
            return await caller.whatsapp(payload), sandbox

    return asyncio.run(scenario())


@pytest.mark.parametrize(
    ("payload", "status", "code"),
    [
        ([], 400, 100),
        (GOOD | {"messaging_product": "sms"}, 400, 100),
        (GOOD | {"to": ""}, 400, 100),
        (GOOD | {"to": "alice"}, 400, 131009),
        (GOOD | {"type": "hologram"}, 400, 131051),
        (GOOD | {"text": {"body": ""}}, 400, 100),
        (GOOD | {"text": {"body": "x" * 4097}}, 400, 100),
        (whatsapp_template(ALICE, "no_such_template"), 404, 132001),
        (whatsapp_template(ALICE, ""), 400, 100),
        (whatsapp_template(ALICE, "order_update", "only one"), 400, 132000),
        (whatsapp_template(ALICE, "order_update", "A17", ""), 400, 131008),
        (whatsapp_template(ALICE, "order_update", "A17", "two\nlines"), 400, 132018),
        (whatsapp_template(ALICE, "order_update", "A17", "a" + " " * 5 + "b"), 400, 132018),
        (
            whatsapp_template(ALICE, "hello_world") | {"template": {"name": "hello_world", "language": "en"}},
            400,
            100,
        ),
    ],
)
def test_bad_message_is_refused(payload: dict[str, Any], status: int, code: int) -> None:
    answer, sandbox = send(payload)
    error = answer.body["error"]
    assert (answer.status, error["code"], error["type"]) == (status, code, "OAuthException")
    assert error["message"].startswith(f"(#{code}) ")
    assert error["fbtrace_id"]
    assert not sandbox.inbox.messages


def test_good_text() -> None:
    answer, sandbox = send(GOOD | {"to": "41 79 123-45-67", "biz_opaque_callback_data": "delivery-1"})
    assert answer.status == 200
    assert answer.body["contacts"] == [{"input": "41 79 123-45-67", "wa_id": "41791234567"}]
    (message,) = sandbox.inbox.messages
    assert answer.body["messages"] == [{"id": message.providerMessageId, "message_status": "accepted"}]
    assert (message.recipient, message.text, message.channel) == (ALICE, "Text", "whatsapp")
    assert message.raw["biz_opaque_callback_data"] == "delivery-1"


def test_template_is_shown_as_the_person_reads_it() -> None:
    _answer, sandbox = send(whatsapp_template(ALICE, "appointment_reminder", "Bea", "Monday", "{{1}} 14:30"))
    assert sandbox.inbox.messages[0].text == "Hello Bea, we expect you on Monday at {{1}} 14:30."


def test_token_and_number_are_checked() -> None:
    async def scenario() -> None:
        async with calling(Sandbox()) as caller:
            for authorization in ("", "Bearer wrong"):
                denied = await caller.call("POST", WHATSAPP_PATH, b"{}", JSON | {"Authorization": authorization})
                assert (denied.status, denied.body["error"]["code"]) == (401, 190)
            good = JSON | {"Authorization": f"Bearer {credentials.META_ACCESS_TOKEN}"}
            unknown = await caller.call("POST", "/v23.0/999/messages", b"{}", good)
        error = unknown.body["error"]
        assert (unknown.status, error["code"], error["error_subcode"]) == (400, 100, 33)
        assert error["type"] == "GraphMethodException"

    asyncio.run(scenario())


def test_free_text_needs_the_window() -> None:
    async def scenario() -> None:
        async with calling(Sandbox()) as caller:
            assert (await caller.whatsapp(ALICE)).body["error"]["code"] == 131047
            assert (await caller.put("/whatsapp/inbound", {"from": ALICE})).status == 200
            assert (await caller.whatsapp(ALICE)).status == 200
            assert (await caller.whatsapp("+436641234567")).body["error"]["code"] == 131047
            await caller.put("/whatsapp/inbound", {"from": ALICE, "at": time.time() - 24 * 3600 - 1})
            assert (await caller.whatsapp(ALICE)).body["error"]["code"] == 131047
            await caller.put("/whatsapp/inbound", {"from": "*"})
            assert (await caller.whatsapp("+436641234567")).status == 200
            await caller.call("DELETE", "/whatsapp/inbound")
            assert (await caller.whatsapp(ALICE)).body["error"]["code"] == 131047
            assert (await caller.whatsapp(whatsapp_template(ALICE, "hello_world"))).status == 200

    asyncio.run(scenario())


@pytest.mark.parametrize("given", [{}, {"from": 5}, [], {"from": ALICE, "at": "noon"}])
def test_window_names_what_is_wrong(given: Any) -> None:
    async def scenario() -> Answer:
        async with calling(Sandbox()) as caller:
            return await caller.put("/whatsapp/inbound", given)

    answer = asyncio.run(scenario())
    assert answer.status == 400
    assert " must be " in answer.body or " is missing" in answer.body
