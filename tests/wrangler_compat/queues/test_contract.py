"""One behaviour, every backend of the queue: in memory, and arq over a real Redis."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.wrangler_compat.queues.backends import Backend, open_backend
from wrangler_compat.errors import QueueError
from wrangler_compat.queues.types import MessageBatch, QueueInfo, QueueSendRequest
from wrangler_compat.wrangler_toml import QueueConsumerConfig


@pytest.fixture(params=["memory", "arq"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def consumer(unique_name: str) -> QueueConsumerConfig:
    # Retries after about 0.05 s, 0.1 s, 0.2 s.
    return QueueConsumerConfig(unique_name, max_retries=2, retry_delay=0.05, dead_letter_queue=f"{unique_name}-dead")


@pytest.fixture
async def backend(kind: str, consumer: QueueConsumerConfig, redis_url: str) -> AsyncIterator[Backend]:
    async with open_backend(kind, redis_url, consumer) as opened:
        yield opened


class Handler:
    """Keeps what was delivered, and does with each message what `then` says."""

    def __init__(self, then: Any = lambda _message: None) -> None:
        self.deliveries: list[tuple[Any, int]] = []
        self.messages: list[Any] = []
        self.at: list[float] = []
        self._then = then

    async def __call__(self, batch: MessageBatch) -> None:
        for message in batch.messages:
            self.deliveries.append((message.body, message.attempts))
            self.messages.append(message)
            self.at.append(time.monotonic())
            self._then(message)

    def has(self, count: int) -> Any:
        return lambda: len(self.deliveries) >= count


async def test_a_message_arrives_once(backend: Backend) -> None:
    await backend.queue.send({"video_id": "x", "n": [1, None, "ü"]})
    handler = Handler()
    await backend.deliver_until(handler, handler.has(1))
    await backend.deliver_until(handler, lambda: True)
    assert handler.deliveries == [({"video_id": "x", "n": [1, None, "ü"]}, 1)]


async def test_a_message_has_an_id_and_its_time(backend: Backend, consumer: QueueConsumerConfig) -> None:
    before = datetime.now(UTC)
    await backend.queue.send(1)
    await backend.queue.send(2)
    queues: list[str] = []
    handler = Handler()

    async def watching(batch: MessageBatch) -> None:
        queues.append(batch.queue)
        await handler(batch)

    await backend.deliver_until(watching, handler.has(2))
    first, second = handler.messages
    assert first.id != second.id
    assert queues == [consumer.queue] * 2
    assert abs((first.timestamp - before).total_seconds()) < 5
    assert first.timestamp.utcoffset() is not None


async def test_a_batch_arrives_in_order(backend: Backend) -> None:
    await backend.queue.send_batch([QueueSendRequest(number) for number in range(5)])
    handler = Handler()
    await backend.deliver_until(handler, handler.has(5))
    assert sorted(body for body, _ in handler.deliveries) == [0, 1, 2, 3, 4]


async def test_a_batch_with_a_bad_message_sends_nothing(backend: Backend) -> None:
    with pytest.raises(QueueError, match="JSON"):
        await backend.queue.send_batch([QueueSendRequest(1), QueueSendRequest(b"bytes")])
    assert (await backend.queue.info()).ready == 0


async def test_a_delayed_message_waits(backend: Backend, consumer: QueueConsumerConfig) -> None:
    start = time.monotonic()
    await backend.queue.send("later", delay_seconds=0.4)
    await backend.queue.send("now")
    assert await backend.queue.info() == QueueInfo(consumer.queue, ready=1, delayed=1, dead_letters=0)
    handler = Handler()
    await backend.deliver_until(handler, handler.has(2))
    assert [body for body, _ in handler.deliveries] == ["now", "later"]
    assert handler.at[1] - start >= 0.39


async def test_the_producers_own_delay(kind: str, consumer: QueueConsumerConfig, redis_url: str) -> None:
    async with open_backend(kind, redis_url, consumer, delivery_delay=60) as backend:
        await backend.queue.send("late")
        await backend.queue.send("at once", delay_seconds=0)
        info = await backend.queue.info()
        assert (info.ready, info.delayed) == (1, 1)


async def test_a_raising_handler_retries_with_growing_waits(backend: Backend) -> None:
    def fail_twice(message: Any) -> None:
        if message.attempts < 3:
            raise ValueError("not yet")

    await backend.queue.send("x")
    handler = Handler(fail_twice)
    await backend.deliver_until(handler, handler.has(3))
    assert handler.deliveries == [("x", 1), ("x", 2), ("x", 3)]
    assert handler.at[1] - handler.at[0] >= 0.024
    assert handler.at[2] - handler.at[1] >= 0.049
    assert await backend.dead_letters() == []
    assert (await backend.queue.info()).ready == 0


async def test_retry_with_a_delay(backend: Backend) -> None:
    def retry_once(message: Any) -> None:
        if message.attempts == 1:
            message.retry(delay_seconds=0.3)

    await backend.queue.send("x")
    handler = Handler(retry_once)
    await backend.deliver_until(handler, handler.has(2))
    assert handler.at[1] - handler.at[0] >= 0.29


async def test_a_message_keeps_its_id_over_retries(backend: Backend) -> None:
    await backend.queue.send("x")
    handler = Handler(lambda message: message.retry(delay_seconds=0) if message.attempts < 3 else None)
    await backend.deliver_until(handler, handler.has(3))
    assert len({message.id for message in handler.messages}) == 1


async def test_an_acked_message_is_done_though_the_handler_raises(backend: Backend) -> None:
    def ack_and_fail(message: Any) -> None:
        message.ack()
        raise ValueError("too late to matter")

    await backend.queue.send("x")
    handler = Handler(ack_and_fail)
    await backend.deliver_until(handler, handler.has(1))
    info = await backend.queue.info()
    assert (info.ready, info.delayed, info.dead_letters) == (0, 0, 0)


async def test_a_hopeless_message_becomes_a_dead_letter(backend: Backend, consumer: QueueConsumerConfig) -> None:
    def fail(_message: Any) -> None:
        raise ValueError("never")

    await backend.queue.send({"hopeless": True})
    await backend.queue.send("fine")
    handler = Handler(lambda message: fail(message) if message.body != "fine" else None)
    await backend.deliver_until(handler, handler.has(4))
    [letter] = await backend.dead_letters()
    assert letter.body == {"hopeless": True}
    assert letter.reason == "ValueError: never"
    assert letter.attempts == 3
    assert letter.queue == consumer.queue
    assert letter.dead_letter_queue == consumer.dead_letter_queue
    assert abs((datetime.now(UTC) - datetime.fromisoformat(letter.died_at)).total_seconds()) < 10
    assert await backend.queue.info() == QueueInfo(consumer.queue, ready=0, delayed=0, dead_letters=1)


async def test_without_a_dead_letter_queue_it_is_dropped(kind: str, unique_name: str, redis_url: str) -> None:
    consumer = QueueConsumerConfig(unique_name, max_retries=0)
    async with open_backend(kind, redis_url, consumer) as backend:
        await backend.queue.send("x")
        handler = Handler(lambda message: message.retry(delay_seconds=0))
        await backend.deliver_until(handler, handler.has(1))
        await backend.deliver_until(handler, lambda: True)
        assert handler.deliveries == [("x", 1)]
        assert await backend.queue.info() == QueueInfo(unique_name, ready=0, delayed=0, dead_letters=0)


async def test_a_large_body_and_one_too_large(backend: Backend) -> None:
    await backend.queue.send("x" * 127_998)
    with pytest.raises(QueueError) as raised:
        await backend.queue.send("x" * 127_999)
    assert raised.value.code == "QUEUE_BODY_TOO_LARGE"
    handler = Handler()
    await backend.deliver_until(handler, handler.has(1))
    assert handler.messages[0].body == "x" * 127_998


async def test_ping(backend: Backend) -> None:
    await backend.queue.ping()
