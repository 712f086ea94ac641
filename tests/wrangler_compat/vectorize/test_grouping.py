from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from wrangler_compat.errors import VectorizeError
from wrangler_compat.vectorize.grouping import MOST_VECTORS, GroupedWrites
from wrangler_compat.vectorize.types import VectorizeVector


class Store:
    """Takes one write at a time, and each when `go` lets it."""

    def __init__(self) -> None:
        self.writes: list[list[str]] = []
        self.go = asyncio.Semaphore(0)
        self.fails: list[Exception] = []

    async def write(self, vectors: Sequence[VectorizeVector]) -> None:
        self.writes.append([vector.id for vector in vectors])
        await self.go.acquire()
        if self.fails:
            raise self.fails.pop(0)


def named(*names: str) -> list[VectorizeVector]:
    return [VectorizeVector(name, (1.0,)) for name in names]


async def started(grouped: GroupedWrites, *brought: list[VectorizeVector]) -> list[asyncio.Task[None]]:
    tasks = [asyncio.create_task(grouped.add(vectors)) for vectors in brought]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


async def test_whoever_is_alone_is_written_at_once() -> None:
    store = Store()
    store.go.release()
    await GroupedWrites(store.write).add(named("a", "b"))
    assert store.writes == [["a", "b"]]


async def test_those_who_wait_share_the_next_write_in_their_order() -> None:
    store = Store()
    tasks = await started(GroupedWrites(store.write), named("a"), named("b", "c"), named("d"))
    assert store.writes == [["a"]]
    store.go.release()
    await tasks[0]
    assert not any(task.done() for task in tasks[1:]), "nobody is answered before the vectors are written"
    store.go.release()
    await asyncio.gather(*tasks)
    assert store.writes == [["a"], ["b", "c", "d"]]


async def test_a_write_grows_no_larger_than_it_may() -> None:
    store = Store()
    half = named(*(str(n) for n in range(MOST_VECTORS // 2 + 1)))
    tasks = await started(GroupedWrites(store.write), named("a"), half, half, named(*"x" * (MOST_VECTORS + 1)))
    for _ in tasks:
        store.go.release()
    await asyncio.gather(*tasks)
    assert [len(write) for write in store.writes] == [1, len(half), len(half), MOST_VECTORS + 1]


async def test_all_of_a_failed_write_are_told_and_those_after_it_go_on() -> None:
    store = Store()
    grouped = GroupedWrites(store.write)
    tasks = await started(grouped, named("a"), named("b"), named("c"))
    store.go.release()
    await tasks[0]
    store.fails.append(VectorizeError("late", code="VECTORIZE_UNAVAILABLE"))
    tasks += await started(grouped, named("d"))
    store.go.release()
    store.go.release()
    for task in tasks[1:3]:
        with pytest.raises(VectorizeError, match="late"):
            await task
    await tasks[3]
    assert store.writes == [["a"], ["b", "c"], ["d"]]


async def test_when_the_one_that_writes_is_called_off_the_others_are_written_anew() -> None:
    store = Store()
    tasks = await started(GroupedWrites(store.write), named("a"), named("b"), named("c"))
    store.go.release()
    await tasks[0]
    tasks[1].cancel()
    with pytest.raises(asyncio.CancelledError):
        await tasks[1]
    store.go.release()
    await tasks[2]
    assert store.writes == [["a"], ["b", "c"], ["c"]]


async def test_one_who_is_called_off_while_waiting_is_not_written() -> None:
    store = Store()
    tasks = await started(GroupedWrites(store.write), named("a"), named("b"), named("c"))
    tasks[1].cancel()
    with pytest.raises(asyncio.CancelledError):
        await tasks[1]
    store.go.release()
    store.go.release()
    await asyncio.gather(tasks[0], tasks[2])
    assert store.writes == [["a"], ["c"]]
