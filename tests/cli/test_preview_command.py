"""`functions preview`: the function's own messages, as each channel would get them, and nothing else happens."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from dev.processes import ROOT
from messaging.cli.app import app

ECHO = """
from messaging.models import MessagingSubscriptionExecutionResult

def execute(eventParameters, registrations, messagingService):
    print("working")
    subject = eventParameters.triggerData.get("subject", "")
    sent = [messagingService.sendMessage(subject, "<p>Hello <b>you</b></p>", one) for one in registrations]
    return MessagingSubscriptionExecutionResult(success=True, messagesSent=sum(one.success for one in sent))
"""

TEMPLATE = """
from messaging.models import MessagingSubscriptionExecutionResult

def execute(eventParameters, registrations, messagingService):
    for one in registrations:
        messagingService.sendMessage("s", "m", one, template={"name": "t", "language": "en", "parameters": []})
    return MessagingSubscriptionExecutionResult(success=True, messagesSent=len(registrations))
"""

WRONG = [
    ("import nothing_like_it", "loadError"),
    ("x = 1", "noExecute"),
    ("def execute(a, b, c): raise ValueError('why')", "Error: why"),
    ("def execute(a, b, c): return 7", "must return MessagingSubscriptionExecutionResult"),
    (TEMPLATE, "the channel email has no templates"),
]


def written(folder: Path, source: str) -> str:
    path = folder / "subSubscriptionTried.py"
    path.write_text(source)
    return str(path)


def messages(*line: str) -> dict[str, Any]:
    answer = CliRunner().invoke(app, ["functions", "preview", *line, "--json"])
    assert answer.exit_code == 0, answer.stderr
    return {one["channel"]: one for one in json.loads(answer.stdout)["messages"]}


def test_each_channel_shows_its_message(tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text('{"subject": "Hi"}')
    shown = messages(written(tmp_path, ECHO), "--event", str(event))
    html = "<p>Hello <b>you</b></p>"
    assert shown["email"] == {"channel": "email", "subject": "Hi", "text": "Hello you", "html": html}
    assert shown["sms"] == {"channel": "sms", "subject": "Hi", "text": "Hello you", "html": html, "segments": 1}


def test_what_a_channel_refuses_is_told(tmp_path: Path) -> None:
    shown = messages(written(tmp_path, ECHO), "--channel", "email")
    assert shown == {"email": {"channel": "email", "refused": "subject: is empty; an e-mail needs one"}}


def test_whatsapp_shows_its_template_and_refuses_free_text(tmp_path: Path) -> None:
    shown = messages(written(tmp_path, TEMPLATE), "--channel", "whatsapp")["whatsapp"]
    assert shown["template"] == {"name": "t", "language": "en", "parameters": []}
    refused = messages(written(tmp_path, ECHO), "--channel", "whatsapp")["whatsapp"]["refused"]
    assert refused.startswith("message: is free text, which WhatsApp takes only within 24 hours")


@pytest.mark.parametrize(("source", "said"), WRONG)
def test_a_function_that_cannot_be_used_is_an_error(tmp_path: Path, source: str, said: str) -> None:
    answer = CliRunner().invoke(app, ["functions", "preview", written(tmp_path, source), "--channel", "email"])
    assert answer.exit_code == 1 and said in answer.stderr, answer.output


@pytest.mark.parametrize("event", ["[]", "{", "\udc80"])
def test_an_event_must_be_a_json_object(tmp_path: Path, event: str) -> None:
    file = tmp_path / "event.json"
    file.write_bytes(event.encode(errors="surrogateescape"))
    answer = CliRunner().invoke(app, ["functions", "preview", written(tmp_path, ECHO), "--event", str(file)])
    assert answer.exit_code == 2 and "event.json" in answer.stderr


def test_html_is_saved_for_a_browser(tmp_path: Path) -> None:
    event, folder = tmp_path / "event.json", tmp_path / "new" / "folder"
    event.write_text('{"subject": "Hi"}')
    line = ["functions", "preview", written(tmp_path, ECHO), "--channel", "email", "--save", str(folder)]
    answer = CliRunner().invoke(app, [*line, "--event", str(event)])
    assert answer.exit_code == 0 and "0-email.html" in answer.stdout
    assert (folder / "0-email.html").read_text() == "<p>Hello <b>you</b></p>"


def test_a_shipped_function_is_found_by_its_name_without_any_settings() -> None:
    command = [sys.executable, "-m", "messaging", "functions", "preview", "subSubscriptionAuditLogin"]
    environment = {"PATH": os.environ["PATH"], "COLUMNS": "300"}
    answer = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "email" in answer.stdout and "sms" in answer.stdout
