"""From a log record to what is kept: cut, valid, without secrets; the same error is of the same kind."""

import logging
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.errorrecords import MESSAGE, READ, TRACE, ErrorRecord, from_log

SECRET = "alice@example.com"


def logged(template: object, *args: object, line: int = 7, error: BaseException | None = None) -> ErrorRecord:
    info: Any = (type(error), error, error.__traceback__) if error else None
    name, path = "messaging.worker", "/app/worker.py"
    record = logging.LogRecord(name, logging.ERROR, path, line, template, args, info, "run")
    return from_log(record, 5.0)


def raised(text: str, depth: int = 0) -> Exception:
    password = "hunter2"  # a local variable, which no trace may show
    try:
        if depth:
            raise raised(text, depth - 1)
        raise ValueError(text) from KeyError(f"of {text}")
    except ValueError as error:
        assert password
        return error


def test_a_record_says_what_where_and_when() -> None:
    found = logged("Batch %s does not exist", "b~1")
    assert found == ErrorRecord(
        at=5.0,
        level="ERROR",
        source="messaging.worker",
        message="Batch b~1 does not exist",
        place="worker.run:7",
        shape="Batch %s does not exist",
    )


def test_an_exception_brings_its_trace_without_secrets_and_variables() -> None:
    found = logged("It failed", error=raised(f"no mail to {SECRET}"))
    assert found.trace.startswith("KeyError: 'of no mail to [address]'")
    assert found.trace.endswith("ValueError: no mail to [address]")
    assert "in raised" in found.trace and "hunter2" not in found.trace and SECRET not in found.trace
    assert found.place.startswith("ValueError test_errorrecords.raised:")


SAME: list[tuple[tuple[Any, ...], tuple[Any, ...]]] = [
    (("Batch %s is gone", "a"), ("Batch %s is gone", "b")),
    (("Delivery %d of %s", 1, "x"), ("Delivery %d of %s", 2, "y")),
    (("order 12 failed",), ("order 7 failed",)),
    (("fe5df358-d456-8c30-8274-f184d0469581 ends",), ("fe5df358-d456-8c30-9a63-3c1479bd4320 ends",)),
    (("%s", "in 5 s"), ("%s", "in 60 s")),
    (("to a@b.ch",), ("to c@d.ch",)),
]
OTHER: list[tuple[tuple[Any, ...], tuple[Any, ...]]] = [
    (("%s", "disk full"), ("%s", "no route")),
    (("disk full",), ("no route",)),
    (("Batch %s is gone", "a"), ("Batch %s is back", "a")),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_what_differs_in_ids_and_numbers_only_has_the_same_shape(one: Any, other: Any) -> None:
    assert logged(*one).shape == logged(*other).shape


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_other_words_are_another_shape(one: Any, other: Any) -> None:
    assert logged(*one).shape != logged(*other).shape


def test_another_line_or_another_exception_is_another_place() -> None:
    assert logged("x", line=1).place != logged("x", line=2).place
    assert logged("x", error=raised("a")).place == logged("x", line=9, error=raised("b")).place
    assert logged("x", error=raised("a")).place != logged("x", error=KeyError("a")).place


def test_long_ones_lose_their_middle() -> None:
    found = logged("begin " + "x " * MESSAGE + "end", error=raised("y " * TRACE))
    assert len(found.message) == MESSAGE and found.message.startswith("begin") and found.message.endswith("end")
    assert len(found.trace) == TRACE and "\n…\n" in found.trace


def test_a_secret_that_is_cut_in_two_is_left_out() -> None:
    for text in (f"{'x ' * (READ // 2 - 4)}{SECRET}", f"{'x ' * (READ // 2 - 4)}Bearer {SECRET}"):
        assert "alice" not in logged(text + "y" * READ).message
    deep = raised(f"{'x ' * (READ // 4 - 30)}{SECRET * 20}{' x' * READ}{SECRET}")
    assert "alice" not in logged("x", error=deep).trace


@given(st.text(max_size=50) | st.just("\ud800 \x00 \u2028"))
def test_any_text_can_be_stored(text: str) -> None:
    found = logged("%s", text, error=ValueError(text))
    for kept in (found.message, found.trace, found.shape):
        assert kept.encode() is not None and "\x00" not in kept


@pytest.mark.parametrize(("template", "args"), [("%d", ("x",)), ("%s %s", (1,))])
def test_a_record_that_cannot_be_formatted_raises(template: str, args: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError):
        logged(template, *args)


def test_without_an_exception_at_hand_there_is_no_trace() -> None:
    record = logging.LogRecord("x", logging.ERROR, "x.py", 1, "x", (), sys.exc_info(), "f")
    assert from_log(record, 0).trace == ""
