"""Every magic recipient and sender is refused in the provider's own words, and adds no message."""

import asyncio

import pytest

from dev.sandbox import Sandbox, recipients, serve
from dev.sandbox.caller import (
    EMAIL_PATH,
    SMS_PATH,
    WHATSAPP_PATH,
    Answer,
    Caller,
    calling,
    email_payload,
    sms_form,
    whatsapp_template,
)
from dev.sandbox.recipients import MAGIC, Magic

REFUSED = [magic for magic in MAGIC if not magic.meaning.startswith("202")]


async def send_to(caller: Caller, magic: Magic) -> Answer:
    address = magic.address.removeprefix("From ")
    address = f"{address}example.com" if magic.provider == "acs" else address
    from_here = magic.address != address and magic.address.startswith("From ")
    if magic.provider == "acs":
        return await caller.email(email_payload() | {"senderAddress": address} if from_here else address)
    if magic.provider == "twilio":
        return await caller.sms(sms_form() | {"From": address} if from_here else address)
    return await (caller.whatsapp(address) if magic.provider == "meta" else caller.teams(address))


def code_in(answer: Answer) -> object:
    body = answer.body
    if body.get("errorCode") == 209:
        return "MessageWritesBlocked"
    return body.get("code") or body["error"]["code"]


@pytest.mark.parametrize("magic", REFUSED, ids=lambda magic: f"{magic.provider} {magic.address}")
def test_magic_address_is_refused(magic: Magic) -> None:
    async def scenario() -> None:
        sandbox = Sandbox(window_open=True)
        async with calling(sandbox) as caller:
            answer = await send_to(caller, magic)
        assert code_in(answer) == magic.code
        assert answer.status >= 400
        assert not sandbox.inbox.messages
        if answer.status == 429 and magic.provider in ("acs", "teams"):
            assert int(answer.headers["Retry-After"]) > 0
        seen = sandbox.requests.requests[-1]
        assert (seen.status, seen.stored) == (answer.status, False)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("address", "status", "code"),
    [
        ("suppressed@example.com", "Failed", "EmailDroppedAllRecipientsSuppressed"),
        ("running@example.com", "Running", None),
    ],
)
def test_a_mail_may_be_accepted_and_come_to_nothing(address: str, status: str, code: str | None) -> None:
    async def scenario() -> None:
        sandbox = Sandbox()
        async with calling(sandbox) as caller:
            sent = await caller.email(address)
            assert (sent.status, sent.body["status"]) == (202, "Running")
            found = await caller.operation(sent.body["id"])
        assert found.body["status"] == status
        assert (found.body["error"] or {}).get("code") == code
        assert len(sandbox.inbox.messages) == 1

    asyncio.run(scenario())


def test_closed_window_still_takes_a_template() -> None:
    async def scenario() -> None:
        sandbox = Sandbox()
        async with calling(sandbox) as caller:
            answer = await caller.whatsapp(whatsapp_template("+12025550147", "order_update", "A17", "packed"))
        assert answer.status == 200
        assert sandbox.inbox.messages[0].text == "Your order A17 is now packed."

    asyncio.run(scenario())


def test_the_docstring_is_the_table() -> None:
    assert recipients.__doc__ is not None
    assert all(magic.address in recipients.__doc__ and magic.meaning in recipients.__doc__ for magic in MAGIC)


HOSTILE = b"\r\nAuthorization: Bearer \xff\xfe.a\r\nx-ms-date: \xff\r\nx-ms-content-sha256: \xff\r\n"


@pytest.mark.parametrize("path", [EMAIL_PATH, SMS_PATH, WHATSAPP_PATH, "/v3/conversations"])
def test_header_of_no_text_is_unauthorized(path: str) -> None:
    async def scenario() -> bytes:
        async with serve(Sandbox()) as served:
            reader, writer = await asyncio.open_connection("127.0.0.1", int(served.url.rpartition(":")[2]))
            writer.write(
                f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1".encode() + HOSTILE + b"Content-Length: 2\r\n\r\n{}"
            )
            line = await reader.readline()
            writer.close()
            await writer.wait_closed()
            return line

    assert asyncio.run(scenario()) == b"HTTP/1.1 401 Unauthorized\r\n"
