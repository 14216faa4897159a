"""docs/guarantees.md: six promises, each with tests that exist, and times that are the product's own."""

import ast
import json
import re
from pathlib import Path

import pytest

from messaging import delivery, retry, sweeper, ticker
from messaging.settings import Settings

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/guarantees.md").read_text()
PROMISES = re.findall(r"^## (\d)\. .+?(?=^## )", PAGE, re.MULTILINE | re.DOTALL)
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)


def test_there_are_six_promises_and_each_names_its_tests() -> None:
    assert "".join(PROMISES) == "123456"
    for number in PROMISES:
        text = PAGE.split(f"## {number}. ")[1].split("\n## ")[0]
        assert "- `tests/" in text, number


@pytest.mark.parametrize(("file", "name"), sorted(set(NAMED)))
def test_a_named_test_exists(file: str, name: str) -> None:
    tree = ast.parse((ROOT / file).read_text())
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_the_times_told_are_those_of_the_product() -> None:
    defaults = {str(field.alias): field.default for field in Settings.model_fields.values()}
    assert defaults["MESSAGING_RETRY_FIRST_SECONDS"] == 30 and retry.LONGEST_WAIT == 3600
    assert defaults["MESSAGING_GIVE_UP_SECONDS"] == 24 * 3600
    assert defaults["MESSAGING_LEASE_SECONDS"] == 120
    assert defaults["MESSAGING_SWEEP_AFTER_SECONDS"] == 15 * 60
    assert sweeper.AT_A_TIME == 200
    assert ticker.LATE == 120
    assert delivery.MAX_TAKEOVERS == 10


def test_the_sweeper_waits_as_long_as_the_host_lets_a_function_run() -> None:
    hours, minutes, seconds = json.loads((ROOT / "host.json").read_text())["functionTimeout"].split(":")
    assert int(hours) * 3600 + int(minutes) * 60 + int(seconds) == sweeper.LONGEST_RUN
