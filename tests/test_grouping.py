"""Errors of one kind are one entry: counted exactly, bounded, and never too much for an execution's parameters."""

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from messaging.errorrecords import MESSAGE, TRACE, ErrorRecord
from messaging.grouping import KEPT, SHOWN, Grouping
from messaging.models import MessagingEventParameters
from messaging.service import event_json


def error(kind: object = "a", at: float = 5, **more: Any) -> ErrorRecord:
    about = {"message": f"{kind} at {at:g}", "source": "s", "place": "p", "shape": str(kind), **more}
    return ErrorRecord(at=at, level="ERROR", **about)


def entries(*records: ErrorRecord) -> list[dict[str, Any]]:
    grouping = Grouping()
    for record in records:
        grouping.add(record)
    return grouping.entries()


def test_a_kind_has_its_count_its_times_and_the_latest_example() -> None:
    found = entries(error(at=7, trace="old"), error(at=3, trace="older"), error(at=9), error("b", 1))
    assert found == [
        {
            "message": "a at 9",
            "level": "ERROR",
            "timestamp": 9,
            "source": "s",
            "count": 3,
            "first": 3,
            "last": 9,
            "trace": "old",
        },
        {"message": "b at 1", "level": "ERROR", "timestamp": 1, "source": "s", "count": 1, "first": 1, "last": 1},
    ]


def test_an_earlier_error_gives_a_trace_where_there_is_none() -> None:
    assert entries(error(at=7), error(at=3, trace="t"))[0]["trace"] == "t"


def test_source_place_and_shape_make_a_kind() -> None:
    found = entries(error(), error(source="t"), error(place="q"), error("b"), error(message="x"))
    assert [one["count"] for one in found] == [2, 1, 1, 1]


def test_a_record_may_stand_for_many() -> None:
    assert entries(error(count=40), error(count=2))[0]["count"] == 42


def test_the_most_frequent_are_told_and_the_rest_is_counted_in_one_entry() -> None:
    records = [error(kind, kind) for kind in range(SHOWN + 7) for _ in range(SHOWN + 7 - kind)]
    found = entries(*records)
    assert [one["count"] for one in found] == [*range(SHOWN + 7, 7, -1), sum(range(1, 8))]
    assert found[-1]["message"].startswith("Errors of 7 further kinds")
    assert (found[-1]["first"], found[-1]["last"]) == (SHOWN, SHOWN + 6)


def test_kinds_beyond_what_memory_holds_are_still_counted() -> None:
    found = entries(*(error(kind, kind) for kind in range(KEPT + 30)), error(0, 1000))
    assert len(found) == SHOWN + 1 and sum(one["count"] for one in found) == KEPT + 31
    assert found[0]["count"] == 2
    assert found[-1]["message"].startswith(f"Errors of more than {KEPT - SHOWN} further kinds")


def test_no_errors_no_entries() -> None:
    assert entries() == []


def test_the_largest_digest_fits_into_an_execution() -> None:
    wide = '"😀' * MESSAGE
    found = entries(*(error(kind, message=wide[:MESSAGE], trace=wide[:TRACE]) for kind in range(KEPT + 1)))
    assert "trace" in found[0] and "trace" not in found[-2]
    event_json(MessagingEventParameters(triggerData={"errors": found, "timestamp": 1.8e9}))


@given(st.lists(st.tuples(st.integers(0, SHOWN + 20), st.integers(0, 9)), max_size=200))
def test_no_error_is_lost_or_counted_twice(given: list[tuple[int, int]]) -> None:
    found = entries(*(error(kind, at) for kind, at in given))
    assert sum(one["count"] for one in found) == len(given)
    counts = sorted(Counter(kind for kind, _ in given).values(), reverse=True)
    assert [one["count"] for one in found[:SHOWN]] == counts[:SHOWN]
