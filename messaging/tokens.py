"""Bearer tokens: what they claim, if their signature, issuer, audience and times are right.

PyJWT and the cryptography below it are imported with the first token: instances of queues and timers see none.
Source: RFC 8725 (JWT best current practice), RFC 9068 (access tokens), RFC 6750 (the Authorization header).
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from messaging.errors import InvalidToken, Unauthenticated
from messaging.jwks import ALGORITHMS, Keys

LOCAL_ISSUER = "local"
LOCAL_AUDIENCE = "messaging"

LEEWAY = 60
"""Seconds that the issuer's clock may differ from ours."""

LONGEST = 16_384

Claims = dict[str, Any]


class LocalTokens:
    """Tokens of this machine, signed with its own key (`make token`)."""

    def __init__(self, key: str) -> None:
        self._key = key

    async def claims(self, headers: Mapping[str, str]) -> Claims:
        """Raises Unauthenticated without a token, InvalidToken with one that is not ours."""
        return _verified(bearer(headers), self._key, "HS256", (LOCAL_ISSUER, LOCAL_AUDIENCE))

    async def ready(self) -> None:
        """The key is there: settings.py has seen to it."""


class IssuedTokens:
    """Access tokens of an identity provider, for one audience."""

    def __init__(self, issuer: str, audience: str, keys: Keys) -> None:
        self._expected = (issuer, audience)
        self._keys = keys

    async def claims(self, headers: Mapping[str, str]) -> Claims:
        """Raises Unauthenticated without a token, InvalidToken, IssuerUnavailable when the keys cannot be had."""
        token = bearer(headers)
        algorithm, kid = _named(token)
        key = await self._keys.get(kid)
        if key.algorithm_name != algorithm:
            raise InvalidToken("The bearer token is not signed the way its key signs")
        claims = _verified(token, key.key, algorithm, self._expected)
        if _is_id_token(claims):
            raise InvalidToken("The bearer token is an ID token; an access token is needed")
        return claims

    async def ready(self) -> None:
        """Raise IssuerUnavailable if the issuer's keys cannot be had."""
        with suppress(InvalidToken):  # no key has this name
            await self._keys.get("")


def bearer(headers: Mapping[str, str]) -> str:
    """The token of an Authorization header. Raises Unauthenticated."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("A bearer token is needed")
    if len(token) > LONGEST:
        raise InvalidToken(f"The bearer token has more than {LONGEST} characters")
    return token


def _named(token: str) -> tuple[str, str]:
    """Algorithm and key id, looked at before anything is fetched for them. Raises InvalidToken."""
    import jwt

    try:
        header = jwt.get_unverified_header(token)
    except (jwt.InvalidTokenError, ValueError, RecursionError):
        raise InvalidToken("The bearer token is not a JWT") from None
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise InvalidToken(f"The bearer token must be signed with {' or '.join(ALGORITHMS)}")
    if not isinstance(kid, str) or not kid:
        raise InvalidToken("The bearer token names no key (kid)")
    if "crit" in header:
        raise InvalidToken("The bearer token has critical headers, which are not understood here")
    return algorithm, kid


def _verified(token: str, key: Any, algorithm: str, expected: tuple[str, str]) -> Claims:
    import jwt

    issuer, audience = expected
    try:
        return jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            issuer=issuer,
            audience=audience,
            leeway=LEEWAY,
            options={"require": ["exp", "iss", "aud"]},
        )
    except jwt.ExpiredSignatureError:
        raise InvalidToken("The bearer token has expired") from None
    except (jwt.InvalidTokenError, TypeError, ValueError, RecursionError):
        raise InvalidToken("The bearer token is not valid here") from None


def _is_id_token(claims: Claims) -> bool:
    """What tells a client who signed in, and is not meant for an API (OpenID Connect Core, 2 and 3.3.2.11)."""
    if "nonce" in claims and not {"scp", "scope"} & claims.keys():
        return True
    return bool({"at_hash", "c_hash"} & claims.keys()) or claims.get("typ") == "ID"
