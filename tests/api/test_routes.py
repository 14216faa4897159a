"""The wire: what each route answers when all is well."""

import asyncio

import pytest

from messaging.access import Role
from messaging.api.trigger import parse_prefer
from tests.api.client import Client
from tests.product import Product

SUBSCRIPTION = {"subscriptionId": "SystemErrors", "subscriptionLabel": "System errors"}
ALICE = {"channel": "email", "channelConfig": "alice@example.com"}


def client(product: Product, role: Role | None = Role.MANDATE_ADMIN, userId: str = "boss") -> Client:
    return Client(product.messaging, product.mandateId, role, userId)


async def test_from_a_subscription_to_a_delivered_mail(product: Product) -> None:
    boss, alice = client(product), client(product, Role.USER, "alice")
    made = await boss("POST", "/subscriptions", SUBSCRIPTION)
    assert made.status == 201 and made.headers["location"] == "/api/messaging/subscriptions/SystemErrors"
    assert made.json().items() >= {**SUBSCRIPTION, "enabled": True, "createdBy": "boss"}.items()
    assert made.json()["mandateId"] == product.mandateId

    assert (await boss("POST", "/trigger/SystemErrors", {"eventParameters": {}})).json()["messagesSent"] == 0
    subscribed = await alice("POST", "/subscriptions/SystemErrors/subscribe", ALICE)
    assert (subscribed.status, subscribed.json()["userId"]) == (201, "alice")
    assert (await alice("POST", "/subscriptions/SystemErrors/subscribe", ALICE)).status == 200
    assert (await boss("POST", "/trigger/SystemErrors", {"eventParameters": {}})).status == 501

    product.function("SystemErrors")
    triggered = await boss("POST", "/trigger/SystemErrors", {"eventParameters": {"errors": []}})
    answer = triggered.json()
    assert triggered.status == 200 and "location" not in triggered.headers
    assert answer == {
        "success": True,
        "messagesSent": 1,
        "errorMessage": None,
        "executionId": answer["executionId"],
    }
    await product.drain()
    listed = (await alice("GET", "/deliveries")).json()
    (delivery,) = listed["items"]
    assert listed["nextCursor"] is None
    assert (delivery["status"], delivery["state"], delivery["userId"]) == ("SENT", "sent", "alice")
    assert (await alice("GET", f"/deliveries/{delivery['id']}")).json() == delivery
    execution = (await boss("GET", f"/executions/{answer['executionId']}")).json()
    assert (execution["accepted"], execution["sent"], execution["done"], execution["trigger"]) == (
        1,
        1,
        True,
        "http",
    )
    assert {one["executionId"] for one in (await boss("GET", "/executions")).json()["items"]} >= {
        answer["executionId"]
    }


async def test_subscriptions_are_read_and_changed(product: Product) -> None:
    boss, alice = client(product), client(product, Role.USER, "alice")
    await boss("POST", "/subscriptions", SUBSCRIPTION)
    one = await alice("GET", "/subscriptions/SystemErrors")
    assert (await alice("GET", "/subscriptions")).json() == {"items": [one.json()], "nextCursor": None}
    changed = await boss("PUT", "/subscriptions/SystemErrors", {"enabled": False}, if_match=one.headers["etag"])
    assert (changed.status, changed.json()["enabled"]) == (200, False)
    assert changed.headers["etag"] != one.headers["etag"]
    stale = await boss("PUT", "/subscriptions/SystemErrors", {"enabled": True}, if_match=one.headers["etag"])
    assert stale.status == 412


async def test_registrations_are_read_changed_and_ended(product: Product) -> None:
    boss, alice = client(product), client(product, Role.USER, "alice")
    await boss("POST", "/subscriptions", SUBSCRIPTION)
    made = (await alice("POST", "/subscriptions/SystemErrors/subscribe", ALICE)).json()
    off = await alice("PUT", f"/registrations/{made['id']}", {"enabled": False})
    assert (off.status, off.json()["enabled"]) == (200, False)
    assert (await alice("GET", "/registrations")).json()["items"] == [off.json()]
    assert (await boss("GET", "/subscriptions/SystemErrors/registrations")).json()["items"] == [off.json()]
    assert (await alice("DELETE", f"/registrations/{made['id']}")).status == 204
    for _ in range(2):
        gone = await alice("DELETE", "/subscriptions/SystemErrors/unsubscribe?channel=email")
        assert (gone.status, gone.body) == (204, b"")
    assert (await alice("GET", "/registrations")).json()["items"] == []


async def test_a_raising_function_is_a_200_that_says_so(product: Product) -> None:
    await product.subscription(source="def execute(*_): raise ValueError('no luck')")
    await product.subscribe("alice")
    answer = await client(product)("POST", "/trigger/SystemErrors", {"eventParameters": {}})
    assert (answer.status, answer.json()["success"], answer.json()["errorMessage"]) == (200, False, "no luck")


async def test_one_idempotency_key_is_one_answer(product: Product) -> None:
    await product.subscription()
    await product.subscribe("alice")
    boss = client(product)
    body = {"eventParameters": {"a": 1, "b": [2]}}
    first = await boss("POST", "/trigger/SystemErrors", body, idempotency_key="k1")
    again = await boss(
        "POST", "/trigger/SystemErrors", {"eventParameters": {"b": [2], "a": 1}}, idempotency_key="k1"
    )
    assert (again.status, again.json()) == (200, first.json())
    other = await boss("POST", "/trigger/SystemErrors", {"eventParameters": {}}, idempotency_key="k1")
    assert other.status == 422 and other.json()["errors"][0]["field"] == "Idempotency-Key"
    await product.drain()
    assert len(product.sandbox.inbox.messages) == 1


async def test_respond_async_answers_before_the_function_and_says_where_to_look(product: Product) -> None:
    await product.subscription()
    await product.subscribe("alice")
    boss = client(product)
    answer = await boss("POST", "/trigger/SystemErrors", {"eventParameters": {}}, prefer="respond-async")
    location = answer.headers["location"]
    assert answer.status == 202 and location.endswith(answer.json()["executionId"])
    assert (answer.json()["accepted"], answer.json()["done"]) == (0, False)
    await product.drain()
    assert (await boss("GET", location.removeprefix("/api/messaging"))).json()["done"]


async def test_waiting_answers_when_all_is_settled_or_the_time_is_over(product: Product) -> None:
    await product.subscription()
    await product.subscribe("alice")
    boss = client(product)

    late = await boss("POST", "/trigger/SystemErrors", {"eventParameters": {}}, prefer="wait=1")
    assert (late.status, late.json()["queued"], late.json()["done"]) == (202, 1, False)
    assert late.headers["location"].endswith(late.json()["executionId"])
    waiting = asyncio.create_task(boss("POST", "/trigger/SystemErrors", {"eventParameters": {}}, prefer="wait=30"))
    while not waiting.done():
        await product.drain()
        await asyncio.sleep(0.05)
    settled = waiting.result()
    assert (settled.status, settled.json()["sent"], settled.json()["done"]) == (200, 1, True)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", (False, 0)),
        ("respond-async", (True, 0)),
        ("wait=10", (False, 10)),
        ("Respond-Async, Wait=999", (True, 60)),
        ("wait=x", (False, 0)),
        ("wait=-5", (False, 0)),
        ("wait=" + "9" * 5000, (False, 60)),
        ("return=minimal; wait=3", (False, 3)),
    ],
)
def test_the_prefer_header(header: str, expected: tuple[bool, int]) -> None:
    assert parse_prefer(header) == expected


async def test_an_admin_names_the_mandate(product: Product) -> None:
    root = client(product, Role.ADMIN, "root")
    made = await root(
        "POST", "/subscriptions?mandateId=another-mandate-1", {**SUBSCRIPTION, "isSystemSubscription": True}
    )
    assert made.status in (201, 409)
    found = await root("GET", "/subscriptions/SystemErrors?mandateId=another-mandate-1")
    assert found.json()["mandateId"] == "another-mandate-1"
    assert (await root("GET", "/subscriptions/SystemErrors")).status == 404
    boss = client(product)
    assert (await boss("GET", "/subscriptions?mandateId=another-mandate-1")).status == 403


async def test_every_answer_carries_the_security_headers(product: Product) -> None:
    for path in ("/subscriptions", "/subscriptions/Nothing", "!/nowhere"):
        headers = (await client(product)("GET", path)).headers
        assert headers["x-content-type-options"] == "nosniff" and headers["cache-control"] == "no-store"


async def test_the_contract_is_published_and_can_be_turned_off(product: Product) -> None:
    nobody = client(product, None)
    spec = (await nobody("GET", "!/openapi.json")).json()
    assert "/api/messaging/trigger/{subscriptionId}" in spec["paths"]
    assert b"swagger" in (await nobody("GET", "!/docs")).body
