"""A few connections to a Redis, and a deadline on each call: what bindings whose calls are scripts have in common."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError

from wrangler_compat.errors import BindingError

TIMEOUT_SECONDS = 1.0
MOST_CONNECTIONS = 16


@asynccontextmanager
async def open_redis(redis_url: str, timeout_seconds: float) -> AsyncIterator[Redis]:
    """Connects with its first call. timeout_seconds: for a connection to be free, to be made, and to answer."""
    pool: BlockingConnectionPool = BlockingConnectionPool.from_url(
        redis_url,
        max_connections=MOST_CONNECTIONS,
        timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        socket_timeout=timeout_seconds,
    )
    redis = Redis.from_pool(pool)
    try:
        yield redis
    finally:
        await redis.aclose()


@asynccontextmanager
async def answering(timeout_seconds: float, failure: Callable[[str], BindingError], doing: str) -> AsyncIterator[None]:
    """Raises failure(a sentence) when Redis has not answered in time, or not well."""
    try:
        async with asyncio.timeout(timeout_seconds):
            yield
    except (RedisError, OSError, TimeoutError) as error:
        raise failure(f"Redis did not answer while {doing}: {type(error).__name__}.") from error
