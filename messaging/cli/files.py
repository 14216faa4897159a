"""The files of subscription functions, each imported as the service would, and what is wrong with it."""

import inspect
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from traceback import extract_tb

from messaging.errors import MessagingError, SubscriptionFunctionBroken
from messaging.functions import Functions
from messaging.models import is_subscription_id
from messaging.storage.keys import function_name

PREFIX = "subSubscription"
SIGNATURE = "(eventParameters, registrations, messagingService)"


@dataclass(frozen=True, slots=True)
class FileCheck:
    """`finding` is ok, missing, misnamed, loadError, noExecute or wrongSignature; `text` says more of it."""

    file: str
    finding: str = "ok"
    text: str = ""


def path_of(folder: Path, subscriptionId: str) -> Path:
    """The file of a subscription's function."""
    return folder / f"{PREFIX}{function_name(subscriptionId)}.py"


def all_files(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"{PREFIX}*.py"))


async def check(path: Path) -> FileCheck:
    """Import one file. What it prints meanwhile goes to stderr."""
    file = str(path)
    if misplaced := _misplaced(path):
        return misplaced
    try:
        with redirect_stdout(sys.stderr):
            execute = await Functions(path.parent).load(_name(path))
    except SubscriptionFunctionBroken as error:
        if error.__cause__ is None:
            return FileCheck(file, "noExecute", f"it has no function execute{SIGNATURE}")
        return FileCheck(file, "loadError", _why(error.__cause__, file))
    except MessagingError as error:
        return FileCheck(file, "missing", str(error))
    try:
        inspect.signature(execute).bind(*SIGNATURE.split(","))
    except TypeError:
        return FileCheck(file, "wrongSignature", f"execute must take {SIGNATURE}")
    return FileCheck(file)


def _name(path: Path) -> str:
    return path.stem.removeprefix(PREFIX)


def _misplaced(path: Path) -> FileCheck | None:
    """What is wrong with a file that the service would never open."""
    if not path.is_file():
        return FileCheck(str(path), "missing", "there is no such file")
    if path != path_of(path.parent, _name(path)) or not is_subscription_id(_name(path)):
        example = f"audit_login has {path_of(Path(), 'audit_login')}"
        return FileCheck(str(path), "misnamed", f"no subscriptionId leads to this name; {example}")
    return None


def _why(error: BaseException, file: str) -> str:
    """The exception, and the last line of the file itself that led to it."""
    lines = [frame.lineno for frame in extract_tb(error.__traceback__) if frame.filename == file]
    line = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else None
    words = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{type(error).__name__}: {words}" + (f" (line {line})" if line else "")
