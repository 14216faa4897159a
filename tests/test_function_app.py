"""What the Functions host sees: the exact functions and bindings, indexed by Microsoft's own worker library."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from dev.processes import ROOT
from dev.sandbox.credentials import environment
from tests.product import LOCAL_KEY

INDEX = """
import asyncio, json
from pathlib import Path
from dev.host.worker import load
functions = asyncio.run(load(Path.cwd()))
print(json.dumps({one.name: [json.loads(binding) for binding in one.raw_bindings] for one in functions}))
"""

IMPORTED = """
import sys
import function_app
late = (
    "aiohttp", "azure.communication.email", "azure.data.tables", "azure.storage.queue", "croniter", "cryptography",
    "email_validator", "fastapi", "jinja2", "jwt", "limits", "phonenumbers", "twilio",
)
print([name for name in late if name in sys.modules])
"""


def run(script: str, **more: str) -> subprocess.CompletedProcess[str]:
    local = {
        "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
        "AzureWebJobsStorage": "UseDevelopmentStorage=true",
        "MESSAGING_AUTH": "local",
        "MESSAGING_LOCAL_KEY": LOCAL_KEY,
    }
    environ = {**os.environ, **environment("http://127.0.0.1:9"), **local, **more}
    return subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )


def queue(name: str) -> dict[str, Any]:
    return {
        "type": "queueTrigger",
        "direction": "IN",
        "name": "message",
        "queueName": name,
        "connection": "AzureWebJobsStorage",
    }


def test_the_functions_and_their_bindings() -> None:
    indexed = run(INDEX, MESSAGING_ERROR_DIGEST_SCHEDULE="0 30 4 * * 1-5")
    assert indexed.returncode == 0, indexed.stderr
    found = json.loads(indexed.stdout)
    http, answer = found.pop("api")
    assert (http["type"], http["authLevel"], http["route"]) == ("httpTrigger", "ANONYMOUS", "{*route}")
    assert {"GET", "POST", "PUT", "DELETE"} <= set(http["methods"])
    assert (answer["type"], answer["direction"], answer["name"]) == ("http", "OUT", "$return")
    assert found == {
        "deliver_email": [queue("messaging-deliveries-email")],
        "deliver_email_poison": [queue("messaging-deliveries-email-poison")],
        "deliver_sms": [queue("messaging-deliveries-sms")],
        "deliver_sms_poison": [queue("messaging-deliveries-sms-poison")],
        "deliver_whatsapp": [queue("messaging-deliveries-whatsapp")],
        "deliver_whatsapp_poison": [queue("messaging-deliveries-whatsapp-poison")],
        "deliver_teams_chat": [queue("messaging-deliveries-teams-chat")],
        "deliver_teams_chat_poison": [queue("messaging-deliveries-teams-chat-poison")],
        "prepare_page": [queue("messaging-executions")],
        "prepare_page_poison": [queue("messaging-executions-poison")],
        "workflow_action": [queue("messaging-workflow-actions")],
        "workflow_action_poison": [queue("messaging-workflow-actions-poison")],
        "system_event": [queue("messaging-system-events")],
        "system_event_poison": [queue("messaging-system-events-poison")],
        "error_digest": [
            {
                "type": "timerTrigger",
                "direction": "IN",
                "name": "timer",
                "schedule": "0 30 4 * * 1-5",
            }
        ],
        "sweep": [
            {
                "type": "timerTrigger",
                "direction": "IN",
                "name": "timer",
                "schedule": "0 */5 * * * *",
            }
        ],
        "tick": [
            {
                "type": "timerTrigger",
                "direction": "IN",
                "name": "timer",
                "schedule": "0 * * * * *",
            }
        ],
    }


def test_loading_the_functions_loads_no_library_that_few_messages_need() -> None:
    imported = run(IMPORTED)
    assert imported.stdout.strip() == "[]", imported.stdout + imported.stderr


@pytest.mark.parametrize("name", ["MESSAGING_LEASE_SECONDS", "MESSAGING_ERROR_DIGEST_SCHEDULE"])
def test_a_wrong_setting_is_named_at_start(name: str) -> None:
    refused = run("import function_app", **{name: "soon"})
    assert refused.returncode != 0
    assert f"ConfigurationError: {name}" in refused.stderr


def test_the_hosts_settings_are_what_the_product_needs() -> None:
    extensions = json.loads((ROOT / "host.json").read_text())["extensions"]
    assert extensions["http"]["routePrefix"] == ""
    assert extensions["queues"]["messageEncoding"] == "base64"
    assert extensions["queues"]["visibilityTimeout"] != "00:00:00"
    assert extensions["queues"]["maxPollingInterval"] == "00:00:00.25"  # docs/decisions/0005-polling.md
