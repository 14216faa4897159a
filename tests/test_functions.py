"""Finding, loading and calling subscription functions."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from messaging.errors import SubscriptionFunctionBroken, SubscriptionFunctionNotFound
from messaging.functions import FunctionFailed, Functions, call
from messaging.models import MessagingEventParameters, MessagingSubscriptionExecutionResult

Result = MessagingSubscriptionExecutionResult
EVENT: tuple[MessagingEventParameters, list[Any], Any] = (MessagingEventParameters(), [], None)

PLAIN = """
from messaging.models import MessagingSubscriptionExecutionResult
def execute(eventParameters, registrations, messagingService):
    return MessagingSubscriptionExecutionResult(success=True, messagesSent=3, extra="kept")
"""


def write(folder: Path, name: str, source: str) -> Functions:
    (folder / f"subSubscription{name}.py").write_text(source)
    return Functions(folder)


@pytest.mark.parametrize("subscriptionId", ["AuditLogin", "audit_login", "audit_Login", "_audit__login_"])
async def test_the_file_follows_from_the_id(tmp_path: Path, subscriptionId: str) -> None:
    functions = write(tmp_path, "AuditLogin", PLAIN)
    result = await call(await functions.load(subscriptionId), EVENT, 5)
    assert result.model_dump() == {"success": True, "messagesSent": 3, "errorMessage": None, "extra": "kept"}


async def test_a_missing_file_is_a_file_not_found(tmp_path: Path) -> None:
    functions = Functions(tmp_path)
    for error in (SubscriptionFunctionNotFound, FileNotFoundError):
        with pytest.raises(error, match="Subscription function not found for Nothing"):
            await functions.load("Nothing")


async def test_a_new_file_is_found_after_a_restart(tmp_path: Path) -> None:
    with pytest.raises(SubscriptionFunctionNotFound):
        await Functions(tmp_path).load("New")
    await write(tmp_path, "New", PLAIN).load("New")


async def test_a_function_is_loaded_once(tmp_path: Path) -> None:
    functions = write(tmp_path, "Once", PLAIN)
    first = await functions.load("Once")
    (tmp_path / "subSubscriptionOnce.py").write_text("raise RuntimeError")
    assert await functions.load("Once") is first


BROKEN = {
    "a missing module": "import there_is_no_such_module",
    "a syntax error": "def execute(:",
    "an error on import": "raise ValueError('secret')",
    "an exit on import": "import sys; sys.exit(3)",
    "no execute": "x = 1",
    "an execute that is no function": "execute = 1",
}


@pytest.mark.parametrize("case", BROKEN)
async def test_a_file_that_cannot_be_loaded_is_told_as_that(tmp_path: Path, case: str) -> None:
    functions = write(tmp_path, "Broken", BROKEN[case])
    with pytest.raises(SubscriptionFunctionBroken, match="failed to load") as error:
        await functions.load("Broken")
    assert "secret" not in str(error.value) and str(tmp_path) not in str(error.value)


async def plain_async(*_: Any) -> Result:
    await asyncio.sleep(0)
    return Result(success=True)


async def hangs(*_: Any) -> Result:
    await asyncio.sleep(60)
    return Result(success=True)


def raises(*_: Any) -> Result:
    raise ValueError("the reason")


def says(text: str) -> Any:
    def function(*_: Any) -> Result:
        raise ValueError(text)

    return function


def exits(*_: Any) -> Result:
    raise SystemExit(1)


def sleeps(*_: Any) -> Result:
    time.sleep(0.4)
    return Result(success=True)


async def test_async_functions_are_awaited() -> None:
    assert (await call(plain_async, EVENT, 5)).success


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (raises, "the reason"),
        (exits, "1"),
        (lambda *_: None, "not NoneType"),
        (lambda *_: Result(success=True, extra=object()), "not JSON"),
        (lambda *_: Result(success=True, extra="\ud800"), "not JSON"),
        (lambda *_: Result(success=True, extra="x" * 16_000), "16000 are allowed"),
        (says("x" * 5000), "^x{1000}$"),
        (says("\ud800"), r"^\?$"),
        (lambda *_: {"success": True}, "not dict"),
        (hangs, "within 0.1 seconds"),
        (sleeps, "within 0.1 seconds"),
    ],
)
async def test_what_goes_wrong_inside_has_a_reason(function: Any, reason: str) -> None:
    with pytest.raises(FunctionFailed, match=reason):
        await call(function, EVENT, 0.1)


async def test_what_is_answered_is_what_is_stored() -> None:
    result = await call(lambda *_: Result(success=True, rate=float("nan"), pair=(1, 2)), EVENT, 5)
    assert result.model_dump() == {
        "success": True,
        "messagesSent": 0,
        "errorMessage": None,
        "rate": None,
        "pair": [1, 2],
    }


async def test_a_plain_function_does_not_hold_up_the_loop() -> None:
    running = asyncio.create_task(call(sleeps, EVENT, 5))
    started = time.monotonic()
    await asyncio.sleep(0.01)
    assert time.monotonic() - started < 0.3
    assert (await running).success
