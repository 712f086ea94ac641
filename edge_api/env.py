"""What the gateway is granted: the bindings its wrangler.toml declares, and nothing more."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, fields, replace

from edge_api.settings import Configuration, Settings
from wire.jobs import Priority
from wrangler_compat.config import WorkerConfig
from wrangler_compat.d1.types import D1Database
from wrangler_compat.env import open_bindings
from wrangler_compat.queues.types import Queue
from wrangler_compat.r2.types import R2Bucket
from wrangler_compat.ratelimit.types import RateLimit
from wrangler_compat.slots.types import Slots


@dataclass(frozen=True, slots=True)
class Env:
    """One field per binding, its name in lower case."""

    video_bucket: R2Bucket
    db: D1Database
    video_queue_high: Queue
    video_queue: Queue
    video_queue_low: Queue
    request_limiter: RateLimit
    upload_limiter: RateLimit
    byte_limiter: RateLimit
    sign_in_limiter: RateLimit
    upload_slots: Slots

    def queue_of(self, priority: Priority) -> Queue:
        return {"high": self.video_queue_high, "normal": self.video_queue, "low": self.video_queue_low}[priority]


OpenEnv = Callable[[], AbstractAsyncContextManager[Env]]


def open_env(configuration: Configuration) -> OpenEnv:
    """The real bindings, opened when the application starts and closed when it ends."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Env]:
        worker = _with_limits(configuration.worker, configuration.settings)
        async with open_bindings(worker, configuration.connections) as bindings:
            yield Env(**{field.name: bindings[field.name.upper()] for field in fields(Env)})

    return opened


def _with_limits(worker: WorkerConfig, settings: Settings) -> WorkerConfig:
    """The rate limits and slots with the numbers of the settings; one that is 0 is never asked (see limiting.py)."""
    wanted = {
        "REQUEST_LIMITER": settings.requests_per_minute,
        "UPLOAD_LIMITER": settings.uploads_per_minute,
        "BYTE_LIMITER": settings.upload_bytes_per_minute,
        "SIGN_IN_LIMITER": settings.sign_ins_per_minute,
    }
    limits = tuple(replace(limit, limit=wanted[limit.name] or limit.limit) for limit in worker.ratelimits)
    at_once = settings.uploads_at_once_per_token
    slots = tuple(replace(declared, limit=at_once or declared.limit) for declared in worker.slots)
    return replace(worker, ratelimits=limits, slots=slots)
