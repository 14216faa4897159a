"""A logged error as it is kept: from Python's log record, cut, and without recipients and secrets. Pure."""

import logging
import re
from dataclasses import dataclass
from pathlib import PurePath
from types import TracebackType

from messaging.redaction import redacted

MESSAGE = 1000
TRACE = 4000
SOURCE = 200
"""Characters that are kept of each. A trace loses its middle."""

READ = 40_000
"""Characters of a message or a trace that are looked at."""

SHAPE = 300


@dataclass(frozen=True, slots=True)
class ErrorRecord:
    """One logged error, or `count` of them. Times are UTC seconds; `source` is the logger's name.

    Errors with the same source, `place` and `shape` are of the same kind: the place in the code, and the message
    without what differs from one time to the next.
    """

    at: float
    level: str
    source: str
    message: str
    trace: str = ""
    place: str = ""
    shape: str = ""
    count: int = 1


def from_log(record: logging.LogRecord, at: float) -> ErrorRecord:
    """Raises whatever formatting the record raises: its arguments are somebody else's."""
    raw = record.getMessage()
    message = cut(redacted(_words(raw[:READ], len(raw) > READ)), MESSAGE)
    return ErrorRecord(
        at=at,
        level=record.levelname[:20],
        source=_clean(record.name)[:SOURCE],
        message=message,
        trace=_trace(record),
        place=_clean(_place(record))[:SOURCE],
        shape=_clean(_shape(record, message))[:SHAPE],
    )


def cut(text: str, limit: int) -> str:
    """A text of at most `limit` characters: a third from its beginning, the rest from its end."""
    if len(text) <= limit:
        return text
    head = limit // 3
    return f"{text[:head]}\n…\n{text[len(text) - (limit - head - 3) :]}"


def _words(text: str, shortened: bool) -> str:
    """Text that storage and JSON take; a last word that was cut in two is left out, since it might be a secret."""
    return _clean(re.sub(r"\S+\Z", "", text) if shortened else text)


def _clean(text: str) -> str:
    valid = text.encode(errors="replace").decode()
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]+", " ", valid)


def _trace(record: logging.LogRecord) -> str:
    """The stack trace, with the exceptions' texts, without the values of variables."""
    if record.exc_info and record.exc_info[0] is not None:
        text = record.exc_text or logging.Formatter().formatException(record.exc_info)
        if len(text) > READ:
            text = _words(text[: READ // 2], True) + "\n…\n" + re.sub(r"\A\S+", "", text[-READ // 2 :])
        return cut(redacted(_clean(text)), TRACE)
    return ""


def _place(record: logging.LogRecord) -> str:
    """Where it went wrong: the innermost line of the stack trace, or else the line that logs."""
    if record.exc_info and record.exc_info[0] is not None:
        kind, _, trace = record.exc_info
        return f"{kind.__name__} {_innermost(trace)}"
    return f"{record.module}.{record.funcName}:{record.lineno}"


def _innermost(trace: TracebackType | None) -> str:
    if trace is None:
        return ""
    while trace.tb_next is not None:
        trace = trace.tb_next
    code = trace.tb_frame.f_code
    return f"{PurePath(code.co_filename).stem}.{code.co_name}:{trace.tb_lineno}"


def _shape(record: logging.LogRecord, message: str) -> str:
    """The template, if it says more than `%s`; else the message with every word that has a digit as one sign."""
    template = str(record.msg)
    if record.args and re.search(r"[^\W\d_]{3}", re.sub(r"%\S*?[a-zA-Z]", "", template)):
        return template
    return re.sub(r"[\w-]+", lambda word: "#" if re.search(r"\d", word[0]) else word[0], message)
