"""What another mandate has answers as what nobody has, byte for byte but for the id."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from messaging.access import Role
from messaging.storage.memory import MemoryTables
from tests.api.client import Answer, Client
from tests.product import Product, mandate

EVENT: dict[str, Any] = {"eventParameters": {}}
MAIL = {"channel": "email", "channelConfig": "a@example.com"}

ROUTES: list[tuple[str, str, Any]] = [
    ("GET", "/subscriptions/{subscription}", None),
    ("PUT", "/subscriptions/{subscription}", {"enabled": False}),
    ("DELETE", "/subscriptions/{subscription}", None),
    ("GET", "/subscriptions/{subscription}/registrations", None),
    ("POST", "/subscriptions/{subscription}/subscribe", MAIL),
    ("DELETE", "/subscriptions/{subscription}/unsubscribe?channel=email", None),
    ("PUT", "/registrations/{registration}", {"enabled": False}),
    ("DELETE", "/registrations/{registration}", None),
    ("POST", "/registrations/{registration}/test", None),
    ("POST", "/trigger/{subscription}", EVENT),
    ("GET", "/deliveries/{delivery}", None),
    ("GET", "/deliveries?executionId={execution}", None),
    ("GET", "/deliveries?subscriptionId={subscription}", None),
    ("GET", "/deliveries?userId=alice", None),
    ("GET", "/executions/{execution}", None),
    ("GET", "/explain?channel=email&subscriptionId={subscription}&userId=alice", None),
]

PASSING = ("content-length", "date", "ratelimit-remaining")


def seen(answer: Answer, ids: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    """An answer without the ids that were asked for, and without what counts calls."""
    body = answer.body
    for name, id in ids.items():
        body = body.replace(id.encode(), name.encode())
    headers = {key: value for key, value in answer.headers.items() if key not in PASSING}
    return answer.status, headers, body


async def theirs(product: Product) -> dict[str, str]:
    """The ids of what another mandate has."""
    other = replace(product, mandateId=mandate())
    await other.subscription("Theirs")
    registration = await other.subscribe("alice", subscriptionId="Theirs")
    execution = await other.execute("Theirs", idempotencyKey="their key")
    delivery = (await other.deliveries(execution))["alice"]
    return {
        "subscription": "Theirs",
        "registration": registration.id,
        "delivery": delivery.id,
        "execution": execution.id,
    }


@pytest.mark.parametrize("role", [Role.USER, Role.MANDATE_ADMIN, Role.ADMIN])
@pytest.mark.parametrize(
    ("method", "path", "body"), ROUTES, ids=[f"{method} {path}" for method, path, _ in ROUTES]
)
async def test_another_mandates_object_answers_as_an_unknown_one(
    twin: tuple[Product, MemoryTables], method: str, path: str, body: Any, role: Role
) -> None:
    product, tables = twin
    known = await theirs(product)
    execution = known["execution"]
    unknown = {
        "subscription": "Unknown",
        "registration": str(uuid4()),
        "delivery": f"{execution[:-1]}{'0' if execution[-1] != '0' else '1'}",
        "execution": f"{execution[:-2]}{'00' if execution[-2:] != '00' else '11'}",
    }
    mine = Client(product.messaging, product.mandateId, role, "alice")
    written = tables.written
    answers = [seen(await mine(method, path.format(**ids), body), ids) for ids in (known, unknown)]
    assert answers[0] == answers[1]
    assert tables.written == written


async def test_another_mandates_cursor_is_refused_as_any_other(product: Product) -> None:
    other = replace(product, mandateId=mandate())
    for name in ("A", "B"):
        await other.subscription(name)
        await product.subscription(name)
    boss = Client(product.messaging, product.mandateId, Role.MANDATE_ADMIN)
    foreign = await Client(product.messaging, other.mandateId, Role.MANDATE_ADMIN)("GET", "/subscriptions?limit=1")
    cursor = foreign.json()["nextCursor"]
    refused = await boss("GET", f"/subscriptions?cursor={cursor}")
    nonsense = await boss("GET", "/subscriptions?cursor=bm9uc2Vuc2U")
    assert (refused.status, refused.body) == (422, nonsense.body)


async def test_another_mandates_idempotency_key_is_free(product: Product) -> None:
    other = replace(product, mandateId=mandate())
    for one in (product, other):
        await one.subscription("Same")
        await one.subscribe("alice", subscriptionId="Same")
    executions = []
    for one in (product, other):
        boss = Client(one.messaging, one.mandateId, Role.MANDATE_ADMIN)
        answer = await boss("POST", "/trigger/Same", EVENT, Idempotency_Key="one key")
        assert answer.status == 200
        executions.append(answer.json()["executionId"])
    assert executions[0] != executions[1]


async def test_another_mandates_acts_are_not_in_the_journal(product: Product) -> None:
    await replace(product, mandateId=mandate()).subscription("Theirs")
    await product.subscription("Mine")
    answer = await Client(product.messaging, product.mandateId, Role.MANDATE_ADMIN)("GET", "/audit")
    assert [one["details"]["subscriptionId"] for one in answer.json()["items"]] == ["Mine"]
