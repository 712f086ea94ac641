"""Each attribute that we give arq takes effect, and a class that arq would misread is refused."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from arq.worker import Worker, create_worker

from wrangler_compat.errors import ConfigError
from wrangler_compat.queues.arq_queue import ArqSettings, check_worker_settings, worker_settings
from wrangler_compat.queues.arq_redis import from_json, to_json
from wrangler_compat.queues.types import MessageBatch
from wrangler_compat.wrangler_toml import QueueConsumerConfig


async def handle(_batch: MessageBatch) -> None:
    pass


def settings(**options: Any) -> ArqSettings:
    return worker_settings([QueueConsumerConfig("q")], handle, "redis://127.0.0.1:1/0", **options)


def class_of(given: ArqSettings, **more: Any) -> type[Any]:
    return type("WorkerSettings", (), {**{f.name: getattr(given, f.name) for f in dataclasses.fields(given)}, **more})


async def test_every_attribute_takes_effect() -> None:
    given = settings()
    cls = class_of(given)
    check_worker_settings(cls)
    worker = create_worker(cls, handle_signals=False)
    default = Worker(functions=given.functions, handle_signals=False)
    read = {
        "functions": list(worker.functions.values()),
        "queue_name": worker.queue_name,
        "redis_settings": worker.redis_settings,
        "on_startup": worker.on_startup,
        "on_shutdown": worker.on_shutdown,
        "poll_delay": worker.poll_delay_s,
        "keep_result": worker.keep_result_s,
        "health_check_interval": worker.health_check_interval,
        "job_serializer": worker.job_serializer,
        "job_deserializer": worker.job_deserializer,
    }
    assert read == {field.name: getattr(given, field.name) for field in dataclasses.fields(given)}
    assert default.keep_result_s != worker.keep_result_s
    assert default.health_check_interval != worker.health_check_interval


def test_the_health_key_of_the_check_is_that_of_the_worker() -> None:
    assert settings().queue_name == "queue:q:control"


def test_a_missing_attribute_is_named() -> None:
    cls = class_of(settings())
    del cls.keep_result
    with pytest.raises(ConfigError, match=r"needs attributes of its own: keep_result\."):
        check_worker_settings(cls)


def test_an_inherited_attribute_does_not_count() -> None:
    base = class_of(settings())
    child = type("Child", (base,), {})
    with pytest.raises(ConfigError, match=r"inherited ones do not count.*functions"):
        check_worker_settings(child)


def test_an_extra_inherited_attribute_is_refused() -> None:
    base = type("Base", (), {"max_jobs": 3})
    child = type("Child", (base,), dict(vars(class_of(settings()))))
    with pytest.raises(ConfigError, match="arq ignores them: max_jobs"):
        check_worker_settings(child)


def test_a_misspelt_attribute_is_refused() -> None:
    with pytest.raises(ConfigError, match="does not know: max_job"):
        check_worker_settings(class_of(settings(), max_job=3))


@pytest.mark.parametrize(
    ("consumers", "message"),
    [
        ([], "at least one"),
        ([QueueConsumerConfig("q"), QueueConsumerConfig("q")], "twice"),
        ([QueueConsumerConfig("q", dead_letter_queue="q")], "its own"),
        ([QueueConsumerConfig("Q")], "small letters"),
        ([QueueConsumerConfig("q", max_retries=101)], "from 0 to 100"),
    ],
)
def test_bad_consumers(consumers: list[QueueConsumerConfig], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        worker_settings(consumers, handle, "redis://127.0.0.1:1/0")


def test_bad_concurrency() -> None:
    with pytest.raises(ConfigError, match="1 or more"):
        settings(max_concurrency=0)


def test_a_password_in_the_url_is_decoded_and_kept() -> None:
    given = worker_settings([QueueConsumerConfig("q")], handle, "redis://user:p%40ss@example.test:7000/2")
    redis = given.redis_settings
    assert (redis.host, redis.port, redis.database) == ("example.test", 7000, 2)
    assert (redis.username, redis.password) == ("user", "p@ss")


def test_the_serializer_is_json_and_never_pickle() -> None:
    assert to_json({"a": [1, "ü"]}) == b'{"a":[1,"\\u00fc"]}'
    assert from_json(to_json({"a": None})) == {"a": None}
    assert b"ValueError('x')" in to_json({"r": ValueError("x")})
