"""The `limits` library as rate_limit.py uses it: one moving minute a bucket, on any of the library's storages."""

from collections.abc import Callable
from math import ceil
from typing import Any

from limits import RateLimitItemPerMinute
from limits.aio.storage import RedisStorage, Storage
from limits.aio.strategies import MovingWindowRateLimiter
from limits.errors import StorageError

from messaging.errors import StorageUnavailable
from messaging.rate_limit import Bucket, Standing


class LibraryLimiter:
    """`clock` is the storage's: redis takes the machine's, whatever was injected elsewhere."""

    def __init__(self, storage: Storage, clock: Callable[[], float]) -> None:
        self._storage = storage
        self._limiter = MovingWindowRateLimiter(storage)
        self._clock = clock

    async def hit(self, bucket: Bucket) -> Standing:
        item = RateLimitItemPerMinute(bucket.limit)
        where = (bucket.partition, bucket.key)
        try:
            admitted = await self._limiter.hit(item, *where)
            stats = await self._limiter.get_window_stats(item, *where)
        except (StorageError, OSError) as error:
            raise StorageUnavailable(f"Rate limits cannot be counted ({error})") from error
        reset = max(1, ceil(stats.reset_time - self._clock()))
        remaining = max(0, stats.remaining) if admitted else 0
        return Standing(bucket.limit, remaining, reset, admitted)

    async def close(self) -> None:
        if isinstance(self._storage, RedisStorage):
            bridge: Any = self._storage.bridge
            await bridge.storage.aclose()
