"""The rate limit over Redis: one script a call, so that all processes count together and none between two others.

The clock is Redis's own. Keys: ratelimit:NAMESPACE:KEY, a hash (s: start in ms, c: current, p: previous) that goes by
itself two periods after its last use.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from redis.asyncio import Redis

from wrangler_compat.errors import RateLimitError
from wrangler_compat.ratelimit.checks import check_call, check_declared
from wrangler_compat.ratelimit.types import RateLimitOutcome
from wrangler_compat.redis_calls import TIMEOUT_SECONDS, answering, open_redis

# As window.take(), line by line. ARGV: limit, period in ms, cost, now in ms ("" : Redis's own).
_TAKE = """
local limit, period, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if cost > limit then cost = limit end
local now = tonumber(ARGV[4])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local kept = redis.call('HMGET', KEYS[1], 's', 'c', 'p')
local started, current, previous = tonumber(kept[1]), tonumber(kept[2]) or 0, tonumber(kept[3]) or 0
if not started or now - started >= 2 * period then
  started, current, previous = now, 0, 0
elseif now - started >= period then
  started, current, previous = started + period, 0, current
end
local elapsed = math.max(0, now - started)
local free = (limit - current) * period - previous * (period - elapsed)
local success, wait = cost * period <= free, 0
if success then
  current = current + cost
  free = free - cost * period
  redis.call('HSET', KEYS[1], 's', string.format('%.0f', started), 'c', string.format('%.0f', current),
             'p', string.format('%.0f', previous))
  redis.call('PEXPIRE', KEYS[1], 2 * period)
elseif limit - current - cost >= 0 then
  wait = math.max(1, period - math.floor((limit - current - cost) * period / previous) - elapsed)
else
  wait = period - elapsed + math.max(0, period - math.floor((limit - cost) * period / current))
end
return {success and 1 or 0, math.max(0, math.floor(free / period)), period - elapsed, wait}
"""


class RedisRateLimit:
    """A RateLimit. Open it with open_redis_rate_limit()."""

    def __init__(
        self,
        redis: Redis,
        namespace: str,
        limit: int,
        period: int,
        timeout_seconds: float = TIMEOUT_SECONDS,
        now: Callable[[], int] | None = None,
    ) -> None:
        """now: milliseconds, instead of Redis's own clock."""
        check_declared(namespace, limit, period)
        # redis-py types its commands for the sync and the async client at once; neither can be awaited.
        self._redis: Any = redis
        self._take: Any = redis.register_script(_TAKE)
        self._namespace, self._limit, self._period = namespace, limit, period
        self._timeout_seconds, self._now = timeout_seconds, now

    async def limit(self, *, key: str, cost: int = 1) -> RateLimitOutcome:
        check_call(key, cost)
        now = "" if self._now is None else self._now()
        async with self._answering("counting"):
            success, remaining, reset, wait = await self._take(
                keys=[f"ratelimit:{self._namespace}:{key}"], args=[self._limit, self._period * 1000, cost, now]
            )
        return RateLimitOutcome(bool(success), self._limit, self._period, remaining, reset / 1000, wait / 1000)

    async def ping(self) -> None:
        async with self._answering("answering a ping"):
            await self._redis.ping()

    def _answering(self, doing: str) -> AbstractAsyncContextManager[None]:
        return answering(self._timeout_seconds, _unavailable, doing)


@asynccontextmanager
async def open_redis_rate_limit(
    redis_url: str,
    namespace: str,
    *,
    limit: int,
    period: int,
    timeout_seconds: float = TIMEOUT_SECONDS,
    now: Callable[[], int] | None = None,
) -> AsyncIterator[RedisRateLimit]:
    """Connects with its first call. timeout_seconds: longest wait for Redis. Raises ConfigError."""
    async with open_redis(redis_url, timeout_seconds) as redis:
        yield RedisRateLimit(redis, namespace, limit, period, timeout_seconds, now)


def _unavailable(sentence: str) -> RateLimitError:
    return RateLimitError(sentence, code="RATELIMIT_UNAVAILABLE", retryable=True)
