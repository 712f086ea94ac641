"""Cuts a stream of bytes into parts of one size, holding no more than one part."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator

PART_BYTES = 8 * 1024 * 1024


async def parts(stream: AsyncIterable[bytes], size: int = PART_BYTES) -> AsyncIterator[bytes]:
    """All parts have `size` bytes but the last, which may have fewer; at least one part, if an empty one."""
    held = bytearray()
    sent = False
    async for chunk in stream:
        held += chunk
        while len(held) > size:
            yield bytes(held[:size])
            del held[:size]
            sent = True
    if held or not sent:
        yield bytes(held)
