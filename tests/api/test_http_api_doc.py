"""docs/http-api.md: every curl line is run, in order, and every route has one."""

import json
import re
import shlex
from pathlib import Path

from messaging.access import Role
from messaging.api import app
from tests.api.client import Client
from tests.product import Product

PAGE = (Path(__file__).parents[2] / "docs/http-api.md").read_text()
LINES = re.findall(r"^(curl .+?)  # (\d{3})(?: (\S+))?$", PAGE, re.MULTILINE)
HOST = "http://127.0.0.1:7071"


def request(line: str, known: dict[str, str]) -> tuple[str, str, str, dict[str, str], bytes]:
    """Method, path, who asks, headers and body of a curl line."""
    for name, value in known.items():
        line = line.replace(f"${name}", value)
    words = iter(shlex.split(line)[1:])
    method, url, body, headers, who = "", "", b"", {}, ""
    for word in words:
        if word == "-X":
            method = next(words)
        elif word == "-d":
            body = next(words).encode()
        elif word == "-H":
            header = next(words)
            if header in ("$ADMIN", "$ALICE"):
                who = header
            elif header != "$json":
                name, _, value = header.partition(": ")
                headers[name] = value
        else:
            url = word
    path = "!" + url.removeprefix(HOST) if url.startswith(HOST) else url.removeprefix("$api")
    return method or ("POST" if body else "GET"), path, who, headers, body


async def test_every_line_does_what_it_says_and_every_route_has_one(product: Product) -> None:
    product.function("SystemErrors")
    callers = {
        "$ADMIN": Client(product.messaging, product.mandateId, Role.MANDATE_ADMIN, "olivia"),
        "$ALICE": Client(product.messaging, product.mandateId, Role.USER, "alice"),
        "": Client(product.messaging, product.mandateId),
    }
    known: dict[str, str] = {}
    asked: set[tuple[str, str]] = set()
    for line, status, kept in LINES:
        method, path, who, headers, body = request(line, known)
        answer = await callers[who](method, path, body=body, **headers)
        assert answer.status == int(status), (line, answer.body)
        asked.add((method, path.removeprefix("!").partition("?")[0]))
        if kept:
            value = json.loads(answer.body)
            for part in kept.split("."):
                value = value[int(part)] if part.isdigit() else value[part]
            known[kept.rpartition(".")[2]] = value
    assert len(LINES) == PAGE.count("\ncurl ")
    for method, pattern in routes():
        assert any(method == one and re.fullmatch(pattern, path) for one, path in asked), (method, pattern)


def routes() -> set[tuple[str, str]]:
    found = set()
    for resource in app.RESOURCES:
        for route in resource.router.routes:
            path = re.sub(r"\{\w+\}", "[^/]+", route.path.removeprefix("/api/messaging"))
            found |= {(method, path) for method in route.methods}
    return found
