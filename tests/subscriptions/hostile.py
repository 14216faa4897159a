"""What an attacker puts into an event, and how to see that a mail is not touched by it."""

from html.parser import HTMLParser

from messaging import ids
from messaging.content import Content
from messaging.models import MessagingChannel
from messaging.outbox import Outbox

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "x onmouseover=alert(1)",
    "javascript:alert(1)",
    "</td></tr></table></body></html><h1>Your account is closed</h1>",
    "</title><style>*{display:none}</style>",
    "<!-- -->--><!--[if mso]><![endif]-->",
    "<b",
    "&lt;script&gt;&#60;b&#62;",
    "{{7*7}}{% include 'base.html' %}{# #}",
    "${7*7}%s{0.__class__}",
    "Done\r\nBcc: mallory@example.com\r\n\r\nHello",
    "a\u0085b\u2028c\u2029d\ve\ff",
    "invoice\u202efdp.exe\u2066\u200f\u061c",
    "pass\u200bword\u00ad\ufeff\u2060",
    "\x00\x1b[2J\x1b]0;title\x07\x1b[31mred\x1b[0m\x9b",
    "\x1b[",
    "half \ud800 a pair \udfff",
    "=?utf-8?b?DQpCY2M6IHhAeS5jb20=?=",
    "a" + "\n" * 5000,
    "x" * 5000,
]


class _Structure(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.seen: list[object] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, attrs))

    def handle_endtag(self, tag: str) -> None:
        self.seen.append(tag)

    def handle_comment(self, data: str) -> None:
        self.seen.append(("comment", data))

    def handle_decl(self, decl: str) -> None:
        self.seen.append(("declaration", decl))


def structure(html: str) -> list[object]:
    """Every tag with all its attributes, every comment and declaration, in order: all but the words."""
    parser = _Structure()
    parser.feed(html)
    parser.close()
    return parser.seen


def readable(content: Content) -> str:
    """All that a person reads: the text, or a template's parameters."""
    return content.text or "\n".join((content.template or {}).get("parameters", []))


class _Nothing:
    def check(self, channel: MessagingChannel, content: Content) -> None:
        raise AssertionError("nothing was to be sent")


def unseen() -> Outbox:
    """An outbox for functions that send nothing."""
    return Outbox(ids.execution_id(1_800_000_000), [], _Nothing())
