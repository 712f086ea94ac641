"""Slots over Redis: one script a call, so that all processes count together and none between two others.

The clock is Redis's own. Keys: slots:NAMESPACE:KEY, a sorted set of holders by the moment at which their lease ends, in
ms; it goes by itself with the last of them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from redis.asyncio import Redis

from wrangler_compat.errors import SlotsError
from wrangler_compat.redis_calls import TIMEOUT_SECONDS, answering, open_redis
from wrangler_compat.slots.checks import check_call, check_declared
from wrangler_compat.slots.types import SlotOutcome

# ARGV: holder, lease in ms, now in ms ("": Redis's own), limit ("": the slot is taken, a free one or not).
_TAKE = """
local holder, lease, now, limit = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
local taken = redis.call('ZCARD', KEYS[1])
if limit and taken >= limit and not redis.call('ZSCORE', KEYS[1], holder) then
  return {0, taken}
end
taken = taken + redis.call('ZADD', KEYS[1], string.format('%.0f', now + lease), holder)
redis.call('PEXPIRE', KEYS[1], lease)
return {1, taken}
"""


class RedisSlots:
    """Slots. Open them with open_redis_slots()."""

    def __init__(
        self,
        redis: Redis,
        namespace: str,
        limit: int,
        lease: int,
        timeout_seconds: float = TIMEOUT_SECONDS,
        now: Callable[[], int] | None = None,
    ) -> None:
        """now: milliseconds, instead of Redis's own clock."""
        check_declared(namespace, limit, lease)
        # redis-py types its commands for the sync and the async client at once; neither can be awaited.
        self._redis: Any = redis
        self._script: Any = redis.register_script(_TAKE)
        self._namespace, self._limit, self._lease = namespace, limit, lease
        self._timeout_seconds, self._now = timeout_seconds, now

    @property
    def lease_seconds(self) -> int:
        return self._lease

    async def take(self, *, key: str, holder: str) -> SlotOutcome:
        check_call(key, holder)
        async with self._answering("taking a slot"):
            success, taken = await self._run(key, holder, self._limit)
        return SlotOutcome(bool(success), self._limit, taken)

    async def keep(self, *, key: str, holder: str) -> None:
        check_call(key, holder)
        async with self._answering("keeping a slot"):
            await self._run(key, holder, "")

    async def give_back(self, *, key: str, holder: str) -> None:
        check_call(key, holder)
        async with self._answering("giving a slot back"):
            await self._redis.zrem(self._key(key), holder)

    async def ping(self) -> None:
        async with self._answering("answering a ping"):
            await self._redis.ping()

    async def _run(self, key: str, holder: str, limit: int | str) -> Any:
        now = "" if self._now is None else self._now()
        return await self._script(keys=[self._key(key)], args=[holder, self._lease * 1000, now, limit])

    def _key(self, key: str) -> str:
        return f"slots:{self._namespace}:{key}"

    def _answering(self, doing: str) -> AbstractAsyncContextManager[None]:
        return answering(self._timeout_seconds, _unavailable, doing)


@asynccontextmanager
async def open_redis_slots(
    redis_url: str,
    namespace: str,
    *,
    limit: int,
    lease: int,
    timeout_seconds: float = TIMEOUT_SECONDS,
    now: Callable[[], int] | None = None,
) -> AsyncIterator[RedisSlots]:
    """Connects with its first call. timeout_seconds: longest wait for Redis. Raises ConfigError."""
    async with open_redis(redis_url, timeout_seconds) as redis:
        yield RedisSlots(redis, namespace, limit, lease, timeout_seconds, now)


def _unavailable(sentence: str) -> SlotsError:
    return SlotsError(sentence, code="SLOTS_UNAVAILABLE", retryable=True)
