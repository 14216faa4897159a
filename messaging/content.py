"""What a message says: made once from what the author gave, stored once, handed to the connector as it is."""

import json
import re
from dataclasses import asdict, dataclass
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any

from messaging.errors import InvalidInput

MAX_SUBJECT = 255
MAX_MESSAGE = 262_144
"""Characters of a message, HTML included."""

_PART = 16_000
"""Characters a column: even if each takes two UTF-16 units, it fits."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


@dataclass(frozen=True, slots=True)
class Content:
    """A subject and a message; `html` only where the author wrote HTML, then `text` is its alternative.

    `template` names a provider's approved template, in the provider's terms. `card` is an Adaptive Card.
    """

    subject: str
    text: str
    html: str = ""
    template: dict[str, Any] | None = None
    card: dict[str, Any] | None = None

    def digest(self) -> str:
        """The name of the content row: the same content has the same name."""
        return sha256(self.to_json().encode()).hexdigest()[:32]

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "Content":
        return cls(**json.loads(text))


def make(
    subject: str,
    message: str,
    text: str | None = None,
    template: dict[str, Any] | None = None,
    card: dict[str, Any] | None = None,
) -> Content:
    """Content from what sendMessage was given.

    A message that starts with `<` and ends with `>` is HTML, anything else is plain text and never interpreted.
    Control characters in a subject become a space, so that it stays one line; the end of a long one is cut.
    Raises InvalidInput for what no channel could send.
    """
    for name, value in (("subject", subject), ("message", message), ("text", text or "")):
        if not isinstance(value, str):
            raise InvalidInput(name, f"must be text, not {type(value).__name__}")
        if len(value) > MAX_MESSAGE:
            raise InvalidInput(name, f"has {len(value)} characters; {MAX_MESSAGE} are allowed")
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise InvalidInput(name, "contains half of a surrogate pair, which is not text")
    if not message.strip() and template is None and card is None:
        raise InvalidInput("message", "is empty")
    template = template if template is None else _json_object("template", template)
    card = card if card is None else _json_object("card", card)
    subject = _CONTROL.sub(" ", subject).strip()[:MAX_SUBJECT]
    if is_html(message):
        return Content(subject, text or plain_text(message), message, template, card)
    return Content(subject, text or message, "", template, card)


def _json_object(name: str, value: Any) -> dict[str, Any]:
    """A copy of a JSON object, which its author may go on changing. Raises InvalidInput if it is none."""
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
        if not isinstance(value, dict) or len(text.encode()) > MAX_MESSAGE:
            raise ValueError
    except (ValueError, TypeError, RecursionError):
        raise InvalidInput(name, f"must be a JSON object of at most {MAX_MESSAGE} bytes") from None
    copy: dict[str, Any] = json.loads(text)
    return copy


def is_html(message: str) -> bool:
    stripped = message.strip()
    return stripped.startswith("<") and stripped.endswith(">")


def to_columns(text: str) -> dict[str, str]:
    """A long text as columns of one row, each within what a column holds."""
    parts = [text[at : at + _PART] for at in range(0, len(text), _PART)]
    return {f"part{number:03d}": part for number, part in enumerate(parts)}


def from_columns(values: Any) -> str:
    return "".join(values[name] for name in sorted(values) if name.startswith("part"))


def plain_text(html: str) -> str:
    """HTML as text that reads well: one line a block, links with their address, nothing invisible."""
    parser = _Text()
    parser.feed(html)
    parser.close()
    lines = [" ".join(line.split()) for line in "".join(parser.parts).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


class _Text(HTMLParser):
    _INVISIBLE = frozenset({"head", "style", "script", "title", "template"})
    _BLOCKS = frozenset(
        {"address", "article", "blockquote", "br", "dd", "div", "dl", "dt", "footer", "h1", "h2", "h3", "h4", "h5"}
        | {"h6", "header", "hr", "li", "ol", "p", "pre", "section", "table", "tr", "ul"}
    )
    _SPACED = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol", "blockquote"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden = 0
        self._link = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self._INVISIBLE:
            self._hidden += 1
        if tag in self._BLOCKS:
            self.parts.append("\n\n" if tag in self._SPACED else "\n")
        if tag == "li":
            self.parts.append("- ")
        if tag == "a":
            self._link = dict(attrs).get("href") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag in self._INVISIBLE:
            self._hidden = max(0, self._hidden - 1)
        if tag in self._SPACED:
            self.parts.append("\n\n")
        if tag in ("td", "th"):
            self.parts.append("  ")
        if tag == "a" and self._link.startswith(("http:", "https:", "mailto:")):
            self.parts.append(f" ({self._link})")
            self._link = ""

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(" ".join(data.split("\n")) if data.strip() else " ")
