"""What comes in as JSON means the same to every reader."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging import strictjson
from messaging.strictjson import MAX_DEPTH, TooDeep

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_json_is_taken_as_it_is(value: Any) -> None:
    assert strictjson.loads(json.dumps(value).encode()) == value


REFUSED = [
    (b"", "at line 1"),
    (b"NaN", "NaN is not JSON"),
    (b"[-Infinity]", "-Infinity is not JSON"),
    (b"[1e400]", "1e400 is too large"),
    (b'{"a": 1, "b": {"c": 1, "c": 1}}', '"c" stands twice'),
    (b"\xff", "not UTF-8"),
    (b"1 2", "Extra data"),
]


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_the_reason_is_told(text: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        strictjson.loads(text)


def test_the_depth_has_a_bound() -> None:
    assert strictjson.loads(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    for depth in (MAX_DEPTH + 1, 100_000):
        with pytest.raises(TooDeep):
            strictjson.loads(b"[" * depth + b"]" * depth)
