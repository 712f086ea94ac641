"""What the gateway is granted: the bindings its wrangler.toml declares, and nothing more."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, fields

from edge_api.settings import Configuration
from wire.jobs import Priority
from wrangler_compat.d1.types import D1Database
from wrangler_compat.env import open_bindings
from wrangler_compat.queues.types import Queue
from wrangler_compat.r2.types import R2Bucket


@dataclass(frozen=True, slots=True)
class Env:
    """One field per binding, its name in lower case."""

    video_bucket: R2Bucket
    db: D1Database
    video_queue_high: Queue
    video_queue: Queue
    video_queue_low: Queue

    def queue_of(self, priority: Priority) -> Queue:
        return {"high": self.video_queue_high, "normal": self.video_queue, "low": self.video_queue_low}[priority]


OpenEnv = Callable[[], AbstractAsyncContextManager[Env]]


def open_env(configuration: Configuration) -> OpenEnv:
    """The real bindings, opened when the application starts and closed when it ends."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Env]:
        async with open_bindings(configuration.worker, configuration.connections) as bindings:
            yield Env(**{field.name: bindings[field.name.upper()] for field in fields(Env)})

    return opened
