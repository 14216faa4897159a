"""Text without recipients and secrets: addresses, numbers, tokens, keys, signatures become a word in brackets.

Logged errors quote what others wrote: a provider's answer, a connection string, a header. What looks like one of
these is taken out before an error is kept; a number or a hash too many is lost by it, and that is accepted. Of all
UUIDs only our own executions' and deliveries' stay (version 8, ids.py): in Teams a person's address is a UUID too.
"""

import re
from collections.abc import Callable

_NAME = (
    r"[\w.-]*(?:passw(?:or)?d|pwd|secret|token|credential|signature|access_?key|account_?key|api_?key|auth_?key"
    r"|local_?key|shared_?access_?key|x-functions-key|api-key|access-key|cookie)"
)

_Replacement = str | Callable[[re.Match[str]], str]


def _opaque(found: re.Match[str]) -> str:
    """A long word of mixed letters and digits is a key; one of letters only is a name of the code."""
    word = found[0]
    mixed = re.search(r"[0-9]", word) and re.search(r"[A-Z]", word) and re.search(r"[a-z]", word)
    return "[secret]" if mixed else word


_RULES: tuple[tuple[re.Pattern[str], _Replacement], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), to)
    for pattern, to in (
        (r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", "[secret]"),
        (r"\beyJ[\w-]{8,}(?:\.[\w-]*)*", "[token]"),
        (r"\b(authorization[\"']?\s*[:=]\s*[\"']?)[^\r\n\"']+", r"\1[secret]"),
        (r"\b(bearer|sharedkey(?:lite)?|sharedaccesssignature|hmac-sha256)\s+[^\s\"',;]+", r"\1 [secret]"),
        (r"\b(basic)\s+(?=[A-Z+/]*[\d=])[\w+/]{6,}={0,2}", r"\1 [secret]"),
        (r"(://)[^/\s@\"']+@", r"\1[secret]@"),
        (r"([?&](?:sig|code|key)=)[^&\s\"']+", r"\1[secret]"),
        (rf"(?<![\w.-])({_NAME}[\"']?\s*[:=]\s*)(?:\"[^\"]*\"|'[^']*'|[^\s\"',;&)}}\]]+)", r"\1[secret]"),
        (r"(?<![\w.!#$%&'*+/=?^`{|}~-])[\w.!#$%&'*+/=?^`{|}~-]+(?:@|%40)[\w-]+(?:\.[\w-]+)*", "[address]"),
        (r"\b29:[\w-]{10,}", "[address]"),
        (r"(?<![\w-])[0-9a-f]{8}-[0-9a-f]{4}-[0-79a-f][0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}(?![\w-])", "[id]"),
        (r"(?<![\w+/])[a-z0-9+/]{30,}={1,2}", "[secret]"),
        (r"(?<![\w-])[0-9a-f]{32,}(?![\w-])", "[secret]"),
        (r"(?<![\w-])[\w-]{40,}(?![\w-])", _opaque),
        (r"(?:\+|%2B)\(?\d(?:[ ()./-]{0,2}\d){5,17}", "[number]"),
        (r"(?<![\w.:-])\(?0\d{1,4}\)?(?:[ ./-]{1,2}\d{2,5}){2,5}(?![\w:])", "[number]"),
        (r"(?<![\w.:-])\(?\d{3}\)?[ .-]{1,2}\d{3}[ .-]\d{4}(?![\w:])", "[number]"),
        (r"(?<![\w-])(?<!\d\.)\d{8,17}(?![\w-])(?!\.\d)", "[number]"),
    )
)


def redacted(text: str) -> str:
    """The text without e-mail addresses, telephone numbers, tokens, keys, signatures and passwords."""
    for pattern, to in _RULES:
        text = pattern.sub(to, text)
    return text
