"""From a bearer token to a Principal. The only place where a MandateId is made from what a caller sends.

`MESSAGING_AUTH=local` takes tokens signed with a key of this machine (`make token` prints one); settings.py
refuses it outside development.
"""

from dataclasses import dataclass
from typing import Any

import jwt

from messaging.access import Principal, Role
from messaging.errors import Forbidden, InvalidInput, Unauthenticated
from messaging.models import MANDATE_ID, MandateId
from messaging.settings import Settings

ROLES = {
    "Messaging.Admin": Role.ADMIN,
    "Messaging.MandateAdmin": Role.MANDATE_ADMIN,
    "Messaging.User": Role.USER,
}
LOCAL_ISSUER = "local"
LOCAL_AUDIENCE = "messaging"


@dataclass(frozen=True, slots=True)
class Caller:
    """An identity before its mandate is settled: an Admin's token may come without one."""

    userId: str
    mandateId: str | None
    role: Role
    session: str


class Identity:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def caller(self, authorization: str | None) -> Caller:
        """Who an Authorization header speaks for. Raises Unauthenticated, or Forbidden without a known role."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("A bearer token is needed")
        return self._from_claims(self._verified(token.strip()))

    def _verified(self, token: str) -> dict[str, Any]:
        key = self._settings.local_key
        try:
            return jwt.decode(
                token,
                key.get_secret_value() if key else "",
                algorithms=["HS256"],
                audience=LOCAL_AUDIENCE,
                issuer=LOCAL_ISSUER,
                options={"require": ["exp", "sub"]},
            )
        except jwt.ExpiredSignatureError:
            raise Unauthenticated("The bearer token has expired") from None
        except (jwt.InvalidTokenError, TypeError, ValueError):
            raise Unauthenticated("The bearer token is not valid here") from None

    def _from_claims(self, claims: dict[str, Any]) -> Caller:
        settings = self._settings
        userId = claims.get(settings.claim_user) if settings.claim_user else claims.get("oid") or claims.get("sub")
        if not isinstance(userId, str) or not 0 < len(userId) <= 256:
            raise Unauthenticated("The bearer token names no user")
        names = claims.get(settings.claim_roles) or []
        known = [ROLES[name] for name in ([names] if isinstance(names, str) else names) if name in ROLES]
        if not known:
            raise Forbidden("The bearer token carries no role of this service")
        session = claims.get("sid") or claims.get("jti") or userId
        return Caller(userId, claims.get(settings.claim_mandate), max(known), str(session))


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
