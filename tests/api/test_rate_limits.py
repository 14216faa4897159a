"""Rate limits over HTTP: what counts where, what the answer tells, and the ways around that must not work."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jwt
import pytest

from messaging.access import Role
from messaging.cursors import Asked
from messaging.models import MandateId
from messaging.storage.base import Table
from messaging.storage.keys import session_limit
from messaging.storage.memory import MemoryTables
from tests.api.client import Answer, Client
from tests.api.test_access_matrix import TABLE
from tests.product import LOCAL_KEY, Product, mandate, running

THREE = {
    "MESSAGING_RATE_LIMIT_STORAGE": "table",
    "MESSAGING_RATE_LIMIT_SESSION": "3",
    "MESSAGING_RATE_LIMIT_TRIGGER": "3",
}
EVENT: dict[str, Any] = {"eventParameters": {}}
ASKED = Asked(100)
TRIGGER = "/trigger/SystemErrors"


@pytest.fixture
async def limited(tmp_path: Path) -> AsyncIterator[tuple[Product, MemoryTables]]:
    """The product on the twin, three calls a minute each, with a subscription."""
    tables = MemoryTables()
    async with running("UseDevelopmentStorage=true", tmp_path, tables=tables, **THREE) as product:
        await product.subscription()
        yield product, tables


def client(product: Product, userId: str = "boss", role: Role = Role.MANDATE_ADMIN) -> Client:
    return Client(product.messaging, product.mandateId, role, userId)


def left(answer: Answer) -> str:
    return answer.headers["ratelimit-remaining"]


async def test_the_answers_tell_how_the_bucket_stands(limited: tuple[Product, MemoryTables]) -> None:
    product, _ = limited
    alice = client(product, "alice", Role.USER)
    for remaining in ("2", "1", "0"):
        answer = await alice("GET", "/subscriptions")
        assert (answer.status, left(answer)) == (200, remaining)
        product.clock.forward(10)
    refused = await alice("GET", "/subscriptions")
    assert refused.status == 429 and refused.headers["content-type"] == "application/problem+json"
    told = {name: refused.headers[name] for name in refused.headers if "ratelimit" in name or "retry" in name}
    assert told == {
        "ratelimit-limit": "3",
        "ratelimit-remaining": "0",
        "ratelimit-reset": "30",
        "retry-after": "30",
    }
    product.clock.forward(29)
    assert (await alice("GET", "/subscriptions")).status == 429
    product.clock.forward(1)
    assert (await alice("GET", "/subscriptions")).status == 200
    assert (await alice("GET", "/subscriptions")).status == 429


BUCKETS = [
    ("subscriptions", ["/subscriptions", "/subscriptions/SystemErrors", "/subscriptions/Nothing"]),
    ("registrations", ["/registrations", "/subscriptions/SystemErrors/registrations"]),
    ("other", ["/deliveries", "/executions", "/explain?subscriptionId=SystemErrors&channel=email"]),
]


async def test_a_session_has_three_buckets(limited: tuple[Product, MemoryTables]) -> None:
    product, tables = limited
    boss = client(product)
    for _, paths in BUCKETS:
        answers = [await boss("GET", path) for path in (paths * 3)[:4]]
        assert [answer.status for answer in answers][3] == 429
        assert all(answer.status in (200, 404) for answer in answers[:3])
    rows = await tables.range(Table.LIMITS, product.mandateId, ("a", "~~"), 100)
    assert {row.key for row in rows} == {session_limit("boss", bucket) for bucket, _ in BUCKETS}
    assert (await client(product, "another")("GET", "/subscriptions")).status == 200


ROUTES = sorted({(method, route) for method, route, *_ in TABLE if not route.startswith("!")})


@pytest.mark.parametrize(("method", "route"), ROUTES)
async def test_every_route_counts_whatever_it_answers(
    limited: tuple[Product, MemoryTables], method: str, route: str
) -> None:
    product, _ = limited
    path = route.replace("*", "Missing")
    body: Any = {} if method in ("PUT", "POST") else None
    for n, caller in enumerate([client(product, "alice", Role.USER), client(product), client(product, "c")]):
        answers = [await caller(method, path, body) for _ in range(4)]
        assert [left(answer) for answer in answers] == ["2", "1", "0", "0"], (n, answers)
        assert [answer.status == 429 for answer in answers] == [False] * 3 + [True]


async def test_who_is_nobody_is_not_counted_and_health_and_docs_are_free(
    limited: tuple[Product, MemoryTables],
) -> None:
    product, tables = limited
    written = tables.written
    nobody = Client(product.messaging, product.mandateId)
    for path, status in (("/subscriptions", 401), ("!/api/health", 200), ("!/docs", 200), ("!/openapi.json", 200)):
        for _ in range(4):
            answer = await nobody("GET", path)
            assert answer.status == status and "ratelimit-limit" not in answer.headers
    assert tables.written == written


ROUND: list[tuple[str, str, str, dict[str, Any]]] = [
    ("as it is", "POST", TRIGGER, {}),
    ("forged address", "POST", TRIGGER, {"X_Forwarded_For": "203.0.113.7"}),
    ("many addresses", "POST", TRIGGER, {"X_Forwarded_For": "203.0.113.7, 198.51.100.1, 2001:db8::1"}),
    ("another network", "POST", TRIGGER, {"X_Forwarded_For": "2001:db8:1:2::3", "Forwarded": "for=192.0.2.1"}),
    ("a client's address", "POST", TRIGGER, {"X_Real_IP": "192.0.2.9", "X_Client_IP": "192.0.2.9"}),
    ("own mandate named", "POST", f"{TRIGGER}?mandateId={{mandate}}", {}),
    ("another query", "POST", f"{TRIGGER}?x=1&x=2", {}),
    ("percent spelling", "POST", "/trigger/%53ystemErrors", {}),
    ("a fragment of the path", "POST", "/trigger/SystemErrors#x", {}),
    ("overridden method", "POST", TRIGGER, {"X_HTTP_Method_Override": "GET", "X_Method_Override": "PUT"}),
    ("asynchronous", "POST", TRIGGER, {"Prefer": "respond-async"}),
    ("another key", "POST", TRIGGER, {"Idempotency_Key": "k1"}),
    # what is another path is none: it opens nothing, and counts in no trigger
    ("trailing slash", "POST", f"{TRIGGER}/", {}),
    ("two slashes", "POST", "/trigger//SystemErrors", {}),
    ("two slashes before", "POST", f"/{TRIGGER}", {}),
    ("encoded slash", "POST", "/trigger%2FSystemErrors", {}),
    ("encoded slash behind", "POST", f"{TRIGGER}%2F", {}),
    ("dots", "POST", "/trigger/../trigger/SystemErrors", {}),
    ("semicolon", "POST", f"{TRIGGER};a=b", {}),
    ("other case", "POST", "/trigger/systemerrors", {}),
    ("other case of the route", "POST", "/Trigger/SystemErrors", {}),
    ("other method", "PUT", TRIGGER, {"X_HTTP_Method_Override": "POST"}),
    ("other method, read", "GET", TRIGGER, {"X_HTTP_Method_Override": "POST"}),
]


@pytest.mark.parametrize(("method", "path", "headers"), [one[1:] for one in ROUND], ids=[one[0] for one in ROUND])
async def test_no_spelling_opens_a_second_bucket(
    limited: tuple[Product, MemoryTables], method: str, path: str, headers: dict[str, Any]
) -> None:
    product, tables = limited
    boss = client(product)
    used = [(await boss("POST", TRIGGER, EVENT)).status for _ in range(3)]
    assert used == [200] * 3
    for _ in range(4):
        answer = await boss(method, path.replace("{mandate}", product.mandateId), EVENT, **headers)
        assert answer.status in (404, 405, 429), answer.status
    executions = await product.messaging.history.getAllExecutions(product.principal(), ASKED)
    assert len(executions.items) == 3  # what was refused made none
    rows = await tables.range(Table.LIMITS, product.mandateId, ("t", "u"), 100)
    assert [row.key for row in rows] == ["t~SystemErrors"]


async def test_everybody_of_a_mandate_shares_a_triggers_bucket_and_no_other_mandate_does(
    limited: tuple[Product, MemoryTables],
) -> None:
    product, _ = limited
    other = replace(product, mandateId=mandate())
    await other.subscription()
    await product.subscription("Other")
    root = client(other, "root", Role.ADMIN)  # an Admin counts in the mandate that is named
    callers = [client(product, "one"), client(product, "two"), root, client(product, "four"), root]
    named = ["", "", f"?mandateId={product.mandateId}", "", f"?mandateId={product.mandateId}"]
    keys = [f"k{n}" for n in range(5)]
    answers = [
        await one("POST", f"{TRIGGER}{query}", EVENT, Idempotency_Key=key)
        for one, query, key in zip(callers, named, keys, strict=True)
    ]
    assert [answer.status for answer in answers] == [200, 200, 200, 429, 429]
    for free, path in ((client(product, "one"), "/trigger/Other"), (client(other), TRIGGER), (root, TRIGGER)):
        assert (await free("POST", path, EVENT)).status == 200


async def test_who_may_not_trigger_uses_up_nobodys_bucket(limited: tuple[Product, MemoryTables]) -> None:
    product, tables = limited
    alice, boss = client(product, "alice", Role.USER), client(product)
    assert [(await alice("POST", TRIGGER, EVENT)).status for _ in range(4)] == [403, 403, 403, 429]
    stranger = client(replace(product, mandateId=mandate()))
    named = f"{TRIGGER}?mandateId={product.mandateId}"
    assert [(await stranger("POST", named, EVENT)).status for _ in range(4)] == [403, 403, 403, 429]
    assert left(await boss("POST", TRIGGER, EVENT)) == "2"
    names = ["A", "B", "C", "D"]
    assert [(await boss("POST", f"/trigger/{one}", EVENT)).status for one in names] == [404, 404, 404, 429]
    rows = await tables.range(Table.LIMITS, product.mandateId, ("t", "u"), 100)
    assert [row.key for row in rows] == ["t~SystemErrors"]  # made-up ids make no rows


async def test_an_admin_who_names_many_mandates_has_one_bucket(limited: tuple[Product, MemoryTables]) -> None:
    product, tables = limited
    free = Client(product.messaging, product.mandateId)
    claims = {"iss": "local", "aud": "messaging", "sub": "root", "roles": ["Messaging.Admin"]}
    free.authorize(jwt.encode(claims | {"exp": time.time() + 600}, LOCAL_KEY, algorithm="HS256"))
    queries = [f"?mandateId={mandate()}" for _ in range(2)] + ["", "?mandateId=third"]
    answers = [await free("GET", f"/subscriptions{query}") for query in queries]
    assert [left(answer) for answer in answers] == ["2", "1", "0", "0"]
    assert answers[-1].status == 429
    assert not await tables.range(Table.LIMITS, MandateId("third"), ("a", "~~"), 10)


async def test_a_burst_at_the_edge_of_a_minute_gets_no_second_helping(
    limited: tuple[Product, MemoryTables],
) -> None:
    product, _ = limited
    boss = client(product)
    product.clock.now = 1_800_000_059.9
    before = await asyncio.gather(*(boss("POST", TRIGGER, EVENT) for _ in range(10)))
    product.clock.now = 1_800_000_060.1
    after = await asyncio.gather(*(boss("POST", TRIGGER, EVENT) for _ in range(10)))
    assert sorted(answer.status for answer in (*before, *after)) == [200] * 3 + [429] * 17
