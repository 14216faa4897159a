"""The concept as a contract: its example function runs, and every name of it has a place here."""

import importlib
import os
import re
from pathlib import Path

import pytest

from dev.processes import ROOT
from messaging.api.app import create
from messaging.bootstrap import build
from messaging.settings import Settings
from tests.product import Product, settings

CONCEPT = Path(os.environ.get("CONCEPT", ROOT.parent / "shared" / "concept.md"))
EXAMPLE = Path(__file__).parent / "concept" / "subSubscriptionSystemErrors.py"
MAP = (ROOT / "docs" / "concept-map.md").read_text()
ROWS = re.findall(r"^\| `(?P<name>[^`]+)` \| (?P<place>.+?) \|$", MAP, re.MULTILINE)

NAMES = [
    "MessagingChannel",
    "MessagingSubscription",
    "MessagingSubscriptionRegistration",
    "MessagingDelivery",
    "MessagingEventParameters",
    "MessagingSendResult",
    "MessagingSubscriptionExecutionResult",
    "DeliveryStatus",
    "MessagingService",
    "sendMessage",
    "executeSubscription",
    "_getSubscribers",
    "_loadSubscriptionFunction",
    "_getMessagingInterface",
    "MessagingInterface",
    "MessagingInterface.send",
    "ConnectorMessagingEmail",
    "ConnectorMessagingSms",
    "ConnectorMessagingWhatsapp",
    "ConnectorMessagingTeams",
    "getAllSubscriptions",
    "getSubscription",
    "getSubscriptionById",
    "createSubscription",
    "updateSubscription",
    "deleteSubscription",
    "getAllRegistrations",
    "getRegistration",
    "createRegistration",
    "updateRegistration",
    "deleteRegistration",
    "subscribeUser",
    "unsubscribeUser",
    "createDelivery",
    "updateDelivery",
    "getDeliveries",
    "getDelivery",
    "execute",
    "subSubscriptionSystemErrors.py",
    "subSubscriptionAuditLogin.py",
    "_sendSystemErrorsJob",
    "_collectLogErrors",
    "logAuditEvent",
    "trigger_subscription",
    "messaging.executeSubscription",
]
"""The concept's names, apart from routes and environment variables."""

ROUTES = """
GET /api/messaging/subscriptions
POST /api/messaging/subscriptions
GET /api/messaging/subscriptions/{subscriptionId}
PUT /api/messaging/subscriptions/{subscriptionId}
DELETE /api/messaging/subscriptions/{subscriptionId}
GET /api/messaging/subscriptions/{subscriptionId}/registrations
POST /api/messaging/subscriptions/{subscriptionId}/subscribe
DELETE /api/messaging/subscriptions/{subscriptionId}/unsubscribe
GET /api/messaging/registrations
PUT /api/messaging/registrations/{registrationId}
DELETE /api/messaging/registrations/{registrationId}
POST /api/messaging/trigger/{subscriptionId}
GET /api/messaging/deliveries
GET /api/messaging/deliveries/{deliveryId}
""".strip().splitlines()

LIMITS = [
    "Subscription Endpoints: 60 requests/minute pro Session",
    "Registration Endpoints: 60 requests/minute pro Session",
    "Trigger Endpoints: 60 requests/minute pro subscriptionId",
]

VARIABLES = [
    "MESSAGING_ACS_CONNECTION_STRING",
    "MESSAGING_ACS_SENDER_EMAIL",
    "MESSAGING_TWILIO_ACCOUNT_SID",
    "MESSAGING_TWILIO_AUTH_TOKEN",
    "MESSAGING_TWILIO_FROM_NUMBER",
    "MESSAGING_WHATSAPP_API_KEY",
    "MESSAGING_TEAMS_APP_ID",
    "MESSAGING_TEAMS_APP_SECRET",
]


async def test_the_concepts_example_function_runs_unchanged_but_for_its_import(product: Product) -> None:
    await product.subscription(source=EXAMPLE.read_text())
    await product.subscribe("alice")
    await product.subscribe("bob")
    execution = await product.execute(data={"errors": ["disk full", "no route"]})
    assert execution.result.messagesSent == 2
    await product.drain()
    for message in product.sandbox.inbox.messages:
        assert message.subject == "System Error Report"
        assert message.text == "System errors detected: ['disk full', 'no route']"
    assert len(product.sandbox.inbox.messages) == 2


def test_the_example_is_the_concepts() -> None:
    if not CONCEPT.exists():
        pytest.skip(f"not compared: there is no {CONCEPT} (set CONCEPT to the concept's file)")
    example = EXAMPLE.read_text().replace("messaging.models", "modules.datamodels.datamodelMessaging")
    assert "\n".join(_words(example)) in "\n".join(_words(CONCEPT.read_text()))


def _words(text: str) -> list[str]:
    """Lines without indentation, which the concept's page has lost, and without its empty and ruled lines."""
    return [line.strip() for line in text.splitlines() if line.strip() not in ("", "|")]


def test_the_map_has_every_name_once() -> None:
    names = [name for name, _ in ROWS]
    assert sorted(names) == sorted([*NAMES, *ROUTES, *LIMITS, *VARIABLES])


PLACES = [(name, place) for name, row in ROWS for place in re.findall(r"`([\w./]+:[\w.]+)`", row)]


@pytest.mark.parametrize(("name", "place"), PLACES, ids=[name for name, _ in PLACES])
def test_a_place_that_the_map_names_exists(name: str, place: str) -> None:
    path, _, attribute = place.partition(":")
    assert (ROOT / path).is_file(), place
    found = importlib.import_module(path.removesuffix(".py").replace("/", "."))
    for part in attribute.split("."):
        found = getattr(found, part)


def test_a_route_or_variable_without_a_place_says_why() -> None:
    for name, row in ROWS:
        assert ":" in row or len(row) > 20, f"{name} has neither a place nor a reason"


def test_every_mapped_route_is_served() -> None:
    app = create(build(settings("UseDevelopmentStorage=true")))
    api = app._app._app  # type: ignore[attr-defined]
    served = {f"{method.upper()} {path}" for path, methods in api.openapi()["paths"].items() for method in methods}
    mapped = {name for name, row in ROWS if name in ROUTES and "messaging/api/" in row}
    assert mapped <= served


def test_every_mapped_variable_is_a_setting() -> None:
    aliases = {str(field.alias) for field in Settings.model_fields.values()}
    mapped = {name for name, row in ROWS if name in VARIABLES and "messaging/settings.py" in row}
    assert mapped <= aliases
