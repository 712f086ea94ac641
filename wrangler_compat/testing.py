"""In-memory bindings for tests. Each passes the contract suite of the real thing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from wrangler_compat.d1 import migrations
from wrangler_compat.d1.sqlite import SqliteDatabase, open_memory
from wrangler_compat.queues.memory import MemoryQueue
from wrangler_compat.r2.memory import MemoryR2Bucket
from wrangler_compat.ratelimit.memory import MemoryRateLimit
from wrangler_compat.slots.memory import MemorySlots
from wrangler_compat.vectorize.memory import MemoryVectorizeIndex

__all__ = ["MemoryQueue", "MemoryR2Bucket", "MemoryRateLimit", "MemorySlots", "MemoryVectorizeIndex", "memory_d1"]

_images: dict[tuple[tuple[str, bytes], ...], bytes] = {}


@asynccontextmanager
async def memory_d1(migrations_folder: Path | None = None) -> AsyncIterator[SqliteDatabase]:
    """A D1Database in memory (real SQLite), with the migrations of a folder applied.

    They are applied once a process: the next database is a copy of what they made, as long as the files are the same.
    """
    if migrations_folder is None:
        async with open_memory() as database:
            yield database
        return
    scripts = tuple((path.name, path.read_bytes()) for path in migrations.files(migrations_folder))
    if scripts not in _images:
        async with open_memory() as first:
            await migrations.apply(first, migrations_folder)
            _images[scripts] = await first.image()
    async with open_memory(_images[scripts]) as database:
        yield database
