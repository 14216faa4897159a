"""An identity provider of the tests: keys of its own, a server that publishes them and counts who asks."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
WEAK = rsa.generate_private_key(public_exponent=65537, key_size=1024)
EC = ec.generate_private_key(ec.SECP256R1())
PEM = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

ISSUER = "https://login.example.com/tenant/v2.0"
AUDIENCE = "5a4d0000-0000-4000-8000-00000000abcd"


def jwk(key: Any, kid: str, **more: Any) -> dict[str, Any]:
    """The public half of a key, as an issuer publishes it."""
    algorithm = ECAlgorithm if isinstance(key, ec.EllipticCurvePrivateKey) else RSAAlgorithm
    return {**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig", **more}


def token(
    *, key: Any = RSA, algorithm: str = "RS256", headers: dict[str, Any] | None = None, **claims: Any
) -> str:
    """A token of the issuer for a Mandate-Admin, with other claims and headers; None leaves one out."""
    usual = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "oid": "alice",
        "mandateId": "m1",
        "roles": ["Messaging.MandateAdmin"],
        "exp": int(time.time()) + 86_400,
    }
    said = {name: value for name, value in {**usual, **claims}.items() if value is not None}
    return jwt.encode(said, key, algorithm=algorithm, headers={"kid": "rsa"} if headers is None else headers)


@dataclass
class Issuer:
    """What the server answers now, and how often it was asked."""

    url: str = ""
    status: int = 200
    keys: list[Any] = field(default_factory=lambda: [jwk(RSA, "rsa"), jwk(EC, "ec")])
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    asked: int = 0

    async def answer(self, request: web.Request) -> web.Response:
        self.asked += 1
        body = self.body if self.body is not None else json.dumps({"keys": self.keys}).encode()
        return web.Response(status=self.status, body=body, headers=self.headers)


@asynccontextmanager
async def issuing() -> AsyncIterator[Issuer]:
    """An issuer that listens until the block ends."""
    issuer = Issuer()
    application = web.Application()
    application.router.add_get("/keys", issuer.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        issuer.url = f"http://127.0.0.1:{runner.addresses[0][1]}/keys?appid=1"
        yield issuer
    finally:
        await runner.cleanup()
