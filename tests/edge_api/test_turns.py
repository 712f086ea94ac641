"""Turns over a clock of the event loop: who has one, who waits, and who is given up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

import pytest

from edge_api.errors import ApiError
from edge_api.turns import MOST_CREDIT_SECONDS, PRICE_SECONDS, Turns

RATE = 10_000
T = TypeVar("T")


def turns_with(at_once: int = 1, wait_seconds: float = 0.02, most_held: int = 1000) -> Turns:
    return Turns(at_once=at_once, wait_seconds=wait_seconds, slow_bytes_per_second=RATE, most_held_without=most_held)


async def more() -> str:
    return "more"


async def code_of(waiting: Awaitable[T]) -> str:
    with pytest.raises(ApiError) as raised:
        await waiting
    return raised.value.code


async def test_a_turn_is_taken_when_enough_has_come_fast() -> None:
    turns = turns_with()
    async with turns.upload() as turn:
        await turn.arrived(int(RATE * PRICE_SECONDS) - 1)
        assert (turns.without, turns.free.locked()) == (1, False)
        await turn.arrived(1)
        assert (turns.without, turns.free.locked()) == (0, True)
    assert (turns.without, turns.free.locked()) == (0, False)


async def test_who_falls_silent_gives_the_turn_back_and_goes_on() -> None:
    turns = turns_with()
    async with turns.upload() as silent, turns.upload() as other:
        await silent.arrived(10**9)
        assert await code_of(other.take()) == "TOO_BUSY"
        speaks = asyncio.Event()
        waiting = asyncio.create_task(silent.wait_for(speaks.wait, idle_seconds=60))
        await asyncio.sleep(MOST_CREDIT_SECONDS + 0.1)
        await other.take()
        speaks.set()
        assert await waiting
        assert turns.without == 1


async def test_what_was_saved_before_a_silence_is_spent() -> None:
    turns = turns_with()
    async with turns.upload() as slow:
        for _ in range(4):
            await slow.arrived(int(RATE * PRICE_SECONDS / 2))
            await slow.wait_for(lambda: asyncio.sleep(PRICE_SECONDS / 2 + 0.05), idle_seconds=60)
            assert not turns.free.locked()


async def test_only_waiting_for_bytes_costs() -> None:
    """The client is not to blame while R2 takes its time."""
    turns = turns_with()
    async with turns.upload() as turn:
        await turn.arrived(int(RATE * PRICE_SECONDS))
        await asyncio.sleep(PRICE_SECONDS + 0.1)
        await turn.wait_for(more, idle_seconds=60)
        assert turns.free.locked()


async def test_silence_ends_an_upload() -> None:
    async with turns_with().upload() as turn:
        assert await code_of(turn.wait_for(asyncio.Event().wait, idle_seconds=0.02)) == "UPLOAD_STALLED"


async def test_the_one_that_holds_most_is_given_up_where_it_waits() -> None:
    turns = turns_with()
    async with turns.upload() as small, turns.upload() as large:
        small.hold(300)
        large.hold(600)
        waiting = asyncio.create_task(large.wait_for(asyncio.Event().wait, idle_seconds=60))
        await asyncio.sleep(0)
        small.hold(401)
        assert await code_of(waiting) == "UPLOAD_TOO_SLOW"
        assert await small.wait_for(more, idle_seconds=60) == "more"


async def test_one_given_up_while_it_works_ends_at_its_next_wait() -> None:
    turns = turns_with()
    async with turns.upload() as turn:
        turn.hold(1001)
        assert await code_of(turn.wait_for(more, idle_seconds=60)) == "UPLOAD_TOO_SLOW"


async def test_what_uploads_with_a_turn_hold_is_not_counted() -> None:
    turns = turns_with(at_once=2)
    async with turns.upload() as brisk, turns.upload() as slow:
        await brisk.take()
        brisk.hold(10**6)
        slow.hold(1000)
        assert await slow.wait_for(more, idle_seconds=60) == "more"
        assert await brisk.wait_for(more, idle_seconds=60) == "more"


async def test_memory_is_given_back_when_an_upload_ends() -> None:
    turns = turns_with()
    for _ in range(3):
        async with turns.upload() as turn:
            turn.hold(900)
            assert await turn.wait_for(more, idle_seconds=60) == "more"


async def test_who_is_given_up_while_it_waits_for_a_turn_is_told_to_come_again() -> None:
    turns = turns_with(wait_seconds=60)
    async with turns.upload() as brisk, turns.upload() as waits, turns.upload() as slow:
        await brisk.take()
        waits.hold(700)
        waiting = asyncio.create_task(waits.take())
        await asyncio.sleep(0)
        slow.hold(400)
        assert await code_of(waiting) == "TOO_BUSY"
