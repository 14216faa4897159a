"""NCRONTAB schedules as the real host reads them: `second minute hour day month weekday`, in UTC.

The five-field form without seconds is accepted too. croniter evaluates the expression but knows more than
NCrontab does, so a guard refuses the rest first: `L`, `?`, `#`, `@hourly`, weekday 7, ranges that run
backwards. Day and weekday must both fit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from croniter import CroniterError, croniter

MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
WEEKDAYS = "sun|mon|tue|wed|thu|fri|sat"
FIELDS = (
    ("second", r"\d+"),
    ("minute", r"\d+"),
    ("hour", r"\d+"),
    ("day", r"\d+"),
    ("month", rf"\d+|{MONTHS}"),
    ("weekday", rf"[0-6]|{WEEKDAYS}"),
)


@dataclass(frozen=True)
class Schedule:
    """A valid NCRONTAB expression; make it with `parse`."""

    expression: str

    @property
    def often(self) -> bool:
        """Whether it fires more than once in a minute; the real host does not monitor such a schedule."""
        fields = self.expression.split()
        return len(fields) == 6 and not fields[0].isdigit()

    def after(self, moment: datetime) -> datetime:
        """The first time later than `moment` (both UTC)."""
        base = moment.replace(microsecond=0)
        found: datetime = croniter(self.expression, base, second_at_beginning=True, day_or=False).get_next(
            datetime
        )
        return found


def parse(expression: str, now: datetime) -> Schedule:
    """Check an expression; raises ValueError when the real host would refuse it or when it never fires."""
    fields = expression.split()
    if len(fields) not in (5, 6):
        raise ValueError(f"{expression!r} has {len(fields)} fields, an NCRONTAB expression has 6")
    for text, (name, value) in zip(fields, FIELDS[-len(fields) :], strict=True):
        _check_field(text, name, value)
    schedule = Schedule(" ".join(fields))
    try:
        schedule.after(now)
    except (CroniterError, ValueError) as error:
        raise ValueError(f"{expression!r} is not a usable NCRONTAB expression: {error}") from error
    return schedule


def _check_field(text: str, name: str, value: str) -> None:
    part = rf"(?:\*|(?:{value})(?:-(?:{value}))?)(?:/\d+)?"
    if not re.fullmatch(rf"{part}(?:,{part})*", text, re.IGNORECASE):
        raise ValueError(f"the {name} field {text!r} is not NCRONTAB: numbers, names, * , - and / only")
    for first, last in re.findall(r"(\w+)-(\w+)", text.lower()):
        if _number(first, name) > _number(last, name):
            raise ValueError(f"the {name} field {text!r} has a range that runs backwards")


def _number(text: str, name: str) -> int:
    if text.isdigit():
        return int(text)
    names = MONTHS if name == "month" else WEEKDAYS
    return names.split("|").index(text) + (1 if name == "month" else 0)
