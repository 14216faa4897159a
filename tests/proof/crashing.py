"""A function app that kills itself: the real one, with SIGKILL at a chosen call of a chosen method.

The product knows nothing of it. A point is `module:Class.method:before|after:n`: the process dies before the n-th
call of the method begins, or after it has ended.
"""

import functools
import importlib
import os
import shutil
import signal
from pathlib import Path
from typing import Any

from dev.processes import ROOT

APP = """
import importlib.util, os, sys
from tests.proof.crashing import install
install(os.environ.get("CRASH_POINT", ""), int(os.environ.get("CRASH_PAGE") or 0))
spec = importlib.util.spec_from_file_location("real_function_app", os.environ["CRASH_APP"])
real = importlib.util.module_from_spec(spec)
spec.loader.exec_module(real)
app = real.app
"""


def app_folder(folder: Path) -> Path:
    """A folder that the host can run, whose app dies where CRASH_POINT says."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "function_app.py").write_text(APP)
    shutil.copy(ROOT / "host.json", folder)
    return folder


def environment(point: str = "", page: int = 0) -> dict[str, str]:
    """What such a host needs: where to die, and how many people a page has (0: as usual)."""
    return {"CRASH_POINT": point, "CRASH_PAGE": str(page), "CRASH_APP": str(ROOT / "function_app.py")}


def install(point: str, page: int) -> None:
    """Arrange the death of this process."""
    if page:
        importlib.import_module("messaging.pages").PAGE = page  # type: ignore[attr-defined]
    if not point:
        return
    module, name, when, number = point.split(":")
    owner_name, method = name.split(".")
    owner = getattr(importlib.import_module(module), owner_name)
    setattr(owner, method, _deadly(getattr(owner, method), when, int(number)))


def _deadly(original: Any, when: str, number: int) -> Any:
    calls = 0

    @functools.wraps(original)
    async def method(*arguments: Any, **more: Any) -> Any:
        nonlocal calls
        calls += 1
        mine = calls
        if when == "before" and mine == number:
            die()
        result = await original(*arguments, **more)
        if when == "after" and mine == number:
            die()
        return result

    return method


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
