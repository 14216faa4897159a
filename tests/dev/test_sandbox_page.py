"""The page for people: it shows everything, and nothing that it shows can do anything."""

import asyncio
import html
from html.parser import HTMLParser
from typing import Any

import pytest

from dev.sandbox import Sandbox, cards
from dev.sandbox.caller import PERSON, Answer, Caller, calling, email_payload, sms_form, whatsapp_template

EVIL = "<script>alert(1)</script>"
EVIL_HTML = f'{EVIL}<p onclick="alert(1)">Hello</p>"><iframe src="javascript:alert(1)"></iframe>'


class Page(HTMLParser):
    """Tags and attributes of a page, as a browser sees them; what a bubble says, and the facts above it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.said = ""
        self.facts: dict[str, str] = {}
        self._within = ""
        self._fact = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self._within = "said" if ("class", "said") in attrs else tag

    def handle_endtag(self, tag: str) -> None:
        self._within = ""

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._within == "said":
            self.said += data
        elif self._within == "dt":
            self._fact = data
        elif self._within == "dd":
            self.facts[self._fact] = data

    def get(self, name: str) -> list[str | None]:
        return [value for key, value in self.attributes if key == name]


def harmless(answer: Answer) -> Page:
    """The page, after checking that nothing in it runs or comes from elsewhere."""
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'")
    assert "script" not in policy
    page = Page(answer.body)
    assert "script" not in page.tags
    assert not [name for name, _value in page.attributes if name.startswith("on")]
    links = [value or "" for name, value in page.attributes if name in ("href", "src", "action")]
    assert all(link.startswith(("/", "data:,")) and not link.startswith("//") for link in links)
    return page


def show(*, path: str, **sent: Any) -> Page:
    """Send one message (`way` of the caller, `given` to it) and open the page at this path."""

    async def scenario() -> Answer:
        async with calling(Sandbox(window_open=True)) as caller:
            await _send(caller, **sent)
            return await caller.call("GET", path)

    return harmless(asyncio.run(scenario()))


async def _send(caller: Caller, way: str, given: Any) -> None:
    answer = await (caller.teams(PERSON, given) if way == "teams" else getattr(caller, way)(given))
    assert answer.status in (200, 201, 202)


EVIL_MAIL = email_payload() | {"content": {"subject": EVIL, "plainText": EVIL, "html": EVIL_HTML}}
EVIL_CARD = {
    "type": "message",
    "summary": EVIL,
    "attachments": [
        {
            "contentType": "application/vnd.microsoft.card.adaptive",
            "content": {
                "body": [
                    {"type": "TextBlock", "text": EVIL, "weight": "Bolder"},
                    {"type": "FactSet", "facts": [{"title": EVIL, "value": EVIL}, "odd"]},
                    {"type": "ColumnSet", "columns": [{"items": [{"type": "TextBlock", "text": "inner"}]}]},
                    {"type": "Table", "rows": [{"cells": [{"items": [{"type": "TextBlock", "text": "cell"}]}]}]},
                    {"type": "RichTextBlock", "inlines": ["one ", {"text": "two"}]},
                    {"type": "Image", "url": "https://example.com/x.png", "altText": "A chart"},
                    None,
                ],
                "actions": [{"type": "Action.OpenUrl", "title": "Open", "url": "javascript:alert(1)"}],
            },
        }
    ],
}
SENT: list[tuple[str, Any]] = [
    ("email", EVIL_MAIL),
    ("sms", sms_form() | {"Body": EVIL}),
    ("whatsapp", whatsapp_template("+41791234567", "notification", EVIL)),
    ("teams", EVIL_CARD),
    ("teams", {"type": "message", "text": EVIL}),
]


@pytest.mark.parametrize(("way", "given"), SENT)
@pytest.mark.parametrize("path", ["/", "/messages/1/view"])
def test_hostile_content_is_text(way: str, given: Any, path: str) -> None:
    assert EVIL in show(path=path, way=way, given=given).text


def test_mail_is_shown_in_a_frame_without_rights() -> None:
    page = show(path="/messages/1/view", way="email", given=EVIL_MAIL)
    assert page.tags.count("iframe") == 1
    assert page.get("srcdoc") == [EVIL_HTML]
    assert page.get("sandbox") == [None]


def test_only_a_mail_with_html_may_bring_styles() -> None:
    async def scenario() -> None:
        async with calling(Sandbox()) as caller:
            await caller.email()
            await caller.sms()
            policies = [
                (await caller.call("GET", path)).headers["Content-Security-Policy"]
                for path in ("/", "/messages/1/view", "/messages/2/view", "/help")
            ]
        assert ["'unsafe-inline'" in policy for policy in policies] == [False, True, False, False]

    asyncio.run(scenario())


def test_card_shows_texts_facts_and_actions() -> None:
    text = show(path="/messages/1/view", way="teams", given=EVIL_CARD).text
    for part in ("inner", "cell", "one two", "A chart", "Open"):
        assert part in text


CHATS: list[tuple[str, Any, str, dict[str, str]]] = [
    ("teams", EVIL_CARD, "", {"Notification": EVIL}),
    ("teams", {"type": "message", "text": "Disk full\n\n2 × billing"}, "Disk full\n\n2 × billing", {}),
    (
        "whatsapp",
        whatsapp_template("+41791234567", "audit_login", "olivia signed in", "today", "from Zürich"),
        "Sign-in notice: olivia signed in, today, from Zürich.\n"
        "If you do not recognise this, change the password now.",
        {"Template": "audit_login (en_US)"},
    ),
    ("sms", sms_form() | {"Body": "Disk full"}, "Disk full", {"Segments": "1"}),
]


@pytest.mark.parametrize(("way", "given", "said", "facts"), CHATS)
def test_a_chat_says_what_the_person_reads_there(way: str, given: Any, said: str, facts: dict[str, str]) -> None:
    page = show(path="/messages/1/view", way=way, given=given)
    assert page.said == said
    assert {
        name: value for name, value in page.facts.items() if name in ("Notification", "Template", "Segments")
    } == facts


def test_what_json_can_carry_and_utf8_cannot() -> None:
    page = show(
        path="/messages/1/view",
        way="email",
        given=email_payload() | {"content": {"subject": "\ud800\x00", "plainText": "\udfff"}},
    )
    assert "?" in page.text


def test_inbox_is_paged_newest_first_and_filtered() -> None:
    async def scenario() -> None:
        async with calling(Sandbox()) as caller:
            assert "No message yet" in harmless(await caller.call("GET", "/")).text
            for number in range(45):
                await caller.email(f"user{number:02}@example.com")
            first, last = [harmless(await caller.call("GET", path)) for path in ("/", "/?page=3")]
            assert first.text.index("user44@") < first.text.index("user25@")
            assert "user24@" not in first.text
            assert "user04@" in last.text
            assert ("refresh" in first.get("http-equiv"), "refresh" in last.get("http-equiv")) == (True, False)
            assert "/?page=2" in last.get("href")
            assert "/?page=4" not in last.get("href")
            one = harmless(await caller.call("GET", "/?recipient=user07@example.com")).text
            assert ("user07@" in one, "user08@" in one) == (True, False)
            assert "No message fits" in harmless(await caller.call("GET", "/?channel=sms")).text

    asyncio.run(scenario())


def test_page_says_what_is_missing_or_meddled_with() -> None:
    async def scenario() -> None:
        sandbox = Sandbox()
        sandbox.inbox.most = 1
        async with calling(sandbox) as caller:
            await caller.email()
            await caller.email()
            await caller.put("/faults", {"provider": "acs", "status": 500})
            text = harmless(await caller.call("GET", "/")).text
            assert "1 older ones are gone" in text
            assert "1 fault rule in force" in text
            missing = await caller.call("GET", "/messages/1/view")
            assert missing.status == 404
            assert "not kept any more" in missing.body

    asyncio.run(scenario())


def test_help_names_every_magic_recipient_and_the_style_is_served() -> None:
    async def scenario() -> None:
        async with calling(Sandbox()) as caller:
            page = harmless(await caller.call("GET", "/help"))
            assert "+15005550004" in page.text
            assert "suppressed@" in html.unescape(page.text)
            style = await caller.call("GET", "/style.css")
            assert (style.status, style.headers["Content-Type"].split(";")[0]) == (200, "text/css")

    asyncio.run(scenario())


def test_deep_or_odd_cards_are_cut_off() -> None:
    deep: dict[str, Any] = {"type": "TextBlock", "text": "deep"}
    for _level in range(100):
        deep = {"items": [deep]}
    assert cards.blocks({"attachments": [{"content": deep}, {"content": 5}, None]}) == []
    assert cards.blocks("odd") == []
