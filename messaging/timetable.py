"""When a subscription with a schedule is due: NCRONTAB on the clock on the wall of a time zone. Pure.

Where the clock is put forward, a time that does not exist is due at the first moment after the gap, and all times
of the gap are one. Where it is put back, a time that comes twice is due the first time only.
"""

from bisect import bisect_left
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from math import floor, inf
from zoneinfo import ZoneInfo

from messaging import ncrontab
from messaging.errors import InvalidInput
from messaging.models import MessagingSubscription
from messaging.ncrontab import Schedule


@dataclass(frozen=True, slots=True)
class Timetable:
    """A schedule in a time zone. All times that it takes and gives are UTC seconds, due times whole ones."""

    schedule: Schedule
    zone: ZoneInfo

    def after(self, now: float) -> int:
        """The first due time later than `now`."""
        wall = self._local(now).replace(tzinfo=None, fold=0)
        while True:
            wall = self.schedule.after(wall)
            if (due := self._moment(wall)) > now:
                return due

    def latest(self, now: float) -> int:
        """The last due time that is not later than `now`."""
        local = self._local(now)
        passed = local.replace(fold=0).utcoffset(), local.utcoffset()  # they differ the second time only
        wall = local.replace(tzinfo=None, fold=0) + (passed[0] or _NONE) - (passed[1] or _NONE) + _SECOND
        while True:
            wall = self.schedule.before(wall)
            if (due := self._moment(wall)) <= now:
                return due

    def _local(self, now: float) -> datetime:
        return datetime.fromtimestamp(floor(now), self.zone)

    def _moment(self, wall: datetime) -> int:
        """When the clock on the wall first shows this time, or has skipped it."""
        first, second = (int(wall.replace(tzinfo=self.zone, fold=fold).timestamp()) for fold in (0, 1))
        if first <= second:
            return first
        # Skipped. `first` counts with the offset before the gap, so it lies behind it; `second` lies before.
        offset = self._local(second).utcoffset()
        span = range(second, first)
        return second + bisect_left(span, True, key=lambda at: self._local(at).utcoffset() != offset)


_NONE = timedelta()
_SECOND = timedelta(seconds=1)


def timetable(schedule: str, timeZone: str) -> Timetable:
    """Raises InvalidInput that names the field, `schedule` or `timeZone`, and the rule."""
    return Timetable(_schedule(schedule), zone(timeZone))


def zone(timeZone: str) -> ZoneInfo:
    """Raises InvalidInput for what the IANA database does not name."""
    if timeZone not in _zones():
        raise InvalidInput("timeZone", "must be a name of the IANA time zone database, such as Europe/Zurich")
    return ZoneInfo(timeZone)


def of(subscription: MessagingSubscription) -> Timetable | None:
    """The timetable that a subscription runs by: none without a schedule, and none while it is disabled."""
    if subscription.schedule is None or not subscription.enabled:
        return None
    return timetable(subscription.schedule, subscription.timeZone)


def next_run(subscription: MessagingSubscription, now: float) -> float | None:
    """When a subscription is due next. A list asks for a thousand: what was found holds until it has passed."""
    key = (subscription.schedule or "", subscription.timeZone)
    since, due = _found.get(key, (inf, 0))
    if since <= now < due and subscription.enabled:
        return float(due)
    planned = of(subscription)
    if planned is None:
        return None
    if len(_found) >= MOST_FOUND:
        _found.clear()
    due = planned.after(now)
    _found[key] = (now, due)
    return float(due)


MOST_FOUND = 10_000
_found: dict[tuple[str, str], tuple[float, int]] = {}


def _schedule(text: str) -> Schedule:
    try:
        schedule = ncrontab.parse(text)
    except ValueError as error:
        raise InvalidInput("schedule", str(error)) from None
    if schedule.often:
        raise InvalidInput("schedule", "may be due once a minute at most: its second must be a single number")
    return schedule


@cache
def _zones() -> frozenset[str]:
    """The names of the package tzdata: those of the machine may lack some, or have some of their own."""
    return frozenset((files("tzdata") / "zones").read_text(encoding="utf-8").split())
