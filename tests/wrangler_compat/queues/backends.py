"""Both backends of the queue, each with its consumer's side, for the one contract suite."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol

from wrangler_compat.queues.arq_queue import ArqQueue, Dispatcher, open_arq_queue
from wrangler_compat.queues.delivery import DeadLetter
from wrangler_compat.queues.memory import MemoryQueue
from wrangler_compat.queues.types import Queue, QueueHandler
from wrangler_compat.wrangler_toml import QueueConsumerConfig


async def until(is_so: Callable[[], bool]) -> None:
    """Looks again and again: what is waited for happens in a handler or in Redis, and sets no event."""
    while not is_so():  # noqa: ASYNC110
        await asyncio.sleep(0.01)


class Backend(Protocol):
    queue: Queue

    async def deliver_until(self, handler: QueueHandler, is_done: Callable[[], bool]) -> None: ...
    async def dead_letters(self) -> list[DeadLetter]: ...


class MemoryBackend:
    def __init__(self, consumer: QueueConsumerConfig, delivery_delay: float | None) -> None:
        self._memory = MemoryQueue(consumer.queue, consumer=consumer, delivery_delay=delivery_delay)
        self.queue: Queue = self._memory

    async def deliver_until(self, handler: QueueHandler, is_done: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not is_done():
                await self._memory.deliver(handler)
                await asyncio.sleep(0.01)

    async def dead_letters(self) -> list[DeadLetter]:
        return self._memory.dead_letters


class ArqBackend:
    def __init__(self, consumer: QueueConsumerConfig, queue: ArqQueue, redis_url: str) -> None:
        self._consumer = consumer
        self._arq = queue
        self._redis_url = redis_url
        self.queue: Queue = queue

    async def deliver_until(self, handler: QueueHandler, is_done: Callable[[], bool]) -> None:
        dispatcher = Dispatcher([self._consumer], handler, self._redis_url, poll_delay_seconds=0.01)
        dispatcher.start()
        try:
            async with asyncio.timeout(60):
                await until(is_done)
        finally:
            await dispatcher.stop(grace_seconds=5)

    async def dead_letters(self) -> list[DeadLetter]:
        return await self._arq.dead_letters()


OpenBackend = Callable[..., Any]


@asynccontextmanager
async def open_backend(
    kind: str, redis_url: str, consumer: QueueConsumerConfig, delivery_delay: float | None = None
) -> AsyncIterator[Backend]:
    if kind == "memory":
        yield MemoryBackend(consumer, delivery_delay)
        return
    async with open_arq_queue(redis_url, consumer.queue, delivery_delay=delivery_delay) as queue:
        yield ArqBackend(consumer, queue, redis_url)
