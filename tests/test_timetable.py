"""When a schedule is due: on the wall clock of its zone, also where that clock jumps."""

import re
from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dev.processes import ROOT
from messaging import timetable as module
from messaging.errors import InvalidInput
from messaging.timetable import Timetable, timetable


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def runs(planned: Timetable, start: str, count: int) -> list[str]:
    """The next due times, in local time without the year."""
    found, now = [], seconds(start)
    for _ in range(count):
        now = planned.after(now)
        found.append(datetime.fromtimestamp(now, planned.zone).strftime("%m-%d %H:%M %z"))
    return found


JUMPS = [
    # forward: 2:00 becomes 3:00, and 2:30 does not exist
    ("0 30 2 * * *", "Europe/Zurich", "2027-03-27T12:00+01:00", ["03-28 03:00 +0200", "03-29 02:30 +0200"]),
    ("0 */20 2,3 * * *", "Europe/Zurich", "2027-03-28T01:00+01:00", ["03-28 03:00 +0200", "03-28 03:20 +0200"]),
    ("0 0 * * * *", "Europe/Zurich", "2027-03-28T00:30+01:00", ["03-28 01:00 +0100", "03-28 03:00 +0200"]),
    ("0 30 2 * * *", "America/New_York", "2027-03-13T12:00-05:00", ["03-14 03:00 -0400", "03-15 02:30 -0400"]),
    ("0 10 2 * * *", "Australia/Lord_Howe", "2027-10-02T12:00+10:30", ["10-03 02:30 +1100", "10-04 02:10 +1100"]),
    # back: 3:00 becomes 2:00, and 2:30 comes twice
    ("0 30 2 * * *", "Europe/Zurich", "2027-10-30T12:00+02:00", ["10-31 02:30 +0200", "11-01 02:30 +0100"]),
    ("0 0,30 * * * *", "Europe/Zurich", "2027-10-31T02:00+02:00", ["10-31 02:30 +0200", "10-31 03:00 +0100"]),
    ("0 0,30 * * * *", "Europe/Zurich", "2027-10-31T02:10+01:00", ["10-31 03:00 +0100", "10-31 03:30 +0100"]),
    ("0 30 1 * * *", "America/New_York", "2027-11-06T12:00-04:00", ["11-07 01:30 -0400", "11-08 01:30 -0500"]),
    ("0 45 1 * * *", "Australia/Lord_Howe", "2027-04-03T12:00+11:00", ["04-04 01:45 +1100", "04-05 01:45 +1030"]),
    # a day that does not exist
    ("0 0 12 30 12 *", "Pacific/Apia", "2010-12-31T00:00-10:00", ["12-31 00:00 +1400", "12-30 12:00 +1400"]),
    # the calendar
    ("0 0 0 29 2 *", "UTC", "2027-01-01T00:00Z", ["02-29 00:00 +0000", "02-29 00:00 +0000"]),
    ("59 59 23 31 12 *", "Europe/Zurich", "2027-01-01T00:00+01:00", ["12-31 23:59 +0100", "12-31 23:59 +0100"]),
    ("0 0 0 1 1 *", "America/New_York", "2027-12-31T23:59-05:00", ["01-01 00:00 -0500", "01-01 00:00 -0500"]),
]


@pytest.mark.parametrize(("schedule", "zone", "start", "expected"), JUMPS)
def test_due_times_over_jumps_of_the_clock_and_the_year(
    schedule: str, zone: str, start: str, expected: list[str]
) -> None:
    assert runs(timetable(schedule, zone), start, len(expected)) == expected


def test_while_an_hour_comes_the_second_time_the_last_due_time_is_of_the_first() -> None:
    planned = timetable("0 0,30 * * * *", "Europe/Zurich")
    assert planned.latest(seconds("2027-10-31T02:10+01:00")) == seconds("2027-10-31T02:30+02:00")
    assert planned.latest(seconds("2027-10-31T02:59+01:00")) == seconds("2027-10-31T02:30+02:00")
    assert planned.latest(seconds("2027-10-31T03:00+01:00")) == seconds("2027-10-31T03:00+01:00")


def test_29_february_is_due_in_leap_years_only() -> None:
    planned = timetable("0 0 12 29 2 *", "UTC")
    now, years = seconds("2027-01-01T00:00Z"), []
    for _ in range(3):
        now = planned.after(now)
        years.append(datetime.fromtimestamp(now, UTC).year)
    assert years == [2028, 2032, 2036]


EXAMPLES = re.findall(r"^\| `([^`]+)` \| [^|]+ \|$", (ROOT / "docs" / "triggers.md").read_text(), re.MULTILINE)


def test_the_examples_of_the_manual_can_be_used() -> None:
    schedules = [one for one in EXAMPLES if " " in one]
    assert len(schedules) == 9
    for schedule in schedules:
        assert timetable(schedule, "Europe/Zurich").after(0) > 0


REFUSED = [
    ("0 0 25 * * *", "UTC", "schedule", "the hour 25"),
    ("0 0 0 30 2 *", "UTC", "schedule", "never fires"),
    ("@daily", "UTC", "schedule", "has 1 fields"),
    ("* 0 0 * * *", "UTC", "schedule", "once a minute"),
    ("*/30 * * * * *", "UTC", "schedule", "once a minute"),
    ("0,1 0 0 * * *", "UTC", "schedule", "once a minute"),
    ("0 0 0 * * *", "europe/zurich", "timeZone", "IANA"),
    ("0 0 0 * * *", "CEST", "timeZone", "IANA"),
    ("0 0 0 * * *", "+02:00", "timeZone", "IANA"),
    ("0 0 0 * * *", "", "timeZone", "IANA"),
    ("0 0 0 * * *", "Europe", "timeZone", "IANA"),
    ("0 0 0 * * *", "../../etc/passwd", "timeZone", "IANA"),
    ("0 0 0 * * *", "/usr/share/zoneinfo/UTC", "timeZone", "IANA"),
    ("0 0 0 * * *", "localtime", "timeZone", "IANA"),
]


@pytest.mark.parametrize(("schedule", "zone", "field", "rule"), REFUSED)
def test_a_refusal_names_field_and_rule(schedule: str, zone: str, field: str, rule: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        timetable(schedule, zone)
    assert refused.value.field == field
    assert rule in refused.value.rule


def test_every_zone_of_the_database_can_be_used() -> None:
    names = module._zones()
    assert {"UTC", "Europe/Zurich", "US/Eastern", "Australia/Lord_Howe"} <= names
    for name in names:
        assert timetable("0 0 12 * * *", name).after(0) > 0


ZONES = ["UTC", "Europe/Zurich", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"]
SCHEDULES = [
    "0 */7 * * * *",
    "0 30 2 * * *",
    "30 15 1,2,3 * * *",
    "0 0 0 1 * *",
    "0 59 23 31 12 *",
    "0 5 2 * 3-4 sun",
]


JUMPING = [seconds(start) for _, _, start, _ in JUMPS]
ANY = st.floats(seconds("2011-01-01T00:00Z"), seconds("2040-01-01T00:00Z"))
NEAR = st.builds(float.__add__, st.sampled_from(JUMPING), st.floats(-86400, 86400))
"""A day around the jumps."""


@given(st.sampled_from(SCHEDULES), st.sampled_from(ZONES), ANY | NEAR)
def test_the_next_due_time_is_later_fits_the_wall_and_is_the_last_one_once_it_has_come(
    schedule: str, zone: str, now: float
) -> None:
    planned = timetable(schedule, zone)
    dues = [planned.after(now)]
    for _ in range(10):
        dues.append(planned.after(dues[-1]))
    assert dues[0] > now
    for due, following in pairwise(dues):
        assert due < following
        assert planned.latest(due) == planned.latest((due + following) / 2) == planned.latest(following - 1) == due
        assert planned.after(due - 1) == due
        wall = datetime.fromtimestamp(due, planned.zone)
        before = datetime.fromtimestamp(due - 1, planned.zone)
        jumped = wall.utcoffset() != before.utcoffset()
        assert jumped or _fits(planned, wall), "due at a wrong time"
    assert planned.latest(now) <= now


@given(st.sampled_from(ZONES), st.integers(0, 20 * 365 * 24 * 60))
def test_each_minute_of_the_wall_is_due_once(zone: str, minute: int) -> None:
    """Every minute that the clock on the wall shows for the first time is due, and no other."""
    planned, start = timetable("0 * * * * *", zone), seconds("2020-01-01T00:00Z")
    now = start + minute * 60.0
    due = planned.after(now)
    between = [now + 60.0 * n for n in range(1, round((due - now) / 60))]
    assert all(datetime.fromtimestamp(one, ZoneInfo(zone)).fold for one in between)
    assert not datetime.fromtimestamp(due, ZoneInfo(zone)).fold


def _fits(planned: Timetable, wall: datetime) -> bool:
    shown = (wall.second, wall.minute, wall.hour, wall.day, wall.month, wall.isoweekday() % 7)
    return all(value in field for value, field in zip(shown, planned.schedule.fields, strict=True))
