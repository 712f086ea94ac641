"""One behaviour, every backend of the slots: in memory, and over a real Redis."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.wrangler_compat.ratelimit.test_contract import Clock
from wrangler_compat.errors import ConfigError, SlotsError
from wrangler_compat.redis_calls import MOST_CONNECTIONS
from wrangler_compat.slots.limits import MAX_LEASE_SECONDS, MAX_LIMIT, MAX_NAME_BYTES
from wrangler_compat.slots.memory import MemorySlots
from wrangler_compat.slots.redis_leases import open_redis_slots
from wrangler_compat.slots.types import Slots

LEASE = 600
"""Seconds, of a clock that stands still; Redis forgets a key by its own, so long after the last call."""

Make = Callable[..., Any]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "redis"])
async def make(request: pytest.FixtureRequest, redis_url: str, unique_name: str, clock: Clock) -> AsyncIterator[Make]:
    """Slots on this clock: make(limit, lease)."""
    async with AsyncExitStack() as opened:

        async def slots(limit: int, lease: int = LEASE) -> Slots:
            if request.param == "memory":
                return MemorySlots(limit, lease, now=clock)
            return await opened.enter_async_context(
                open_redis_slots(redis_url, unique_name, limit=limit, lease=lease, now=clock)
            )

        yield slots


async def takes(slots: Slots, *holders: str, key: str = "k") -> list[bool]:
    return [(await slots.take(key=key, holder=holder)).success for holder in holders]


async def test_as_many_as_there_are(make: Make) -> None:
    slots = await make(2)
    told = [await slots.take(key="k", holder=holder) for holder in "abc"]
    assert [(outcome.success, outcome.limit, outcome.taken) for outcome in told] == [
        (True, 2, 1),
        (True, 2, 2),
        (False, 2, 2),
    ]


async def test_what_is_given_back_is_free_at_once(make: Make) -> None:
    slots = await make(1)
    assert await takes(slots, "a", "b") == [True, False]
    await slots.give_back(key="k", holder="a")
    assert await takes(slots, "b", "a") == [True, False]


async def test_keys_do_not_see_each_other(make: Make) -> None:
    slots = await make(1)
    assert await takes(slots, "a", "b", key="one") == [True, False]
    assert await takes(slots, "a", "b", key="ü two") == [True, False]
    await slots.give_back(key="ü two", holder="a")
    assert await takes(slots, "b", key="one") == [False]


async def test_giving_back_what_one_has_not_changes_nothing(make: Make) -> None:
    slots = await make(1)
    await slots.give_back(key="k", holder="b")
    assert await takes(slots, "a") == [True]
    for _ in range(2):
        await slots.give_back(key="k", holder="b")
    assert await takes(slots, "b") == [False]


async def test_who_has_one_keeps_it(make: Make, clock: Clock) -> None:
    slots = await make(1)
    assert await takes(slots, "a", "a") == [True, True]
    clock.forward(LEASE - 1)
    assert await takes(slots, "a") == [True], "and its lease begins anew"
    clock.forward(LEASE - 1)
    assert await takes(slots, "b") == [False]


async def test_what_nobody_keeps_is_free_after_the_lease(make: Make, clock: Clock) -> None:
    """Of a process that was killed: nothing of it gives anything back."""
    slots = await make(2)
    assert await takes(slots, "dead", "alive") == [True, True]
    clock.forward(LEASE - 0.001)
    await slots.keep(key="k", holder="alive")
    assert await takes(slots, "next") == [False]
    clock.forward(0.001)
    assert await takes(slots, "next", "another") == [True, False]


async def test_kept_as_long_as_it_takes(make: Make, clock: Clock) -> None:
    slots = await make(1)
    assert await takes(slots, "a") == [True]
    for _ in range(10):
        clock.forward(LEASE / 3)
        await slots.keep(key="k", holder="a")
        assert await takes(slots, "b") == [False]


async def test_what_is_under_way_counts_though_its_lease_ran_out(make: Make, clock: Clock) -> None:
    """After a long pause of its process, or when the server has forgotten everything."""
    slots = await make(1)
    assert await takes(slots, "late") == [True]
    clock.forward(LEASE)
    assert await takes(slots, "next") == [True]
    await slots.keep(key="k", holder="late")
    refused = await slots.take(key="k", holder="third")
    assert (refused.success, refused.taken) == (False, 2)
    await slots.give_back(key="k", holder="next")
    assert await takes(slots, "third") == [False]
    await slots.give_back(key="k", holder="late")
    assert await takes(slots, "third") == [True]


async def test_at_once_as_one_after_another(make: Make) -> None:
    slots = await make(20)
    outcomes = await asyncio.gather(*(slots.take(key="k", holder=f"h{number}") for number in range(60)))
    assert sum(outcome.success for outcome in outcomes) == 20
    assert sorted(outcome.taken for outcome in outcomes if outcome.success) == list(range(1, 21))


async def test_the_lease_is_told(make: Make) -> None:
    assert (await make(1)).lease_seconds == LEASE


@pytest.mark.parametrize("name", ["", "x" * (MAX_NAME_BYTES + 1), None, 7])
async def test_bad_names(make: Make, name: Any) -> None:
    slots = await make(1)
    for call in (slots.take, slots.keep, slots.give_back):
        for given, code in (({"key": name, "holder": "h"}, "KEY"), ({"key": "k", "holder": name}, "HOLDER")):
            with pytest.raises(SlotsError) as caught:
                await call(**given)
            assert (caught.value.code, caught.value.retryable) == (f"SLOTS_{code}_INVALID", False)


@pytest.mark.parametrize(
    ("limit", "lease"), [(0, 60), (-1, 60), (MAX_LIMIT + 1, 60), (1, 0), (1, MAX_LEASE_SECONDS + 1)]
)
async def test_declarations_that_cannot_be(make: Make, limit: int, lease: int) -> None:
    with pytest.raises(ConfigError):
        await make(limit, lease)


async def test_a_ping(make: Make) -> None:
    await (await make(1)).ping()


async def test_both_backends_count_alike(redis_url: str, unique_name: str, clock: Clock) -> None:
    dice, memory = random.Random(5), MemorySlots(4, LEASE, now=clock)
    async with open_redis_slots(redis_url, unique_name, limit=4, lease=LEASE, now=clock) as redis:
        for _ in range(600):
            clock.forward(dice.random() ** 4 * LEASE)
            holder, act = f"h{dice.randrange(8)}", dice.choice(["take", "take", "keep", "give_back"])
            told = [await getattr(slots, act)(key="k", holder=holder) for slots in (redis, memory)]
            assert told[0] == told[1]


async def test_several_gateways_count_together_by_rediss_own_clock(redis_url: str, unique_name: str) -> None:
    async with AsyncExitStack() as opened:
        several = [
            await opened.enter_async_context(open_redis_slots(redis_url, unique_name, limit=10, lease=LEASE))
            for _ in range(3)
        ]
        redis, name = several[0]._redis, f"slots:{unique_name}:k"
        before, _ = await redis.time()
        outcomes = await asyncio.gather(
            *(slots.take(key="k", holder=f"{at}-{n}") for at, slots in enumerate(several) for n in range(8))
        )
        assert sum(outcome.success for outcome in outcomes) == 10
        after, _ = await redis.time()
        ends = [score / 1000 for _, score in await redis.zrange(name, 0, -1, withscores=True)]
        assert before + LEASE <= min(ends) <= max(ends) <= after + 1 + LEASE
        assert 0 < await redis.pttl(name) <= LEASE * 1000


async def test_the_key_goes_with_the_last_slot(redis_url: str, unique_name: str) -> None:
    async with open_redis_slots(redis_url, unique_name, limit=2, lease=LEASE) as slots:
        assert await takes(slots, "a", "b") == [True, True]
        for holder in "ab":
            await slots.give_back(key="k", holder=holder)
        assert not await slots._redis.exists(f"slots:{unique_name}:k")


async def test_a_crowd_waits_for_a_few_connections(redis_url: str, unique_name: str) -> None:
    patient = 300.0  # The last of them waits for all the others.
    async with open_redis_slots(redis_url, unique_name, limit=300, lease=LEASE, timeout_seconds=patient) as slots:
        outcomes = await asyncio.gather(*(slots.take(key="k", holder=f"h{number}") for number in range(400)))
        clients = await slots._redis.client_list()
    assert sum(outcome.success for outcome in outcomes) == 300
    assert len(clients) < 3 * MOST_CONNECTIONS


async def test_redis_may_forget_the_script_and_the_slots(redis_url: str, unique_name: str) -> None:
    async with open_redis_slots(redis_url, unique_name, limit=1, lease=LEASE) as slots:
        assert await takes(slots, "a") == [True]
        await slots._redis.script_flush()
        await slots._redis.delete(f"slots:{unique_name}:k")
        await slots.keep(key="k", holder="a")
        assert await takes(slots, "b") == [False]


async def test_nobody_listening() -> None:
    async with open_redis_slots("redis://user:hush-hush@127.0.0.1:9/0", "n", limit=1, lease=15) as slots:
        one = {"key": "k", "holder": "h"}
        for call in (slots.take(**one), slots.keep(**one), slots.give_back(**one), slots.ping()):
            with pytest.raises(SlotsError) as caught:
                await call
            assert (caught.value.code, caught.value.retryable) == ("SLOTS_UNAVAILABLE", True)
            assert "hush" not in str(caught.value)
