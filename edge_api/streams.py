"""The body of an upload as it arrives: how long it may be silent, how many bytes count against the token's limit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

from edge_api.auth import User
from edge_api.errors import ApiError
from edge_api.settings import SMALLEST_PART_BYTES
from edge_api.state import Request
from edge_api.turns import Turn


class Patience:
    """Waits so long for the next bytes, and for a turn when they come fast; no longer once it is told to give up.

    since: when the last bytes came, by the clock of the event loop.
    """

    def __init__(self, turn: Turn, idle_seconds: float) -> None:
        self.has_given_up = False
        self.since = asyncio.get_running_loop().time()
        self._turn, self._idle_seconds = turn, idle_seconds
        self._waiting: asyncio.Timeout | None = None

    def give_up(self) -> None:
        self.has_given_up = True
        if self._waiting is not None and not self._waiting.expired():
            self._waiting.reschedule(asyncio.get_running_loop().time())

    async def chunks(self, body: AsyncGenerator[bytes, None]) -> AsyncIterator[bytes]:
        """Raises ApiError UPLOAD_STALLED, UPLOAD_TOO_SLOW or TOO_BUSY; ends when it was told to give up."""
        while not self.has_given_up:
            try:
                async with asyncio.timeout(None) as self._waiting:
                    chunk = await self._turn.wait_for(lambda: anext(body, None), self._idle_seconds)
                    self.since = asyncio.get_running_loop().time()
                    await self._turn.arrived(len(chunk or b""))
            except TimeoutError:
                return
            finally:
                self._waiting = None
            if chunk is None:
                return
            if chunk:
                yield chunk


class Meter:
    """Counts the bytes of one upload against the token's limit: all at once where their number is announced, else as
    they arrive, part by part."""

    def __init__(self, request: Request, user: User, announced: int | None) -> None:
        self._request, self._key, self._announced = request, user.token_id, announced
        self._waiting = 0

    async def begin(self) -> None:
        """Raises ApiError RATE_LIMITED."""
        await self._count(self._announced or 0)

    async def take(self, size: int) -> None:
        """Raises ApiError RATE_LIMITED."""
        self._waiting += size
        if self._announced is None and self._waiting >= SMALLEST_PART_BYTES:
            size, self._waiting = self._waiting, 0
            await self._count(size)

    async def _count(self, size: int) -> None:
        await self._request.state["limiting"].count(self._request.scope, "upload-bytes", self._key, size)


def announced_bytes(request: Request) -> int | None:
    """The Content-Length, where the client says. Raises ApiError BAD_REQUEST."""
    text = request.headers.get("content-length")
    if text is None:
        return None
    if not text.isascii() or not text.isdigit():
        raise ApiError("BAD_REQUEST", "The Content-Length is not a number.")
    return int(text[:20])
