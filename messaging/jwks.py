"""The issuer's public keys: fetched when they are needed, kept, and never asked for on a stranger's word.

Source: RFC 7517 (JWK sets), RFC 8725 (JWT best current practice).
"""

import asyncio
import json
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from messaging.errors import InvalidToken, IssuerUnavailable
from messaging.http import Http

if TYPE_CHECKING:
    from jwt import PyJWK

logger = logging.getLogger(__name__)

ALGORITHMS = {"RS256": 2048, "ES256": 256}
"""What a signature may be made with, and the bits that its key must have at least."""

FRESH = 3600
KEPT = 24 * 3600
"""Keys are asked for again after an hour, and go on being used for a day while the issuer cannot be reached."""

COOLDOWN = 30
RETRY = 5
"""Seconds between two fetches, whatever tokens name; after one that failed it may be tried sooner."""

TIMEOUT = 5
LARGEST = 256 * 1024


class Keys:
    """The keys behind one URL."""

    def __init__(self, url: str, http: Http, clock: Callable[[], float]) -> None:
        self._url = url
        self._http = http
        self._clock = clock
        self._keys: dict[str, PyJWK] = {}
        self._fetched = self._next = float("-inf")
        self._failed = False
        self._fetching: asyncio.Task[None] | None = None

    async def get(self, kid: str) -> "PyJWK":
        """The key of this name. Raises InvalidToken for an unknown one, IssuerUnavailable if nobody can say.

        A key that is known is never waited for: it is renewed behind the request.
        """
        now = self._clock()
        may_ask = not self._fetching and not 0 < self._next - now <= COOLDOWN  # nor after a clock that was fast
        if may_ask and (kid not in self._keys or not 0 <= now - self._fetched < FRESH):
            self._next = now + COOLDOWN
            self._fetching = asyncio.create_task(self._fetch())
        if self._fetching and not self._usable(kid):
            await asyncio.shield(self._fetching)
        if self._usable(kid):
            return self._keys[kid]
        if self._failed:
            raise IssuerUnavailable(max(1.0, self._next - self._clock()))
        raise InvalidToken("The bearer token is signed with a key that its issuer does not have")

    def _usable(self, kid: str) -> bool:
        return kid in self._keys and self._clock() - self._fetched < KEPT

    async def _fetch(self) -> None:
        """Replace the keys, or keep the old ones if the issuer does not give any. Raises nothing."""
        try:
            self._keys = await self._asked()
            self._fetched, self._failed = self._clock(), False
        except Exception as error:  # whatever it is, it must not end in a request or in nobody's task
            if not self._failed:  # once an outage
                logger.error("The issuer's keys at %s cannot be read: %s", self._url, type(error).__name__)
            self._failed, self._next = True, self._clock() + RETRY
        finally:
            self._fetching = None

    async def _asked(self) -> "dict[str, PyJWK]":
        from aiohttp import ClientTimeout

        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        request = self._http.session().get(
            self._url, headers=headers, allow_redirects=False, timeout=ClientTimeout(total=TIMEOUT)
        )
        async with request as answer:
            if answer.status != 200:
                raise ValueError(f"status {answer.status}")
            body = await answer.content.read(LARGEST + 1)
            while len(body) <= LARGEST and (more := await answer.content.read(LARGEST)):
                body += more
        if len(body) > LARGEST:
            raise ValueError("too large")
        document = json.loads(body)
        given = document.get("keys") if isinstance(document, dict) else None
        keys = dict(filter(None, map(_key, given))) if isinstance(given, list) else {}
        if not keys:
            raise ValueError("no usable keys")
        return keys


def _key(given: Any) -> "tuple[str, PyJWK] | None":
    """A key by its name, if tokens may be signed with it."""
    from jwt import PyJWK, PyJWTError  # see tokens.py

    if not isinstance(given, dict) or given.get("use", "sig") != "sig" or not isinstance(given.get("kid"), str):
        return None
    try:
        key = PyJWK(given)
    except (PyJWTError, KeyError, TypeError, ValueError):
        return None
    least = ALGORITHMS.get(key.algorithm_name)
    return (given["kid"], key) if least and getattr(key.key, "key_size", 0) >= least else None
