"""Rate limits: which bucket a call counts in, and what counts while the shared store does not answer.

Every instance counts in the same store. If it fails or is slow, each counts for itself, in memory, until it
answers again: limits must not take the service down with them. Source: concept, "Rate Limits".
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Protocol

from messaging.errors import StorageUnavailable
from messaging.identity import Caller
from messaging.models import MandateId
from messaging.storage import keys

logger = logging.getLogger(__name__)

SLOWEST = 2.0
"""Seconds that the store may take for a call."""
PROBE = 5.0
"""Seconds between two tries whether it answers again; one call at a time finds out."""


class Kind(StrEnum):
    """The buckets of a session."""

    SUBSCRIPTIONS = "subscriptions"
    REGISTRATIONS = "registrations"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where a call counts: one row, and how many of them a minute may see."""

    partition: MandateId
    key: str
    limit: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How a bucket stands after a call: how many more are left, and in how many seconds there is one more."""

    limit: int
    remaining: int
    reset: int
    admitted: bool


class Limiter(Protocol):
    async def hit(self, bucket: Bucket) -> Standing:
        """Count a call. Raises StorageUnavailable."""
        ...

    async def close(self) -> None: ...


class RateLimits:
    """`limiters` gives the shared one and the one in memory; it is asked at the first call."""

    def __init__(
        self,
        limiters: Callable[[], tuple[Limiter, Limiter]],
        session: int,
        trigger: int,
        clock: Callable[[], float],
    ) -> None:
        self._make = limiters
        self._session = session
        self._trigger = trigger
        self._clock = clock
        self._nextTry: float | None = None
        """Set during an outage."""

    async def session(self, caller: Caller, kind: Kind) -> Standing:
        """Count a call in a bucket of the caller's session.

        It lies in the token's own mandate: an Admin who names many has no more buckets for it.
        """
        return await self._hit(Bucket(caller.home, keys.session_limit(caller.session, kind), self._session))

    async def trigger(self, mandateId: MandateId, subscriptionId: str) -> Standing:
        """Count a trigger of a subscription that exists, whoever makes it."""
        return await self._hit(Bucket(mandateId, keys.trigger_limit(subscriptionId), self._trigger))

    async def close(self) -> None:
        if "_limiters" in self.__dict__:
            for limiter in self._limiters:
                await limiter.close()

    @cached_property
    def _limiters(self) -> tuple[Limiter, Limiter]:
        return self._make()

    async def _hit(self, bucket: Bucket) -> Standing:
        shared, memory = self._limiters
        if self._may_try():
            try:
                async with asyncio.timeout(SLOWEST):
                    standing = await shared.hit(bucket)
            except (StorageUnavailable, TimeoutError) as error:
                self._failed(error)
            else:
                self._answered()
                return standing
        return await memory.hit(bucket)

    def _may_try(self) -> bool:
        if self._nextTry is None:
            return True
        if self._clock() < self._nextTry:
            return False
        self._nextTry = self._clock() + PROBE
        return True

    def _failed(self, error: Exception) -> None:
        if self._nextTry is None:
            reason = str(error) or type(error).__name__
            logger.error("Rate limits count in the memory of each instance: %s", reason)
        self._nextTry = self._clock() + PROBE

    def _answered(self) -> None:
        if self._nextTry is not None:
            logger.warning("Rate limits count in the shared store again")
        self._nextTry = None
