"""Azure's own login: its header is the identity, and nothing else is."""

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from messaging.access import Role
from tests.api.client import Answer, Client
from tests.product import Product, running

OID = "http://schemas.microsoft.com/identity/claims/objectidentifier"
ROLE = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
TENANT = "http://schemas.microsoft.com/identity/claims/tenantid"
NAME = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier"


@pytest.fixture
async def product(storage: str, tmp_path: Path) -> AsyncIterator[Product]:
    async with running(storage, tmp_path, MESSAGING_AUTH="easyauth", WEBSITE_AUTH_ENABLED="True") as one:
        await one.subscription()
        await one.subscribe("alice")
        await one.subscribe("bob")
        yield one


def header(mandateId: str, *claims: tuple[str, str], role_typ: str = "roles") -> str:
    """What Azure's login sends."""
    pairs = [{"typ": name, "val": value} for name, value in (*claims, ("mandateId", mandateId))]
    document = {"auth_typ": "aad", "claims": pairs, "name_typ": "name", "role_typ": role_typ}
    return base64.b64encode(json.dumps(document).encode()).decode()


async def asked(product: Product, text: str | None, path: str = "/registrations") -> Answer:
    client = Client(product.messaging, product.mandateId)
    return await client("GET", path) if text is None else await client("GET", path, x_ms_client_principal=text)


KNOWN: list[tuple[str, list[tuple[str, str]], str]] = [
    ("short names", [("oid", "alice"), ("roles", "Messaging.User")], "roles"),
    ("long names", [(OID, "alice"), (ROLE, "Messaging.User")], ROLE),
    ("no object id", [(NAME, "alice"), (ROLE, "Messaging.User")], ROLE),
    ("a role type of its own", [("oid", "alice"), ("http://x/role", "Messaging.User")], "http://x/role"),
    ("several roles", [("oid", "alice"), ("roles", "Other"), ("roles", "Messaging.User")], "roles"),
]


@pytest.mark.parametrize(
    ("claims", "role_typ"), [(claims, kind) for _, claims, kind in KNOWN], ids=[one[0] for one in KNOWN]
)
async def test_who_is_signed_in_sees_what_is_theirs(
    product: Product, claims: list[tuple[str, str]], role_typ: str
) -> None:
    answer = await asked(product, header(product.mandateId, *claims, role_typ=role_typ))
    assert [one["userId"] for one in answer.json()["items"]] == ["alice"]


@pytest.mark.parametrize(
    "names",
    [
        {"MESSAGING_CLAIM_ROLES": "groups", "MESSAGING_CLAIM_MANDATE": "mandateId"},
        {"MESSAGING_CLAIM_ROLES": "roles", "MESSAGING_CLAIM_MANDATE": TENANT},
        {"MESSAGING_CLAIM_ROLES": ROLE, "MESSAGING_CLAIM_MANDATE": "tid"},
    ],
)
async def test_settings_may_name_a_claim_either_way(storage: str, tmp_path: Path, names: dict[str, Any]) -> None:
    easy: Any = {"MESSAGING_AUTH": "easyauth", "WEBSITE_AUTH_ENABLED": "True", **names}
    async with running(storage, tmp_path, **easy) as one:
        claims = [
            ("oid", "alice"),
            ("groups", "Messaging.User"),
            (ROLE, "Messaging.User"),
            (TENANT, one.mandateId),
        ]
        answer = await asked(one, header(one.mandateId, *claims, role_typ="groups"))
        assert answer.status == 200, answer.body


def coded(document: Any) -> str:
    return base64.b64encode(json.dumps(document).encode()).decode()


REFUSED: list[tuple[str, str | None, int]] = [
    ("nobody", None, 401),
    ("nothing", "", 401),
    ("not base64", "{}", 401),
    ("not JSON", base64.b64encode(b"\xff{").decode(), 401),
    ("a list", coded([]), 401),
    ("no claims", coded({"role_typ": "roles"}), 401),
    ("claims that are no list", coded({"claims": {"typ": "oid", "val": "alice"}}), 401),
    ("a claim without a value", coded({"claims": [{"typ": "oid"}]}), 401),
    ("a value that is a number", coded({"claims": [{"typ": "oid", "val": 7}]}), 401),
    ("far too much", coded({"claims": [{"typ": "x", "val": "y" * 60_000}]}), 401),
    ("far too deep", base64.b64encode(b"[" * 40_000).decode(), 401),
    ("two users", header("m1", ("oid", "alice"), ("oid", "bob"), ("roles", "Messaging.User")), 401),
    ("the header twice", ",".join([header("m1", ("oid", "alice"), ("roles", "Messaging.User"))] * 2), 401),
    ("no role", header("m1", ("oid", "alice")), 403),
    ("two mandates", header("m1", ("mandateId", "m2"), ("oid", "alice"), ("roles", "Messaging.User")), 403),
]


@pytest.mark.parametrize(("text", "status"), [one[1:] for one in REFUSED], ids=[one[0] for one in REFUSED])
async def test_nobody_else_is_known(product: Product, text: str | None, status: int) -> None:
    answer = await asked(product, text)
    assert answer.status == status, answer.body
    assert ("www-authenticate" in answer.headers) == (status == 401)


async def test_bearer_tokens_are_not_looked_at(product: Product) -> None:
    admin = Client(product.messaging, product.mandateId, Role.ADMIN)
    assert (await admin("GET", "/registrations")).status == 401
    alice = header(product.mandateId, ("oid", "alice"), ("roles", "Messaging.User"))
    answer = await admin("GET", "/registrations", x_ms_client_principal=alice)
    assert [one["userId"] for one in answer.json()["items"]] == ["alice"]
