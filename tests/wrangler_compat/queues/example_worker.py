"""A worker for the tests of the `arq` command line: appends what it does to the file EVENTS."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from wrangler_compat.queues.arq_queue import worker_settings
from wrangler_compat.queues.types import MessageBatch
from wrangler_compat.wrangler_toml import QueueConsumerConfig

PREFIX = os.environ["QUEUE_PREFIX"]


def note(text: str) -> None:
    with open(os.environ["EVENTS"], "a", encoding="utf-8") as file:
        file.write(f"{text}\n")


async def handle(batch: MessageBatch) -> None:
    for message in batch.messages:
        note(f"begin {message.body} {message.attempts}")
        await asyncio.sleep(float(os.environ.get("WORK_SECONDS", "0")))
        note(f"end {message.body}")


async def started(_context: dict[str, Any]) -> None:
    note("started")


async def stopped(_context: dict[str, Any]) -> None:
    note("stopped")


SETTINGS = worker_settings(
    [QueueConsumerConfig(f"{PREFIX}-{priority}") for priority in ("high", "normal", "low")],
    handle,
    os.environ["REDIS_URL"],
    on_startup=started,
    on_shutdown=stopped,
    max_concurrency=2,
    shutdown_grace_seconds=float(os.environ.get("GRACE_SECONDS", "5")),
    poll_delay_seconds=0.05,
)


class WorkerSettings:
    functions = SETTINGS.functions
    queue_name = SETTINGS.queue_name
    redis_settings = SETTINGS.redis_settings
    on_startup = SETTINGS.on_startup
    on_shutdown = SETTINGS.on_shutdown
    poll_delay = SETTINGS.poll_delay
    keep_result = SETTINGS.keep_result
    health_check_interval = SETTINGS.health_check_interval
    job_serializer = SETTINGS.job_serializer
    job_deserializer = SETTINGS.job_deserializer
