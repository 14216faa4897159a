"""HTTP through a whole host process: what a function sees and what a client gets."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import pytest

from dev.host.child import RunningHost
from tests.dev.hostapp.records import HostApp

# Nothing listens there: HTTP must not care.
NO_STORAGE = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=Zm9v;QueueEndpoint=http://127.0.0.1:1/a"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHost]:
    folder: Path = tmp_path_factory.mktemp("http")
    with HostApp(folder, NO_STORAGE).start() as running:
        yield running


def call(
    host: RunningHost, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[HTTPResponse, bytes]:
    connection = HTTPConnection(host.url.removeprefix("http://"), timeout=5)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


def seen(host: RunningHost, method: str, path: str, **more: Any) -> dict[str, Any]:
    """What the echo function saw of a request."""
    response, body = call(host, method, path, **more)
    assert response.status == 200
    found: dict[str, Any] = json.loads(body)
    return found


def raw(host: RunningHost, request: bytes) -> bytes:
    """Send bytes as they are and give all that comes back."""
    port = int(host.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(request)
        answer = b""
        while part := connection.recv(65536):
            answer += part
        return answer


@pytest.mark.parametrize(
    ("path", "rest", "params"),
    [
        ("", None, {}),
        ("/", None, {}),
        ("/a/b", "a/b", {}),
        ("/a//b/", "a//b/", {}),
        ("/a%2Fb%20c/%C3%A4?x=%26&y=1&y=2&z=", "a%2Fb c/ä", {"x": "&", "y": "1,2"}),
        ("/a%0Ab", "a\nb", {}),
        ("/q?a+b=c+d&%41=%2B", "q", {"a b": "c d", "A": "+"}),
    ],
)
def test_path_and_query_arrive_as_sent(
    host: RunningHost, path: str, rest: str | None, params: dict[str, str]
) -> None:
    found = seen(host, "GET", f"/api/echo{path}")
    assert found["url"] == f"{host.url}/api/echo{path}"
    assert found["route"].get("rest") == rest
    assert found["params"] == params


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY", "PROPFIND"])
def test_any_method_reaches_a_route_that_lists_none(host: RunningHost, method: str) -> None:
    assert seen(host, method, "/api/echo/x")["method"] == method


def test_head_has_the_headers_of_an_answer_and_no_body(host: RunningHost) -> None:
    response, body = call(host, "HEAD", "/api/echo/x")
    assert response.status == 200
    assert int(response.headers["Content-Length"]) > 0
    assert body == b""


@pytest.mark.parametrize(
    "body", [b"", b"\x00\xff\r\n", b'{"a": 1}', b"x" * 3_000_000], ids=["empty", "bytes", "json", "3 MB"]
)
def test_body_arrives_byte_true(host: RunningHost, body: bytes) -> None:
    found = seen(host, "POST", "/api/echo/x", body=body, headers={"Content-Encoding": "gzip"})
    assert base64.b64decode(found["body"]) == body


def test_chunked_body_arrives_empty(host: RunningHost) -> None:
    answer = raw(
        host,
        b"POST /api/echo/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\nabc\r\n0\r\n\r\n",
    )
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["body"] == ""


def test_too_large_body_is_refused_before_it_is_read(host: RunningHost) -> None:
    connection = HTTPConnection(host.url.removeprefix("http://"), timeout=5)
    connection.putrequest("POST", "/api/echo")
    connection.putheader("Content-Length", str(100 * 1024 * 1024 + 1))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_header_names_are_lower_case_and_repeated_ones_joined(host: RunningHost) -> None:
    answer = raw(
        host,
        b"GET /api/echo HTTP/1.1\r\nHost: h:1\r\nConnection: close\r\n"
        b"X-One: a\r\nx-one: b\r\nX-Utf: \xc3\xa4\r\nX-No:\r\n\r\n",
    )
    found = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert found["headers"] == {"host": "h:1", "connection": "close", "x-one": "a,b", "x-utf": "ä", "x-no": ""}
    assert found["url"] == "http://h:1/api/echo"


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /api/echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX: \xff\r\n\r\n",
        b"GET /api/echo/\xff HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        b"nonsense\r\n\r\n",
    ],
)
def test_malformed_request_is_400(host: RunningHost, request_: bytes) -> None:
    assert raw(host, request_).split(b" ", 2)[1] == b"400"


def test_answer_keeps_status_type_bytes_and_both_cookies(host: RunningHost) -> None:
    response, body = call(host, "GET", "/api/answer?status=418")
    assert response.status == 418
    assert response.headers["Content-Type"] == "application/x-thing"
    assert body == b"\x00\xff"
    assert response.headers.get_all("Set-Cookie") == [
        "a=1; path=/; httponly",
        "b=x%20y; max-age=60; path=/; secure; samesite=lax",
    ]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/api", 404),
        ("GET", "/echo/x", 404),
        ("POST", "/api/items/7", 404),  # the route lists GET only
        ("GET", "/api/items/7", 200),
        ("OPTIONS", "*", 404),
    ],
)
def test_no_route_is_404(host: RunningHost, method: str, path: str, status: int) -> None:
    assert call(host, method, path)[0].status == status


def test_first_matching_route_by_name_answers(host: RunningHost) -> None:
    assert json.loads(call(host, "GET", "/api/items/first")[1]) == {"id": "first"}
    assert call(host, "PUT", "/api/items/first")[1] == b"z"


def test_function_that_raises_is_500_without_a_body(host: RunningHost) -> None:
    response, body = call(host, "GET", "/api/fail")
    assert (response.status, body) == (500, b"")
    host.child.wait_line(r"\d\d:\d\d:\d\d ERROR host: fail failed: LookupError: no such luck$", timeout=2)
