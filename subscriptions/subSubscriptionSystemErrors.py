"""SystemErrors: a report of logged errors, the same ones counted together, the most frequent first.

triggerData: `errors`, a list of texts or of objects with `message` and optionally `level`, `timestamp`, `source`,
`trace`, `count`, `first`, `last`; and `timestamp`, the time of the report. Source: concept, use case 3.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from messaging.models import (
    MessagingChannel,
    MessagingEventParameters,
    MessagingSubscriptionExecutionResult,
    MessagingSubscriptionRegistration,
)
from messaging.rendering import Sender, Words, cut, harmless, one_line, render, seconds, send_each, sms, when

SHOWN, SHOWN_SHORT = 20, 3
"""Groups in a mail, and in a chat message; the rest is counted in one sentence."""

SUBJECT, MESSAGE, SOURCE, LEVEL, TRACE = 80, 160, 60, 12, 400
"""Characters of each field. The HTML stays below 100 KB, more than which Gmail does not show."""

TEMPLATE = {"name": "system_errors", "language": "en_US"}
"""For WhatsApp; docs/deploy.md has its text, to be approved. Parameters: the count, the most frequent error."""

MOST = 1_000_000_000
"""What one error may count for at most."""


@dataclass(slots=True)
class Group:
    """Errors of one level, source and message; words with a digit in them count as the same word.

    `message` and `trace` are those of the latest; `first` and `last` are UTC seconds, None if no time is known.
    """

    level: str
    source: str
    message: str
    trace: str
    count: int
    first: float | None
    last: float | None

    @property
    def key(self) -> tuple[str, str, str]:
        pattern = re.sub(r"[\w-]+", lambda word: "#" if re.search(r"\d", word[0]) else word[0], self.message)
        return self.level, self.source, pattern

    @property
    def line(self) -> str:
        return f"{self.source}: {self.message}" if self.source else self.message

    @property
    def period(self) -> str:
        """First and last time, the day once where it is the same; empty if no time is known."""
        if self.first is None:
            return ""
        first, last = when(self.first), when(self.last)
        day, _, clock = last.partition(", ")
        same = first.startswith(f"{day}, ")
        return first if first == last else f"{first.removesuffix(' UTC')} to {clock if same else last}"

    @property
    def excerpt(self) -> str:
        """The trace's beginning and end, without empty lines."""
        lines = harmless(cut(self.trace, TRACE, "middle")).split("\n")
        return "\n".join(line.rstrip() for line in lines if line.strip())

    def take(self, other: "Group") -> None:
        """Count another one in."""
        if (other.last or 0) >= (self.last or 0):
            self.message, self.trace = other.message, other.trace or self.trace
        self.count += other.count
        self.first = min((time for time in (self.first, other.first) if time is not None), default=None)
        self.last = max((time for time in (self.last, other.last) if time is not None), default=None)


def execute(
    eventParameters: MessagingEventParameters,
    registrations: Sequence[MessagingSubscriptionRegistration],
    messagingService: Sender,
) -> MessagingSubscriptionExecutionResult:
    """Send the report over every registered channel; without errors nothing is sent."""
    data = eventParameters.triggerData
    groups = grouped(data.get("errors"))
    if not groups:
        return MessagingSubscriptionExecutionResult(success=True, messagesSent=0)
    time = when(data["timestamp"]) if seconds(data.get("timestamp")) is not None else ""
    return send_each(messagingService, registrations, lambda channel: words_for(channel, groups, time))


def words_for(channel: MessagingChannel, groups: Sequence[Group], time: str) -> Words:
    """The report for one channel. `time` is that of the report, as text."""
    top, total = groups[0], sum(group.count for group in groups)
    counted = _plural(total, "system error") + (f" in {_plural(len(groups), 'group')}" if total > 1 else "")
    if channel == MessagingChannel.SMS:
        return Words("", sms(f"{counted}. {f'{top.count:,}x ' if total > 1 else ''}{top.line}"))
    if channel == MessagingChannel.WHATSAPP:
        return Words("", "", template={**TEMPLATE, "parameters": [counted, f"{top.count:,} × {top.line}"]})
    shown = SHOWN if channel == MessagingChannel.EMAIL else SHOWN_SHORT
    rest = groups[shown:]
    values: dict[str, Any] = {"counted": counted, "time": time, "groups": groups[:shown], "rest": ""}
    if rest:
        more = _plural(sum(group.count for group in rest), "more error")
        values["rest"] = f"Not shown: {more} in {_plural(len(rest), 'group')}."
    if channel != MessagingChannel.EMAIL:
        return Words("", render("systemErrorsShort.txt", **values))
    subject = f"{_plural(total, 'system error')}: {cut(top.message, SUBJECT)}"
    return Words(subject, render("systemErrors.html", **values), render("systemErrors.txt", **values))


def grouped(errors: object) -> list[Group]:
    """The errors by group, the most frequent first, of equally frequent ones the latest first."""
    groups: dict[tuple[str, str, str], Group] = {}
    found = errors if isinstance(errors, list) else [errors] if isinstance(errors, str | dict) else []
    for error in found:
        new = _group(error if isinstance(error, dict) else {"message": error})
        known = groups.setdefault(new.key, new)
        if known is not new:
            known.take(new)
    return sorted(groups.values(), key=lambda group: (-group.count, -(group.last or 0)))


def _group(error: dict[str, Any]) -> Group:
    """One error as a group of its own; what is missing or of no use is left out."""
    times = [time for name in ("first", "timestamp", "last") if (time := seconds(error.get(name))) is not None]
    count = error.get("count")
    return Group(
        level=one_line(error.get("level"), LEVEL).upper() or "ERROR",
        source=one_line(error.get("source"), SOURCE),
        message=one_line(error.get("message"), MESSAGE) or "(no message)",
        trace=str(error.get("trace") or "").strip(),
        count=min(count, MOST) if type(count) is int and count > 0 else 1,
        first=min(times, default=None),
        last=max(times, default=None),
    )


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
