"""What a message says, from what the author gave."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging import content
from messaging.content import MAX_MESSAGE, Content, from_columns, is_html, make, plain_text, to_columns
from messaging.errors import InvalidInput
from messaging.storage.base import column_size

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


@pytest.mark.parametrize(
    ("message", "html"),
    [
        ("<p>hi</p>", True),
        ("  <p>hi</p>\n", True),
        ("hi <b>there</b>", False),
        ("<3 you", False),
        ("1 < 2 > 0", False),
        ("{{ 7*7 }}", False),
    ],
)
def test_html_starts_and_ends_with_angle_brackets(message: str, html: bool) -> None:
    made = make("s", message)
    assert is_html(message) == html == bool(made.html)
    assert made.text == ("hi" if html else message)


NO_TEMPLATES: list[object] = [
    "text",
    ["a"],
    {"a": object()},
    {"a": float("nan")},
    {"a": "\ud800"},
    {"a": "x" * MAX_MESSAGE},
]


@pytest.mark.parametrize("given", NO_TEMPLATES, ids=range(len(NO_TEMPLATES)))
def test_a_template_is_json(given: Any) -> None:
    with pytest.raises(InvalidInput, match="template: must be a JSON object of at most 262144 bytes"):
        make("s", "m", template=given)


def test_a_template_is_what_it_was_when_it_was_given() -> None:
    given = {"name": "a", "parameters": ["one"]}
    made = make("", "", template=given)
    given["parameters"] = ["two"]
    assert made.template == {"name": "a", "parameters": ["one"]}
    assert Content.from_json(made.to_json()) == made


def test_an_author_may_give_the_text_alternative() -> None:
    assert make("s", "<p>hi</p>", text="Hi there").text == "Hi there"


HTML = [
    ("<h1>Errors</h1><p>Two of <b>them</b>.</p>", "Errors\n\nTwo of them."),
    ("<style>p{}</style><script>x()</script><title>t</title><p>a</p>", "a"),
    ("<ul><li>one</li><li>two</li></ul>", "- one\n- two"),
    ('<p>See <a href="https://example.com/x">the page</a>.</p>', "See the page (https://example.com/x)."),
    ('<p><a href="javascript:x()">x</a></p>', "x"),
    ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
    ("<p>a &lt; b &amp; c&nbsp;d</p>", "a < b & c d"),
    ("<p>one\n  line</p>", "one line"),
    ("a<br>b", "a\nb"),
    ("<p>open", "open"),
    ("<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>", "<script>alert(1)</script>"),
]


@pytest.mark.parametrize(("html", "text"), HTML)
def test_the_text_alternative_reads_well(html: str, text: str) -> None:
    assert plain_text(html) == text


@pytest.mark.parametrize(
    ("subject", "stored"),
    [
        ("hi\r\nBcc: x@example.com", "hi Bcc: x@example.com"),
        ("a\x00b\x85c\u2028d\u2029e\x7ff", "a b c d e f"),
        ("  a  ", "a"),
        ("x" * 300, "x" * 255),
        ("=?utf-8?b?DQpCY2M6?=", "=?utf-8?b?DQpCY2M6?="),
    ],
)
def test_a_subject_is_one_line(subject: str, stored: str) -> None:
    assert make(subject, "m").subject == stored


@given(TEXT)
def test_no_subject_ever_holds_a_line_end(subject: str) -> None:
    assert make(subject, "m").subject.splitlines() in ([], [make(subject, "m").subject])


REFUSED = [
    ("", "is empty"),
    (" \n\t", "is empty"),
    ("x" * (MAX_MESSAGE + 1), "are allowed"),
    ("\ud800", "surrogate"),
    (7, "must be text"),
    (None, "must be text"),
]


@pytest.mark.parametrize(("message", "rule"), REFUSED)
def test_what_cannot_be_a_message_is_refused(message: object, rule: str) -> None:
    with pytest.raises(InvalidInput, match=rule) as refused:
        make("s", message)  # type: ignore[arg-type]
    assert refused.value.field == "message"


@given(TEXT, TEXT, TEXT)
def test_the_same_content_has_the_same_name_and_comes_back_from_json(subject: str, text: str, html: str) -> None:
    made = Content(subject, text, html)
    assert Content.from_json(made.to_json()) == made
    assert made.digest() == Content(subject, text, html).digest()
    assert made.digest() != Content(subject, text + "x", html).digest()


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=100), st.integers(0, 400))
def test_a_long_text_fits_into_columns_and_comes_back(text: str, times: int) -> None:
    columns = to_columns(text * times)
    assert from_columns(columns) == text * times
    assert all(column_size(part) for part in columns.values())


def test_the_longest_message_fits_into_one_row() -> None:
    columns = to_columns("😀" * MAX_MESSAGE)
    assert sum(len(part.encode("utf-16-le")) for part in columns.values()) < 1_040_000 * 1.05
    assert content.MAX_MESSAGE == 262_144


def test_a_card_is_copied_and_needs_no_message() -> None:
    card = {"type": "AdaptiveCard", "body": [{"text": "Grüezi 😀"}]}
    content = make("", "", card=card)
    card["body"] = []
    assert content.card == {"type": "AdaptiveCard", "body": [{"text": "Grüezi 😀"}]}
    assert Content.from_json(content.to_json()) == content
    assert make("", "", card=content.card).digest() == content.digest() != make("", "", card=card).digest()


endless: list[Any] = []
endless.append(endless)


@pytest.mark.parametrize(
    "card",
    ["card", [1], {"a": float("nan")}, {"a": {1}}, {"a": "\ud800"}, {"a": "x" * MAX_MESSAGE}, {"a": endless}],
)
def test_a_card_must_be_json(card: Any) -> None:
    with pytest.raises(InvalidInput, match="card: must be a JSON object of at most 262144 bytes"):
        make("", "Text", card=card)
