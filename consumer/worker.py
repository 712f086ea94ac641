"""`arq consumer.worker.WorkerSettings` runs a consumer; `arq --check consumer.worker.WorkerSettings` asks after it."""

from __future__ import annotations

from consumer.process import arq_settings
from wrangler_compat.errors import ConfigError
from wrangler_compat.queues.arq_queue import ArqSettings


def _settings_or_exit() -> ArqSettings:
    try:
        return arq_settings()
    except ConfigError as wrong:
        raise SystemExit(f"consumer: {wrong}") from None


class WorkerSettings:
    """arq reads the attributes of this very class: inherited ones it would not see."""

    _arq = _settings_or_exit()
    functions = _arq.functions
    queue_name = _arq.queue_name
    redis_settings = _arq.redis_settings
    on_startup = _arq.on_startup
    on_shutdown = _arq.on_shutdown
    poll_delay = _arq.poll_delay
    keep_result = _arq.keep_result
    health_check_interval = _arq.health_check_interval
    job_serializer = _arq.job_serializer
    job_deserializer = _arq.job_deserializer
