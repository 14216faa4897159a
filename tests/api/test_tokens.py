"""Tokens of an identity provider at the door of the API: what is believed, what is not, and how often it is asked.

The traps of RFC 8725, each as a request.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jwt
import pytest

from messaging.access import Role
from tests.api.client import Answer, Client
from tests.issuer import AUDIENCE, EC, ISSUER, PEM, STRANGER, Issuer, issuing, jwk, token
from tests.product import Product, running

KID = {"kid": "rsa"}
PATH = "/subscriptions"


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with issuing() as one:
        yield one


@pytest.fixture
async def product(storage: str, tmp_path: Path, issuer: Issuer) -> AsyncIterator[Product]:
    jwks: Any = {"MESSAGING_AUTH": "jwt", "MESSAGING_JWT_ISSUER": ISSUER, "MESSAGING_JWT_AUDIENCE": AUDIENCE}
    async with running(storage, tmp_path, **jwks, MESSAGING_JWT_JWKS_URL=issuer.url) as one:
        yield one


async def asked(product: Product, bearer: str, path: str = PATH) -> Answer:
    client = Client(product.messaging, product.mandateId)
    client.authorize(bearer)
    return await client("GET", path)


def coded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def part(document: dict[str, Any]) -> str:
    return coded(json.dumps(document).encode())


def unsigned() -> str:
    claims = jwt.decode(token(), options={"verify_signature": False})
    return f"{part({'alg': 'none', 'typ': 'JWT', **KID})}.{part(claims)}."


def signed_with_public_key() -> str:
    """HS256 with the issuer's public key as the secret, which PyJWT itself refuses to make."""
    signed = f"{part({'alg': 'HS256', 'typ': 'JWT', **KID})}.{token().split('.')[1]}"
    return f"{signed}.{coded(hmac.digest(PEM, signed.encode(), hashlib.sha256))}"


BELIEVED = [
    ("RS256", token()),
    ("ES256", token(key=EC, algorithm="ES256", headers={"kid": "ec"})),
    ("our audience among others", token(aud=["another", AUDIENCE])),
    ("an app without a user", token(oid=None, sub="app-1", idtyp="app")),
    ("a nonce beside a scope", token(nonce="n", scp="messages")),
]

TRAPS = [
    ("not a token", "abc"),
    ("not base64", "a.b.c"),
    ("too long", "a" * 20_000),
    ("alg none", unsigned()),
    ("HS256 with the public key", signed_with_public_key()),
    ("RS512", token(algorithm="RS512")),
    ("PS256", token(algorithm="PS256")),
    ("another key under the same name", token(key=STRANGER)),
    ("an embedded key", token(key=STRANGER, headers={**KID, "jwk": jwk(STRANGER, "rsa")})),
    ("a key elsewhere", token(key=STRANGER, headers={**KID, "jku": "http://127.0.0.1:9/keys"})),
    ("a certificate elsewhere", token(key=STRANGER, headers={**KID, "x5u": "http://127.0.0.1:9/cert"})),
    ("an algorithm that is a list", f"{part({'alg': ['RS256'], **KID})}.{part({})}.x"),
    ("an algorithm that is an object", f"{part({'alg': {'a': 1}, **KID})}.{part({})}.x"),
    ("no key id", token(headers={})),
    ("an empty key id", token(headers={"kid": ""})),
    ("a path as key id", token(headers={"kid": "../../../dev/null"})),
    ("the other key's id", token(headers={"kid": "ec"})),
    ("critical headers", token(headers={**KID, "crit": ["b64"], "b64": False})),
    ("another audience", token(aud="another")),
    ("other audiences", token(aud=["another", "third"])),
    ("no audience", token(aud=None)),
    ("another issuer", token(iss="https://login.example.com/other/v2.0")),
    ("the issuer's first version", token(iss="https://sts.windows.net/tenant/")),
    ("the issuer with a slash more", token(iss=f"{ISSUER}/")),
    ("no issuer", token(iss=None)),
    ("expired", token(exp=1_700_000_000)),
    ("no expiry", token(exp=None)),
    ("an expiry that is no number", token(exp="soon")),
    ("not yet", token(nbf=4_000_000_000)),
    ("no user", token(oid=None)),
    ("roles that are an object", token(roles={"Messaging.Admin": True})),
    ("an ID token of a code flow", token(nonce="n")),
    ("an ID token of a hybrid flow", token(at_hash="h", scp="messages")),
    ("a Keycloak ID token", token(typ="ID")),
]


@pytest.mark.parametrize("bearer", [one for _, one in BELIEVED], ids=[name for name, _ in BELIEVED])
async def test_an_access_token_for_us_is_believed(product: Product, bearer: str) -> None:
    assert (await asked(product, bearer)).status == 200


@pytest.mark.parametrize("bearer", [one for _, one in TRAPS], ids=[name for name, _ in TRAPS])
async def test_nothing_else_is(product: Product, bearer: str) -> None:
    answer = await asked(product, bearer)
    assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Bearer error="invalid_token"'), (
        answer.body
    )
    assert bearer not in answer.body.decode()


async def test_clocks_may_differ_by_half_a_minute_but_not_by_two(product: Product) -> None:
    now = int(time.time())
    for near in (token(nbf=now + 30, iat=now + 30), token(exp=now - 30)):
        assert (await asked(product, near)).status == 200
    for far in (token(nbf=now + 120), token(exp=now - 120)):
        assert (await asked(product, far)).status == 401


async def test_a_token_in_the_query_is_not_looked_at(product: Product) -> None:
    nobody = Client(product.messaging, product.mandateId)
    for name in ("access_token", "token", "authorization"):
        answer = await nobody("GET", f"{PATH}?{name}={token()}")
        assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")


async def test_without_a_role_it_is_403(product: Product) -> None:
    for roles in (None, [], ["Another.Role"]):
        assert (await asked(product, token(roles=roles))).status == 403


async def test_local_tokens_are_not_believed(product: Product) -> None:
    local = Client(product.messaging, product.mandateId, Role.ADMIN)
    assert (await local("GET", PATH)).status == 401


async def test_unknown_keys_do_not_reach_the_issuer_one_by_one(product: Product, issuer: Issuer) -> None:
    assert (await asked(product, token())).status == 200
    product.clock.forward(60)
    for number in range(20):
        assert (await asked(product, token(headers={"kid": f"k{number}"}))).status == 401
    assert issuer.asked == 2
    assert (await asked(product, token())).status == 200


async def test_an_algorithm_or_a_missing_key_id_asks_nobody(product: Product, issuer: Issuer) -> None:
    for bearer in (token(algorithm="RS512"), token(headers={}), signed_with_public_key(), "a.b.c"):
        assert (await asked(product, bearer)).status == 401
    assert issuer.asked == 0


async def test_an_issuer_that_is_down_is_503_and_comes_back(product: Product, issuer: Issuer) -> None:
    issuer.status = 500
    answer = await asked(product, token())
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    product.clock.forward(5)
    issuer.status = 200
    assert (await asked(product, token())).status == 200


async def test_a_workflow_triggers_with_its_own_identity(product: Product) -> None:
    """An app-only token: no user, no scope, a role that was assigned to the app."""
    await product.subscription()
    app = Client(product.messaging, product.mandateId)
    bearer = token(oid="workflow-1", mandateId=None, roles=["Messaging.Admin"], idtyp="app", azp="c1")
    app.authorize(bearer)
    path = f"/trigger/SystemErrors?mandateId={product.mandateId}"
    answer = await app("POST", path, {"eventParameters": {}})
    assert answer.status == 200, answer.body
    execution = await app("GET", f"/executions/{answer.json()['executionId']}?mandateId={product.mandateId}")
    assert execution.json()["createdBy"] == "workflow-1"


async def test_the_mandate_is_the_tokens(product: Product) -> None:
    await product.subscription()
    ours, theirs = [await asked(product, token(mandateId=one)) for one in (product.mandateId, "another")]
    assert len(ours.json()["items"]) == 1 and theirs.json()["items"] == []
