"""Opens the bindings that a worker's wrangler.toml declares: those and no others, closed on leaving."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from wrangler_compat.connections import Connections, sqlite_path
from wrangler_compat.d1.sqlite import open_sqlite
from wrangler_compat.errors import ConfigError
from wrangler_compat.queues.arq_queue import open_arq_queue
from wrangler_compat.r2.s3 import open_s3_bucket
from wrangler_compat.ratelimit.redis_window import open_redis_rate_limit
from wrangler_compat.slots.redis_leases import open_redis_slots
from wrangler_compat.vectorize.chroma import open_chroma_index
from wrangler_compat.wrangler_toml import ServiceConfig, WorkerConfig


@dataclass(frozen=True, slots=True)
class Service:
    """A service binding: which service, and the URL where it answers."""

    service: str
    url: str


@asynccontextmanager
async def open_bindings(config: WorkerConfig, connections: Connections) -> AsyncIterator[Mapping[str, Any]]:
    """Binding name -> R2Bucket, D1Database, Queue, VectorizeIndex, RateLimit, Slots or Service.

    Only D1 touches its backend here (it opens the file); the others reach theirs with their first call. Raises
    ConfigError when a connection that a binding needs is not set.
    """
    async with AsyncExitStack() as opened:
        env: dict[str, Any] = {}
        for bucket in config.r2_buckets:
            env[bucket.binding] = await opened.enter_async_context(
                open_s3_bucket(
                    connections.needed("R2_ENDPOINT", bucket.binding),
                    bucket_name(config, connections, bucket.binding),
                    access_key=connections.needed("R2_ACCESS_KEY", bucket.binding),
                    secret_key=connections.needed("R2_SECRET_KEY", bucket.binding),
                    region=connections.r2_region,
                    sidecar=connections.r2_metadata == "sidecar",
                )
            )
        for database in config.d1_databases:
            path = sqlite_path(connections.needed("DATABASE_URL", database.binding))
            env[database.binding] = await opened.enter_async_context(open_sqlite(path))
        for producer in config.queue_producers:
            env[producer.binding] = await opened.enter_async_context(
                open_arq_queue(
                    connections.needed("REDIS_URL", producer.binding),
                    producer.queue,
                    delivery_delay=producer.delivery_delay,
                )
            )
        for index in config.vectorize:
            env[index.binding] = await opened.enter_async_context(
                open_chroma_index(
                    connections.needed("CHROMA_URL", index.binding),
                    index.index_name,
                    dimensions=index.dimensions,
                    metric=index.metric,
                )
            )
        for limit in config.ratelimits:
            env[limit.name] = await opened.enter_async_context(
                open_redis_rate_limit(
                    connections.needed("REDIS_URL", limit.name),
                    limit.namespace_id,
                    limit=limit.limit,
                    period=limit.period,
                )
            )
        for slots in config.slots:
            env[slots.name] = await opened.enter_async_context(
                open_redis_slots(
                    connections.needed("REDIS_URL", slots.name),
                    slots.namespace_id,
                    limit=slots.limit,
                    lease=slots.lease,
                )
            )
        env.update({service.binding: _service(config, service) for service in config.services})
        yield env


def bucket_name(config: WorkerConfig, connections: Connections, binding: str) -> str:
    """The bucket behind an R2 binding: the declared one, unless R2_BUCKET names another."""
    if connections.r2_bucket and len(config.r2_buckets) > 1:
        raise ConfigError(f"R2_BUCKET is set, but {config.path} declares several buckets; unset it.")
    declared = next(bucket.bucket_name for bucket in config.r2_buckets if bucket.binding == binding)
    return connections.r2_bucket or declared


def _service(config: WorkerConfig, service: ServiceConfig) -> Service:
    name = f"{service.binding}_URL"
    url = config.vars.get(name)
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise ConfigError(f"The service {service.binding} needs {name}, a http:// or https:// URL; set it.")
    return Service(service.service, url.rstrip("/"))
