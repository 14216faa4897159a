"""From a token to a principal: what is believed, and what is not."""

import time
from typing import Any

import jwt
import pytest

from messaging.access import LOWEST, Action, Principal, Role, may, require
from messaging.errors import Forbidden, InvalidInput, Unauthenticated
from messaging.identity import Caller, Identity, local_token, principal
from messaging.models import MandateId
from tests.product import LOCAL_KEY, settings

IDENTITY = Identity(settings("UseDevelopmentStorage=true"))
GOOD: dict[str, Any] = {
    "iss": "local",
    "aud": "messaging",
    "sub": "alice",
    "mandateId": "m1",
    "roles": ["Messaging.User"],
    "exp": 4_000_000_000,
}


def bearer(key: str = LOCAL_KEY, algorithm: str = "HS256", **claims: Any) -> str:
    changed = {name: value for name, value in {**GOOD, **claims}.items() if value is not None}
    return "Bearer " + jwt.encode(changed, key, algorithm=algorithm)


def test_a_printed_token_is_understood() -> None:
    asked = Principal("alice", MandateId("m1"), Role.ADMIN, "s1")
    caller = IDENTITY.caller("Bearer " + local_token(LOCAL_KEY, asked, time.time() + 60))
    assert caller == Caller("alice", "m1", Role.ADMIN, "s1")
    assert principal(caller, None) == asked


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic YWxpY2U6eA==",
        "Bearer not.a.token",
        bearer(key=LOCAL_KEY[::-1]),
        bearer(key="", algorithm="none"),
        bearer(algorithm="HS512"),
        bearer(aud="another"),
        bearer(aud=None),
        bearer(iss="another"),
        bearer(iss=None),
        bearer(exp=1),
        bearer(exp=None),
        bearer(nbf=4_000_000_000),
        bearer(sub=None),
        bearer(sub=""),
        bearer(sub="x" * 257),
    ],
)
def test_what_cannot_be_trusted_is_no_identity(header: str | None) -> None:
    with pytest.raises(Unauthenticated):
        IDENTITY.caller(header)


@pytest.mark.parametrize("roles", [None, [], ["Other.Admin"], ["messaging.admin"], "Messaging.Adminx"])
def test_without_a_known_role_nothing_is_allowed(roles: Any) -> None:
    with pytest.raises(Forbidden):
        IDENTITY.caller(bearer(roles=roles))


def test_the_highest_role_wins() -> None:
    roles = ["Messaging.User", "Messaging.Admin", "Other", "Messaging.MandateAdmin"]
    assert IDENTITY.caller(bearer(roles=roles)).role is Role.ADMIN
    assert IDENTITY.caller(bearer(roles="Messaging.MandateAdmin")).role is Role.MANDATE_ADMIN


@pytest.mark.parametrize(
    ("claims", "session"), [({"sid": "s", "jti": "j"}, "s"), ({"jti": "j"}, "j"), ({}, "alice")]
)
def test_the_session_is_sid_else_jti_else_the_user(claims: dict[str, str], session: str) -> None:
    assert IDENTITY.caller(bearer(**claims)).session == session


def test_the_user_is_oid_else_sub() -> None:
    assert IDENTITY.caller(bearer(oid="o1")).userId == "o1"


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
