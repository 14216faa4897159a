"""NCRONTAB expressions, as the Azure Functions host reads them: `second minute hour day month weekday`.

Five fields mean second 0. A field takes numbers, `*`, lists, ranges and steps; months and weekdays also names, of
which three letters are enough. Weekday 0 is Sunday, and 7 is none. Day and weekday must both fit.
croniter knows more than that (`L`, `#`, `?`, `@daily`, `H`, `R`, years) and reads some of it in another way
(`5-5` as every value), so it is given plain lists of numbers only, and does what it is best at: it searches.
Source: github.com/atifaziz/NCrontab, which the host uses; docs of the timer trigger, "NCRONTAB expressions".
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from croniter import croniter

MONTHS = "january february march april may june july august september october november december"
WEEKDAYS = "sunday monday tuesday wednesday thursday friday saturday"

_VALUE, _NUMBER = "[0-9]{1,9}|[A-Za-z]+", "[0-9]{1,9}"
_PART = re.compile(rf"(?:(?P<all>\*)|(?P<first>{_VALUE})(?:-(?P<last>{_VALUE}))?)(?:/(?P<step>{_NUMBER}))?")


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    first: int
    last: int
    names: str = ""


_FIELDS = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12, MONTHS),
    _Field("weekday", 0, 6, WEEKDAYS),
)


@dataclass(frozen=True, slots=True)
class Schedule:
    """A valid expression as the numbers of its six fields, and so for croniter; make it with `parse`."""

    fields: tuple[tuple[int, ...], ...]
    plain: str

    @property
    def often(self) -> bool:
        """Whether it fires more than once in a minute; the real host does not monitor such a schedule."""
        return len(self.fields[0]) > 1

    def after(self, moment: datetime) -> datetime:
        """The first time later than `moment`, on the same clock. Raises ValueError if there is none."""
        found: datetime = self._from(moment).get_next(datetime)
        return found

    def before(self, moment: datetime) -> datetime:
        """The last time earlier than `moment`, which is a whole second."""
        found: datetime = self._from(moment).get_prev(datetime)
        return found

    def _from(self, moment: datetime) -> "croniter":
        from croniter import croniter  # 30 ms that an instance without schedules does not pay

        return croniter(self.plain, moment.replace(microsecond=0), second_at_beginning=True, day_or=False)


def parse(expression: str) -> Schedule:
    """Read an expression. Raises ValueError, with a sentence, when the host would refuse it or it never fires."""
    texts = expression.split()
    if len(texts) not in (5, 6):
        raise ValueError(f"has {len(texts)} fields, an NCRONTAB expression has 6: {_ORDER}")
    texts = ["0", *texts][-6:]
    fields = tuple(_values(text, field) for text, field in zip(texts, _FIELDS, strict=True))
    schedule = Schedule(fields, " ".join(map(_plain, fields, _FIELDS)))
    try:
        schedule.after(_ANY_DAY)
    except ValueError:  # croniter looks at fifty years, in milliseconds
        raise ValueError("never fires: no date has this day, month and weekday") from None
    return schedule


_ORDER = ", ".join(field.name for field in _FIELDS)
_ANY_DAY = datetime.fromisoformat("2000-01-01")


def _values(text: str, field: _Field) -> tuple[int, ...]:
    """The numbers that a field stands for."""
    found: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise ValueError(f"the {field.name} {text!r} is not NCRONTAB: numbers, names, * , - and / only")
        step = int(match["step"] or 1)
        if step == 0:
            raise ValueError(f"the {field.name} {text!r} has a step of 0")
        first = field.first if match["all"] else _number(match["first"], field)
        last = _number(match["last"], field) if match["last"] else field.last
        if not match["all"] and not match["last"] and not match["step"]:
            last = first
        if first > last:
            raise ValueError(f"the {field.name} {text!r} has a range that runs backwards")
        found.update(range(first, last + 1, step))
    return tuple(sorted(found))


def _number(text: str, field: _Field) -> int:
    if not text.isdigit():
        for number, name in enumerate(field.names.split(), field.first):
            if len(text) >= 3 and name.startswith(text.lower()):
                return number
        raise ValueError(f"the {field.name} {text!r} is not NCRONTAB: it is no name that this field knows")
    if not field.first <= int(text) <= field.last:
        raise ValueError(f"the {field.name} {text} is not NCRONTAB: it goes from {field.first} to {field.last}")
    return int(text)


def _plain(values: Sequence[int], field: _Field) -> str:
    complete = len(values) == field.last - field.first + 1
    return "*" if complete else ",".join(map(str, values))
