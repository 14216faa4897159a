"""From a caller's claims to a Principal. The only place where a MandateId is made from what a caller sends.

Where the claims come from is a matter of `MESSAGING_AUTH`: tokens.py or easyauth.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeIs

from messaging.access import Principal, Role
from messaging.errors import Forbidden, InvalidInput, InvalidToken
from messaging.models import MANDATE_ID, MandateId
from messaging.tokens import LOCAL_AUDIENCE, LOCAL_ISSUER

ROLES = {
    "Messaging.Admin": Role.ADMIN,
    "Messaging.MandateAdmin": Role.MANDATE_ADMIN,
    "Messaging.User": Role.USER,
}
NO_MANDATE = MandateId("-")
"""Stands where a token names no mandate; no claim can spell it."""


@dataclass(frozen=True, slots=True)
class Caller:
    """An identity before its mandate is settled: an Admin's token may come without one."""

    userId: str
    mandateId: str | None
    role: Role
    session: str

    @property
    def home(self) -> MandateId:
        """The token's own mandate, never one that an Admin names: where the session's calls are counted."""
        return NO_MANDATE if self.mandateId is None else MandateId(self.mandateId)


class Credentials(Protocol):
    """What knows whom a request speaks for."""

    async def claims(self, headers: Mapping[str, str]) -> dict[str, Any]:
        """What is claimed and proven, from headers in lower case. Raises Unauthenticated."""
        ...

    async def ready(self) -> None:
        """Raise IssuerUnavailable if nobody can be recognised right now."""
        ...


@dataclass(frozen=True, slots=True)
class Names:
    """Under which names the claims stand; the user's is `oid`, else `sub`, where none is given."""

    user: str = ""
    mandate: str = "mandateId"
    roles: str = "roles"


class Identity:
    def __init__(self, credentials: Credentials, names: Names) -> None:
        self._credentials = credentials
        self._names = names

    async def ready(self) -> None:
        """Raise IssuerUnavailable if nobody can be recognised right now."""
        await self._credentials.ready()

    async def caller(self, headers: Mapping[str, str]) -> Caller:
        """Whom a request speaks for.

        Raises Unauthenticated, IssuerUnavailable, and Forbidden without a known role or with a mandate that
        cannot be one.
        """
        claims = await self._credentials.claims(headers)
        names = self._names
        userId = claims.get(names.user) if names.user else claims.get("oid") or claims.get("sub")
        if not _is_name(userId):
            raise InvalidToken("The bearer token names no user")
        mandateId = claims.get(names.mandate)
        if mandateId is not None and not (isinstance(mandateId, str) and MANDATE_ID.fullmatch(mandateId)):
            raise Forbidden(f"The bearer token's {names.mandate} is no mandate")
        session = next(one for one in (claims.get("sid"), claims.get("jti"), userId) if _is_name(one))
        return Caller(userId, mandateId, _highest(claims.get(names.roles)), session)


def _is_name(value: Any) -> TypeIs[str]:
    """A text that can be stored, 1 to 256 characters."""
    return (
        isinstance(value, str) and 0 < len(value) <= 256 and not any("\ud800" <= one <= "\udfff" for one in value)
    )


def _highest(claimed: Any) -> Role:
    """The highest of the roles that are claimed, as a list of texts or one text."""
    names = [claimed] if isinstance(claimed, str) else claimed or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InvalidToken("The bearer token's roles are not a list of texts")
    known = [ROLES[name] for name in names if name in ROLES]
    if not known:
        raise Forbidden("The bearer token carries no role of this service")
    return max(known)


def principal(caller: Caller, named: str | None) -> Principal:
    """The caller within one mandate; `named` is the `mandateId` of the query, which is for Admins.

    Raises Forbidden for a mandate that is not the caller's, InvalidInput where an Admin must name one.
    """
    if named is not None and caller.role is not Role.ADMIN and named != caller.mandateId:
        raise Forbidden("Only an Admin may name another mandate")
    chosen = named if named is not None else caller.mandateId
    if chosen is None:
        if caller.role is Role.ADMIN:
            raise InvalidInput("mandateId", "must be named: the token belongs to no mandate")
        raise Forbidden("The bearer token names no mandate")
    return Principal(caller.userId, _mandate(chosen), caller.role, caller.session)


def operator(mandateId: str, userId: str = "cli") -> Principal:
    """An Admin within one mandate, for whoever holds the settings of this process. Raises InvalidInput."""
    if not 0 < len(userId) <= 256 or not userId.isprintable():
        raise InvalidInput("userId", "must be 1 to 256 printable characters")
    return Principal(userId, _mandate(mandateId), Role.ADMIN, userId)


def machine(mandateId: str, name: str) -> Principal:
    """The service itself within one mandate, for what a queue that only our own systems write to asks for.

    It may trigger and no more than a Mandate-Admin. `name` becomes `createdBy`. Raises InvalidInput.
    """
    return Principal(name, _mandate(mandateId), Role.MANDATE_ADMIN, name)


def _mandate(text: object) -> MandateId:
    """The only way from a text to a MandateId. Raises InvalidInput."""
    if not isinstance(text, str) or not MANDATE_ID.fullmatch(text):
        raise InvalidInput("mandateId", "must be 1 to 128 letters, digits and . _ : @ + -")
    return MandateId(text)


def local_token(key: str, principal: Principal, expires: float) -> str:
    """A token for local life, valid until `expires` (UTC seconds)."""
    import jwt

    role = next(name for name, value in ROLES.items() if value is principal.role)
    claims = {
        "iss": LOCAL_ISSUER,
        "aud": LOCAL_AUDIENCE,
        "sub": principal.userId,
        "mandateId": principal.mandateId,
        "roles": [role],
        "sid": principal.session,
        "exp": int(expires),
    }
    return jwt.encode(claims, key, algorithm="HS256")
