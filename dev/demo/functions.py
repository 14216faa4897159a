"""The function app of the demo: the repository's, in a folder of its own, with two functions more."""

import shutil
from pathlib import Path

from dev.processes import ROOT

LUNCH = '''"""Lunch: what the kitchen cooks today."""

from messaging.models import MessagingSubscriptionExecutionResult


def execute(eventParameters, registrations, messagingService):
    data = eventParameters.triggerData
    dish = data.get("details", data).get("dish", "a surprise")
    sent = [messagingService.sendMessage("Lunch", f"Today: {dish}", one).success for one in registrations]
    return MessagingSubscriptionExecutionResult(success=True, messagesSent=sum(sent))
'''

INVOICES = '''"""Invoices: a function that cannot do its work, and logs so."""

import logging

from messaging.models import MessagingSubscriptionExecutionResult


def execute(eventParameters, registrations, messagingService):
    number = eventParameters.triggerData["invoice"]
    logging.getLogger("invoices").error("Invoice %s has no customer", number)
    return MessagingSubscriptionExecutionResult(success=False, messagesSent=0, errorMessage="no customer")
'''


def copy_app(folder: Path) -> Path:
    """The function app in another folder, so that functions can be added without touching the repository."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in ("function_app.py", "host.json"):
        shutil.copy(ROOT / name, folder)
    (folder / "messaging").symlink_to(ROOT / "messaging")
    shutil.copytree(ROOT / "subscriptions", folder / "subscriptions")
    add(folder, "Invoices", INVOICES)
    return folder


def add(app: Path, name: str, source: str) -> None:
    """Add the file of a subscription's function."""
    (app / "subscriptions" / f"subSubscription{name}.py").write_text(source)
