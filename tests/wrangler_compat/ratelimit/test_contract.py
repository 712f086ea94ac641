"""One behaviour, every backend of the rate limit: in memory, and over a real Redis."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from wrangler_compat.errors import ConfigError, RateLimitError
from wrangler_compat.ratelimit.limits import MAX_KEY_BYTES, MAX_LIMIT
from wrangler_compat.ratelimit.memory import MemoryRateLimit
from wrangler_compat.ratelimit.redis_window import open_redis_rate_limit
from wrangler_compat.ratelimit.types import RateLimit
from wrangler_compat.redis_calls import MOST_CONNECTIONS

START = 1_763_750_000_123


class Clock:
    """milliseconds"""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> int:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += round(seconds * 1000)


Make = Callable[..., Any]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "redis"])
async def make(request: pytest.FixtureRequest, redis_url: str, unique_name: str, clock: Clock) -> AsyncIterator[Make]:
    """A limit on this clock: make(limit, period)."""
    async with AsyncExitStack() as opened:

        async def limiter(limit: int, period: int = 60) -> RateLimit:
            if request.param == "memory":
                return MemoryRateLimit(limit, period, now=clock)
            return await opened.enter_async_context(
                open_redis_rate_limit(redis_url, unique_name, limit=limit, period=period, now=clock)
            )

        yield limiter


async def passes(limiter: RateLimit, count: int, key: str = "k", cost: int = 1) -> list[bool]:
    return [(await limiter.limit(key=key, cost=cost)).success for _ in range(count)]


async def test_exactly_the_limit_in_the_first_period(make: Make, clock: Clock) -> None:
    limiter = await make(5)
    assert await passes(limiter, 4) == [True] * 4
    clock.forward(59.9)
    assert await passes(limiter, 3) == [True, False, False]


async def test_what_is_left_is_told(make: Make, clock: Clock) -> None:
    limiter = await make(3)
    clock.forward(1)
    told = [await limiter.limit(key="k") for _ in range(4)]
    assert [outcome.remaining for outcome in told] == [2, 1, 0, 0]
    assert [outcome.success for outcome in told] == [True, True, True, False]
    assert {(outcome.limit, outcome.period, outcome.reset_seconds) for outcome in told} == {(3, 60, 60.0)}
    assert [outcome.retry_after_seconds for outcome in told[:3]] == [0, 0, 0]
    clock.forward(20.5)
    assert (await limiter.limit(key="k")).reset_seconds == 39.5


async def test_keys_do_not_see_each_other(make: Make) -> None:
    limiter = await make(1)
    assert await passes(limiter, 2, key="a") == [True, False]
    assert await passes(limiter, 1, key="ü b") == [True]


async def test_the_earlier_period_counts_for_the_share_still_covered(make: Make, clock: Clock) -> None:
    limiter = await make(100)
    assert all(await passes(limiter, 100))
    clock.forward(60)
    assert await passes(limiter, 1) == [False]
    clock.forward(15)
    assert await passes(limiter, 26) == [True] * 25 + [False]
    clock.forward(45)
    assert await passes(limiter, 76) == [True] * 75 + [False], "25 of the second period count still"


async def test_two_quiet_periods_forget_everything(make: Make, clock: Clock) -> None:
    limiter = await make(10, 10)
    assert all(await passes(limiter, 10))
    clock.forward(20)
    assert await passes(limiter, 11) == [True] * 10 + [False]


async def test_a_refused_call_costs_nothing(make: Make, clock: Clock) -> None:
    limiter = await make(2, 10)
    assert await passes(limiter, 50) == [True] * 2 + [False] * 48
    clock.forward(15)
    assert await passes(limiter, 2) == [True, False]


@pytest.mark.parametrize("seed", range(8))
async def test_waiting_as_told_helps_and_a_millisecond_less_does_not(make: Make, clock: Clock, seed: int) -> None:
    dice = random.Random(seed)
    limit = dice.choice([1, 3, 100, 10**10])
    limiter = await make(limit)
    refusals = 0
    for _ in range(60):
        clock.forward(dice.random() * 30)
        cost = dice.randrange(1, max(2, limit // 2))
        outcome = await limiter.limit(key="k", cost=cost)
        if not outcome.success:
            refusals += 1
            assert 0 < outcome.retry_after_seconds <= 120
            clock.forward(outcome.retry_after_seconds - 0.001)
            assert not (await limiter.limit(key="k", cost=cost)).success
            clock.forward(0.001)
            assert (await limiter.limit(key="k", cost=cost)).success
    assert refusals > 3


async def test_costs_add_up(make: Make) -> None:
    limiter = await make(10_000_000_000)
    assert (await limiter.limit(key="k", cost=7_000_000_000)).remaining == 3_000_000_000
    assert not (await limiter.limit(key="k", cost=3_000_000_001)).success
    assert (await limiter.limit(key="k", cost=3_000_000_000)).success
    assert (await limiter.limit(key="k", cost=0)).success, "asking is free"


async def test_more_than_the_limit_takes_all_of_it(make: Make) -> None:
    limiter = await make(10)
    assert await passes(limiter, 2, cost=1000) == [True, False]


async def test_a_clock_that_goes_back_lets_nobody_in_twice(make: Make, clock: Clock) -> None:
    limiter = await make(3)
    assert all(await passes(limiter, 3))
    clock.forward(-30)
    assert await passes(limiter, 1) == [False]


async def test_at_once_as_one_after_another(make: Make) -> None:
    limiter = await make(50)
    outcomes = await asyncio.gather(*(limiter.limit(key="k") for _ in range(120)))
    assert sum(outcome.success for outcome in outcomes) == 50


@pytest.mark.parametrize("key", ["", "x" * (MAX_KEY_BYTES + 1), None, 7])
async def test_bad_keys(make: Make, key: Any) -> None:
    with pytest.raises(RateLimitError) as caught:
        await (await make(1)).limit(key=key)
    assert (caught.value.code, caught.value.retryable) == ("RATELIMIT_KEY_INVALID", False)


@pytest.mark.parametrize("cost", [-1, 1.5, True, "1"])
async def test_bad_costs(make: Make, cost: Any) -> None:
    with pytest.raises(RateLimitError) as caught:
        await (await make(1)).limit(key="k", cost=cost)
    assert caught.value.code == "RATELIMIT_COST_INVALID"


@pytest.mark.parametrize(("limit", "period"), [(0, 60), (-1, 60), (MAX_LIMIT + 1, 60), (10, 30), (10, 0)])
async def test_limits_that_cannot_be(make: Make, limit: int, period: int) -> None:
    with pytest.raises(ConfigError):
        await make(limit, period)


async def test_a_ping(make: Make) -> None:
    await (await make(1)).ping()


async def test_both_backends_count_alike(redis_url: str, unique_name: str, clock: Clock) -> None:
    dice, memory = random.Random(5), MemoryRateLimit(1000, 10, now=clock)
    async with open_redis_rate_limit(redis_url, unique_name, limit=1000, period=10, now=clock) as redis:
        for _ in range(400):
            clock.forward(dice.random() ** 4 * 12)
            cost = dice.randrange(0, 300)
            assert await redis.limit(key="k", cost=cost) == await memory.limit(key="k", cost=cost)


async def test_several_gateways_count_together_by_rediss_own_clock(redis_url: str, unique_name: str) -> None:
    async with AsyncExitStack() as opened:
        limiters = [
            await opened.enter_async_context(open_redis_rate_limit(redis_url, unique_name, limit=60, period=60))
            for _ in range(3)
        ]
        outcomes = await asyncio.gather(*(limiter.limit(key="k") for limiter in limiters for _ in range(40)))
    assert sum(outcome.success for outcome in outcomes) == 60
    refused = next(outcome for outcome in outcomes if not outcome.success)
    assert 50 < refused.reset_seconds <= 60 < math.ceil(refused.retry_after_seconds) <= 62


async def test_a_crowd_waits_for_a_few_connections(redis_url: str, unique_name: str) -> None:
    patient = 300.0  # The last of them waits for all the others.
    async with open_redis_rate_limit(redis_url, unique_name, limit=1000, period=60, timeout_seconds=patient) as limiter:
        outcomes = await asyncio.gather(*(limiter.limit(key="k") for _ in range(1200)))
        clients = await limiter._redis.client_list()
    assert sum(outcome.success for outcome in outcomes) == 1000
    assert len(clients) < 3 * MOST_CONNECTIONS


async def test_redis_may_forget_the_script(redis_url: str, unique_name: str) -> None:
    async with open_redis_rate_limit(redis_url, unique_name, limit=2, period=60) as limiter:
        assert (await limiter.limit(key="k")).success
        await limiter._redis.script_flush()
        assert (await limiter.limit(key="k")).remaining == 0


async def test_nobody_listening() -> None:
    async with open_redis_rate_limit("redis://user:hush-hush@127.0.0.1:9/0", "n", limit=1, period=60) as limiter:
        for call in (limiter.limit(key="k"), limiter.ping()):
            with pytest.raises(RateLimitError) as caught:
                await call
            assert (caught.value.code, caught.value.retryable) == ("RATELIMIT_UNAVAILABLE", True)
            assert "hush" not in str(caught.value)
