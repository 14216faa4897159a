"""ACS: who may send, what is refused, and what is stored."""

import asyncio
import json
import time
from email.utils import formatdate
from typing import Any
from uuid import uuid4

import pytest

from dev.sandbox import Sandbox
from dev.sandbox.caller import EMAIL_PATH, JSON, calling, email_payload, signed

BODY = json.dumps(email_payload()).encode()


def post(
    headers: dict[str, str], body: bytes = BODY, path: str = EMAIL_PATH, **flags: bool
) -> tuple[int, Any, int]:
    """Send; answers status, body and the number of messages stored. Headers replace the good ones."""

    async def scenario() -> tuple[int, Any, int]:
        sandbox = Sandbox(**flags)
        async with calling(sandbox) as caller:
            good = JSON | signed("POST", caller.url + path, body)
            answer = await caller.call("POST", path, body, good | headers)
        return answer.status, answer.body, len(sandbox.inbox.messages)

    return asyncio.run(scenario())


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": ""},
        {"Authorization": "Bearer token"},
        {"Authorization": "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=d3Jvbmc="},
        {"x-ms-content-sha256": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="},
        {"x-ms-date": ""},
        {"x-ms-date": "yesterday"},
        {"x-ms-date": formatdate(0, usegmt=True)},
        {"Host": "elsewhere.example.com"},
    ],
)
def test_signature_must_fit(headers: dict[str, str]) -> None:
    denied = {"error": {"code": "Denied", "message": "Denied by the resource provider."}}
    assert post(headers) == (401, denied, 0)


@pytest.mark.parametrize(("age", "status"), [(-290, 202), (-310, 401), (310, 401)])
def test_signature_is_good_for_five_minutes(age: float, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    monkeypatch.setattr("dev.sandbox.caller.formatdate", lambda usegmt: formatdate(now + age, usegmt=usegmt))
    assert post({})[0] == status


def test_another_key_or_another_body_is_denied() -> None:
    async def scenario() -> None:
        async with calling(Sandbox()) as caller:
            url = caller.url + EMAIL_PATH
            wrong_key = await caller.call("POST", EMAIL_PATH, BODY, JSON | signed("POST", url, BODY, "d3Jvbmc="))
            changed = await caller.call("POST", EMAIL_PATH, BODY + b" ", JSON | signed("POST", url, BODY))
        assert (wrong_key.status, changed.status) == (401, 401)

    asyncio.run(scenario())


def test_signature_can_be_switched_off_but_not_left_out() -> None:
    assert post({"Authorization": "HMAC-SHA256 whatever", "x-ms-date": ""}, check_signature=False)[0] == 202
    assert post({"Authorization": ""}, check_signature=False)[0] == 401


def without(*path: str) -> dict[str, Any]:
    payload = inner = email_payload()
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    return payload


GOOD = email_payload()
BAD_PAYLOADS: list[tuple[Any, int, str]] = [
    ([], 400, "BadRequest"),
    (without("recipients"), 400, "BadRequest"),
    (GOOD | {"recipients": {"to": []}}, 400, "BadRequest"),
    (GOOD | {"recipients": {"to": [{"address": "a@example.com"}] * 51}}, 400, "BadRequest"),
    (GOOD | {"recipients": {"to": ["a@example.com"]}}, 400, "InvalidEmailAddress"),
    (email_payload("nobody"), 400, "InvalidEmailAddress"),
    (email_payload("a@example.com, b@example.com"), 400, "InvalidEmailAddress"),
    (email_payload("a@example.com\r\nBcc: b@example.com"), 400, "InvalidEmailAddress"),
    (GOOD | {"senderAddress": "nobody"}, 400, "InvalidSenderUserName"),
    (without("content"), 400, "BadRequest"),
    (without("content", "subject"), 400, "BadRequest"),
    (GOOD | {"content": {"subject": "Subject"}}, 400, "BadRequest"),
    (GOOD | {"content": {"subject": "Subject", "html": ""}}, 400, "BadRequest"),
    (GOOD | {"content": {"subject": "Subject", "plainText": "Text", "html": 5}}, 400, "BadRequest"),
    (GOOD | {"headers": {"X-Number": 5}}, 400, "BadRequest"),
]


@pytest.mark.parametrize(("payload", "status", "code"), BAD_PAYLOADS)
def test_bad_mail_is_refused(payload: Any, status: int, code: str) -> None:
    answered, body, stored = post({}, json.dumps(payload).encode())
    assert (answered, body["error"]["code"], stored) == (status, code, 0)
    assert body["error"]["message"]


@pytest.mark.filterwarnings("ignore:Sending a large body directly")
def test_large_mail_is_refused() -> None:
    status, body, stored = post({}, json.dumps(GOOD | {"attachments": ["x" * 11_000_000]}).encode())
    assert (status, body["error"]["code"], stored) == (413, "RequestEntityTooLarge", 0)


@pytest.mark.parametrize(
    ("headers", "body", "path", "status", "code"),
    [
        ({}, b"{", EMAIL_PATH, 400, "BadRequest"),
        ({}, b"[" * 100_000, EMAIL_PATH, 400, "BadRequest"),
        ({"Content-Type": "text/plain"}, BODY, EMAIL_PATH, 415, "UnsupportedMediaType"),
        ({"Operation-Id": "not-a-uuid"}, BODY, EMAIL_PATH, 400, "BadRequest"),
        ({}, BODY, "/emails:send?api-version=1999-01-01", 400, "InvalidApiVersionParameter"),
        ({}, BODY, "/emails:send?other=1", 400, "MissingApiVersionParameter"),
    ],
)
def test_bad_request_is_refused(headers: dict[str, str], body: bytes, path: str, status: int, code: str) -> None:
    answered, answer, stored = post(headers, body, path)
    assert (answered, answer["error"]["code"], stored) == (status, code, 0)


def test_answer_is_as_recorded_from_the_real_service() -> None:
    async def scenario() -> None:
        async with calling(Sandbox()) as caller:
            operation = str(uuid4())
            sent = await caller.email(operation=operation)
            place = f"{caller.url}/emails/operations/{operation}?api-version=2025-09-01"
            assert (sent.status, sent.body) == (202, {"id": operation, "status": "Running", "error": None})
            assert (sent.headers["Operation-Location"], sent.headers["Retry-After"]) == (place, "30")
            found = await caller.operation(operation)
            assert (found.status, found.body["status"]) == (200, "Succeeded")
            assert "Retry-After" not in found.headers
            assert (await caller.operation(str(uuid4()))).status == 404
            assert (
                await caller.call("GET", f"/emails/operations/{operation}?api-version=2025-09-01")
            ).status == 401

    asyncio.run(scenario())


def test_without_operation_id_every_mail_is_a_new_one() -> None:
    async def scenario() -> None:
        sandbox = Sandbox()
        async with calling(sandbox) as caller:
            identities = {(await caller.email()).body["id"] for _ in range(3)}
        assert len(identities) == len(sandbox.inbox.messages) == 3

    asyncio.run(scenario())


def test_several_recipients_are_one_message() -> None:
    async def scenario() -> None:
        sandbox = Sandbox()
        async with calling(sandbox) as caller:
            to = [{"address": "a@example.com"}, {"address": "b@example.com", "displayName": "B"}]
            assert (await caller.email(GOOD | {"recipients": {"to": to}})).status == 202
            counted = await caller.call("GET", "/messages/count?recipient=b@example.com")
        assert counted.body["count"] == 1
        assert sandbox.inbox.messages[0].recipient == "a@example.com, b@example.com"

    asyncio.run(scenario())
