"""What one worker has in hand: several jobs side by side, or one that is suspected of killing workers, alone.

When a worker dies with several jobs in hand, nobody knows which of them it was. Each is done alone from then on: a
second death tells.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from consumer.records import Claim


class Hand:
    """patience_seconds: how long a suspect waits for the others to end; then it is done beside them after all.

    unwritten: leases whose end could not be written down, since D1 did not answer.
    """

    def __init__(self, *, patience_seconds: float = 60.0) -> None:
        self._patience_seconds = patience_seconds
        self.unwritten: list[Claim] = []
        self._held = 0
        self._suspects_waiting = 0
        self._is_kept_free = False
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def hold(self, *, alone: bool) -> AsyncIterator[bool]:
        """Wait for a place. Gives whether there are others in hand at this moment."""
        kept_free = await self._enter_alone() if alone else await self._enter()
        try:
            yield self._held > 1
        finally:
            async with self._changed:
                self._held -= 1
                self._is_kept_free = self._is_kept_free and not kept_free
                self._changed.notify_all()

    async def _enter(self) -> bool:
        async with self._changed:
            await self._changed.wait_for(lambda: not (self._is_kept_free or self._suspects_waiting))
            self._held += 1
        return False

    async def _enter_alone(self) -> bool:
        """Whether it is alone; False when its patience ran out."""
        async with self._changed:
            self._suspects_waiting += 1
            try:
                async with asyncio.timeout(self._patience_seconds):
                    await self._changed.wait_for(lambda: self._held == 0)
                is_alone = True
            except TimeoutError:
                is_alone = False
            finally:
                self._suspects_waiting -= 1
                self._changed.notify_all()
            self._is_kept_free = self._is_kept_free or is_alone
            self._held += 1
            return is_alone
