"""The issuer's keys: asked for as seldom as possible, and used as long as is safe."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from messaging.errors import InvalidToken, IssuerUnavailable
from messaging.http import Http
from messaging.jwks import COOLDOWN, FRESH, KEPT, LARGEST, RETRY, Keys
from tests.issuer import EC, RSA, STRANGER, WEAK, Issuer, issuing, jwk
from tests.product import Clock


class World:
    def __init__(self, issuer: Issuer, http: Http) -> None:
        self.issuer = issuer
        self.clock = Clock()
        self.keys = Keys(issuer.url, http, self.clock)

    async def settled(self) -> None:
        """Let a fetch behind the requests end."""
        while self.keys._fetching:
            await asyncio.sleep(0.01)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    http = Http()
    async with issuing() as issuer:
        here = World(issuer, http)
        yield here
        await here.settled()
        await http.close()


async def test_keys_are_asked_for_once_an_hour(world: World) -> None:
    for kid in ("rsa", "ec", "rsa"):
        await world.keys.get(kid)
    assert world.issuer.asked == 1
    world.clock.forward(FRESH)
    await world.keys.get("rsa")
    await world.settled()
    assert world.issuer.asked == 2


async def test_a_clock_that_was_fast_does_not_keep_new_keys_out(world: World) -> None:
    world.clock.forward(7200)
    await world.keys.get("rsa")
    world.clock.forward(-7200)
    world.issuer.keys.append(jwk(STRANGER, "next"))
    await world.keys.get("next")
    assert world.issuer.asked == 2


async def test_many_requests_share_one_fetch(world: World) -> None:
    await asyncio.gather(*(world.keys.get("rsa") for _ in range(50)))
    assert world.issuer.asked == 1


async def test_unknown_names_do_not_hammer_the_issuer(world: World) -> None:
    await world.keys.get("rsa")
    world.clock.forward(COOLDOWN)
    for number in range(20):
        with pytest.raises(InvalidToken):
            await world.keys.get(f"../../../dev/null{number}")
    assert world.issuer.asked == 2


async def test_a_new_key_is_found_and_a_withdrawn_one_is_forgotten(world: World) -> None:
    await world.keys.get("rsa")
    world.issuer.keys = [jwk(STRANGER, "next")]
    world.clock.forward(COOLDOWN)
    await world.keys.get("next")
    with pytest.raises(InvalidToken):
        await world.keys.get("rsa")


async def test_old_keys_go_on_while_the_issuer_is_down_but_not_for_ever(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    await world.keys.get("rsa")
    world.issuer.status = 500
    for _ in range(5):
        world.clock.forward(FRESH)
        await world.keys.get("rsa")
        await world.settled()
    assert world.issuer.asked == 6
    assert [one.levelno for one in caplog.records] == [logging.ERROR], "once an outage"
    with pytest.raises(IssuerUnavailable):  # it may be a new one
        await world.keys.get("other")
    world.clock.forward(KEPT)
    with pytest.raises(IssuerUnavailable):
        await world.keys.get("rsa")


async def test_an_issuer_that_is_down_at_the_start_is_asked_again_soon(world: World) -> None:
    world.issuer.status = 503
    with pytest.raises(IssuerUnavailable) as refused:
        await world.keys.get("rsa")
    assert refused.value.retryAfter == RETRY
    with pytest.raises(IssuerUnavailable):
        await world.keys.get("rsa")
    assert world.issuer.asked == 1
    world.clock.forward(RETRY)
    world.issuer.status = 200
    await world.keys.get("rsa")


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (200, b"", {}),
        (200, b"not json", {}),
        (200, b"\xff", {}),
        (200, b"[]", {}),
        (200, b'{"keys": {}}', {}),
        (200, b'{"keys": []}', {}),
        (200, b"[" * 100_000, {}),
        (200, b'{"keys": [' + b" " * LARGEST + b"]}", {}),
        (302, b"", {"Location": "http://169.254.169.254/"}),
        (404, b"{}", {}),
    ],
)
async def test_what_is_no_key_set_counts_as_an_outage(
    world: World, status: int, body: bytes, headers: dict[str, str]
) -> None:
    world.issuer.status, world.issuer.body, world.issuer.headers = status, body, headers
    with pytest.raises(IssuerUnavailable):
        await world.keys.get("rsa")


async def test_nobody_at_home_is_an_outage() -> None:
    http = Http()
    with pytest.raises(IssuerUnavailable):
        await Keys("http://127.0.0.1:9/keys", http, Clock()).get("rsa")
    await http.close()


UNUSABLE: list[Any] = [
    7,
    {},
    {"kid": "x"},
    {"kty": "RSA", "kid": "x", "n": "?", "e": "?"},
    {"kty": "oct", "kid": "x", "k": "c2VjcmV0"},
    {"kty": "oct", "kid": "x"},
    jwk(RSA, "x", use="enc"),
    jwk(WEAK, "x"),
    jwk(RSA, "x", alg="RS512"),
    jwk(RSA, "x", alg="ES256"),
    {**jwk(RSA, "x"), "kid": 7},
]


@pytest.mark.parametrize("given", UNUSABLE)
async def test_keys_that_sign_no_tokens_are_left_out(world: World, given: Any) -> None:
    world.issuer.keys = [given, jwk(EC, "ec")]
    await world.keys.get("ec")
    with pytest.raises(InvalidToken):
        await world.keys.get("x")
