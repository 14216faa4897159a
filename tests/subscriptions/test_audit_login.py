"""The message about a sign-in: who, when, from where, and harmless whatever the event says."""

import json
from typing import Any

import pytest

from dev.pictures import EXAMPLES, message
from messaging import segments
from messaging.bootstrap import SUBSCRIPTIONS
from messaging.content import is_html, plain_text
from messaging.models import MessagingChannel
from subscriptions.subSubscriptionAuditLogin import SHOWN, STEPS, details
from tests.product import running
from tests.subscriptions.hostile import HOSTILE, readable, structure

NAME = "audit-login"
EXAMPLE = EXAMPLES[NAME]

DETAILS: list[tuple[object, list[tuple[str, str]]]] = [
    (None, []),
    ({}, []),
    ({"ip": "203.0.113.7", "userAgent": "curl"}, [("IP address", "203.0.113.7"), ("User agent", "curl")]),
    ({"user_id": 7, "osVersion": 1.5}, [("User id", "7"), ("Os version", "1.5")]),
    ({"mfaOK": True, "MFA": None}, [("MfaOK", "true"), ("MFA", "(empty)")]),
    ({"geo": {"city": "Zürich", "at": [1, 2]}}, [("Geo", '{"city": "Zürich", "at": [1, 2]}')]),
    ({"": "x", "a": ""}, [("(no name)", "x"), ("A", "(empty)")]),
    ({"userAgent": "1", "user_agent": "2"}, [("User agent", "1"), ("User agent", "2")]),
    ({"a" * 50: "b" * 300}, [("A" + "a" * 39 + "… (10 more characters)", "b" * 200 + "… (100 more characters)")]),
    ("from home", [("Details", "from home")]),
    (["a", "b"], [("Details", '["a", "b"]')]),
    (7, [("Details", "7")]),
]


@pytest.mark.parametrize(("given", "rows"), DETAILS)
def test_details_of_any_kind_become_a_table(given: object, rows: list[tuple[str, str]]) -> None:
    assert details(given) == (rows, 0)


def test_a_table_is_bounded() -> None:
    mail = message(NAME, {"details": {f"name {number}": "x" for number in range(1000)}})
    assert len(details({f"{number}": "x" for number in range(1000)})[0]) == SHOWN
    assert "980 more details are not shown." in mail.text
    assert "980 more details are not shown." in plain_text(mail.html)


def test_the_mail_of_the_example_reads_well() -> None:
    mail = message(NAME, EXAMPLE)
    assert mail.subject == "mara.keller@example.com signed in, 24 Nov 2026, 06:29 UTC"
    assert is_html(mail.html)
    for words in (mail.text, plain_text(mail.html)):
        for fact in ("mara.keller@example.com signed in", "24 Nov 2026, 06:29 UTC", "203.0.113.47", "iPhone 17"):
            assert fact in words
        assert all(step in words for step in STEPS)
        assert "you are registered for this subscription" in words


def test_a_chat_message_is_short() -> None:
    assert message(NAME, EXAMPLE, MessagingChannel.TEAMS_CHAT).text.split("\n") == [
        "mara.keller@example.com signed in",
        "24 Nov 2026, 06:29 UTC",
        "IP address: 203.0.113.47",
        "Location: Zürich, Switzerland",
        "Device: iPhone 17, iOS 20.1",
        "If you do not recognise this: Change the password now.",
    ]


TEMPLATES = [
    (EXAMPLE, ["mara.keller@example.com signed in", "24 Nov 2026, 06:29 UTC", "from 203.0.113.47"]),
    ({}, ["unknown user signed in", "unknown time", "from an unknown address"]),
]


@pytest.mark.parametrize(("data", "parameters"), TEMPLATES)
def test_whatsapp_gets_a_template_that_says_who_when_and_from_where(
    data: dict[str, Any], parameters: list[str]
) -> None:
    template = message(NAME, data, MessagingChannel.WHATSAPP).template
    assert template == {"name": "audit_login", "language": "en_US", "parameters": parameters}


SMS = [
    (EXAMPLE, "mara.keller@example.com signed in, 24 Nov 2026, 06:29 UTC from 203.0.113.47. "),
    ({}, "unknown user signed in, unknown time. "),
    ({"userId": "u", "timestamp": "soon"}, "u signed in, soon. "),
    ({"eventType": "logout", "userId": "u", "timestamp": 0}, "logout: u, 1 Jan 1970, 00:00 UTC. "),
    (
        {"userId": "u", "details": {"ip": "2001:db8:85a3:8d3:1319:8a2e:370:7348"}, "timestamp": 0},
        "u signed in, 1 Jan 1970, 00:00 UTC from 2001:db8:85a3:8d3:1319:8a2e:370:7348. ",
    ),
]


@pytest.mark.parametrize(("data", "text"), SMS)
def test_an_sms_says_who_when_and_from_where(data: dict[str, Any], text: str) -> None:
    sent = message(NAME, data, MessagingChannel.SMS).text
    assert sent == text + "Unknown to you? Change the password."
    assert segments.count(sent) == 1


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_events_are_shown_and_do_nothing(value: str) -> None:
    hostile = {
        "eventType": value,
        "userId": value,
        "timestamp": value,
        "details": {value: value, "ip": value, "list": [value, {value: value}]},
    }
    benign = {"details": {"a": "b", "ip": "c", "list": "d"}}
    mail = message(NAME, hostile)
    assert structure(mail.html) == structure(message(NAME, benign).html)
    assert mail.subject and len(mail.subject.splitlines()) == 1
    for channel in MessagingChannel:
        text = readable(message(NAME, hostile, channel))
        assert not [one for one in text if one != "\n" and not one.isprintable()]


@pytest.mark.parametrize("filler", ['"', "<", "😀", "\u202e", "\n", "a"])
def test_a_huge_event_stays_a_mail(filler: str) -> None:
    huge = filler * 300_000
    given = {f"{filler * 100}{number}": filler * 2000 for number in range(500)}
    for more in (given, huge, [huge]):
        mail = message(NAME, {"eventType": huge, "userId": huge, "timestamp": huge, "details": more})
        assert len(mail.html.encode()) < 60_000 and len(mail.text.encode()) < 30_000
        assert len(mail.subject) <= 255


def test_literal_template_syntax_stays_literal() -> None:
    mail = message(NAME, {"userId": "{{7*7}}"})
    assert mail.subject.startswith("{{7*7}} signed in") and "{{7*7}}" in mail.html and "{{7*7}}" in mail.text


async def test_people_get_the_event_as_they_wish(azurite: str) -> None:
    async with running(azurite, SUBSCRIPTIONS) as product:
        await product.subscription("audit_login", source=None)
        await product.subscribe("alice", subscriptionId="audit_login")
        await product.subscribe("bob", "+41791234567", channel="sms", subscriptionId="audit_login")
        execution = await product.execute("audit_login", json.loads(json.dumps(EXAMPLE)))
        await product.drain()
        assert execution.result.success and execution.result.messagesSent == 2
        received = {one.recipient: one for one in product.sandbox.inbox.messages}
        assert received["+41791234567"].text == message(NAME, EXAMPLE, MessagingChannel.SMS).text
        mail, expected = received["alice@example.com"], message(NAME, EXAMPLE)
        assert (mail.subject, mail.html, mail.text) == (expected.subject, expected.html, expected.text)
