"""Finding, loading and calling the subscriptions' functions: one file each, `subSubscriptionXxx.py`.

A missing file is normal (people register before it exists) and has its own error; a file that is there but cannot
be imported, or has no `execute`, is told as what it is. Source: concept, "Subscription-Funktionen".
"""

import asyncio
import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from messaging.errors import MessagingError, SubscriptionFunctionBroken, SubscriptionFunctionNotFound
from messaging.models import (
    MessagingEventParameters,
    MessagingSubscriptionExecutionResult,
    MessagingSubscriptionRegistration,
)
from messaging.storage.keys import function_name

Function = Callable[..., Any]

MAX_RESULT = 16_000
"""Characters of a function's result as JSON, its own fields included."""

MAX_WORDS = 1000


class FunctionFailed(MessagingError):
    """The subscription's function raised, took too long, or answered something else than a result."""


class Functions:
    """The functions of one folder, each loaded once per process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loaded: dict[str, Function] = {}

    def exists(self, subscriptionId: str) -> bool:
        return self._path(subscriptionId).is_file()

    async def load(self, subscriptionId: str) -> Function:
        """The subscription's `execute`.

        Raises SubscriptionFunctionNotFound, or SubscriptionFunctionBroken with the cause for the log.
        """
        name = function_name(subscriptionId)
        if name not in self._loaded:
            if not self.exists(subscriptionId):
                raise SubscriptionFunctionNotFound(subscriptionId)
            self._loaded[name] = await asyncio.to_thread(_load, self._path(subscriptionId), subscriptionId)
        return self._loaded[name]

    def _path(self, subscriptionId: str) -> Path:
        return self._folder / f"subSubscription{function_name(subscriptionId)}.py"


async def call(
    function: Function,
    arguments: tuple[MessagingEventParameters, list[MessagingSubscriptionRegistration], Any],
    seconds: float,
) -> MessagingSubscriptionExecutionResult:
    """Run a subscription's function, a plain one in a thread; it has `seconds` to answer.

    Raises FunctionFailed. A thread that goes on after its time is left alone: its outbox is closed.
    """
    try:
        async with asyncio.timeout(seconds):
            if inspect.iscoroutinefunction(function):
                result = await function(*arguments)
            else:
                result = await asyncio.to_thread(function, *arguments)
    except TimeoutError as error:
        raise FunctionFailed(_words(error) or f"The function did not answer within {seconds:g} seconds") from error
    except (Exception, SystemExit) as error:
        raise FunctionFailed(_words(error) or type(error).__name__) from error
    return _checked(result)


def _checked(result: Any) -> MessagingSubscriptionExecutionResult:
    """The result as it is stored and answered: what JSON cannot say, or a row cannot hold, is refused."""
    if not isinstance(result, MessagingSubscriptionExecutionResult):
        kind = type(result).__name__
        raise FunctionFailed(f"execute must return MessagingSubscriptionExecutionResult, not {kind}")
    try:
        text = result.model_dump_json()
    except ValueError as error:
        raise FunctionFailed("execute's result has a field that is not JSON") from error
    if len(text) > MAX_RESULT:
        raise FunctionFailed(f"execute's result has {len(text)} characters of JSON; {MAX_RESULT} are allowed")
    return MessagingSubscriptionExecutionResult.model_validate_json(text)


def _words(error: BaseException) -> str:
    """What an exception says, as text that can be stored: no half characters, and not too much."""
    return str(error).encode(errors="replace").decode()[:MAX_WORDS]


def _load(path: Path, subscriptionId: str) -> Function:
    name = f"subscriptions.{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise SubscriptionFunctionBroken(f"The function of {subscriptionId} failed to load")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise SubscriptionFunctionBroken(f"The function of {subscriptionId} failed to load") from error
    execute = getattr(module, "execute", None)
    if not callable(execute):
        raise SubscriptionFunctionBroken(f"The function of {subscriptionId} failed to load: it has no execute")
    return execute  # type: ignore[no-any-return]
