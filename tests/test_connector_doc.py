"""docs/adding-a-connector.md: its changes are made in a copy of the repository, where the new channel is asked."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dev.processes import ROOT

PAGE = (ROOT / "docs/adding-a-connector.md").read_text()
FILES = dict(re.findall(r"^New file `(\S+)`:\n\n```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
BELOW = re.findall(r"^In `(\S+)`, below `([^\n]+)`:\n\n```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
BECOMES = re.findall(r"^In `(\S+)`, `(.+)` becomes `(.+)`\.$", PAGE, re.MULTILINE)
QUESTIONS = "tests/connectors/test_every_connector.py"
COPIED = ("bench", "messaging", "dev", "tests", "subscriptions")


def change(root: Path, path: str, old: str, new: str) -> None:
    text = (root / path).read_text()
    assert text.count(old) == 1, f"{path} has `{old}` {text.count(old)} times"
    (root / path).write_text(text.replace(old, new))


def add_below(root: Path, path: str, line: str, more: str) -> None:
    """Add lines below the one that contains `line`, or below the call that it begins."""
    lines = (root / path).read_text().splitlines(keepends=True)
    (at,) = (number for number, one in enumerate(lines) if line in one)
    if lines[at].endswith("(\n"):
        at = lines.index(lines[at][: len(lines[at]) - len(lines[at].lstrip())] + ")\n", at)
    gap = "\n\n" if more.startswith("def ") else ""
    (root / path).write_text("".join([*lines[: at + 1], gap, more, *lines[at + 1 :]]))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The repository with everything that the page says."""
    for name in COPIED:
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for path, text in FILES.items():
        assert not (tmp_path / path).exists()
        (tmp_path / path).write_text(text)
    for path, line, more in BELOW:
        add_below(tmp_path, path, line, more)
    for path, old, new in BECOMES:
        change(tmp_path, path, old, new)
    return tmp_path


def run(root: Path, *arguments: str) -> str:
    """What a module of Python says in the copy. Raises AssertionError if it is not content."""
    command = [sys.executable, "-m", *arguments]
    alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=root, env=alone, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_all_code_of_the_page_is_used() -> None:
    assert PAGE.count("```python") == len(FILES) + len(BELOW)


def test_the_recipes_channel_answers_every_question(copy: Path) -> None:
    plugins = ["-p", "anyio.pytest_plugin", "-p", "no:cacheprovider"]
    said = run(copy, "pytest", "-vv", *plugins, QUESTIONS, "-k", "pager or every_channel_has")
    asked = set(re.findall(r"::(test_\w+)", said))
    questions = re.findall(r"^(?:async )?def (test_\w+)", (copy / QUESTIONS).read_text(), re.MULTILINE)
    assert asked == set(questions), said
    run(copy, "ruff", "check", ".")
    run(copy, "ruff", "format", "--check", ".")
