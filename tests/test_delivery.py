"""How a batch moves: the table of moves, claims and records, and what holds however they follow each other."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.delivery import (
    MAX_BATCH,
    MAX_TAKEOVERS,
    MOVES,
    STATUS,
    Batch,
    Item,
    Lease,
    Outcome,
    State,
    claim,
    close,
    record,
)
from messaging.models import DeliveryStatus, MessagingChannel
from messaging.storage.base import MAX_OPERATIONS

NOW = 1_800_000_000.0
MAIL = Lease("worker", 120, 3, canAsk=True)
SMS = replace(MAIL, canAsk=False)
SENT = Outcome(State.SENT, providerMessageId="p", at=NOW)


def batch(count: int = 5, **changes: object) -> Batch:
    items = tuple(Item(f"d{n}", f"r{n}", "c") for n in range(count))
    return replace(Batch("x", 1, 0, MessagingChannel.EMAIL, NOW, items, NOW), **changes)  # type: ignore[arg-type]


def states(moved: Batch) -> str:
    return "".join(item.state[0] if item.state is not State.SENDING else "*" for item in moved.items)


def outcomes(moved: Batch, outcome: Outcome = SENT) -> dict[str, Outcome]:
    return {item.id: outcome for item in moved.group()}


def test_a_batch_and_its_pointers_fit_into_one_transaction() -> None:
    assert 2 * MAX_BATCH + 1 <= MAX_OPERATIONS


def test_terminal_is_terminal_and_every_state_has_a_status() -> None:
    assert set(MOVES) == set(STATUS) == set(State)
    assert MOVES[State.SENT] == MOVES[State.FAILED] == frozenset()
    pending = {state for state, status in STATUS.items() if status is DeliveryStatus.PENDING}
    assert pending == {State.QUEUED, State.SENDING, State.DEFERRED, State.UNKNOWN}


def test_a_claim_marks_the_first_group_and_each_record_the_next() -> None:
    claimed, decided = claim(batch(), MAIL, NOW)
    assert (states(claimed), decided) == ("***qq", {})
    assert claimed.leased(NOW + 119) and not claimed.leased(NOW + 120)
    second = record(claimed, outcomes(claimed), MAIL, NOW + 10)
    assert states(second) == "sss**" and second.leaseUntil == NOW + 130
    last = record(second, outcomes(second), MAIL, NOW + 20)
    assert states(last) == "sssss" and not last.owner and not last.is_open()


def test_attempts_count_sends_begun() -> None:
    claimed, _ = claim(batch(1), MAIL, NOW)
    assert claimed.items[0].attempts == 1
    not_begun = record(claimed, outcomes(claimed, Outcome(State.QUEUED)), replace(MAIL, groupSize=0), NOW)
    assert not_begun.items[0].attempts == 0


def test_a_deferred_item_brings_its_batch_back_when_it_is_due() -> None:
    claimed, _ = claim(batch(2), MAIL, NOW)
    results = {"d0": SENT, "d1": Outcome(State.DEFERRED, "busy", at=NOW + 30)}
    waiting = record(claimed, results, MAIL, NOW)
    assert (states(waiting), waiting.nextAt, waiting.owner) == ("sd", NOW + 30, "")
    again, _ = claim(waiting, MAIL, NOW + 30)
    assert states(again) == "s*" and again.items[1].attempts == 2


def test_a_take_over_asks_for_marked_mails() -> None:
    claimed, _ = claim(batch(), MAIL, NOW)
    taken, decided = claim(claimed, replace(MAIL, owner="other"), NOW + 121)
    assert decided == {} and states(taken) == "***qq"
    assert [item.ask for item in taken.items] == [True] * 3 + [False] * 2
    assert [item.attempts for item in taken.group()] == [1, 1, 1]
    assert taken.takeovers == 1
    resent = record(taken, outcomes(taken, replace(SENT, resent=True)), MAIL, NOW)
    assert [item.attempts for item in resent.items[:3]] == [2, 2, 2] and resent.takeovers == 0


def test_a_take_over_leaves_marked_messages_unknown_where_nobody_can_tell() -> None:
    claimed, _ = claim(batch(), SMS, NOW)
    taken, decided = claim(claimed, SMS, NOW + 121)
    assert states(taken) == "uuu**" and set(decided) == {"d0", "d1", "d2"}
    assert all(outcome.state is State.UNKNOWN for outcome in decided.values())


@pytest.mark.parametrize(("lease", "expected"), [(MAIL, "uuuff"), (SMS, "uuuff")])
def test_after_too_many_take_overs_everything_ends(lease: Lease, expected: str) -> None:
    claimed, _ = claim(batch(), lease, NOW)
    ended, decided = claim(replace(claimed, takeovers=MAX_TAKEOVERS), lease, NOW + 121)
    assert states(ended) == expected and len(decided) == 5
    assert not ended.owner and not ended.is_open()


def test_what_was_never_accepted_is_failed() -> None:
    closed, ended = close(batch(3), "not accepted")
    assert states(closed) == "fff" and set(ended) == {"d0", "d1", "d2"}


def test_a_move_that_is_not_in_the_table_is_refused() -> None:
    claimed, _ = claim(batch(1), MAIL, NOW)
    done = record(claimed, outcomes(claimed), MAIL, NOW)
    with pytest.raises(ValueError, match="from sent to failed"):
        record(done, {"d0": Outcome(State.FAILED)}, MAIL, NOW)


ENDS = st.sampled_from(
    [
        SENT,
        Outcome(State.FAILED, "no"),
        Outcome(State.UNKNOWN, "?"),
        Outcome(State.QUEUED),
        Outcome(State.DEFERRED, "later", at=NOW + 50),
        Outcome(State.DEFERRED, "later", at=NOW + 5, ask=True),
    ]
)


@given(st.data(), st.integers(1, 12), st.integers(1, 5), st.booleans())
def test_whatever_happens_no_item_is_lost_and_none_goes_backwards(
    data: st.DataObject, count: int, size: int, can_ask: bool
) -> None:
    lease = Lease("w", 10, size, can_ask)
    now, current = NOW, batch(count)
    for _ in range(data.draw(st.integers(1, 12))):
        now += data.draw(st.sampled_from([1.0, 20.0]))
        before = current
        if current.leased(now):
            results = {item.id: data.draw(ENDS) for item in current.group()}
            current = record(current, results, lease, now)
        elif current.is_open() and current.nextAt <= now:
            current, _ = claim(current, lease, now)
        assert [item.id for item in current.items] == [item.id for item in before.items]
        for old, new in zip(before.items, current.items, strict=True):
            assert old.state not in (State.SENT, State.FAILED, State.UNKNOWN) or old.state == new.state
        assert len(current.group()) <= max(size, len(before.group()))
        assert bool(current.owner) == bool(current.group())
