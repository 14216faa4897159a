"""The local host's pure rules: timers, routes, host.json, what an app may ask for."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dev.host import protos
from dev.host.errors import HostError
from dev.host.functions import read_app
from dev.host.hostjson import HostSettings, QueueRules, read_host_json
from dev.host.queues import Backoff
from dev.host.routes import build_routes, find
from dev.host.schedule_status import NEVER, Status, load_status, save_status
from dev.host.timers import current_status
from messaging.ncrontab import parse

NOW = datetime(2026, 11, 24, 5, 0, 0, 500_000, tzinfo=UTC)


LAST_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
NEXT_YEAR = datetime(2027, 1, 1, tzinfo=UTC)
OTHER = datetime(2026, 6, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (None, Status(NEVER, NEXT_YEAR, NOW)),
        (Status(LAST_YEAR, NEXT_YEAR, LAST_YEAR), Status(LAST_YEAR, NEXT_YEAR, LAST_YEAR)),
        # never ran, due at new year 2026: past due
        (
            Status(NEVER, LAST_YEAR, LAST_YEAR - timedelta(days=9)),
            Status(NEVER, LAST_YEAR, LAST_YEAR - timedelta(days=9)),
        ),
        # another schedule gave `next`: starts anew
        (Status(LAST_YEAR, OTHER, LAST_YEAR), Status(NEVER, NEXT_YEAR, LAST_YEAR)),
        (Status(LAST_YEAR - timedelta(days=400), OTHER, OTHER), Status(NEVER, NEXT_YEAR, NOW)),
        (Status(NEVER, OTHER, NEVER), Status(NEVER, NEXT_YEAR, NOW)),
    ],
)
def test_status_at_start(known: Status | None, expected: Status) -> None:
    assert current_status(parse("0 0 0 1 1 *"), known, NOW) == expected


def test_status_file_comes_back_or_counts_as_none(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "tick.json"
    assert load_status(file) is None
    status = Status(LAST_YEAR, NEXT_YEAR, LAST_YEAR)
    save_status(file, status)
    assert load_status(file) == status
    assert json.loads(file.read_text(encoding="utf-8"))["Next"] == "2027-01-01T00:00:00+00:00"
    file.write_text("{", encoding="utf-8")
    assert load_status(file) is None


def test_pause_at_an_empty_queue_doubles_up_to_the_longest() -> None:
    backoff = Backoff(1.0)
    pauses = [backoff.next(found_since=False) for _ in range(8)]
    assert pauses[0] == pytest.approx(0.1)
    assert all(early <= late for early, late in zip(pauses, pauses[1:], strict=False))
    assert 0.18 <= pauses[1] <= 0.22
    assert pauses[-1] == pytest.approx(1.0)
    assert backoff.next(found_since=True) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, HostSettings()),
        ('{"version": "2.0"}', HostSettings()),
        ('{"extensions": {"http": {"routePrefix": ""}}}', HostSettings(route_prefix="")),
        (
            '{"extensions": {"queues": {"batchSize": 4, "visibilityTimeout": "00:00:30", "maxDequeueCount": 3}}}',
            HostSettings(
                queues=QueueRules(batch_size=4, new_batch_threshold=2, visibility_timeout=30, max_dequeue_count=3)
            ),
        ),
        (
            '{"extensions": {"queues": {"newBatchThreshold": 0, "maxPollingInterval": "00:00:00.5"}}}',
            HostSettings(queues=QueueRules(new_batch_threshold=0, max_polling_interval=0.5)),
        ),
        ('{"extensions": {"queues": {"maxPollingInterval": "00:01:00"}}}', HostSettings()),  # 2 s in Development
        ('{"extensions": {"queues": {"messageEncoding": "none"}}}', HostSettings(queues=QueueRules(base64=False))),
    ],
)
def test_host_json(text: str | None, expected: HostSettings, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "host.json").write_text(text, encoding="utf-8")
    assert read_host_json(tmp_path) == expected


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "host.json is wrong"),
        ("[]", "host.json is wrong"),
        ('{"extensions": {"queues": {"batchSize": 33}}}', "batchSize is 33"),
        ('{"extensions": {"queues": {"batchSize": "4"}}}', "batchSize is '4'"),
        ('{"extensions": {"queues": {"maxDequeueCount": 0}}}', "maxDequeueCount is 0"),
        ('{"extensions": {"queues": {"visibilityTimeout": 30}}}', "must look like 00:00:30"),
        ('{"extensions": {"queues": {"maxPollingInterval": "00:00:00.01"}}}', "at least 100 ms"),
        ('{"extensions": {"queues": {"messageEncoding": "hex"}}}', "must be base64 or none"),
    ],
)
def test_host_json_refuses(text: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "host.json").write_text(text, encoding="utf-8")
    with pytest.raises(HostError, match=complaint):
        read_host_json(tmp_path)


def function(name: str, *bindings: dict[str, Any], **more: Any) -> protos.RpcFunctionMetadata:
    return protos.RpcFunctionMetadata(
        name=name, raw_bindings=[json.dumps(binding) for binding in bindings], **more
    )


def http(name: str, route: str | None = None, methods: list[str] | None = None) -> protos.RpcFunctionMetadata:
    trigger = {"type": "httpTrigger", "name": "req", "authLevel": "ANONYMOUS", "route": route, "methods": methods}
    return function(name, trigger, {"type": "http", "name": "$return", "direction": "OUT"})


def timer(schedule: str) -> protos.RpcFunctionMetadata:
    return function("tick", {"type": "timerTrigger", "name": "timer", "schedule": schedule})


def queue(name: str, connection: str = "HAS_STORAGE") -> dict[str, Any]:
    return {"type": "queueTrigger", "name": "message", "queueName": name, "connection": connection}


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/api/items/7", ("b_items", {"id": "7"})),
        ("GET", "/api/items/7/", ("b_items", {"id": "7"})),
        ("GET", "/API/Items/a%20b/c", ("b_items", {"id": "a b", "part": "c"})),
        ("GET", "/api/items/a%2Fb", ("b_items", {"id": "a%2Fb"})),
        ("GET", "/api/items/first", ("b_items", {"id": "first"})),  # by name, not by precision
        ("POST", "/api/items/first", ("c_first", {})),  # b_items lists GET only
        ("GET", "/api/named", ("named", {})),  # no route: the function's name
        ("GET", "/api/rest", ("rest", {})),
        ("GET", "/api/rest/a//b", ("rest", {"path": "a//b"})),
        ("GET", "/api/items", None),
        ("GET", "/api/items//x", None),
        ("GET", "/items/7", None),
        ("GET", "/api/items/7/c/d", None),
        ("GET", "/", None),
    ],
)
def test_route_that_answers(method: str, path: str, expected: tuple[str, dict[str, str]] | None) -> None:
    app = read_app(
        [
            http("rest", "rest/{*path}"),
            http("named"),
            http("c_first", "items/first"),
            http("b_items", "items/{id}/{part?}", ["GET"]),
        ],
        "api",
    )
    found = find(build_routes(app.http), method, path)
    assert (None if found is None else (found[0].name, found[1])) == expected


def test_empty_prefix_allows_a_leading_slash() -> None:
    app = read_app([http("all", "/{*route}")], "")
    found = find(build_routes(app.http), "GET", "/a/b")
    assert found is not None
    assert found[1] == {"route": "a/b"}


@pytest.mark.parametrize(
    ("functions", "complaint"),
    [
        ([http("one", "a/{x}"), http("two", "A/{y}")], "one and two have the same route"),
        ([http("one", "a", ["GET", "PUT"]), http("two", "a", ["PUT"])], "one and two have the same route"),
        ([http("one", "/{*route}")], "contains '//'"),
        ([http("one", "administrators")], "begins with 'admin' or 'runtime'"),
        ([http("one", "Runtime/x")], "begins with 'admin' or 'runtime'"),
        ([http("one", "a/{x:int}")], "does not support the route part '{x:int}'"),
        ([http("one", "a/b{x}")], "does not support the route part"),
        ([function("one", {"type": "httpTrigger", "name": "req"})], "auth level FUNCTION is not supported"),
        ([timer("0 0 0 * * 7")], "function tick: schedule '0 0 0 \\* \\* 7': the weekday 7"),
        ([timer("%NO_SUCH_SETTING%")], "function tick needs the setting NO_SUCH_SETTING"),
        ([function("work", queue("a-queue", "NO_SUCH_SETTING"))], "set the environment variable NO_SUCH_SETTING"),
        ([function("work", queue("Bad_Name"))], "'Bad_Name' is not a queue name"),
        ([function("work", queue("a--b"))], "is not a queue name"),
        (
            [function("work", queue("a-queue"), {"type": "queue", "name": "out", "queueName": "b"})],
            "does not support the queue binding 'out'",
        ),
        ([function("event", {"type": "eventGridTrigger", "name": "event"})], "does not support eventGridTrigger"),
        (
            [function("tick", {"type": "timerTrigger", "name": "t"}, retry_options=protos.RpcRetryOptions())],
            "does not support retry policies",
        ),
    ],
)
def test_app_refused(
    functions: list[protos.RpcFunctionMetadata], complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HAS_STORAGE", "UseDevelopmentStorage=true")
    with pytest.raises(HostError, match=complaint):
        build_routes(read_app(functions, "api").http)


def test_same_route_with_other_methods_is_fine() -> None:
    app = read_app([http("one", "a", ["GET"]), http("two", "a", ["POST"])], "api")
    assert [route.trigger.name for route in build_routes(app.http)] == ["one", "two"]


def test_settings_and_flags_of_triggers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AzureWebJobsStorage", "the connection")
    monkeypatch.setenv("WORK_QUEUE", "work")
    binary = {"type": "queueTrigger", "name": "m", "queueName": "%WORK_QUEUE%-1", "dataType": "BINARY"}
    often = {"type": "timerTrigger", "name": "t", "schedule": "*/5 * * * * *", "useMonitor": True}
    seldom = {"type": "timerTrigger", "name": "t", "schedule": "5 * * * * *", "runOnStartup": True}
    app = read_app([function("q", binary), function("o", often), function("s", seldom)], "api")
    assert [(one.queue, one.connection, one.binary) for one in app.queues] == [("work-1", "the connection", True)]
    assert [(one.monitored, one.run_on_startup) for one in app.timers] == [(False, False), (True, True)]


def test_stand_in_refuses_unknown_fields_as_protobuf_does() -> None:
    with pytest.raises(TypeError):
        protos.TypedData(text="x")  # type: ignore[call-arg]
    assert protos.TypedData().WhichOneof("data") is None
    assert protos.TypedData(bytes=b"").WhichOneof("data") == "bytes"
