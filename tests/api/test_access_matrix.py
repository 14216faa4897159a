"""Who may do what on every route: the wire's answers as a table of their own, not derived from access.py.

Six callers: nobody, a token for another audience, one without a role, a User (alice), a Mandate-Admin (boss),
an Admin (root). Each cell gets a mandate of its own, so that no answer depends on another.
"""

import time
from dataclasses import replace
from typing import Any

import jwt
import pytest
from fastapi.routing import APIRoute

from messaging.access import Role
from messaging.api import app
from messaging.inputs import SubscriptionData
from messaging.storage.memory import MemoryTables
from tests.api.client import Client
from tests.product import LOCAL_KEY, Product, mandate

CALLERS = ("nobody", "wrong audience", "no role", "User", "Mandate-Admin", "Admin")

S, R, D, E = "/subscriptions", "/registrations", "/deliveries", "/executions"
ASK = "/explain?channel=email&subscriptionId="

CREATE = {"subscriptionId": "New", "subscriptionLabel": "New"}
SYSTEM = {**CREATE, "isSystemSubscription": True}
LABEL = {"subscriptionLabel": "Other"}
MAIL = {"channel": "email", "channelConfig": "a@example.com"}
OFF = {"enabled": False}
EVENT: dict[str, Any] = {"eventParameters": {}}

# method, route, what it is asked of: its path, the body, and the six statuses
TABLE: list[tuple[str, str, str, str, Any, str]] = [
    ("GET", S, "list", S, None, "401 401 403 200 200 200"),
    ("POST", S, "own", S, CREATE, "401 401 403 403 201 201"),
    ("POST", S, "system", S, SYSTEM, "401 401 403 403 403 201"),
    ("GET", f"{S}/*", "own", f"{S}/Own", None, "401 401 403 200 200 200"),
    ("GET", f"{S}/*", "system", f"{S}/System", None, "401 401 403 200 200 200"),
    ("GET", f"{S}/*", "other mandate", f"{S}/Theirs", None, "401 401 403 404 404 404"),
    ("PUT", f"{S}/*", "own", f"{S}/Own", LABEL, "401 401 403 403 200 200"),
    ("PUT", f"{S}/*", "system", f"{S}/System", LABEL, "401 401 403 403 403 200"),
    ("PUT", f"{S}/*", "other mandate", f"{S}/Theirs", LABEL, "401 401 403 403 404 404"),
    ("DELETE", f"{S}/*", "own", f"{S}/Own", None, "401 401 403 403 204 204"),
    ("DELETE", f"{S}/*", "system", f"{S}/System", None, "401 401 403 403 403 204"),
    ("DELETE", f"{S}/*", "other mandate", f"{S}/Theirs", None, "401 401 403 403 404 404"),
    ("GET", f"{S}/*{R}", "own", f"{S}/Own{R}", None, "401 401 403 403 200 200"),
    ("GET", f"{S}/*{R}", "system", f"{S}/System{R}", None, "401 401 403 403 200 200"),
    ("GET", f"{S}/*{R}", "other mandate", f"{S}/Theirs{R}", None, "401 401 403 403 404 404"),
    ("POST", f"{S}/*/subscribe", "own", f"{S}/Own/subscribe", MAIL, "401 401 403 200 201 201"),
    ("POST", f"{S}/*/subscribe", "system", f"{S}/System/subscribe", MAIL, "401 401 403 201 201 201"),
    ("POST", f"{S}/*/subscribe", "other mandate", f"{S}/Theirs/subscribe", MAIL, "401 401 403 404 404 404"),
    ("DELETE", f"{S}/*/unsubscribe", "own", f"{S}/Own/unsubscribe?channel=email", None, "401 401 403 204 204 204"),
    (
        "DELETE",
        f"{S}/*/unsubscribe",
        "other mandate",
        f"{S}/Theirs/unsubscribe?channel=email",
        None,
        "401 401 403 404 404 404",
    ),
    ("GET", R, "own", R, None, "401 401 403 200 200 200"),
    ("PUT", f"{R}/*", "alice's", f"{R}/alice", OFF, "401 401 403 200 403 403"),
    ("PUT", f"{R}/*", "another person's", f"{R}/bob", OFF, "401 401 403 404 403 403"),
    ("PUT", f"{R}/*", "other mandate", f"{R}/theirs", OFF, "401 401 403 404 404 404"),
    ("DELETE", f"{R}/*", "alice's", f"{R}/alice", None, "401 401 403 204 403 403"),
    ("DELETE", f"{R}/*", "another person's", f"{R}/bob", None, "401 401 403 404 403 403"),
    ("DELETE", f"{R}/*", "other mandate", f"{R}/theirs", None, "401 401 403 404 404 404"),
    ("POST", f"{R}/*/test", "alice's", f"{R}/alice/test", None, "401 401 403 200 403 403"),
    ("POST", f"{R}/*/test", "another person's", f"{R}/bob/test", None, "401 401 403 404 403 403"),
    ("POST", f"{R}/*/test", "other mandate", f"{R}/theirs/test", None, "401 401 403 404 404 404"),
    ("POST", "/trigger/*", "own", "/trigger/Own", EVENT, "401 401 403 403 200 200"),
    ("POST", "/trigger/*", "system", "/trigger/System", EVENT, "401 401 403 403 200 200"),
    ("POST", "/trigger/*", "other mandate", "/trigger/Theirs", EVENT, "401 401 403 403 404 404"),
    ("GET", D, "list", D, None, "401 401 403 200 200 200"),
    ("GET", D, "another person's", f"{D}?userId=bob", None, "401 401 403 403 200 200"),
    ("GET", f"{D}/*", "alice's", f"{D}/alice-d", None, "401 401 403 200 200 200"),
    ("GET", f"{D}/*", "another person's", f"{D}/bob-d", None, "401 401 403 404 200 200"),
    ("GET", f"{D}/*", "other mandate", f"{D}/theirs-d", None, "401 401 403 404 404 404"),
    ("GET", E, "list", E, None, "401 401 403 403 200 200"),
    ("GET", f"{E}/*", "own", f"{E}/own-e", None, "401 401 403 403 200 200"),
    ("GET", f"{E}/*", "other mandate", f"{E}/theirs-e", None, "401 401 403 403 404 404"),
    ("GET", "/audit", "list", "/audit", None, "401 401 403 403 200 200"),
    ("GET", "/audit", "other mandate", "/audit?mandateId=another", None, "401 401 403 403 403 200"),
    ("GET", "/explain", "oneself", f"{ASK}Own", None, "401 401 403 200 200 200"),
    ("GET", "/explain", "another person", f"{ASK}Own&userId=bob", None, "401 401 403 403 200 200"),
    ("GET", "/explain", "other mandate", f"{ASK}Theirs", None, "401 401 403 200 200 200"),
    ("GET", "!/api/health", "anybody", "!/api/health", None, "200 200 200 200 200 200"),
]


async def fill(product: Product) -> dict[str, str]:
    """Two mandates with everything in them; the ids of what the paths name."""
    theirs = replace(product, mandateId=mandate())
    await theirs.subscription("Theirs")
    registration = await theirs.subscribe("alice", subscriptionId="Theirs")
    execution = await theirs.execute("Theirs")
    delivery = (await theirs.deliveries(execution))["alice"]
    ids = {"theirs": registration.id, "theirs-d": delivery.id, "theirs-e": execution.id}

    await product.subscription("Own")
    system = SubscriptionData(subscriptionId="System", subscriptionLabel="System", isSystemSubscription=True)
    await product.messaging.registry.createSubscription(product.principal("root", Role.ADMIN), system)
    for user in ("alice", "bob"):
        ids[user] = (await product.subscribe(user, subscriptionId="Own")).id
    execution = await product.execute("Own")
    found = await product.deliveries(execution)
    return ids | {"own-e": execution.id} | {f"{user}-d": found[user].id for user in ("alice", "bob")}


def client(product: Product, caller: str) -> Client:
    mandateId = product.mandateId
    if caller in ("User", "Mandate-Admin", "Admin"):
        role, user = {
            "User": (Role.USER, "alice"),
            "Mandate-Admin": (Role.MANDATE_ADMIN, "boss"),
            "Admin": (Role.ADMIN, "root"),
        }[caller]
        return Client(product.messaging, mandateId, role, user)
    made = Client(product.messaging, mandateId)
    if caller != "nobody":
        claims = {
            "iss": "local",
            "aud": "messaging",
            "sub": "alice",
            "mandateId": mandateId,
            "exp": time.time() + 60,
        }
        claims |= {"aud": "another"} if caller == "wrong audience" else {}
        claims |= {"roles": [] if caller == "no role" else ["Messaging.Admin"]}
        made.authorize(jwt.encode(claims, LOCAL_KEY, algorithm="HS256"))
    return made


@pytest.mark.parametrize(
    ("method", "route", "target", "path", "body", "expected"),
    TABLE,
    ids=[f"{method} {route} {target}" for method, route, target, *_ in TABLE],
)
async def test_each_caller_gets_the_answer_of_the_table(
    twin: tuple[Product, MemoryTables],
    method: str,
    route: str,
    target: str,
    path: str,
    body: Any,
    expected: str,
) -> None:
    statuses = []
    for caller in CALLERS:
        product = replace(twin[0], mandateId=mandate())
        ids = await fill(product)
        named = "/".join(ids.get(part, part) for part in path.split("/"))
        answer = await client(product, caller)(method, named, body)
        statuses.append(str(answer.status))
        if answer.status == 401:
            assert answer.headers["www-authenticate"].startswith("Bearer")
    assert " ".join(statuses) == expected


def test_every_route_has_a_row() -> None:
    rows = {(method, route.removeprefix("!")) for method, route, *_ in TABLE}
    routes: set[tuple[str, str]] = set()
    for resource in app.RESOURCES:
        for route in resource.router.routes:
            assert isinstance(route, APIRoute)
            parts = route.path.removeprefix("/api/messaging").split("/")
            path = "/".join("*" if part.startswith("{") else part for part in parts)
            routes |= {(method, path) for method in route.methods or ()}
    assert routes == rows
