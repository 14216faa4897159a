"""The decision after a failed send, as a table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.delivery import MOVES, State
from messaging.errors import (
    Ambiguous,
    ConnectorError,
    MessageRefused,
    NotAccepted,
    RecipientRefused,
    SenderBlocked,
)
from messaging.retry import LONGEST_WAIT, Attempt, Policy, decide

POLICY = Policy(first=30, giveUp=86_400)
START = 1_800_000_000.0
KINDS = [RecipientRefused, MessageRefused, SenderBlocked, NotAccepted, Ambiguous]


def attempt(number: int = 1, age: float = 0, canAsk: bool = True, asking: bool = False) -> Attempt:
    return Attempt(number, START, START + age, canAsk, asking)


FIRST = [
    (RecipientRefused, True, State.FAILED, False),
    (RecipientRefused, False, State.FAILED, False),
    (MessageRefused, True, State.FAILED, False),
    (SenderBlocked, True, State.DEFERRED, False),
    (SenderBlocked, False, State.DEFERRED, False),
    (NotAccepted, True, State.DEFERRED, False),
    (NotAccepted, False, State.DEFERRED, False),
    (Ambiguous, True, State.DEFERRED, True),
    (Ambiguous, False, State.UNKNOWN, False),
]


@pytest.mark.parametrize(("kind", "canAsk", "state", "ask"), FIRST)
def test_the_kind_of_error_decides(kind: type[ConnectorError], canAsk: bool, state: State, ask: bool) -> None:
    outcome = decide(kind("why"), attempt(canAsk=canAsk), POLICY, 1)
    assert (outcome.state, outcome.ask, outcome.errorMessage) == (state, ask, "why")


LATE = [
    (NotAccepted, False, State.FAILED),
    (SenderBlocked, False, State.FAILED),
    (Ambiguous, False, State.UNKNOWN),
    (NotAccepted, True, State.UNKNOWN),
]


@pytest.mark.parametrize(("kind", "asking", "state"), LATE)
def test_after_the_last_attempt_it_ends(kind: type[ConnectorError], asking: bool, state: State) -> None:
    assert decide(kind("why"), attempt(age=86_400, asking=asking), POLICY, 1).state is state


def test_a_failed_question_is_asked_again() -> None:
    outcome = decide(SenderBlocked("why"), attempt(asking=True), POLICY, 1)
    assert outcome.state is State.DEFERRED and outcome.ask


@pytest.mark.parametrize(("number", "wait"), [(1, 30), (2, 60), (3, 120), (7, 1920), (8, 3600), (50, 3600)])
def test_waits_double_up_to_an_hour(number: int, wait: float) -> None:
    assert decide(NotAccepted(), attempt(number), POLICY, 1).at - START == wait
    assert decide(NotAccepted(), attempt(number), POLICY, 0).at - START == wait / 2


def test_the_providers_wish_is_honoured_up_to_hours() -> None:
    assert decide(SenderBlocked(retryAfter=7200), attempt(), POLICY, 0.5).at - START == 7200
    assert decide(SenderBlocked(retryAfter=1), attempt(), POLICY, 1).at - START == 30


def test_the_last_attempt_is_made_at_the_stated_age() -> None:
    assert decide(NotAccepted(retryAfter=999_999), attempt(), POLICY, 1).at - START == 86_400
    assert decide(NotAccepted(), attempt(9, age=86_399), POLICY, 1).at - START == 86_400


@given(
    st.sampled_from(KINDS),
    st.integers(1, 100),
    st.floats(0, 200_000),
    st.booleans(),
    st.floats(0, 1),
    st.none() | st.floats(0, 1e6),
)
def test_every_decision_is_a_legal_move_with_a_time_in_the_future(
    kind: type[ConnectorError], number: int, age: float, canAsk: bool, jitter: float, retryAfter: float | None
) -> None:
    outcome = decide(kind(retryAfter=retryAfter), attempt(number, age, canAsk), POLICY, jitter)
    assert outcome.state in MOVES[State.SENDING]
    if outcome.state is State.DEFERRED:
        now = START + age
        assert now < outcome.at <= max(now + LONGEST_WAIT, now + (retryAfter or 0))
        assert outcome.at <= START + POLICY.giveUp
