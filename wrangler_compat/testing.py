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
from wrangler_compat.vectorize.memory import MemoryVectorizeIndex

__all__ = ["MemoryQueue", "MemoryR2Bucket", "MemoryRateLimit", "MemoryVectorizeIndex", "memory_d1"]


@asynccontextmanager
async def memory_d1(migrations_folder: Path | None = None) -> AsyncIterator[SqliteDatabase]:
    """A D1Database in memory (real SQLite), with the migrations of a folder applied."""
    async with open_memory() as database:
        if migrations_folder is not None:
            await migrations.apply(database, migrations_folder)
        yield database
