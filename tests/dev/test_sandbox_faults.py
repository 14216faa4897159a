"""Faults: every kind at every provider, and what a rule may say."""

import asyncio
import time
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import ClientError, ClientTimeout

from dev.sandbox import Sandbox
from dev.sandbox.caller import Answer, Caller, calling
from dev.sandbox.faults import KINDS, parse

PROVIDERS = ("acs", "twilio", "meta", "teams")
ACCEPTED = {"acs": 202, "twilio": 201, "meta": 200, "teams": 201}


def play(provider: str, **rule: Any) -> tuple[Answer | None, Sandbox]:
    """One send under one rule. No answer, or a broken connection, is None."""
    patience = 0.3 if rule.get("kind") == "timeout" else 10

    async def scenario() -> tuple[Answer | None, Sandbox]:
        sandbox = Sandbox(window_open=True)
        async with calling(sandbox) as caller:
            await caller.put("/faults", {"provider": provider, "operation": "send", **rule})
            try:
                async with asyncio.timeout(patience):
                    return await caller.send(provider), sandbox
            except (ClientError, TimeoutError):
                return None, sandbox

    return asyncio.run(scenario())


def sends(sandbox: Sandbox) -> list[tuple[int, bool]]:
    return [(seen.status, seen.stored) for seen in sandbox.requests.requests if seen.operation == "send"]


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 429, 500, 502, 503, 504, 599])
def test_status_comes_in_the_providers_own_shape(provider: str, status: int) -> None:
    answer, sandbox = play(provider, status=status, retryAfter=7)
    assert answer is not None
    assert (answer.status, answer.headers["Retry-After"]) == (status, "7")
    body = answer.body
    if provider == "twilio":
        assert body["status"] == status
        assert {"code", "message", "more_info"} < set(body)
    else:
        assert body["error"]["message"]
        assert body["error"]["code"]
    assert sends(sandbox) == [(status, False)]
    assert not sandbox.inbox.messages


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(("kind", "stored"), [("reset", 0), ("timeout", 0), ("acceptThenDrop", 1)])
def test_no_answer(provider: str, kind: str, stored: int) -> None:
    answer, sandbox = play(provider, kind=kind)
    assert answer is None
    assert len(sandbox.inbox.messages) == stored
    assert sends(sandbox) == [(0, bool(stored))]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_accept_then_status(provider: str) -> None:
    for rule, status in (({}, 500), ({"status": 503}, 503)):
        answer, sandbox = play(provider, kind="acceptThenStatus", **rule)
        assert answer is not None
        assert answer.status == status
        assert sends(sandbox) == [(status, True)]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_mangled_answers_to_accepted_messages(provider: str) -> None:
    malformed, sandbox = play(provider, kind="malformedJson")
    assert malformed is not None
    assert (malformed.status, len(sandbox.inbox.messages)) == (ACCEPTED[provider], 1)
    assert isinstance(malformed.body, str)
    assert malformed.headers["Content-Type"].startswith("application/json")

    page, sandbox = play(provider, kind="wrongContentType")
    assert page is not None
    assert (page.status, len(sandbox.inbox.messages)) == (ACCEPTED[provider], 1)
    assert page.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_mangled_errors_accept_nothing(provider: str) -> None:
    for kind in ("malformedJson", "wrongContentType"):
        answer, sandbox = play(provider, kind=kind, status=502)
        assert answer is not None
        assert (answer.status, sends(sandbox)) == (502, [(502, False)])
        assert isinstance(answer.body, str)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_slow_and_delayed_answers_are_true(provider: str) -> None:
    for kind in ("slow", "status"):
        began = time.monotonic()
        answer, sandbox = play(provider, kind=kind, delay=0.1)
        assert answer is not None
        assert time.monotonic() - began >= 0.1
        assert (answer.status, isinstance(answer.body, dict)) == (ACCEPTED[provider], True)
        assert len(sandbox.inbox.messages) == 1


@pytest.mark.parametrize(
    ("provider", "code", "status"),
    [
        ("acs", "DomainNotLinked", 404),
        ("twilio", 21610, 400),
        ("twilio", 20429, 429),
        ("meta", 131056, 429),
        ("teams", "BotDisabledByAdmin", 403),
        ("teams", "NotInAnyTable", 400),
    ],
)
def test_status_follows_from_the_code(provider: str, code: Any, status: int) -> None:
    answer, _sandbox = play(provider, code=code)
    assert answer is not None
    assert (answer.status, answer.body.get("code") or answer.body["error"]["code"]) == (status, code)


def test_caller_may_lose_patience_with_a_slow_answer(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async with calling(Sandbox()) as caller:
            await caller.put("/faults", {"provider": "acs", "kind": "slow", "delay": 1})
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await caller.email()
            await asyncio.sleep(0.2)

    asyncio.run(scenario())
    assert not caplog.records


def test_body_and_date_are_the_rules_own() -> None:
    date = "Tue, 24 Nov 2026 12:00:00 GMT"
    answer, _sandbox = play("acs", status=429, body={"odd": True}, retryAfter=date)
    assert answer is not None
    assert (answer.status, answer.body, answer.headers["Retry-After"]) == (429, {"odd": True}, date)
    text, _sandbox = play("twilio", status=503, body="upstream connect error")
    assert text is not None
    assert text.body == "upstream connect error"


async def _answers(caller: Caller, *recipients: str) -> list[int]:
    return [(await caller.email(recipient)).status for recipient in recipients]


def test_rule_may_be_for_some_recipients_and_some_times() -> None:
    async def scenario() -> None:
        async with calling(Sandbox()) as caller:
            await caller.put(
                "/faults", [{"provider": "*", "recipient": "*@example.org", "status": 503, "times": 2}]
            )
            statuses = await _answers(caller, "a@example.org", "a@example.com", "b@example.org", "c@example.org")
            assert statuses == [503, 202, 503, 202]
            assert (await caller.call("GET", "/faults")).body[0]["used"] == 2
            await caller.put("/faults", {"provider": "acs", "sender": "Other@*", "status": 500})
            assert await _answers(caller, "a@example.org") == [202]
            await caller.put("/faults", [{"provider": "acs", "status": 500}, {"provider": "acs", "status": 501}])
            assert await _answers(caller, "a@example.org") == [500]
            assert (await caller.call("DELETE", "/faults")).status == 204
            assert await _answers(caller, "a@example.org") == [202]

    asyncio.run(scenario())


def test_rule_may_be_for_one_operation() -> None:
    async def scenario() -> None:
        async with calling(Sandbox()) as caller:
            for operation in ("token", "conversation", "send"):
                await caller.put(
                    "/faults", {"provider": "teams", "operation": operation, "status": 503, "times": 1}
                )
                assert (await caller.teams()).status == 503
            assert (await caller.teams()).status == 201
            await caller.put("/faults", {"provider": "acs", "operation": "lookup", "status": 404})
            sent = await caller.email()
            assert sent.status == 202
            assert (await caller.operation(sent.body["id"])).body["error"]["code"] == "NotFound"

    asyncio.run(scenario())


@pytest.mark.parametrize(("kind", "status"), [("acceptThenDrop", 200), ("reset", 404)])
def test_look_up_tells_whether_a_mail_without_answer_was_taken(kind: str, status: int) -> None:
    async def scenario() -> None:
        operation = str(uuid4())
        sandbox = Sandbox()
        async with calling(sandbox) as caller:
            await caller.put("/faults", {"provider": "acs", "operation": "send", "kind": kind, "times": 1})
            with pytest.raises(ClientError):
                await caller.email(operation=operation)
            assert (await caller.operation(operation)).status == status
            assert (await caller.email(operation=operation)).status == 202
        assert len(sandbox.inbox.messages) == 1

    asyncio.run(scenario())


def test_held_request_does_not_hold_up_the_end() -> None:
    async def scenario() -> None:
        async with calling(Sandbox()) as caller:
            await caller.put("/faults", {"provider": "twilio", "kind": "timeout"})
            with pytest.raises(TimeoutError):
                await caller.session.post(
                    caller.url + "/2010-04-01/Accounts/x/Messages.json", timeout=ClientTimeout(0.1)
                )

    began = time.monotonic()
    asyncio.run(scenario())
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        (None, "A fault rule is a JSON object."),
        ({"status": 500}, "provider is missing"),
        ({"provider": "fax"}, "provider must be one of acs, twilio, meta, teams, *"),
        ({"provider": "acs", "colour": "red"}, "A fault rule has no field colour"),
        ({"provider": "acs", "used": 1}, "A fault rule has no field used"),
        ({"provider": "acs", "kind": "explode"}, "kind must be one of status, reset"),
        ({"provider": "acs", "operation": "fax"}, "operation must be one of send"),
        ({"provider": "acs", "status": 200}, "status must be a whole number from 400 to 599"),
        ({"provider": "acs", "status": True}, "status must be a whole number"),
        ({"provider": "acs", "times": 0}, "times must be a whole number from 1"),
        ({"provider": "acs", "delay": 121}, "delay must be seconds from 0 to 120"),
        ({"provider": "acs", "code": []}, "code must be"),
        ({"provider": "acs", "recipient": 5}, "recipient must be a text"),
        ({"provider": "acs", "retryAfter": []}, "retryAfter must be"),
    ],
)
def test_wrong_rule_is_named(rule: Any, sentence: str) -> None:
    async def scenario() -> None:
        async with calling(Sandbox()) as caller:
            await caller.put("/faults", {"provider": "acs", "status": 500})
            answer = await caller.put("/faults", rule)
            assert answer.status == 400
            assert answer.body.startswith(sentence)
            assert len((await caller.call("GET", "/faults")).body) == 1

    asyncio.run(scenario())


def test_every_kind_can_be_asked_for() -> None:
    assert [parse({"provider": "*", "kind": kind}).kind for kind in KINDS] == list(KINDS)
