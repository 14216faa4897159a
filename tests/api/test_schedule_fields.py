"""Schedules over HTTP: set, shown, changed, taken away, and refused with field and rule."""

from typing import Any

import pytest

from messaging.access import Role
from tests.api.client import Client
from tests.product import Product
from tests.scheduled import at

SUBSCRIPTION = {"subscriptionId": "SystemErrors", "subscriptionLabel": "System errors"}


def client(product: Product, role: Role = Role.MANDATE_ADMIN) -> Client:
    return Client(product.messaging, product.mandateId, role)


async def test_a_schedule_is_set_shown_changed_and_taken_away(product: Product) -> None:
    product.clock.now = at("2027-01-04T08:00+01:00")
    boss, alice = client(product), client(product, Role.USER)
    given = {"schedule": "0 30 8 * * Mon-Fri", "timeZone": "Europe/Zurich"}
    made = (await boss("POST", "/subscriptions", {**SUBSCRIPTION, **given})).json()
    assert made.items() >= {**given, "nextRun": at("2027-01-04T08:30+01:00")}.items()
    assert "scheduleRow" not in made
    assert (await alice("GET", "/subscriptions/SystemErrors")).json() == made
    assert (await alice("GET", "/subscriptions")).json()["items"] == [made]

    moved = (await boss("PUT", "/subscriptions/SystemErrors", {"timeZone": "UTC"})).json()
    assert (moved["schedule"], moved["nextRun"]) == (given["schedule"], at("2027-01-04T08:30+00:00"))
    gone = (await boss("PUT", "/subscriptions/SystemErrors", {"schedule": None})).json()
    assert (gone["schedule"], gone["timeZone"], gone["nextRun"]) == (None, "UTC", None)
    assert (await alice("PUT", "/subscriptions/SystemErrors", given)).status == 403


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"schedule": "0 0 25 * * *"}, "schedule", "the hour 25"),
    ({"schedule": "0 0 0 30 2 *"}, "schedule", "never fires"),
    ({"schedule": "*/10 * * * * *"}, "schedule", "once a minute"),
    ({"schedule": "@daily"}, "schedule", "has 1 fields"),
    ({"schedule": " "}, "schedule", "at least 1 character"),
    ({"schedule": "0 " * 101}, "schedule", "at most 200 characters"),
    ({"schedule": 5}, "schedule", "valid string"),
    ({"timeZone": "Mars/Olympus"}, "timeZone", "IANA"),
    ({"timeZone": None}, "timeZone", ""),
]


@pytest.mark.parametrize(("fields", "field", "rule"), REFUSED)
async def test_a_refusal_names_field_and_rule(
    product: Product, fields: dict[str, Any], field: str, rule: str
) -> None:
    boss = client(product)
    created = await boss("POST", "/subscriptions", {**SUBSCRIPTION, **fields})
    await boss("POST", "/subscriptions", SUBSCRIPTION)
    changed = await boss("PUT", "/subscriptions/SystemErrors", fields)
    for answer in (created, changed):
        assert answer.status == 422
        (error,) = answer.json()["errors"]
        assert rule in error["rule"]
    assert created.json()["errors"][0]["field"] == field
