"""What all commands share: the product for one command, options, and times as people write them."""

import asyncio
import re
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated

import typer
from azure.core.exceptions import AzureError

from messaging.bootstrap import Messaging, build
from messaging.errors import InvalidInput, StorageUnavailable
from messaging.identity import operator
from messaging.settings import Settings

_AGE = re.compile(r"(\d{1,6})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def group(words: str) -> typer.Typer:
    """A group of commands."""
    return typer.Typer(help=words, no_args_is_help=True, rich_markup_mode=None)


def run[T](work: Callable[[Messaging], Awaitable[T]]) -> T:
    """Do the work with the product wired as the app's settings say. Raises ConfigurationError."""

    async def whole() -> T:
        product = build(Settings.from_environment())
        try:
            product.inspection.connect()
            with plain_errors():
                return await work(product)
        finally:
            await product.close()

    return asyncio.run(whole())


@contextmanager
def plain_errors() -> Iterator[None]:
    """Whatever else storage refuses, for example an account that is not there, is StorageUnavailable here."""
    try:
        yield
    except AzureError as error:
        code = getattr(error, "error_code", None) or type(error).__name__
        raise StorageUnavailable(f"Storage refuses it: {getattr(code, 'value', code)}") from None


def on_terminal() -> bool:
    """Whether a person sits there who can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def moment(text: str) -> float:
    """UTC seconds from ISO 8601 (UTC unless it says otherwise), from UTC seconds, or from an age such as 90m."""
    if age := _AGE.fullmatch(text):
        return time.time() - int(age[1]) * _SECONDS[age[2]]
    try:
        if re.fullmatch(r"\d{9,12}(\.\d+)?", text):
            return float(text)
        found = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("must be like 2026-08-22T03:00, 1787367600 or 90m, 2h, 1d") from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def mandate_name[T: (str, str | None)](text: T) -> T:
    """A mandateId of the command line, as it is; None where there is none."""
    try:
        if text is not None:
            operator(text)
    except InvalidInput as error:
        raise typer.BadParameter(error.rule) from None
    return text


def _name(text: str) -> str:
    try:
        operator("any", text)
    except InvalidInput as error:
        raise typer.BadParameter(error.rule) from None
    return text


Mandate = Annotated[
    str, typer.Option("--mandate", "-m", callback=mandate_name, metavar="MANDATE", help="The mandate (tenant).")
]
By = Annotated[
    str, typer.Option("--by", callback=_name, metavar="NAME", help="Who decides, for the record and the log.")
]
Limit = Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="At most so many, 1 to 1000.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document, for scripts.")]
