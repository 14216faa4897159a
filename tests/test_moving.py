"""The moving window: never more than the limit within any minute, in a row of bounded size."""

from hypothesis import given, settings
from hypothesis import strategies as st

from messaging.moving import AHEAD, SLOT, Window

MINUTE = 60_000

STEPS = st.lists(st.tuples(st.integers(0, 90_000) | st.integers(0, 50), st.integers(1, 40)), max_size=60)


def admit(window: Window, now: int, asked: int, limit: int) -> tuple[Window, int]:
    window = window.since(now - MINUTE, now)
    admitted = max(0, min(asked, limit - window.calls))
    return (window.add(now, admitted) if admitted else window), admitted


@given(STEPS, st.integers(1, 60))
def test_no_minute_sees_more_than_the_limit_and_no_call_is_refused_without_need(
    steps: list[tuple[int, int]], limit: int
) -> None:
    window, now, made = Window(), 0, list[tuple[int, int]]()
    for passed, asked in steps:
        now += passed
        window, admitted = admit(window, now, asked, limit)
        made.append((now, admitted))
        within = sum(calls for at, calls in made if at > now - MINUTE)
        assert within <= limit
        longer = sum(calls for at, calls in made if at > now - MINUTE - SLOT)
        assert admitted == asked or longer >= limit  # at most a second late
        assert Window.from_text(window.to_text()) == window


@settings(max_examples=20)
@given(st.lists(st.integers(0, 2_000), min_size=100, max_size=200))
def test_it_stays_small_however_many_calls_it_sees(steps: list[int]) -> None:
    window, now = Window(), 0
    for passed in steps:
        now += passed
        window, _ = admit(window, now, 1, 1_000_000)
        assert len(window.slots) <= MINUTE // SLOT + 1


@given(st.integers(1, 100_000))
def test_a_clock_that_is_behind_forgets_nothing_early(behind: int) -> None:
    window = Window().add(1_000_000, 5).add(1_000_000 - behind, 1)
    assert window.since(1_000_000 - 1, 1_000_000).calls == 6 and not window.since(1_000_000, 1_000_000).calls


def test_a_clock_that_was_an_hour_fast_locks_nothing() -> None:
    assert Window().add(3_600_000, 5).since(-MINUTE, 0).calls == 0
    assert Window().add(AHEAD, 5).since(-MINUTE, 0).calls == 5


def test_a_lone_call_is_forgotten_after_exactly_a_minute() -> None:
    window = Window().add(0, 1)
    assert window.since(-1, MINUTE).calls == 1
    assert window.since(0, MINUTE).calls == 0
