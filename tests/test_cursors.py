"""Cursors: they go on where the list was, and cannot leave it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.cursors import decode, encode, rest
from messaging.errors import InvalidInput
from messaging.storage.keys import below

SCOPE = ("deliveries", "m1", None)


def test_a_list_goes_on_after_the_last_key() -> None:
    span = below("d")
    assert rest(span, SCOPE, None) == span
    first, last = rest(span, SCOPE, encode(SCOPE, "d~5"))
    assert "d~5" < first <= "d~50" and last == span[1]


@pytest.mark.parametrize("key", ["a", "d", "d~~x", "z", "", "k~secret"])
def test_whatever_a_cursor_says_the_list_keeps_to_its_range(key: str) -> None:
    span = below("d")
    first, last = rest(span, SCOPE, encode(SCOPE, key))
    assert span[0] <= first <= last == span[1]


@pytest.mark.parametrize(
    "scope",
    [
        ("deliveries", "m1", "None"),
        ("deliveries", "m2", None),
        ("executions", "m1", None),
        ("deliveries", "m1", "bob"),
    ],
)
def test_a_cursor_of_another_list_is_refused(scope: tuple[object, ...]) -> None:
    with pytest.raises(InvalidInput, match="does not belong to this list"):
        decode(SCOPE, encode(scope, "d~5"))


@pytest.mark.parametrize("key", ["d~\ud800", "d~\x00", "d~\x7f", "d~é", "d~\u2028"])
def test_a_key_that_no_row_has_is_refused(key: str) -> None:
    with pytest.raises(InvalidInput):
        decode(SCOPE, encode(SCOPE, key))


@given(st.text(max_size=60))
def test_nonsense_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidInput):
        decode(SCOPE, cursor)
