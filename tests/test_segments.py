"""Parts of a text message: the two alphabets, and what happens at a part's edge."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.segments import count

CASES = [
    ("", 1),
    ("a" * 160, 1),
    ("a" * 161, 2),
    ("a" * 306, 2),
    ("a" * 307, 3),
    ("€" * 80, 1),
    ("€" * 81, 2),
    ("a" * 152 + "€" + "a" * 151, 2),
    ("a" * 152 + "€" + "a" * 152, 3),
    ("ä" * 160, 1),
    ("ç" * 70, 1),
    ("ç" * 71, 2),
    ("ç" * 134, 2),
    ("ç" * 135, 3),
    ("😀" * 35, 1),
    ("😀" * 36, 2),
    ("ç" * 66 + "😀" + "ç" * 66, 3),
    ("ç" * 65 + "😀" + "ç" * 67, 2),
    ("a" * 159 + "😀", 3),
    ("\n" * 160, 1),
    ("\t", 1),
]


@pytest.mark.parametrize(("text", "parts"), CASES)
def test_parts(text: str, parts: int) -> None:
    assert count(text) == parts


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=400), st.characters(exclude_categories=["Cs"]))
def test_a_longer_text_never_has_fewer_parts(text: str, more: str) -> None:
    assert count(text) <= count(text + more) or more
    assert count(text + text) >= count(text)
