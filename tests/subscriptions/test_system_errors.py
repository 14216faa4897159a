"""The report of system errors: grouped, bounded, readable, and harmless whatever the errors say."""

import json
from typing import Any

import pytest

from dev.pictures import EXAMPLES, message
from messaging import segments
from messaging.bootstrap import SUBSCRIPTIONS
from messaging.content import is_html, plain_text
from messaging.models import MessagingChannel, MessagingEventParameters
from subscriptions.subSubscriptionSystemErrors import SHOWN, execute, grouped
from tests.product import running
from tests.subscriptions.hostile import HOSTILE, readable, structure, unseen

NAME = "system-errors"
EXAMPLE = EXAMPLES[NAME]
WHATSAPP, TEAMS = MessagingChannel.WHATSAPP, MessagingChannel.TEAMS_CHAT

WRONG_COUNTS: list[object] = [0, -3, True, "7", 1.5, None, []]
GROUPS: list[tuple[object, list[tuple[int, str]]]] = [
    (["a", "b", "a", "a"], [(3, "a"), (1, "b")]),
    (["order 1 failed", "order 22 failed", "order x failed"], [(2, "order 22 failed"), (1, "order x failed")]),
    (["id 3f2a-b1 gone", "id 77-c gone in v2"], [(1, "id 3f2a-b1 gone"), (1, "id 77-c gone in v2")]),
    ([{"message": "a", "source": "x"}, {"message": "a", "source": "y"}], [(1, "a"), (1, "a")]),
    ([{"message": "a", "level": "error"}, "a", {"message": "a", "level": "INFO"}], [(2, "a"), (1, "a")]),
    ([{"message": "a", "count": 5}, {"message": "b"}, {"message": "a", "count": 2}], [(7, "a"), (1, "b")]),
    (["a", {"message": "b", "timestamp": 5}, {"message": "c", "timestamp": 9}], [(1, "c"), (1, "b"), (1, "a")]),
    ([{"message": "n 1", "timestamp": 9}, {"message": "n 2", "timestamp": 5}], [(2, "n 1")]),
    (["two\r\nlines", "two lines"], [(2, "two lines")]),
    ([{"message": "a", "count": wrong} for wrong in WRONG_COUNTS], [(7, "a")]),
    ([{"message": "a", "count": 10**30}], [(1_000_000_000, "a")]),
    ([{}, {"message": None}, {"message": ""}, None, ""], [(5, "(no message)")]),
    ([42, ["x"], {"message": {"a": 1}}], [(1, "42"), (1, "['x']"), (1, "{'a': 1}")]),
    ("one", [(1, "one")]),
    ({"message": "one", "count": 3}, [(3, "one")]),
]


@pytest.mark.parametrize(("errors", "expected"), GROUPS)
def test_errors_that_differ_only_in_numbers_are_one_group(errors: object, expected: list[tuple[int, str]]) -> None:
    assert [(group.count, group.message) for group in grouped(errors)] == expected


def test_a_group_has_its_first_and_last_time_and_its_latest_trace() -> None:
    errors = [
        {"message": "a 1", "timestamp": "2026-11-24T06:00:00Z", "trace": "one"},
        {"message": "a 2", "first": "2026-11-23T01:00:00Z", "last": 1_795_501_740, "trace": "two"},
        {"message": "a 3", "timestamp": "nonsense", "trace": "three"},
        {"message": "a 4", "timestamp": 1_795_501_740.0},
    ]
    (group,) = grouped(errors)
    assert group.period == "23 Nov 2026, 01:00 to 24 Nov 2026, 06:29 UTC"
    assert (group.count, group.message, group.excerpt) == (4, "a 4", "two")


@pytest.mark.parametrize(
    ("first", "last", "period"),
    [
        ("2026-11-24T01:02:00Z", "2026-11-24T06:29:00Z", "24 Nov 2026, 01:02 to 06:29 UTC"),
        ("2026-11-04T01:02:00Z", "2026-11-24T06:29:00Z", "4 Nov 2026, 01:02 to 24 Nov 2026, 06:29 UTC"),
        ("2026-11-24T06:29:01Z", "2026-11-24T06:29:59Z", "24 Nov 2026, 06:29 UTC"),
        (None, {}, ""),
    ],
)
def test_a_period_reads_well(first: object, last: object, period: str) -> None:
    assert grouped([{"message": "a", "first": first, "last": last}])[0].period == period


@pytest.mark.parametrize("data", [{}, {"errors": []}, {"errors": None}, {"errors": 7}, {"errors": True}])
def test_without_errors_nothing_is_sent(data: dict[str, Any]) -> None:
    result = execute(MessagingEventParameters(triggerData=data), [], unseen())
    assert result.success and result.messagesSent == 0


def test_the_mail_of_the_example_reads_well() -> None:
    mail = message(NAME, EXAMPLE)
    assert mail.subject == "34 system errors: Invoice 4721 not closed: no database connection within 30 s"
    assert is_html(mail.html)
    for words in (mail.text, plain_text(mail.html)):
        assert "34 system errors in 4 groups" in words and "Report of 24 Nov 2026, 06:29 UTC" in words
        assert words.index("Invoice 4721") < words.index("429 Too Many") < words.index("<503>")
        assert "24 Nov 2026, 03:17 to 06:04 UTC" in words and "billing.invoices" in words
        assert "Traceback (most recent call last):" in words and "TimeoutError" in words
        assert "you are registered for this subscription" in words


SHORT = """34 system errors in 4 groups, 24 Nov 2026, 06:29 UTC
21 × billing.invoices: Invoice 4721 not closed: no database connection within 30 s
9 × connectors.acs: 429 Too Many Requests from the e-mail provider, next try in 60 s
3 × storage.tables: Mandate m230: write refused, the account is over its limit <503>
Not shown: 1 more error in 1 group."""


def test_a_chat_message_is_short() -> None:
    assert message(NAME, EXAMPLE, TEAMS).text == SHORT
    assert message(NAME, EXAMPLE, TEAMS).html == ""


def test_whatsapp_gets_a_template_with_the_count_and_the_most_frequent() -> None:
    top = "21 × billing.invoices: Invoice 4721 not closed: no database connection within 30 s"
    assert message(NAME, EXAMPLE, WHATSAPP).template == {
        "name": "system_errors",
        "language": "en_US",
        "parameters": ["34 system errors in 4 groups", top],
    }


@pytest.mark.parametrize(
    ("errors", "text"),
    [
        (
            EXAMPLE["errors"],
            "34 system errors in 4 groups. 21x billing.invoices: Invoice 4721 not closed: no data",
        ),
        (["Only “this”…"], '1 system error. Only "this"...'),
        (["a", "a"], "2 system errors in 1 group. 2x a"),
        (["日本語" * 100], "1 system error. " + "日本語" * 17 + "..."),
    ],
)
def test_an_sms_says_how_many_and_which_is_most_frequent(errors: list[Any], text: str) -> None:
    sent = message(NAME, {"errors": errors}, MessagingChannel.SMS).text
    assert sent.startswith(text) and segments.count(sent) == 1


def test_beyond_twenty_groups_the_rest_is_counted() -> None:
    errors = [{"message": chr(65 + n % 26) * (n // 26 + 1), "count": 100 - n} for n in range(60)]
    mail = message(NAME, {"errors": errors})
    rest = f"Not shown: {sum(100 - n for n in range(SHOWN, 60)):,} more errors in 40 groups."
    assert rest in mail.text and rest in plain_text(mail.html)
    assert mail.html.count("ERROR</bdi>") == SHOWN


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_errors_are_shown_and_do_nothing(value: str) -> None:
    names = ("message", "source", "trace", "level", "timestamp", "first", "last", "count")
    hostile = {"errors": [dict.fromkeys(names, value)], "timestamp": value}
    benign = {"errors": [{"message": "a", "source": "b", "trace": "c", "level": "d"}]}
    mail = message(NAME, hostile)
    assert structure(mail.html) == structure(message(NAME, benign).html)
    assert mail.subject.startswith("1 system error") and len(mail.subject.splitlines()) == 1
    for channel in MessagingChannel:
        text = readable(message(NAME, hostile, channel))
        assert not [one for one in text if one != "\n" and not one.isprintable()]


def test_a_trace_of_nothing_but_line_ends_is_left_out() -> None:
    mail = message(NAME, {"errors": [{"message": "a", "trace": "\r\n \n" * 5000}]})
    assert "<pre" not in mail.html and "|" not in mail.text


def test_literal_template_syntax_stays_literal() -> None:
    mail = message(NAME, {"errors": ["{{7*7}}"]})
    assert "{{7*7}}" in mail.html and "{{7*7}}" in mail.text and "49" not in mail.text


def words(number: int) -> str:
    return "".join(chr(97 + int(digit)) for digit in str(number))


@pytest.mark.parametrize("filler", ['"', "<", "😀", "\u202e", "\n", "a"])
def test_ten_thousand_errors_and_a_megabyte_of_trace_stay_a_mail(filler: str) -> None:
    many = [
        {
            "message": f"{words(number)} {filler * 300}",
            "level": filler * 100,
            "source": filler * 100,
            "trace": (filler * 40 + "\n") * (25_000 if number == 0 else 20),
            "count": 10**9,
            "first": number,
            "last": 2e9 - number,
        }
        for number in range(10_000)
    ]
    mail = message(NAME, {"errors": many, "timestamp": 0})
    assert len(mail.html.encode()) < 100_000 and len(mail.text.encode()) < 60_000
    assert "10,000 groups" in mail.text and len(mail.subject) <= 255
    for channel in (WHATSAPP, TEAMS):
        assert len(readable(message(NAME, {"errors": many}, channel))) < 1200


async def test_people_get_the_report_as_they_wish(azurite: str) -> None:
    async with running(azurite, SUBSCRIPTIONS) as product:
        await product.subscription("SystemErrors", source=None)
        await product.subscribe("alice")
        await product.subscribe("bob", "+41791234567", channel="sms")
        execution = await product.execute("SystemErrors", json.loads(json.dumps(EXAMPLE)))
        await product.drain()
        assert execution.result.model_dump() == {
            "success": True,
            "messagesSent": 2,
            "errorMessage": None,
            "messagesRefused": 0,
        }
        received = {one.recipient: one for one in product.sandbox.inbox.messages}
        assert set(received) == {"alice@example.com", "+41791234567"}
        assert received["+41791234567"].text == message(NAME, EXAMPLE, MessagingChannel.SMS).text
        mail, expected = received["alice@example.com"], message(NAME, EXAMPLE)
        assert (mail.subject, mail.html, mail.text) == (expected.subject, expected.html, expected.text)


async def test_an_event_without_errors_sends_nothing(azurite: str) -> None:
    async with running(azurite, SUBSCRIPTIONS) as product:
        await product.subscription("SystemErrors", source=None)
        await product.subscribe("alice")
        execution = await product.execute("SystemErrors", {"errors": []})
        await product.drain()
        assert execution.result.success and execution.result.messagesSent == 0
        assert not product.sandbox.inbox.messages
