"""Attacks on the doors of the API that have no place of their own.

Elsewhere: other mandates' objects (test_isolation.py), bodies and single fields (test_bad_input.py), addresses
(tests/test_recipients.py), subjects and texts (tests/test_content.py, tests/connectors).
"""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from messaging.access import Role
from messaging.storage.memory import MemoryTables
from tests.api.client import Client
from tests.product import Product, mandate

DOORS: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/subscriptions", {"subscriptionId": "New", "subscriptionLabel": "New"}),
    ("PUT", "/subscriptions/SystemErrors", {"enabled": True}),
    ("POST", "/subscriptions/SystemErrors/subscribe", {"channel": "email", "channelConfig": "b@example.com"}),
    ("PUT", "/registrations/{registration}", {"enabled": True}),
    ("POST", "/trigger/SystemErrors", {"eventParameters": {}}),
]

EXTRA: dict[str, Any] = {
    "id": "00000000-0000-4000-8000-000000000000",
    "mandateId": "another",
    "userId": "bob",
    "createdBy": "root",
    "creationDate": 1.0,
    "lastModified": 1.0,
    "status": "SENT",
    "state": "sent",
    "attempts": 9,
    "role": "Messaging.Admin",
    "roles": ["Messaging.Admin"],
    "etag": "*",
    "PartitionKey": "another",
    "RowKey": "s~Other",
    "__proto__": {"role": "admin"},
    "constructor": {},
}


@pytest.mark.parametrize(("method", "path", "body"), DOORS, ids=[f"{one[0]} {one[1]}" for one in DOORS])
async def test_no_field_can_be_smuggled_in(
    twin: tuple[Product, MemoryTables], method: str, path: str, body: dict[str, Any]
) -> None:
    product, tables = twin
    await product.subscription()
    registration = await product.subscribe("boss")
    boss = Client(product.messaging, product.mandateId, Role.MANDATE_ADMIN)
    before = tables.written
    for name, value in EXTRA.items():
        answer = await boss(method, path.replace("{registration}", registration.id), body | {name: value})
        assert answer.status == 422 and answer.json()["errors"][0]["field"] == name, (name, answer.body)
    assert tables.written == before
    accepted = await boss(method, path.replace("{registration}", registration.id), body)
    assert accepted.status in (200, 201)


QUOTED = [
    "m1' or PartitionKey eq 'm2",
    "' or '1' eq '1",
    "x'; drop",
    "%27 or 1 eq 1",
    "a/b",
    "a\\b",
    "a#b",
    "a?b",
    "a\tb",
    "a\x7fb",
    "a~b",
    "~",
    "'",
    " a ",
    "%2F",
    "..",
    "😀",
    "x" * 250,
]
"""What would end a filter, or is refused as a key by Azure Tables."""


async def test_a_user_id_is_never_part_of_a_filter_or_a_key(product: Product) -> None:
    """Whoever is called so sees what is theirs, and asking for them finds that and nothing else."""
    for one in (product, replace(product, mandateId=mandate())):
        await one.subscription()
        for n, userId in enumerate(["bob", *QUOTED]):
            await one.subscribe(userId, channelConfig=f"p{n}@example.com")
        await one.execute()
    boss = Client(product.messaging, product.mandateId, Role.MANDATE_ADMIN)
    for text in QUOTED:
        answer = await boss("GET", f"/deliveries?userId={quote(text, safe='')}")
        assert answer.status == 200, (text, answer.body)
        assert [one["userId"] for one in answer.json()["items"]] == [text]
        me = Client(product.messaging, product.mandateId, Role.USER, text)
        for path in ("/deliveries", "/registrations"):
            assert [one["userId"] for one in (await me("GET", path)).json()["items"]] == [text]


@pytest.mark.parametrize(
    ("path", "refused"),
    [
        ("/subscriptions/{}", 404),
        ("/deliveries/{}", 404),
        ("/executions/{}", 404),
        ("/deliveries?subscriptionId={}", 422),
        ("/deliveries?cursor={}", 422),
        ("/subscriptions?mandateId={}", 422),
    ],
)
async def test_an_id_that_cannot_exist_is_not_looked_up(
    twin: tuple[Product, MemoryTables], path: str, refused: int
) -> None:
    product, tables = twin
    admin = Client(product.messaging, product.mandateId, Role.ADMIN)
    visited = tables.visited
    for text in QUOTED:
        answer = await admin("GET", path.format(quote(text, safe="")))
        assert (answer.status, answer.headers["content-type"]) == (refused, "application/problem+json"), text
    assert tables.visited == visited


EVENTS: list[tuple[str, Any]] = [
    ("large numbers", {"n": 2**64, "m": -(2**200), "f": 1.7e308, "tiny": 5e-324}),
    ("odd names", {"": 1, "a.b": 1, "$ref": "#", "__class__": "x", "constructor": 1}),
    ("odd texts", {"t": "\x00\x1b[2J\r\nSet-Cookie: a=b\u2028", "bidi": "\u202egnp.exe"}),
    ("a template", {"t": "{{ 7*7 }}{% for x in range(10**9) %}${7*7}#{7*7}"}),
    ("many names", {f"k{n}": n for n in range(5000)}),
    ("far dates", {"at": "9999-12-31T23:59:59Z", "naive": "2026-01-01T00:00:00"}),
]

ECHO = """
import json
from messaging.models import MessagingSubscriptionExecutionResult

def execute(eventParameters, registrations, messagingService):
    for one in registrations:
        messagingService.sendMessage("Event", json.dumps(eventParameters.triggerData), one)
    return MessagingSubscriptionExecutionResult(success=True, messagesSent=1)
"""


@pytest.mark.parametrize("event", [one for _, one in EVENTS], ids=[name for name, _ in EVENTS])
async def test_event_parameters_arrive_as_they_were_sent(product: Product, event: dict[str, Any]) -> None:
    await product.subscription("Echo", source=ECHO)
    await product.subscribe("alice", subscriptionId="Echo")
    boss = Client(product.messaging, product.mandateId, Role.MANDATE_ADMIN)
    answer = await boss("POST", "/trigger/Echo", {"eventParameters": event})
    assert (answer.status, answer.json()["messagesSent"]) == (200, 1)
    await product.drain()
    (mail,) = product.sandbox.inbox.messages
    assert json.loads(mail.text or "") == event
