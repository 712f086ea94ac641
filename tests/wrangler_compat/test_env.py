"""open_bindings gives what wrangler.toml declares, against the real servers, and nothing more."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.services import S3Server
from wrangler_compat.connections import Connections
from wrangler_compat.env import Service, bucket_name, open_bindings
from wrangler_compat.errors import BindingError, ConfigError
from wrangler_compat.wrangler_toml import (
    D1DatabaseConfig,
    QueueProducerConfig,
    R2BucketConfig,
    RateLimitConfig,
    ServiceConfig,
    SlotsConfig,
    VectorizeConfig,
    WorkerConfig,
)

WORKER = WorkerConfig(
    path=Path("w/wrangler.toml"),
    name="w",
    vars={"PROCESSOR_URL": "http://127.0.0.1:8080/"},
    r2_buckets=(R2BucketConfig("BUCKET", "videos"),),
    d1_databases=(D1DatabaseConfig("DB", "twinreel"),),
    queue_producers=(QueueProducerConfig("QUEUE", "video-normal"),),
    vectorize=(VectorizeConfig("INDEX", "video-fingerprints"),),
    services=(ServiceConfig("PROCESSOR", "processor"),),
    ratelimits=(RateLimitConfig("LIMITER", "1001", 100, 60),),
    slots=(SlotsConfig("SLOTS", "1002", 8, 15),),
)
NOWHERE = Connections(
    r2_endpoint="http://127.0.0.1:9",
    r2_access_key="k",
    r2_secret_key="s",
    redis_url="redis://127.0.0.1:9/0",
    chroma_url="http://127.0.0.1:9",
)


def only(**groups: object) -> WorkerConfig:
    return dataclasses.replace(WorkerConfig(WORKER.path, WORKER.name), **groups)  # type: ignore[arg-type]


async def test_every_declared_binding_answers(
    s3_server: S3Server, redis_url: str, chroma_url: str, tmp_path: Path
) -> None:
    connections = dataclasses.replace(
        s3_server.connections(s3_server.make_bucket()),
        database_url=f"sqlite://{tmp_path}/test.db",
        redis_url=redis_url,
        chroma_url=chroma_url,
    )
    async with open_bindings(WORKER, connections) as env:
        assert set(env) == {"BUCKET", "DB", "QUEUE", "INDEX", "PROCESSOR", "LIMITER", "SLOTS"}
        for name in ("BUCKET", "DB", "QUEUE", "INDEX", "LIMITER", "SLOTS"):
            await env[name].ping()
        assert env["PROCESSOR"] == Service("processor", "http://127.0.0.1:8080")
        await env["BUCKET"].put("a", b"x", custom_metadata={"k": "v"})
        assert (await env["BUCKET"].head("a")).custom_metadata == {"k": "v"}
    with pytest.raises(BindingError):
        await env["DB"].ping()


async def test_only_what_is_declared_is_opened() -> None:
    async with open_bindings(only(), Connections()) as env:
        assert env == {}
    async with open_bindings(only(services=WORKER.services, vars=WORKER.vars), Connections()) as env:
        assert set(env) == {"PROCESSOR"}


async def test_opening_does_not_need_the_servers(tmp_path: Path) -> None:
    connections = dataclasses.replace(NOWHERE, database_url=f"sqlite://{tmp_path}/test.db")
    async with open_bindings(WORKER, connections) as env:
        for name in ("BUCKET", "QUEUE", "INDEX", "LIMITER", "SLOTS"):
            with pytest.raises(BindingError) as caught:
                await env[name].ping()
            assert caught.value.retryable


@pytest.mark.parametrize(
    ("group", "name"),
    [
        ("r2_buckets", "R2_ENDPOINT"),
        ("d1_databases", "DATABASE_URL"),
        ("queue_producers", "REDIS_URL"),
        ("vectorize", "CHROMA_URL"),
        ("services", "PROCESSOR_URL"),
        ("ratelimits", "REDIS_URL"),
        ("slots", "REDIS_URL"),
    ],
)
async def test_a_missing_connection_is_a_sentence(group: str, name: str) -> None:
    with pytest.raises(ConfigError, match=f"needs {name}"):
        async with open_bindings(only(**{group: getattr(WORKER, group)}), Connections()):
            pass


def test_the_bucket_name_can_be_replaced() -> None:
    assert bucket_name(WORKER, Connections(), "BUCKET") == "videos"
    assert bucket_name(WORKER, Connections(r2_bucket="mine"), "BUCKET") == "mine"
    two = only(r2_buckets=(R2BucketConfig("A", "a"), R2BucketConfig("B", "b")))
    assert bucket_name(two, Connections(), "B") == "b"
    with pytest.raises(ConfigError, match="several buckets; unset it"):
        bucket_name(two, Connections(r2_bucket="mine"), "B")
