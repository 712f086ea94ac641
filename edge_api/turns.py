"""How many uploads are received at once, and what becomes of slow ones.

A turn is paid for in bytes. Each byte that arrives buys some time to wait for the next; an upload that has spent what
it bought gives its turn back, and takes one again when its bytes come faster. So slow clients, however many, keep
nobody from a turn, and are served all the same: they cost the memory of the part that they fill, and little else. That
memory is bounded for all of them together; when they need more, the one that holds most is given up.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from edge_api.errors import ApiError

T = TypeVar("T")

PRICE_SECONDS = 0.5
"""What an upload must have saved before it takes a turn."""

MOST_CREDIT_SECONDS = 1.0
"""What it can save: so long at most does a client that falls silent keep its turn."""


class Turns:
    """Of one application. event_streams: how many are open."""

    def __init__(
        self, *, at_once: int, wait_seconds: float, slow_bytes_per_second: float, most_held_without: int
    ) -> None:
        """most_held_without: bytes that all uploads without a turn may hold in memory together."""
        self.event_streams = 0
        self.slow_bytes_per_second = slow_bytes_per_second
        self.wait_seconds = wait_seconds
        self.free = asyncio.Semaphore(at_once)
        self._without: set[Turn] = set()
        self._held, self._most_held = 0, most_held_without

    @property
    def without(self) -> int:
        """How many uploads are open and have no turn."""
        return len(self._without)

    @asynccontextmanager
    async def upload(self) -> AsyncIterator[Turn]:
        turn = Turn(self)
        self.enter(turn)
        try:
            yield turn
        finally:
            turn.end()

    def enter(self, turn: Turn) -> None:
        """It goes on without a turn. Whoever holds most is given up when there is too little memory."""
        self._without.add(turn)
        self._held += turn.held
        self._settle()

    def leave(self, turn: Turn) -> None:
        """It has a turn, or has ended."""
        if turn in self._without:
            self._without.discard(turn)
            self._held -= turn.held

    def hold(self, turn: Turn, held: int) -> None:
        if turn in self._without:
            self._held += held - turn.held
        turn.held = held
        self._settle()

    def _settle(self) -> None:
        while self._held > self._most_held:
            victim = max(self._without, key=lambda turn: turn.held)
            self.leave(victim)
            victim.give_up()


class Turn:
    """Of one upload, which begins without one. held: bytes of it that are in memory."""

    def __init__(self, turns: Turns) -> None:
        self.held = 0
        self._turns = turns
        self._has_one = self._is_given_up = False
        self._credit = 0.0
        self._limit: asyncio.Timeout | None = None

    async def wait_for(self, more: Callable[[], Awaitable[T]], idle_seconds: float) -> T:
        """The next bytes. Raises ApiError UPLOAD_STALLED when none come in so many seconds, or UPLOAD_TOO_SLOW."""
        self._check()
        loop = asyncio.get_running_loop()
        began = loop.time()
        running_out = loop.call_later(self._credit, self._give_back) if self._has_one else None
        try:
            async with asyncio.timeout(idle_seconds) as self._limit:
                return await more()
        except TimeoutError:
            self._check()
            raise ApiError("UPLOAD_STALLED") from None
        finally:
            self._limit = None
            if running_out is not None:
                running_out.cancel()
            self._credit = max(0.0, self._credit - (loop.time() - began))

    async def arrived(self, size: int) -> None:
        """So many bytes did. Waits for a turn when they come fast. Raises ApiError TOO_BUSY."""
        self._credit = min(self._credit + size / self._turns.slow_bytes_per_second, MOST_CREDIT_SECONDS)
        if self._credit >= PRICE_SECONDS:
            await self.take()

    async def take(self) -> None:
        """Have a turn, until the next wait for bytes is too long. Raises ApiError TOO_BUSY when none comes in time."""
        if self._has_one:
            return
        try:
            async with asyncio.timeout(self._turns.wait_seconds) as self._limit:
                await self._turns.free.acquire()
        except TimeoutError:
            raise ApiError("TOO_BUSY", "Too many uploads are under way; try again shortly.") from None
        finally:
            self._limit = None
        self._has_one = True
        self._turns.leave(self)

    def hold(self, held: int) -> None:
        """So many bytes of this upload are in memory now."""
        self._turns.hold(self, held)

    def give_up(self) -> None:
        """The upload ends with an error as soon as it waits, or at once when it does."""
        self._is_given_up = True
        now = asyncio.get_running_loop().time()
        if self._limit is not None and (self._limit.when() or now) > now:
            self._limit.reschedule(now)

    def end(self) -> None:
        self._turns.leave(self)
        if self._has_one:
            self._has_one = False
            self._turns.free.release()

    def _give_back(self) -> None:
        if self._has_one:
            self._has_one = False
            self._turns.free.release()
            self._turns.enter(self)

    def _check(self) -> None:
        if self._is_given_up:
            raise ApiError("UPLOAD_TOO_SLOW")
