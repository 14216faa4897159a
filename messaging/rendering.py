"""What subscription functions use besides the models: words, templates, and sending them to everybody.

    render("report.html", errors=errors)   a template of subscriptions/templates/, filled with values
    one_line, cut, when, link              filters in every template, and functions for texts without one
    harmless, seconds, sms                 readable text, a time as a number, a text that is one SMS
    send_each                              one message a channel, to every registration of it

Whatever a trigger brings is only ever a value, never a template, and comes out harmless: no markup of its own, no
control characters, nothing that reorders or hides text. Source: concept, "Subscription-Funktionen".
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from messaging.models import (
    MessagingChannel,
    MessagingSendResult,
    MessagingSubscriptionExecutionResult,
    MessagingSubscriptionRegistration,
)
from messaging.segments import GSM, GSM_DOUBLE, gsm_width, ucs2_width

TEMPLATES = Path(__file__).parent.parent / "subscriptions" / "templates"

MAX_LINK = 2000

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u2065\u3164\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_LINE_END = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_UNREADABLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f"  # controls
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f"  # marks that change the direction of what follows
    "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"  # no characters
)
_SAFE_LINK = re.compile(r"https?://[^/]|mailto:.", re.IGNORECASE)


def harmless(value: object) -> str:
    """A value as text that reads as it is stored; None is the empty text.

    Terminal colours and zero-width characters go, line ends of every kind become a newline, other control
    characters and direction marks become a visible replacement character.
    """
    text = "" if value is None else str(value)
    text = _INVISIBLE.sub("", _COLOURS.sub("", text))
    return _UNREADABLE.sub("\ufffd", _LINE_END.sub("\n", text))


def cut(value: object, limit: int, where: Literal["end", "middle"] = "end") -> str:
    """At most `limit` characters of a text, and a note on how many are left out of its end or its middle.

    Of several lines, such as a stack trace, the middle is left out in whole lines where that is possible.
    """
    text = "" if value is None else str(value)
    if len(text) <= limit:
        return text
    if where == "end":
        return f"{text[:limit]}… ({len(text) - limit:,} more characters)"
    head, tail = text[: limit - limit // 2], text[len(text) - limit // 2 :]
    head, tail = head.rpartition("\n")[0] or head, tail.partition("\n")[2] or tail
    gap = "\n" if "\n" in text else " "
    return f"{head}{gap}… ({len(text) - len(head) - len(tail):,} characters left out) …{gap}{tail}"


def one_line(value: object, limit: int) -> str:
    """A value as one harmless line, cut at its end: for subjects, names, cells of a table."""
    return cut(" ".join(harmless(value).split()), limit)


def seconds(value: object) -> float | None:
    """A time as UTC seconds, from UTC seconds or ISO 8601 text (UTC where it names no zone); else None."""
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value.strip())
            value = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC).timestamp()
    except (ValueError, OverflowError, OSError):
        pass
    return None


def when(value: object) -> str:
    """A time as `24 Nov 2026, 06:29 UTC`. What is no time is shown as it is, cut to 40 characters."""
    found = seconds(value)
    if found is None:
        return one_line(value, 40) or "unknown time"
    moment = datetime.fromtimestamp(found, UTC)
    return f"{moment.day} {moment:%b %Y, %H:%M} UTC"


def link(url: object, label: object = "") -> Markup:
    """An HTML link to an http, https or mailto address. Any other address is only shown, not linked."""
    target, shown = harmless(url).strip(), one_line(label or url, 200)
    if len(target) > MAX_LINK or not _SAFE_LINK.match(target):
        return escape(shown)
    return Markup('<a href="{}">{}</a>').format(target, shown)


_environment = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=select_autoescape(disabled_extensions=("txt",), default=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters.update(cut=cut, one_line=one_line, when=when, link=link)


def render(template: str, **values: Any) -> str:
    """Fill a template of subscriptions/templates/. Values are escaped, except in templates named `.txt`.

    Raises jinja2.TemplateNotFound, and jinja2.UndefinedError naming a variable that was not given.
    """
    return harmless(_environment.get_template(template).render(values)).strip()


_TYPOGRAPHY = str.maketrans(
    {"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "–": "-", "—": "-", "…": "...", "×": "x", "�": "?"}
)


def sms(text: object) -> str:
    """A text as one line that is one SMS; a longer one is cut and ends with `...`.

    160 characters of the GSM alphabet fit, 70 of any other. Dashes, quotes and accents that the alphabet lacks are
    written with what it has. Source: GSM 03.38, https://www.twilio.com/docs/glossary/what-sms-character-limit
    """
    line = " ".join(harmless(text).translate(_TYPOGRAPHY).split())
    plain = _fitted("".join(map(_base, line[:161])), 160, gsm_width)
    if GSM.union(GSM_DOUBLE).issuperset(plain):
        return plain
    return _fitted(line, 70, ucs2_width)


def _base(character: str) -> str:
    """A letter without its accents where the GSM alphabet lacks it with them."""
    if character in GSM or not character.isalpha():
        return character
    letter = unicodedata.normalize("NFD", character)[0]
    return letter if letter in GSM else character


def _fitted(text: str, room: int, width: Callable[[str], int]) -> str:
    if sum(map(width, text[: room + 1])) <= room:
        return text
    kept, left = 0, room - len("...")
    while left >= width(text[kept]):
        left -= width(text[kept])
        kept += 1
    return f"{text[:kept].rstrip()}..."


@dataclass(frozen=True, slots=True)
class Words:
    """What `sendMessage` is given for one channel.

    `text` is the alternative of an HTML message, `template` a provider's approved template.
    """

    subject: str
    message: str
    text: str | None = None
    template: dict[str, Any] | None = None


class Sender(Protocol):
    """What a subscription function is given as `messagingService`."""

    def sendMessage(
        self,
        subject: str,
        message: str,
        registration: MessagingSubscriptionRegistration,
        *,
        text: str | None = None,
        template: dict[str, Any] | None = None,
    ) -> MessagingSendResult: ...


def send_each(
    messagingService: Sender,
    registrations: Sequence[MessagingSubscriptionRegistration],
    words_for: Callable[[MessagingChannel], Words],
) -> MessagingSubscriptionExecutionResult:
    """Send every registration its channel's words, which are asked for once a channel.

    In the answer `messagesSent` counts what was accepted, `messagesRefused` what was not, and `errorMessage` is
    the first reason; `success` stays true, because the function itself did its work.
    """
    words = {channel: words_for(channel) for channel in {one.channel for one in registrations}}
    refused: list[str | None] = []
    for one in registrations:
        its = words[one.channel]
        answer = messagingService.sendMessage(its.subject, its.message, one, text=its.text, template=its.template)
        if not answer.success:
            refused.append(answer.errorMessage)
    return MessagingSubscriptionExecutionResult(
        success=True,
        messagesSent=len(registrations) - len(refused),
        errorMessage=refused[0] if refused else None,
        messagesRefused=len(refused),
    )
