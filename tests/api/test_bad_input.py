"""Bad input at every door: a clear problem that names field and rule, and nothing is changed."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest

from messaging.access import Role
from messaging.api.body import MAX_BODY
from messaging.errors import StorageUnavailable
from messaging.storage.memory import MemoryTables
from messaging.strictjson import MAX_DEPTH
from messaging.triggers import answer as answer_to
from tests.api.client import Answer, Client
from tests.product import Product, running

NEW = {"subscriptionId": "New", "subscriptionLabel": "L"}
MAIL = {"channel": "email", "channelConfig": "a@example.com"}
TRIGGER: dict[str, Any] = {"eventParameters": {}}


def nested(depth: int) -> Any:
    value: Any = {}
    for _ in range(depth):
        value = {"a": value}
    return value


DOORS = [
    ("POST", "/subscriptions"),
    ("PUT", "/subscriptions/SystemErrors"),
    ("POST", "/subscriptions/SystemErrors/subscribe"),
    ("PUT", "/registrations/{registration}"),
    ("POST", "/trigger/SystemErrors"),
]

BODIES = [
    (b"", 422, "Field required"),
    (b"{", 400, "is not JSON"),
    (b"{'a': 1}", 400, "is not JSON"),
    (b'{"a": NaN}', 400, "NaN is not JSON"),
    (b'{"a": Infinity}', 400, "Infinity is not JSON"),
    (b'{"a": -Infinity}', 400, "-Infinity is not JSON"),
    (b'{"a": 1e400}', 400, "1e400 is too large"),
    (b'{"a": ' + b"9" * 5000 + b"}", 400, "is not JSON"),
    (b'{"a": 1, "a": 2}', 400, "stands twice"),
    (b'{"b": [{"a": {}, "a": {}}]}', 400, "stands twice"),
    (b"{" + b"".join(b'"%d":1,' % n for n in range(20_000)) + b'"19999":1}', 400, "stands twice"),
    ('{"a": "é"}'.encode("utf-16"), 400, "is not JSON"),
    (b'\xef\xbb\xbf{"a": 1}', 400, "is not JSON"),
    (b'{"a": "\xed\xa0\x80"}', 400, "is not UTF-8"),
    (b'{"a": "\xff"}', 400, "is not UTF-8"),
    (b"{} {}", 400, "is not JSON"),
    (b"[]", 422, "must be"),
    (b'"text"', 422, "must be"),
    (b"null", 422, "must be"),
    (b"7", 422, "must be"),
    (b'{"surprise": 1}', 422, "surprise"),
    (b'{"__proto__": {}}', 422, "__proto__"),
    (b"[" * 5000 + b"]" * 5000, 422, f"nested {MAX_DEPTH} deep"),
    (b"[" * 100_000 + b"]" * 100_000, 422, f"nested {MAX_DEPTH} deep"),
    (b'{"a": "' + b"x" * 1_000_000 + b'"}', 413, f"may have {MAX_BODY} bytes"),
]

FIELDS: list[tuple[str, str, Any, int, str]] = [
    ("POST", "/subscriptions", {**NEW, "subscriptionId": "A1"}, 422, "subscriptionId"),
    ("POST", "/subscriptions", {**NEW, "subscriptionId": ""}, 422, "subscriptionId"),
    ("POST", "/subscriptions", {**NEW, "subscriptionId": "__"}, 422, "subscriptionId"),
    ("POST", "/subscriptions", {**NEW, "subscriptionId": "x" * 65}, 422, "subscriptionId"),
    ("POST", "/subscriptions", {**NEW, "subscriptionId": "a\n"}, 422, "subscriptionId"),
    ("POST", "/subscriptions", {**NEW, "subscriptionId": "ä"}, 422, "subscriptionId"),
    ("POST", "/subscriptions", {**NEW, "subscriptionId": 7}, 422, "subscriptionId"),
    ("POST", "/subscriptions", {**NEW, "subscriptionLabel": ""}, 422, "subscriptionLabel"),
    ("POST", "/subscriptions", {**NEW, "subscriptionLabel": "x" * 201}, 422, "subscriptionLabel"),
    ("POST", "/subscriptions", {**NEW, "subscriptionLabel": "\ud800"}, 422, "subscriptionLabel"),
    ("POST", "/subscriptions", {**NEW, "description": "x" * 2001}, 422, "description"),
    ("POST", "/subscriptions", {**NEW, "enabled": "yes"}, 422, "enabled"),
    ("POST", "/subscriptions", {**NEW, "enabled": None}, 422, "enabled"),
    ("POST", "/subscriptions", {**NEW, "mandateId": "another"}, 422, "mandateId"),
    ("POST", "/subscriptions", {**NEW, "id": "mine"}, 422, "id"),
    ("POST", "/subscriptions", {**NEW, "createdBy": "me"}, 422, "createdBy"),
    ("POST", "/subscriptions", {"subscriptionId": "New"}, 422, "subscriptionLabel"),
    ("POST", "/subscriptions", {**NEW, "subscriptionId": "SystemErrors"}, 409, "SystemErrors"),
    ("PUT", "/subscriptions/SystemErrors", {"subscriptionId": "New"}, 422, "subscriptionId"),
    ("PUT", "/subscriptions/SystemErrors", {"isSystemSubscription": True}, 422, "isSystemSubscription"),
    ("PUT", "/subscriptions/SystemErrors", {"enabled": None}, 422, "enabled"),
    ("PUT", "/subscriptions/Nothing", {"enabled": True}, 404, "Nothing"),
    ("POST", "/subscriptions/SystemErrors/subscribe", {**MAIL, "channelConfig": "nowhere"}, 422, "channelConfig"),
    ("POST", "/subscriptions/SystemErrors/subscribe", {**MAIL, "channelConfig": "\ud800"}, 422, "channelConfig"),
    ("POST", "/subscriptions/SystemErrors/subscribe", {**MAIL, "channelConfig": "x" * 321}, 422, "channelConfig"),
    ("POST", "/subscriptions/SystemErrors/subscribe", {**MAIL, "channel": "pigeon"}, 422, "channel"),
    ("POST", "/subscriptions/SystemErrors/subscribe", {**MAIL, "channel": "whatsapp"}, 422, "not configured"),
    ("POST", "/subscriptions/SystemErrors/subscribe", {**MAIL, "userId": "bob"}, 422, "userId"),
    ("POST", "/subscriptions/Nothing/subscribe", MAIL, 404, "Nothing"),
    ("DELETE", "/subscriptions/SystemErrors/unsubscribe", None, 422, "channel"),
    ("DELETE", "/subscriptions/SystemErrors/unsubscribe?channel=pigeon", None, 422, "channel"),
    ("PUT", "/registrations/{registration}", {"channelConfig": "nowhere"}, 422, "channelConfig"),
    ("PUT", "/registrations/{registration}", {"channelConfig": None}, 422, "channelConfig"),
    ("PUT", "/registrations/{registration}", {"channel": "sms"}, 422, "channel"),
    ("PUT", "/registrations/{registration}", {"userId": "bob"}, 422, "userId"),
    ("PUT", "/registrations/nothing", {"enabled": True}, 404, "no such registration"),
    ("POST", "/trigger/SystemErrors", {}, 422, "eventParameters"),
    ("POST", "/trigger/SystemErrors", {"eventParameters": []}, 422, "eventParameters"),
    ("POST", "/trigger/SystemErrors", {"eventParameters": "x"}, 422, "eventParameters"),
    ("POST", "/trigger/SystemErrors", {"eventParameters": {"a": "\ud800"}}, 422, "eventParameters"),
    ("POST", "/trigger/SystemErrors", {"eventParameters": {"\ud800": 1}}, 422, "eventParameters"),
    ("POST", "/trigger/SystemErrors", {"eventParameters": nested(MAX_DEPTH)}, 422, "deep"),
    ("POST", "/trigger/SystemErrors", {**TRIGGER, "mandateId": "another"}, 422, "mandateId"),
    ("POST", "/trigger/Nothing", TRIGGER, 404, "Subscription Nothing not found"),
    ("POST", "/trigger/..%2F..", TRIGGER, 404, ""),
    ("POST", "/trigger/Empty", TRIGGER, 501, "not found for Empty"),
    ("GET", "/deliveries?limit=0", None, 422, "limit"),
    ("GET", "/deliveries?limit=1001", None, 422, "limit"),
    ("GET", "/deliveries?cursor=nonsense", None, 422, "cursor"),
    ("GET", "/deliveries?since=yesterday", None, 422, "since"),
    ("GET", "/deliveries?since=nan", None, 422, "since"),
    ("GET", "/deliveries?status=sent", None, 422, "status"),
    ("GET", "/deliveries?subscriptionId=a%27b", None, 422, "subscriptionId"),
    ("GET", "/deliveries?userId=a&subscriptionId=SystemErrors", None, 422, "at most one"),
    ("GET", "/deliveries/nothing", None, 404, "no such delivery"),
    ("GET", "/executions/nothing", None, 404, "no such execution"),
    ("GET", "/subscriptions/a%00b", None, 404, ""),
    ("GET", "/subscriptions/%F4%87", None, 404, ""),
    ("POST", "/trigger/%FF", TRIGGER, 404, ""),
    ("GET", "/subscriptions/SystemErrors;a", None, 404, ""),
    ("GET", "/subscriptions?mandateId=another", None, 403, "another mandate"),
    ("PATCH", "/subscriptions", None, 405, "Method Not Allowed"),
    ("GET", "/subscriptions/", None, 404, ""),
]


class Bench:
    """A product with one subscription and one registration on the twin, and two people who call it."""

    def __init__(self, product: Product, tables: MemoryTables, registration: str) -> None:
        self.product, self.tables = product, tables
        self.boss = Client(product.messaging, product.mandateId, Role.MANDATE_ADMIN)
        self.alice = Client(product.messaging, product.mandateId, Role.USER, "alice")
        self._registration = registration

    async def refused(self, method: str, path: str, data: Any = None, **more: Any) -> Answer:
        """The answer to a call that must be refused as a problem and must write nothing."""
        person = self.alice if "registrations/" in path or "subscribe" in path else self.boss
        before = self.tables.written
        answer = await person(method, path.replace("{registration}", self._registration), data, **more)
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert problem["status"] == answer.status and problem["title"] and problem["type"] == "about:blank"
        assert self.tables.written == before
        return answer


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """On the twin in memory, and without WhatsApp."""
    tables = MemoryTables()
    async with running(
        "UseDevelopmentStorage=true", tmp_path, tables=tables, MESSAGING_WHATSAPP_API_KEY=None
    ) as product:
        await product.subscription()
        await product.subscription("Empty", source=None)
        await product.subscribe("bob", subscriptionId="Empty")
        yield Bench(product, tables, (await product.subscribe("alice")).id)


@pytest.mark.parametrize(("method", "path"), DOORS)
@pytest.mark.parametrize(("body", "status", "said"), BODIES)
async def test_a_body_that_is_not_what_it_should_be(
    bench: Bench, method: str, path: str, body: bytes, status: int, said: str
) -> None:
    answer = await bench.refused(method, path, body=body)
    assert answer.status == status
    assert said in answer.json()["detail"]


@pytest.mark.parametrize(("method", "path", "data", "status", "said"), FIELDS)
async def test_a_field_that_breaks_a_rule_is_named(
    bench: Bench, method: str, path: str, data: Any, status: int, said: str
) -> None:
    answer = await bench.refused(method, path, data)
    assert (answer.status, said in json.dumps(answer.json())) == (status, True), answer.json()


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/subscriptions", "GET, POST"),
        ("/subscriptions/SystemErrors", "GET, PUT, DELETE"),
        ("/registrations/nothing", "PUT, DELETE"),
        ("/trigger/SystemErrors", "POST"),
    ],
)
async def test_another_method_is_told_which_ones_there_are(bench: Bench, path: str, methods: str) -> None:
    answer = await bench.refused("PATCH", path)
    assert (answer.status, answer.headers["allow"]) == (405, methods)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""])
async def test_only_json_is_read(bench: Bench, kind: str) -> None:
    assert (await bench.refused("POST", "/trigger/SystemErrors", TRIGGER, content_type=kind)).status == 415


async def test_json_may_name_its_charset(bench: Bench) -> None:
    charset = "application/json; charset=utf-8"
    assert (await bench.boss("POST", "/trigger/SystemErrors", TRIGGER, content_type=charset)).status == 200


async def test_an_answer_does_not_grow_with_what_is_wrong(bench: Bench) -> None:
    answer = await bench.refused("POST", "/subscriptions", {**NEW, **{f"{n:0500d}": n for n in range(300)}})
    assert answer.status == 422 and len(answer.body) < 20_000
    assert len(answer.json()["errors"]) == 20 and answer.json()["detail"].endswith("; and 280 more")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_a_body_that_means_nothing_is_not_looked_at(bench: Bench, method: str) -> None:
    answer = await bench.boss(
        method, "/registrations/nothing" if method == "DELETE" else "/deliveries", body=b"{NaN"
    )
    assert answer.status == (404 if method == "DELETE" else 200)


@pytest.mark.parametrize("host", ["[bad", "a:99999999", "a:x"])
async def test_a_host_that_is_none_is_refused(twin: tuple[Product, MemoryTables], host: str) -> None:
    request = func.HttpRequest("GET", f"https://{host}/api/health", headers={}, body=b"")
    assert (await answer_to(twin[0].messaging, request)).status_code == 400


@pytest.mark.parametrize("key", ["", "x" * 256])
async def test_an_idempotency_key_has_a_length(bench: Bench, key: str) -> None:
    answer = await bench.refused("POST", "/trigger/SystemErrors", TRIGGER, idempotency_key=key)
    assert answer.status == 422 and answer.json()["errors"][0]["field"] == "Idempotency-Key"


async def test_without_a_token_nothing_is_told(bench: Bench, twin: tuple[Product, MemoryTables]) -> None:
    nobody = Client(twin[0].messaging, twin[0].mandateId)
    for method, path in [*DOORS, ("GET", "/subscriptions"), ("GET", "/deliveries"), ("GET", "/executions")]:
        answer = await nobody(method, path, NEW if method != "GET" else None)
        assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")


async def test_a_role_is_refused_before_anything_is_looked_up(bench: Bench) -> None:
    tables = bench.tables
    visited = tables.visited
    for method, path, data in (
        ("POST", "/subscriptions", NEW),
        ("POST", "/trigger/Nothing", TRIGGER),
        ("GET", "/executions", None),
        ("GET", "/executions/nothing", None),
        ("GET", "/subscriptions/Nothing/registrations", None),
        ("GET", "/deliveries?userId=bob", None),
    ):
        assert (await bench.alice(method, path, data)).status == 403
    assert tables.visited == visited


async def test_storage_that_is_down_is_a_503_that_says_when_to_come_back(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def down(*_: Any) -> None:
        raise StorageUnavailable("Storage cannot be reached (TimeoutError)")

    monkeypatch.setattr(bench.tables, "get", down)
    answer = await bench.refused("POST", "/trigger/SystemErrors", TRIGGER)
    assert answer.status == 503 and answer.headers["retry-after"].isdigit()
    assert "executionId" not in answer.json()


async def test_an_outage_at_the_commit_point_names_the_execution(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def down(*_: Any) -> None:
        raise StorageUnavailable("Storage cannot be reached (TimeoutError)")

    monkeypatch.setattr(bench.product.messaging.pages, "_commit", down)
    answer = await bench.boss("POST", "/trigger/SystemErrors", TRIGGER)
    assert answer.status == 503 and answer.json()["executionId"]


async def test_a_bug_is_a_500_that_tells_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: Any) -> None:
        raise ZeroDivisionError("the secret")

    monkeypatch.setattr(bench.tables, "get", broken)
    answer = await bench.refused("GET", "/subscriptions/SystemErrors")
    assert answer.status == 500 and "secret" not in answer.body.decode()
    assert "ZeroDivisionError" in caplog.text
