"""From a token to a principal: what is believed, and what is not."""

import time
from typing import Any

import jwt
import pytest

from messaging.access import LOWEST, Action, Principal, Role, may, require
from messaging.errors import Forbidden, InvalidInput, InvalidToken
from messaging.identity import Caller, Identity, Names, local_token, principal
from messaging.models import MandateId
from messaging.tokens import LocalTokens
from tests.product import LOCAL_KEY

IDENTITY = Identity(LocalTokens(LOCAL_KEY), Names())
GOOD: dict[str, Any] = {
    "iss": "local",
    "aud": "messaging",
    "sub": "alice",
    "mandateId": "m1",
    "roles": ["Messaging.User"],
    "exp": 4_000_000_000,
}


def bearer(**claims: Any) -> dict[str, str]:
    """The header of a token of this machine, with other claims; None leaves one out."""
    changed = {name: value for name, value in {**GOOD, **claims}.items() if value is not None}
    return {"authorization": "Bearer " + jwt.encode(changed, LOCAL_KEY, algorithm="HS256")}


async def test_a_printed_token_is_understood() -> None:
    asked = Principal("alice", MandateId("m1"), Role.ADMIN, "s1")
    token = local_token(LOCAL_KEY, asked, time.time() + 60)
    caller = await IDENTITY.caller({"authorization": f"Bearer {token}"})
    assert caller == Caller("alice", "m1", Role.ADMIN, "s1")
    assert principal(caller, None) == asked


CLAIMS: list[tuple[dict[str, Any], type[Exception] | Caller]] = [
    ({}, Caller("alice", "m1", Role.USER, "alice")),
    ({"oid": "o1"}, Caller("o1", "m1", Role.USER, "o1")),
    ({"sub": None}, InvalidToken),
    ({"sub": ""}, InvalidToken),
    ({"sub": "x" * 257}, InvalidToken),
    ({"oid": 7}, InvalidToken),
    ({"oid": ["alice"]}, InvalidToken),
    ({"oid": "\ud800"}, InvalidToken),
    ({"sid": "s", "jti": "j"}, Caller("alice", "m1", Role.USER, "s")),
    ({"jti": "j"}, Caller("alice", "m1", Role.USER, "j")),
    ({"sid": {"a": 1}, "jti": "x" * 257}, Caller("alice", "m1", Role.USER, "alice")),
    ({"roles": None}, Forbidden),
    ({"roles": []}, Forbidden),
    ({"roles": ["Other.Admin"]}, Forbidden),
    ({"roles": ["messaging.admin"]}, Forbidden),
    ({"roles": "Messaging.Adminx"}, Forbidden),
    ({"roles": "Messaging.MandateAdmin"}, Caller("alice", "m1", Role.MANDATE_ADMIN, "alice")),
    ({"roles": ["Messaging.User", "Messaging.Admin", "x"]}, Caller("alice", "m1", Role.ADMIN, "alice")),
    ({"roles": {"Messaging.Admin": True}}, InvalidToken),
    ({"roles": 7}, InvalidToken),
    ({"roles": [["Messaging.Admin"]]}, InvalidToken),
    ({"mandateId": None}, Caller("alice", None, Role.USER, "alice")),
    ({"mandateId": "m/1"}, Forbidden),
    ({"mandateId": ["m1"]}, Forbidden),
    ({"mandateId": ""}, Forbidden),
]


@pytest.mark.parametrize(("claims", "expected"), CLAIMS)
async def test_what_a_trusted_token_says(claims: dict[str, Any], expected: type[Exception] | Caller) -> None:
    if isinstance(expected, Caller):
        assert await IDENTITY.caller(bearer(**claims)) == expected
    else:
        with pytest.raises(expected):
            await IDENTITY.caller(bearer(**claims))


async def test_claims_may_have_other_names() -> None:
    identity = Identity(LocalTokens(LOCAL_KEY), Names(user="email", mandate="tid", roles="groups"))
    caller = await identity.caller(bearer(email="a@example.com", tid="t1", groups="Messaging.User", oid="o1"))
    assert caller == Caller("a@example.com", "t1", Role.USER, "a@example.com")


MANDATES = [
    (Role.USER, "m1", None, "m1"),
    (Role.USER, "m1", "m1", "m1"),
    (Role.USER, "m1", "m2", Forbidden),
    (Role.USER, None, None, Forbidden),
    (Role.USER, None, "m1", Forbidden),
    (Role.MANDATE_ADMIN, "m1", "m2", Forbidden),
    (Role.ADMIN, "m1", None, "m1"),
    (Role.ADMIN, "m1", "m2", "m2"),
    (Role.ADMIN, None, "m2", "m2"),
    (Role.ADMIN, None, None, InvalidInput),
    (Role.ADMIN, None, "", InvalidInput),
    (Role.ADMIN, None, "a/b", InvalidInput),
    (Role.ADMIN, None, "m' or PartitionKey eq 'm2", InvalidInput),
    (Role.ADMIN, None, "m~1", InvalidInput),
    (Role.ADMIN, None, "x" * 129, InvalidInput),
]


@pytest.mark.parametrize(("role", "own", "named", "expected"), MANDATES)
def test_the_mandate_is_the_callers_or_for_an_admin_the_named_one(
    role: Role, own: str | None, named: str | None, expected: Any
) -> None:
    caller = Caller("alice", own, role, "s")
    if isinstance(expected, str):
        assert principal(caller, named).mandateId == expected
    else:
        with pytest.raises(expected):
            principal(caller, named)


def test_every_action_has_a_lowest_role() -> None:
    assert set(LOWEST) == set(Action)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("action", Action)
def test_a_role_may_what_its_lowest_role_says(role: Role, action: Action) -> None:
    who = Principal("alice", MandateId("m1"), role, "s")
    assert may(who, action) == (role >= LOWEST[action])
    if not may(who, action):
        with pytest.raises(Forbidden):
            require(who, action)
