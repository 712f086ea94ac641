"""Writes that wait for the one before them go together, in one.

A store that takes one write at a time takes many vectors in hardly more time than one. So while a write is on its way,
those that come wait, and then share the next: nobody waits who is alone, and nobody is answered before the vectors are
written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from wrangler_compat.vectorize.types import VectorizeVector

MOST_VECTORS = 1000
"""Of those who wait together; one who brings more is not divided."""


@dataclass(slots=True, eq=False)
class _Waiting:
    vectors: Sequence[VectorizeVector]
    done: bool = False
    error: Exception | None = None


class GroupedWrites:
    """write: takes what some callers brought, in the order in which they came; it must be repeatable."""

    def __init__(self, write: Callable[[Sequence[VectorizeVector]], Awaitable[None]]) -> None:
        self._write = write
        self._waiting: list[_Waiting] = []
        self._turn = asyncio.Lock()

    async def add(self, vectors: Sequence[VectorizeVector]) -> None:
        """Returns when these are written. Raises what the write that had them raised."""
        mine = _Waiting(vectors)
        self._waiting.append(mine)
        try:
            async with self._turn:
                if not mine.done:
                    await self._lead()
        finally:
            if mine in self._waiting:
                self._waiting.remove(mine)
        if mine.error is not None:
            raise mine.error

    async def _lead(self) -> None:
        """Writes what the first of those waiting brought; the one whose turn it is is always among them."""
        group = self._group()
        try:
            await self._write([vector for each in group for vector in each.vectors])
        except Exception as error:
            self._answer(group, error)
        else:
            self._answer(group, None)
        # A leader who is called off answers nobody: those behind it lead in turn, and write anew what it had.

    def _group(self) -> list[_Waiting]:
        group: list[_Waiting] = []
        count = 0
        for each in self._waiting:
            if group and count + len(each.vectors) > MOST_VECTORS:
                break
            group.append(each)
            count += len(each.vectors)
        return group

    def _answer(self, group: Sequence[_Waiting], error: Exception | None) -> None:
        for each in group:
            each.done, each.error = True, error
            if each in self._waiting:
                self._waiting.remove(each)
