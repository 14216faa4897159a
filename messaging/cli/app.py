"""All commands, and what an error looks like: a sentence on stderr and exit code 1; 2 for a wrong command line."""

import logging
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from messaging.cli import deliveries, errors, executions, functions, pauses, poison
from messaging.cli.audit import audit
from messaging.cli.doctor import doctor
from messaging.errors import ConfigurationError, Conflict, MessagingError, StorageUnavailable

_DOCTOR = "; `python -m messaging doctor` tells more"


class Commands(TyperGroup):
    """The root of all commands, which turns expected errors into a sentence."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Conflict:
            _fail("Somebody else changed this in the same moment; look again before you repeat it")
        except (StorageUnavailable, ConfigurationError) as error:
            _fail(f"{error}{_DOCTOR}")
        except MessagingError as error:
            _fail(str(error))


def _fail(sentence: str) -> NoReturn:
    typer.echo(f"Error: {sentence}", err=True)
    raise typer.Exit(1)


app = typer.Typer(
    cls=Commands,
    help="Ask what became of messages, and help those that cannot help themselves. It reads the app's settings.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for name, group in (
    ("deliveries", deliveries.app),
    ("errors", errors.app),
    ("executions", executions.app),
    ("functions", functions.app),
    ("pauses", pauses.app),
    ("poison", poison.app),
):
    app.add_typer(group, name=name)
app.command()(audit)
app.command()(doctor)


def main() -> None:
    """The program."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    logging.getLogger("azure").setLevel(logging.CRITICAL)  # its errors come as exceptions
    app(prog_name="python -m messaging")
