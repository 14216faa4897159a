"""Ids: their time, their relation, and the one spelling that keys use."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging import ids

TIMES = st.integers(1_000_000_000_000, 4_000_000_000_000).map(lambda milliseconds: milliseconds / 1000)


@given(TIMES, st.uuids(), st.integers(0, 1000))
def test_ids_are_uuids_of_version_8_that_know_their_time(time: float, registration: UUID, ordinal: int) -> None:
    executionId = ids.execution_id(time)
    deliveryId = ids.delivery_id(executionId, str(registration), ordinal)
    for id in (executionId, deliveryId):
        assert UUID(id).version == 8 and UUID(id).variant == "specified in RFC 4122"
        assert ids.is_id(id)
        assert ids.created_at(id) == pytest.approx(time, abs=0.0011)
    assert executionId[:18] == deliveryId[:18]
    assert deliveryId == ids.delivery_id(executionId, str(registration), ordinal)


def test_deliveries_of_an_execution_differ_by_registration_and_ordinal() -> None:
    executionId = ids.execution_id(1_800_000_000)
    made = {ids.delivery_id(executionId, f"r{registration}", n) for registration in range(100) for n in range(3)}
    assert len(made) == 300


@given(TIMES, TIMES)
def test_since_is_inclusive_to_the_millisecond(created: float, since: float) -> None:
    executionId = ids.execution_id(created)
    assert (executionId < ids.older_than(since)) == (ids.created_at(executionId) >= since)


@pytest.mark.parametrize("text", ["", "x", "FE5DF3A8-AF79-85A1-8D31-FDB22A5C82BE", "{}", "a" * 32, "../x", "\n"])
def test_what_cannot_be_an_id_is_told_before_any_look_up(text: str) -> None:
    assert not ids.is_id(text)
