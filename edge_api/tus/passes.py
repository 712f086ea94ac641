"""One look at every byte of a file, in order: its SHA-256, and what its boxes tell.

What a look has seen so far cannot be kept outside the process. A request that goes on where one of the same process
ended goes on with its look; after any other cut there is none, and the object is read once more when it is complete.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import AsyncIterator

from edge_api.boxes import MOVIE_BYTES, BoxWalk

MOST_KEPT = 64
_BLOCK_BYTES = 4 * 1024 * 1024


class Look:
    """size: bytes seen so far."""

    def __init__(self) -> None:
        self.size = 0
        self.boxes = BoxWalk()
        self._digest = hashlib.sha256()
        self._looking: asyncio.Task[None] | None = None

    async def at(self, data: bytes) -> None:
        """The next bytes; they are looked at in a thread, while the caller goes on."""
        await self.settle()
        self.size += len(data)
        self._looking = asyncio.create_task(asyncio.to_thread(self._look, data))

    async def at_all(self, chunks: AsyncIterator[bytes]) -> None:
        block = bytearray()
        async for chunk in chunks:
            block += chunk
            if len(block) >= _BLOCK_BYTES:
                await self.at(bytes(block))
                block.clear()
        await self.at(bytes(block))
        await self.settle()

    async def settle(self) -> None:
        """Wait until everything so far has been looked at."""
        if self._looking is not None:
            looking, self._looking = self._looking, None
            await looking

    async def sha256(self) -> str:
        await self.settle()
        return self._digest.hexdigest()

    def _look(self, data: bytes) -> None:
        self._digest.update(data)
        self.boxes.feed(memoryview(data))


class Looks:
    """Those of interrupted uploads, the latest few: each may hold MOVIE_BYTES."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._kept: OrderedDict[str, Look] = OrderedDict()

    def keep(self, upload_id: str, look: Look) -> None:
        self._kept[upload_id] = look
        self._kept.move_to_end(upload_id)
        while len(self._kept) > self._most or sum(look.boxes.held_bytes for look in self._kept.values()) > MOVIE_BYTES:
            self._kept.popitem(last=False)

    def take(self, upload_id: str, size: int) -> Look | None:
        """The look that has seen exactly so many bytes; any other is of no use any more."""
        look = self._kept.pop(upload_id, None)
        return look if look is not None and look.size == size else None
