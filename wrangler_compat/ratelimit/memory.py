"""A rate limit in the memory of one process: the same checks and the same window as the real one, for tests."""

from __future__ import annotations

import time
from collections.abc import Callable

from wrangler_compat.ratelimit.checks import check_call, check_declared
from wrangler_compat.ratelimit.types import RateLimitOutcome
from wrangler_compat.ratelimit.window import Window, take


class MemoryRateLimit:
    """A RateLimit. now: milliseconds."""

    def __init__(
        self, limit: int = 100, period: int = 60, *, now: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    ) -> None:
        check_declared("memory", limit, period)
        self._limit, self._period, self._now = limit, period, now
        self._windows: dict[str, Window] = {}

    async def limit(self, *, key: str, cost: int = 1) -> RateLimitOutcome:
        check_call(key, cost)
        self._windows[key], outcome = take(
            self._windows.get(key), now=self._now(), limit=self._limit, period_seconds=self._period, cost=cost
        )
        return outcome

    async def ping(self) -> None:
        return None
