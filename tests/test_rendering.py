"""What subscription functions use: harmless text, templates, one SMS, one message a channel."""

import re
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import DictLoader, TemplateNotFound, UndefinedError

from messaging import rendering, segments
from messaging.models import MessagingChannel, MessagingSendResult
from messaging.models import MessagingSubscriptionRegistration as Registration
from messaging.rendering import Words, cut, harmless, link, one_line, render, seconds, send_each, sms, when


@pytest.fixture
def templates(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Templates for one test, in place of those of the subscriptions."""
    sources: dict[str, str] = {}
    made = rendering._environment.overlay(loader=DictLoader(sources))
    monkeypatch.setattr(rendering, "_environment", made)
    return sources


HARMLESS = [
    ("plain, “typographic”, 日本語, ❤️", "plain, “typographic”, 日本語, ❤️"),
    ("two\n\tlines", "two\n\tlines"),
    (None, ""),
    (7, "7"),
    (["a"], "['a']"),
    ("a\r\nb\rc\x85d\u2028e\u2029f\x0bg\x0ch", "a\nb\nc\nd\ne\nf\ng\nh"),
    ("a\x00b\x07c\x1bd\x7fe\x9bf", "a�b�c�d�e�f"),
    ("\x1b[31mred\x1b[0m \x1b[1;4mbold\x1b[m", "red bold"),
    ("\x1b\x1b[0m[31m", "�[31m"),
    ("exe.\u202egnp \u2067x\u2069 \u200f\u200e\u061c", "exe.�gnp �x� ���"),
    ("pass\u200bwo\u00adrd\ufeff \U000e0041\u2060", "password "),
    ("half \ud800 \udfff \ufffe", "half � � �"),
]


@pytest.mark.parametrize(("value", "text"), HARMLESS)
def test_strange_text_becomes_harmless(value: object, text: str) -> None:
    assert harmless(value) == text


@given(st.text(st.one_of(st.characters(), st.sampled_from("\x1b[0m\u202e\u200b\r\u2028\ud800"))))
def test_nothing_that_hides_or_reorders_text_is_left(value: str) -> None:
    text = harmless(value)
    assert harmless(text) == text
    assert not [one for one in text if unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp") and one not in "\n\t"]
    assert not set(text) & set("\u061c\u200b\u200d\u200e\u200f\u202a\u202e\u2066\u2069\ufeff")


@pytest.mark.parametrize(
    ("value", "limit", "where", "text"),
    [
        ("short", 5, "end", "short"),
        ("short", 5, "middle", "short"),
        (None, 5, "end", ""),
        (1234567, 3, "end", "123… (4 more characters)"),
        ("x" * 5000, 2, "end", "xx… (4,998 more characters)"),
        ("abcdefgh", 4, "middle", "ab … (4 characters left out) … gh"),
        ("abcdefgh", 3, "middle", "ab … (5 characters left out) … h"),
        ("first\nsecond\nthird\nlast", 14, "middle", "first\n… (14 characters left out) …\nlast"),
        ("a" * 9 + "\nlast", 8, "middle", "aaaa\n… (6 characters left out) …\nlast"),
        ("abc", 0, "middle", " … (3 characters left out) … "),
    ],
)
def test_long_text_is_cut_and_says_so(value: object, limit: int, where: Any, text: str) -> None:
    assert cut(value, limit, where) == text


@given(st.text(), st.integers(0, 30), st.sampled_from(["end", "middle"]))
def test_a_cut_text_keeps_at_most_its_limit(value: str, limit: int, where: Any) -> None:
    note = f"\n… ({len(value):,} characters left out) …\n"
    assert len(cut(value, limit, where)) <= limit + len(note)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a\r\nBcc: x@example.com", "a Bcc: x@example.com"),
        ("  a \t\n\u2028 b\x85", "a b"),
        ("x" * 30, "x" * 20 + "… (10 more characters)"),
        (None, ""),
        ("\u200b", ""),
    ],
)
def test_one_line_is_one_line(value: object, text: str) -> None:
    assert one_line(value, 20) == text


WHEN: list[tuple[object, str]] = [
    (1_795_501_740, "24 Nov 2026, 06:29 UTC"),
    (1_795_501_740.9, "24 Nov 2026, 06:29 UTC"),
    ("2026-11-24T06:29:00Z", "24 Nov 2026, 06:29 UTC"),
    (" 2026-11-24T07:29:00+01:00 ", "24 Nov 2026, 06:29 UTC"),
    ("2026-11-24 06:29", "24 Nov 2026, 06:29 UTC"),
    ("2026-11-24", "24 Nov 2026, 00:00 UTC"),
    (0, "1 Jan 1970, 00:00 UTC"),
]
NO_TIME: list[tuple[object, str]] = [
    (None, "unknown time"),
    ("", "unknown time"),
    ("yesterday\r\n", "yesterday"),
    ("x" * 50, "x" * 40 + "… (10 more characters)"),
    (True, "True"),
    (float("nan"), "nan"),
    (float("inf"), "inf"),
    (1e300, "1e+300"),
    (10**400, "1" + "0" * 39 + "… (361 more characters)"),
    ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00"),
    ("9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59-14:00"),
    ({"a": 1}, "{'a': 1}"),
]


@pytest.mark.parametrize(("value", "text"), WHEN + NO_TIME)
def test_a_time_reads_well_and_nonsense_is_shown_as_it_is(value: object, text: str) -> None:
    assert when(value) == text


def test_a_time_as_seconds_has_an_order() -> None:
    assert all(isinstance(seconds(value), float) for value, _ in WHEN)
    assert all(seconds(value) is None for value, _ in NO_TIME)
    assert seconds("2026-11-24T06:29:00Z") == 1_795_501_740.0


@given(st.one_of(st.floats(), st.integers(), st.datetimes().map(str), st.text()))
def test_no_time_raises(value: object) -> None:
    assert when(value)


LINKS = [
    (
        "https://example.com/?a=1&b='2'",
        "",
        '<a href="https://example.com/?a=1&amp;b=&#39;2&#39;">https://example.com/?',
    ),
    ("mailto:a@example.com", "Write", '<a href="mailto:a@example.com">Write</a>'),
    ("HTTP://example.com", "<b>", '<a href="HTTP://example.com">&lt;b&gt;</a>'),
    ('https://x/"onclick="y', "l", '<a href="https://x/&#34;onclick=&#34;y">l</a>'),
    ("javascript:alert(1)", "", "javascript:alert(1)"),
    ("java\tscript:alert(1)", "l", "l"),
    (" \x01javascript:x", "l", "l"),
    ("data:text/html,<script>", "", "data:text/html,&lt;script&gt;"),
    ("//example.com", "l", "l"),
    ("https:///x", "l", "l"),
    ("https://e/" + "x" * 2000, "l", "l"),
    (None, "l", "l"),
    (None, "", ""),
]


@pytest.mark.parametrize(("url", "label", "html"), LINKS)
def test_only_safe_addresses_become_links(url: object, label: str, html: str) -> None:
    assert str(link(url, label)).startswith(html)


@pytest.mark.parametrize(
    "value",
    ["{{7*7}}", "{% raw %}", "{# x #}", "<script>alert(1)</script>", '" onclick="x', "' x='", "&amp;", "|safe"],
)
def test_data_is_a_value_and_never_markup_or_a_template(templates: dict[str, str], value: str) -> None:
    templates.update({"a.html": '<p title="{{ v }}">{{ v }}</p>', "a.txt": "{{ v }}"})
    escaped = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    escaped = escaped.replace('"', "&#34;").replace("'", "&#39;")
    assert render("a.html", v=value) == f'<p title="{escaped}">{escaped}</p>'
    assert render("a.txt", v=value) == value


def test_what_a_template_prints_is_harmless_whatever_filter_it_went_through(templates: dict[str, str]) -> None:
    templates["a.html"] = "{{ v }}{{ [v]|join }}{{ v|e }}{{ v ~ v }}{{ {'k': v} }}{{ v|forceescape }}"
    text = render("a.html", v="\u202e\u200b\x1b[1m")
    assert text.replace("�", "") == "{&#39;k&#39;: &#39;\\u202e\\u200b\\x1b[1m&#39;}"


def test_a_terminal_colour_at_the_end_of_data_eats_no_markup(templates: dict[str, str]) -> None:
    templates["a.html"] = "<p>{{ v }}</p><p>{{ v }}m</p>"
    assert render("a.html", v="\x1b[") == "<p>�[</p><p></p>"


def test_the_filters_are_there(templates: dict[str, str]) -> None:
    templates["a.html"] = "{{ t|when }} {{ t|cut(2) }} {{ 'a\nb'|one_line(9) }} {{ 'https://e.com'|link('<') }}"
    assert render("a.html", t=0) == '1 Jan 1970, 00:00 UTC 0 a b <a href="https://e.com">&lt;</a>'


def test_a_variable_that_was_not_given_is_named(templates: dict[str, str]) -> None:
    templates["a.html"] = "{{ missing }}"
    with pytest.raises(UndefinedError, match="'missing' is undefined"):
        render("a.html")


@pytest.mark.parametrize("name", ["nothing.html", "../subSubscriptionSystemErrors.py", "/etc/passwd", "{{7*7}}"])
def test_templates_come_from_their_folder_only(name: str) -> None:
    with pytest.raises(TemplateNotFound):
        render(name)


def test_no_template_gives_up_what_protects_it() -> None:
    names = [path.name for path in rendering.TEMPLATES.iterdir()]
    assert {"base.html", "base.txt", "shared.html"} < set(names)
    assert all(name.endswith((".html", ".txt")) for name in names)
    for path in rendering.TEMPLATES.iterdir():
        source = path.read_text()
        assert not re.search(r"\|\s*safe|autoescape|=\s*\{\{|\b(src|href)=|url\(|@import|@font-face", source), path


SMS = [
    ("all fits, ñ € [x]", "all fits, ñ € [x]"),
    ("“quoted” – it’s 3 × more…", '"quoted" - it\'s 3 x more...'),
    ("Ô Zoë, ça va?", "O Zoe, ca va?"),
    ("Ô Łódź", "Ô Łódź"),
    ("two\r\nlines \u202e", "two lines ?"),
    ("≠", "≠"),
    ("x" * 160, "x" * 160),
    ("x" * 161, "x" * 157 + "..."),
    ("€" * 80, "€" * 80),
    ("€" * 81, "€" * 78 + "..."),
    ("日" * 70, "日" * 70),
    ("日" * 71, "日" * 67 + "..."),
    ("😀" * 36, "😀" * 33 + "..."),
    ("word " * 40, "word " * 31 + "wo..."),
    ("x" * 200 + "日", "x" * 157 + "..."),
    ("", ""),
]


@pytest.mark.parametrize(("text", "message"), SMS)
def test_a_text_is_made_to_fit_one_sms(text: str, message: str) -> None:
    assert sms(text) == message


@given(st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("ab€^é日😀\n")), max_size=300))
def test_an_sms_is_always_one_segment(text: str) -> None:
    assert segments.count(sms(text)) == 1


def registration(number: int, channel: str) -> Registration:
    return Registration(
        id=f"r{number}",
        subscriptionId="S",
        userId=f"u{number}",
        channel=MessagingChannel(channel),
        channelConfig="x",
        creationDate=1.0,
        lastModified=1.0,
    )


class Service:
    """Takes everything but what goes to WhatsApp."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, str, str | None]] = []
        self.templates: list[Any] = []

    def sendMessage(
        self,
        subject: str,
        message: str,
        registration: Registration,
        *,
        text: str | None = None,
        template: Any = None,
    ) -> MessagingSendResult:
        self.templates.append(template)
        if registration.channel == MessagingChannel.WHATSAPP:
            return MessagingSendResult(success=False, errorMessage=f"no {registration.userId}")
        self.sent.append((registration.userId, subject, message, text))
        return MessagingSendResult(success=True, deliveryId=registration.id)


def test_every_registration_gets_its_channels_words_which_are_made_once() -> None:
    people = [registration(n, channel) for n, channel in enumerate(["email", "sms", "email", "sms", "email"])]
    service = Service()
    asked: list[str] = []

    def words(channel: MessagingChannel) -> Words:
        asked.append(channel.value)
        return Words("s", f"m-{channel}", "t" if channel == MessagingChannel.EMAIL else None)

    result = send_each(service, people, words)
    assert sorted(asked) == ["email", "sms"]
    assert service.sent[:2] == [("u0", "s", "m-email", "t"), ("u1", "s", "m-sms", None)] and len(service.sent) == 5
    assert result.model_dump() == {"success": True, "messagesSent": 5, "errorMessage": None, "messagesRefused": 0}


def test_refusals_are_counted_and_the_first_reason_is_told() -> None:
    people = [registration(n, channel) for n, channel in enumerate(["email", "whatsapp", "whatsapp"])]
    result = send_each(Service(), people, lambda _: Words("s", "m"))
    assert result.success and result.messagesSent == 1 and result.errorMessage == "no u1"
    assert result.model_dump()["messagesRefused"] == 2


def test_a_template_is_handed_on() -> None:
    service, template = Service(), {"name": "lunch", "language": "en"}
    send_each(service, [registration(1, "email")], lambda _: Words("", "", template=template))
    assert service.templates == [template]


def test_nobody_is_sent_nothing() -> None:
    result = send_each(Service(), [], lambda _: Words("s", "m"))
    assert result.success and result.messagesSent == 0
