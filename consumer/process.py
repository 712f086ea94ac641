"""A running consumer: what is opened when arq starts it, and closed when arq stops it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import structlog

from consumer.assembly import Consumer, assemble, detection_of, open_env
from consumer.probes import serve_probes
from consumer.settings import Settings, load
from wrangler_compat.connections import Connections
from wrangler_compat.errors import ConfigError
from wrangler_compat.logs import configure_logging
from wrangler_compat.queues.arq_queue import ArqSettings, worker_settings
from wrangler_compat.queues.types import MessageBatch
from wrangler_compat.wrangler_toml import WorkerConfig

_TIMEOUT_MARGIN_SECONDS = 60.0
"""The job's own time limit comes first: it is counted as an attempt and written down."""

_log = structlog.get_logger(__name__)


class Process:
    """start(), then receive() for each batch, then stop()."""

    def __init__(self, config: WorkerConfig, settings: Settings, connections: Connections) -> None:
        self._config = config
        self._settings = settings
        self._connections = connections
        self._opened = AsyncExitStack()
        self._consumer: Consumer | None = None

    async def start(self, context: dict[str, Any]) -> None:
        """Raises ConfigError."""
        settings = self._settings
        configure_logging("consumer", settings.log_level)
        detection = detection_of(settings)
        env = await self._opened.enter_async_context(open_env(self._config, settings, self._connections))
        consumer = await self._opened.enter_async_context(assemble(env, settings, detection))
        probes = serve_probes(
            settings.metrics_host, settings.metrics_port, metrics=consumer.metrics, pings=consumer.pings
        )
        try:
            port = await self._opened.enter_async_context(probes)
        except OSError as error:
            raise ConfigError(
                f"Port {settings.metrics_port} on {settings.metrics_host} cannot be had ({error.strerror}); "
                "set METRICS_PORT to a free one, or to 0."
            ) from error
        for work in (
            consumer.sweep.run_forever(),
            consumer.rounds.run_forever(),
            consumer.webhooks.run_forever(),
            consumer.operations.run_forever(),
            consumer.renditions.run_forever(),
        ):
            self._opened.push_async_callback(_cancelled, asyncio.create_task(work))
        self._consumer = consumer
        _log.info("consumer_started", worker=consumer.jobs.worker, metrics_port=port)

    async def receive(self, batch: MessageBatch) -> None:
        if self._consumer is None:
            raise RuntimeError("a message arrived before the consumer was started")
        await self._consumer.jobs.receive(batch)

    async def stop(self, context: dict[str, Any]) -> None:
        """Everything in hand has been finished or handed back before this."""
        self._consumer = None
        await self._opened.aclose()
        _log.info("consumer_stopped")


async def _start_or_exit(process: Process, context: dict[str, Any]) -> None:
    """What is wrong with the configuration is said in a sentence, not in arq's traceback."""
    try:
        await process.start(context)
    except ConfigError as wrong:
        raise SystemExit(f"consumer: {wrong}") from None


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def arq_settings(environ: Mapping[str, str] | None = None) -> ArqSettings:
    """What arq needs to know to run a consumer. Raises ConfigError."""
    config, settings, connections = load() if environ is None else load(environ)
    detection_of(settings)  # Thresholds that contradict each other are said before anything starts.
    process = Process(config, settings, connections)
    return worker_settings(
        config.queue_consumers,
        process.receive,
        connections.needed("REDIS_URL", "VIDEO_QUEUE"),
        on_startup=partial(_start_or_exit, process),
        on_shutdown=process.stop,
        max_concurrency=settings.max_jobs,
        job_timeout_seconds=settings.job_timeout_seconds + _TIMEOUT_MARGIN_SECONDS,
        shutdown_grace_seconds=settings.shutdown_grace_seconds,
    )
