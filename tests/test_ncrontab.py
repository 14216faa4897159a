"""NCRONTAB: what the Functions host reads is read as it reads it, what it refuses is refused with a sentence."""

from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.ncrontab import parse

NOW = datetime.fromisoformat("2026-11-24T05:00:00.5")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("*/2 * * * * *", "2026-11-24T05:00:02"),
        ("0 */5 * * * *", "2026-11-24T05:05:00"),
        ("*/5 * * * *", "2026-11-24T05:05:00"),  # five fields: second 0
        ("  0 30  9 * * Mon-Fri ", "2026-11-24T09:30:00"),
        ("0 0 0 * Jan 0", "2027-01-03T00:00:00"),
        ("0 0 0 * January sunday", "2027-01-03T00:00:00"),
        ("0 0 0 31 * 1", "2027-05-31T00:00:00"),  # day AND weekday; cron's OR would give 30 November
        ("5,10-12/2 0 0 1 * *", "2026-12-01T00:00:05"),
        ("59 59 23 29 2 *", "2028-02-29T23:59:59"),
        ("0 0 0 29 feb mon", "2044-02-29T00:00:00"),
        ("0 7-7 * * * *", "2026-11-24T05:07:00"),  # croniter alone takes 7-7 for every minute
        ("0 50/7 * * * *", "2026-11-24T05:50:00"),
        ("0 0 0 * * 5/3", "2026-11-27T00:00:00"),
        ("0 */99 * * * *", "2026-11-24T06:00:00"),
    ],
)
def test_the_next_time(expression: str, expected: str) -> None:
    assert parse(expression).after(NOW) == datetime.fromisoformat(expected)


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("", "has 0 fields"),
        ("* * * *", "has 4 fields"),
        ("0 0 0 1 1 * 2027", "has 7 fields"),
        ("@hourly", "has 1 fields"),
        ("00:05:00", "has 1 fields"),
        ("0 0 0 L * *", "the day 'L' is not NCRONTAB"),
        ("0 0 0 ? * *", "the day '?' is not NCRONTAB"),
        ("0 0 0 LW * *", "the day"),
        ("0 0 0 15W * *", "the day"),
        ("0 0 0 * * 7", "the weekday 7 is not NCRONTAB: it goes from 0 to 6"),
        ("0 0 0 * * 0-7", "the weekday 7"),
        ("0 0 0 * * 1#2", "the weekday"),
        ("0 0 0 * * 5L", "the weekday"),
        ("0 H * * * *", "the minute"),
        ("0 R * * * *", "the minute"),
        ("0 h(0-9) * * * *", "the minute"),
        ("0 0 0 * Foo *", "the month 'Foo' is not NCRONTAB: it is no name"),
        ("0 0 0 * Ja *", "the month"),
        ("0 mon * * * *", "the minute"),
        ("60 * * * * *", "the second 60 is not NCRONTAB: it goes from 0 to 59"),
        ("* 60 * * * *", "the minute 60"),
        ("0 0 24 * * *", "the hour 24"),
        ("0 0 0 0 * *", "the day 0"),
        ("0 0 0 32 * *", "the day 32"),
        ("0 0 0 * 13 *", "the month 13"),
        ("5-1 * * * * *", "runs backwards"),
        ("0 0 0 * * Fri-Mon", "runs backwards"),
        ("*/0 * * * * *", "step of 0"),
        ("1,,2 * * * * *", "the second"),
        ("-1 * * * * *", "the second"),
        ("*-5 * * * * *", "the second"),
        ("٣ * * * * *", "the second"),
        ("0 " + "9" * 5000 + " * * * *", "the minute"),
        ("0 0 0 30 2 *", "never fires"),
        ("0 0 0 31 4,6,9,11 *", "never fires"),
    ],
)
def test_what_is_refused_says_why(expression: str, sentence: str) -> None:
    with pytest.raises(ValueError) as refused:
        parse(expression)
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("expression", "often"),
    [("*/30 * * * * *", True), ("0,30 * * * * *", True), ("7 * * * * *", False), ("* * * * *", False)],
)
def test_it_knows_whether_it_fires_more_than_once_a_minute(expression: str, often: bool) -> None:
    assert parse(expression).often is often


RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))


@st.composite
def expressions(draw: st.DrawFn) -> tuple[str, tuple[set[int], ...]]:
    """An expression, and what each field means, worked out one number at a time."""
    seconds = draw(st.sets(st.integers(0, 59), min_size=1, max_size=2))
    texts, meanings = [",".join(map(str, seconds))], [seconds]
    for first, last in RANGES:
        parts, numbers = [], set[int]()
        for _ in range(draw(st.integers(1, 2))):
            low = draw(st.integers(first, last))
            high = draw(st.integers(low, last))
            step = draw(st.integers(1, 70))
            text, members = draw(
                st.sampled_from(
                    [
                        ("*", range(first, last + 1)),
                        (f"*/{step}", range(first, last + 1, step)),
                        (f"{low}", [low]),
                        (f"{low}-{high}", range(low, high + 1)),
                        (f"{low}-{high}/{step}", range(low, high + 1, step)),
                        (f"{low}/{step}", range(low, last + 1, step)),
                    ]
                )
            )
            parts.append(text)
            numbers.update(members)
        texts.append(",".join(parts))
        meanings.append(numbers)
    return " ".join(texts), tuple(meanings)


def fits(moment: datetime, meanings: tuple[set[int], ...]) -> bool:
    second, minute, hour, day, month, weekday = meanings
    return (
        moment.second in second
        and moment.minute in minute
        and moment.hour in hour
        and moment.day in day
        and moment.month in month
        and moment.isoweekday() % 7 in weekday
    )


def between(first: datetime, last: datetime, meanings: tuple[set[int], ...]) -> bool:
    """Whether any time first < t < last fits: day by day, and within a day by the clock."""
    clock = [
        timedelta(hours=h, minutes=m, seconds=s) for h in meanings[2] for m in meanings[1] for s in meanings[0]
    ]
    day = first.replace(hour=0, minute=0, second=0)
    while day < last:
        if fits(day + clock[0], meanings):
            inside = first < day and day + timedelta(days=1) < last
            if inside or any(first < day + time < last for time in clock):
                return True
        day += timedelta(days=1)
    return False


MOMENTS = st.datetimes(datetime.fromisoformat("2020-01-01"), datetime.fromisoformat("2040-01-01"))


@given(expressions(), MOMENTS)
def test_the_next_and_the_last_time_fit_and_none_lies_between(
    expression: tuple[str, tuple[set[int], ...]], moment: datetime
) -> None:
    text, meanings = expression
    moment = moment.replace(microsecond=0)
    if not between(datetime.fromisoformat("2000-01-01"), datetime.fromisoformat("2050-01-01"), meanings):
        with pytest.raises(ValueError, match="never fires"):
            parse(text)
        return
    schedule = parse(text)
    for found in (schedule.after(moment), schedule.before(moment)):
        assert fits(found, meanings)
        first, last = sorted((found, moment))
        assert first < last
        assert not between(first, min(last, first + timedelta(days=800)), meanings)


@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(ValueError):
        assert parse(text).plain
