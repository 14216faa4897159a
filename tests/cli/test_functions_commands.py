"""`functions`: every way in which a file cannot be used is named."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dev.processes import ROOT
from messaging.cli import functions as module
from messaging.cli.app import app
from tests.cli.command import Commands
from tests.product import GREETING, Product

FILES = [
    ("Greeting", GREETING, "ok", ""),
    ("Async", "async def execute(eventParameters, registrations, messagingService): ...", "ok", ""),
    ("Talking", "print('hello')\n" + GREETING, "ok", ""),
    ("Module", "\nimport there_is_no_such_module", "loadError", "ModuleNotFoundError: No module named"),
    ("Syntax", "x = 1\ndef execute(:", "loadError", "SyntaxError: invalid syntax (line 2)"),
    ("Raises", "\n\nraise ValueError('why')", "loadError", "ValueError: why (line 3)"),
    ("Exits", "import sys\nsys.exit(3)", "loadError", "SystemExit: 3 (line 2)"),
    ("Empty", "", "noExecute", "it has no function execute("),
    ("Two", "def execute(eventParameters, registrations): ...", "wrongSignature", "execute must take ("),
    ("Four", "def execute(a, b, c, d): ...", "wrongSignature", "execute must take ("),
    (
        "lower",
        GREETING,
        "misnamed",
        "leads to this name; audit_login has subSubscriptionAuditLogin",
    ),
    ("With_Line", GREETING, "misnamed", "no subscriptionId leads to this name"),
    ("With1", GREETING, "misnamed", "no subscriptionId leads to this name"),
]


def write(folder: Path, name: str, source: str) -> Path:
    path = folder / f"subSubscription{name}.py"
    path.write_text(source)
    return path


@pytest.mark.parametrize(("name", "source", "finding", "text"), FILES)
def test_a_file_is_checked_as_the_service_would_load_it(
    tmp_path: Path, name: str, source: str, finding: str, text: str
) -> None:
    path = write(tmp_path, name, source)
    answer = CliRunner().invoke(app, ["functions", "check", str(path), "--json"])
    document = json.loads(answer.stdout)
    (one,) = document["items"]
    assert (one["file"], one["finding"]) == (str(path), finding) and text in one["text"]
    assert (answer.exit_code, document["ok"]) == ((0, True) if finding == "ok" else (1, False))
    human = CliRunner().invoke(app, ["functions", "check", str(path)])
    assert human.exit_code == answer.exit_code and finding in human.stdout and text in human.stdout


def test_a_file_that_is_not_there_is_missing(tmp_path: Path) -> None:
    answer = CliRunner().invoke(app, ["functions", "check", str(tmp_path / "subSubscriptionX.py")])
    assert answer.exit_code == 1 and "there is no such file" in answer.stdout


def test_without_a_name_all_files_are_checked_and_no_settings_are_needed() -> None:
    command = [sys.executable, "-m", "messaging", "functions", "check", "--json"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stderr) == (0, "")
    files = {Path(one["file"]).name for one in json.loads(answer.stdout)["items"]}
    assert files == {path.name for path in (ROOT / "subscriptions").glob("subSubscription*.py")}


async def test_subscriptions_are_listed_with_their_files(
    product: Product, cli: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SUBSCRIPTIONS", product.functions)
    nothing = await cli(f"functions list -m {product.mandateId}")
    assert (nothing.code, nothing.out) == (0, "The mandate has no subscriptions.\n")
    await product.subscription("audit_login")
    await product.subscription("Later", source=None)
    await product.subscription("Broken", source="raise ValueError('why')")
    write(product.functions, "Unused", GREETING)
    listed = await cli(f"functions list -m {product.mandateId} --json")
    items = {one["subscriptionId"]: one for one in listed.document["items"]}
    assert {id: (one["exists"], one["loads"], one["finding"]) for id, one in items.items()} == {
        "audit_login": (True, True, "ok"),
        "Later": (False, False, "missing"),
        "Broken": (True, False, "loadError"),
    }
    assert items["audit_login"]["file"].endswith("subSubscriptionAuditLogin.py")
    assert listed.document["filesWithoutSubscription"] == ["subSubscriptionUnused.py"]
    human = await cli(f"functions list -m {product.mandateId}")
    for word in ("audit_login", "missing", "ValueError: why (line 1)", "here: subSubscriptionUnused.py"):
        assert word in human.out
