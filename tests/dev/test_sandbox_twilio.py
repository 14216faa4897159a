"""Twilio: what is refused and in which words, and what an accepted message looks like."""

import asyncio

import pytest

from dev.sandbox import Sandbox, credentials
from dev.sandbox.caller import FORM, SMS_PATH, Answer, calling, sms_form
from dev.sandbox.twilio import AUTHORIZATION

GOOD = sms_form()
SERVICE = "MG" + "0" * 32


def send(form: dict[str, str]) -> tuple[Answer, int]:
    async def scenario() -> tuple[Answer, int]:
        sandbox = Sandbox()
        async with calling(sandbox) as caller:
            answer = await caller.sms(form)
        return answer, len(sandbox.inbox.messages)

    return asyncio.run(scenario())


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"To": ""}, 21604),
        ({"To": "0791234567"}, 21211),
        ({"To": "+41 79 123 45 67"}, 21211),
        ({"From": ""}, 21603),
        ({"From": "no sender of this kind"}, 21212),
        ({"From": "", "MessagingServiceSid": "MG12"}, 21703),
        ({"Body": ""}, 21602),
        ({"Body": " \n"}, 21602),
        ({"Body": "x" * 1601}, 21617),
    ],
)
def test_bad_message_is_refused(changes: dict[str, str], code: int) -> None:
    answer, stored = send(GOOD | changes)
    assert (answer.status, answer.body["code"], answer.body["status"], stored) == (400, code, 400, 0)
    assert answer.body["more_info"] == f"https://www.twilio.com/docs/errors/{code}"
    assert "{" not in answer.body["message"]


@pytest.mark.parametrize(
    "form", [GOOD, GOOD | {"From": "Northwind"}, GOOD | {"From": "12345"}, GOOD | {"Body": "x" * 1600}]
)
def test_good_message_is_queued(form: dict[str, str]) -> None:
    answer, stored = send(form)
    assert (answer.status, answer.body["status"], stored) == (201, "queued", 1)
    assert (answer.body["from"], answer.body["to"], answer.body["body"]) == (
        form["From"],
        form["To"],
        form["Body"],
    )


def test_messaging_service_chooses_the_sender_later() -> None:
    form = {"To": GOOD["To"], "MessagingServiceSid": SERVICE, "Body": "Text"}
    answer, stored = send(form)
    assert (answer.body["status"], answer.body["from"], answer.body["num_segments"], stored) == (
        "accepted",
        None,
        "0",
        1,
    )
    assert answer.body["messaging_service_sid"] == SERVICE


@pytest.mark.parametrize("authorization", ["", "Basic d3Jvbmc6d3Jvbmc=", AUTHORIZATION.replace("Basic", "Bearer")])
def test_credentials_are_checked(authorization: str) -> None:
    async def scenario() -> None:
        sandbox = Sandbox()
        async with calling(sandbox) as caller:
            answer = await caller.call(
                "POST", SMS_PATH, b"To=%2B41791234567", FORM | {"Authorization": authorization}
            )
            other = SMS_PATH.replace(credentials.TWILIO_ACCOUNT_SID, "AC" + "1" * 32)
            foreign = await caller.call("POST", other, b"", FORM | {"Authorization": AUTHORIZATION})
        assert (answer.status, answer.body["code"]) == (foreign.status, foreign.body["code"]) == (401, 20003)

    asyncio.run(scenario())


def test_unknown_message_and_unreadable_form() -> None:
    async def scenario() -> None:
        async with calling(Sandbox()) as caller:
            headers = FORM | {"Authorization": AUTHORIZATION}
            missing = await caller.call("GET", SMS_PATH.replace(".json", f"/SM{'0' * 32}.json"), b"", headers)
            unreadable = await caller.call("POST", SMS_PATH, b"\xff\xfe", headers)
        assert (missing.status, missing.body["code"]) == (404, 20404)
        assert (unreadable.status, unreadable.body["code"]) == (400, 21604)

    asyncio.run(scenario())
