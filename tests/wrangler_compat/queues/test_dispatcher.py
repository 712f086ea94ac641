"""What only the arq backend has: priorities, slots, claims, outages, dead letters' care."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from tests.wrangler_compat.queues.backends import until
from wrangler_compat.errors import QueueError
from wrangler_compat.queues import arq_worker
from wrangler_compat.queues.arq_queue import Dispatcher, open_arq_queue
from wrangler_compat.queues.arq_redis import bury, connect
from wrangler_compat.queues.delivery import DeadLetter
from wrangler_compat.queues.types import MessageBatch, QueueSendRequest
from wrangler_compat.servers import free_port, redis_program, running
from wrangler_compat.wrangler_toml import QueueConsumerConfig


class Workshop:
    """A handler whose deliveries wait for finish()."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []
        self._finish: asyncio.Semaphore = asyncio.Semaphore(0)

    async def __call__(self, batch: MessageBatch) -> None:
        [message] = batch.messages
        self.begun.append(message.body)
        await self._finish.acquire()
        self.ended.append(message.body)

    def finish(self, count: int = 1) -> None:
        for _ in range(count):
            self._finish.release()

    async def wait_begun(self, count: int, timeout_seconds: float = 60) -> None:
        async with asyncio.timeout(timeout_seconds):
            await until(lambda: len(self.begun) >= count)


def consumers(prefix: str) -> list[QueueConsumerConfig]:
    return [QueueConsumerConfig(f"{prefix}-{priority}") for priority in ("high", "normal", "low")]


async def send(redis_url: str, name: str, *bodies: str) -> None:
    async with open_arq_queue(redis_url, name) as queue:
        await queue.send_batch([QueueSendRequest(body) for body in bodies])


async def wait_dead_letters(redis_url: str, name: str) -> list[DeadLetter]:
    async with open_arq_queue(redis_url, name) as queue:
        for _ in range(200):
            if letters := await queue.dead_letters():
                return letters
            await asyncio.sleep(0.02)
    raise AssertionError("no dead letter")


async def test_a_freed_slot_goes_to_the_highest_queue_with_a_message(redis_url: str, unique_name: str) -> None:
    await send(redis_url, f"{unique_name}-low", "low1", "low2")
    await send(redis_url, f"{unique_name}-normal", "normal1", "normal2")
    workshop = Workshop()
    dispatcher = Dispatcher(consumers(unique_name), workshop, redis_url, max_concurrency=1, poll_delay_seconds=0.01)
    dispatcher.start()
    await workshop.wait_begun(1)
    await send(redis_url, f"{unique_name}-high", "high1", "high2")
    for count in range(2, 7):
        workshop.finish()
        await workshop.wait_begun(count)
    workshop.finish()
    await dispatcher.stop(grace_seconds=5)
    assert workshop.begun[0].startswith("normal")
    assert [body[:-1] for body in workshop.begun[1:]] == ["high", "high", "normal", "low", "low"]
    assert sorted(workshop.ended) == sorted(workshop.begun)


async def test_slots_are_shared_and_a_queue_can_have_fewer(redis_url: str, unique_name: str) -> None:
    await send(redis_url, f"{unique_name}-a", "a", "a", "a")
    await send(redis_url, f"{unique_name}-b", "b", "b", "b")
    queues = [QueueConsumerConfig(f"{unique_name}-a", max_concurrency=1), QueueConsumerConfig(f"{unique_name}-b")]
    workshop = Workshop()
    dispatcher = Dispatcher(queues, workshop, redis_url, max_concurrency=3, poll_delay_seconds=0.01)
    dispatcher.start()
    await workshop.wait_begun(3)
    await asyncio.sleep(0.1)
    assert sorted(workshop.begun) == ["a", "b", "b"]
    workshop.finish(6)
    await workshop.wait_begun(6)
    await dispatcher.stop(grace_seconds=5)


async def test_info_counts_what_is_in_delivery_as_neither_ready_nor_delayed(redis_url: str, unique_name: str) -> None:
    await send(redis_url, unique_name, "one", "two")
    workshop = Workshop()
    dispatcher = Dispatcher([QueueConsumerConfig(unique_name)], workshop, redis_url, max_concurrency=1)
    dispatcher.start()
    await workshop.wait_begun(1)
    async with open_arq_queue(redis_url, unique_name) as queue:
        info = await queue.info()
    assert (info.ready, info.delayed) == (1, 0)
    workshop.finish(2)
    await workshop.wait_begun(2)
    await dispatcher.stop(grace_seconds=5)


async def test_two_dispatchers_deliver_each_message_once(redis_url: str, unique_name: str) -> None:
    await send(redis_url, unique_name, *[str(number) for number in range(60)])
    seen: list[str] = []

    async def handle(batch: MessageBatch) -> None:
        await asyncio.sleep(0.005)
        seen.extend(message.body for message in batch.messages)

    both = [
        Dispatcher([QueueConsumerConfig(unique_name)], handle, redis_url, max_concurrency=4, poll_delay_seconds=0.01)
        for _ in range(2)
    ]
    for dispatcher in both:
        dispatcher.start()
    async with asyncio.timeout(60):
        await until(lambda: len(seen) == 60)
    for dispatcher in both:
        await dispatcher.stop(grace_seconds=5)
    assert sorted(map(int, seen)) == list(range(60))


async def test_more_claimed_messages_than_a_page_do_not_hide_the_next(redis_url: str, unique_name: str) -> None:
    await send(redis_url, unique_name, *["taken"] * 100)
    redis = connect(redis_url)
    for id in await redis.zrange(f"queue:{unique_name}", 0, -1):
        await redis.set(f"arq:in-progress:{id.decode()}", b"1", px=20_000)
    await redis.aclose()
    await asyncio.sleep(0.01)
    await send(redis_url, unique_name, "free")
    workshop = Workshop()
    workshop.finish(200)
    dispatcher = Dispatcher([QueueConsumerConfig(unique_name)], workshop, redis_url, poll_delay_seconds=0.01)
    dispatcher.start()
    await workshop.wait_begun(1)
    await dispatcher.stop(grace_seconds=5)
    assert workshop.begun == ["free"]


async def test_stop_gives_back_what_does_not_finish_and_does_not_count_it(redis_url: str, unique_name: str) -> None:
    await send(redis_url, unique_name, "slow")
    workshop = Workshop()
    dispatcher = Dispatcher([QueueConsumerConfig(unique_name)], workshop, redis_url)
    dispatcher.start()
    await workshop.wait_begun(1)
    await dispatcher.stop(grace_seconds=0.1)
    assert workshop.ended == []
    attempts: list[int] = []

    async def handle(batch: MessageBatch) -> None:
        attempts.extend(message.attempts for message in batch.messages)

    again = Dispatcher([QueueConsumerConfig(unique_name)], handle, redis_url, poll_delay_seconds=0.01)
    again.start()
    async with asyncio.timeout(60):
        await until(lambda: bool(attempts))
    await again.stop(grace_seconds=5)
    assert attempts == [1]


async def test_a_handler_has_a_deadline(redis_url: str, unique_name: str) -> None:
    consumer = QueueConsumerConfig(unique_name, max_retries=0, dead_letter_queue=f"{unique_name}-dead")
    await send(redis_url, unique_name, "slow")
    workshop = Workshop()
    dispatcher = Dispatcher([consumer], workshop, redis_url, job_timeout_seconds=0.1)
    dispatcher.start()
    letters = await wait_dead_letters(redis_url, unique_name)
    await dispatcher.stop()
    assert letters[0].reason.startswith("TimeoutError")


async def test_a_claim_is_renewed_while_the_handler_runs(
    redis_url: str, unique_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arq_worker, "CLAIM_SECONDS", 0.3)
    monkeypatch.setattr(arq_worker, "CLAIM_RENEWAL_SECONDS", 0.05)
    await send(redis_url, unique_name, "long")
    workshop = Workshop()
    both = [
        Dispatcher([QueueConsumerConfig(unique_name)], workshop, redis_url, poll_delay_seconds=0.02) for _ in range(2)
    ]
    for dispatcher in both:
        dispatcher.start()
    await workshop.wait_begun(1)
    await asyncio.sleep(1)
    assert workshop.begun == ["long"]
    workshop.finish(5)
    for dispatcher in both:
        await dispatcher.stop(grace_seconds=5)
    assert workshop.ended == ["long"]


async def test_a_message_whose_process_always_dies_becomes_a_dead_letter(redis_url: str, unique_name: str) -> None:
    consumer = QueueConsumerConfig(unique_name, max_retries=1, dead_letter_queue=f"{unique_name}-dead")
    await send(redis_url, unique_name, "deadly")
    redis = connect(redis_url)
    [id] = await redis.zrange(f"queue:{unique_name}", 0, -1)
    # Two deliveries begun and never ended.
    await redis.set(f"arq:retry:{id.decode()}", "2")
    await redis.aclose()
    workshop = Workshop()
    dispatcher = Dispatcher([consumer], workshop, redis_url, poll_delay_seconds=0.01)
    dispatcher.start()
    letters = await wait_dead_letters(redis_url, f"{unique_name}-dead")
    await dispatcher.stop()
    assert workshop.begun == []
    assert letters[0].attempts == 3
    assert "process died" in letters[0].reason


def letter(queue: str, body: object, id: str) -> DeadLetter:
    return DeadLetter(id, queue, f"{queue}-dead", "why", 4, body, "2026-11-21T02:13:05+00:00")


async def test_dead_letters_are_resent_to_where_they_came_from(redis_url: str, unique_name: str) -> None:
    redis = connect(redis_url)
    for number in range(3):
        await bury(redis, letter(unique_name, {"n": number}, f"{unique_name}-{number}"))
        await asyncio.sleep(0.002)
    await bury(redis, letter(unique_name, {"n": 0}, f"{unique_name}-0"))
    await redis.aclose()
    async with (
        open_arq_queue(redis_url, f"{unique_name}-dead") as dead,
        open_arq_queue(redis_url, unique_name) as queue,
    ):
        assert (await dead.info()).dead_letters == (await queue.info()).dead_letters == 3
        assert [found.body for found in await queue.dead_letters()] == [{"n": 0}, {"n": 1}, {"n": 2}]
        assert await dead.resend_dead_letters(limit=2) == [f"{unique_name}-0", f"{unique_name}-1"]
        info = await queue.info()
        assert (info.ready, info.dead_letters) == (2, 1)
        assert await dead.purge_dead_letters() == [f"{unique_name}-2"]
        assert await dead.dead_letters() == []
        assert await dead.resend_dead_letters() == []
        assert (await queue.info()).ready == 2


async def test_names_of_queues_created_or_sent_to(redis_url: str, unique_name: str) -> None:
    async with open_arq_queue(redis_url, f"{unique_name}-created") as queue:
        await queue.create()
        await send(redis_url, f"{unique_name}-sent", "x")
        assert {f"{unique_name}-created", f"{unique_name}-sent"} <= set(await queue.names())


async def test_an_unreachable_redis_is_a_retryable_error() -> None:
    async with open_arq_queue(f"redis://127.0.0.1:{free_port()}/0", "q") as queue:
        with pytest.raises(QueueError) as raised:
            await queue.send("x")
        assert raised.value.code == "QUEUE_UNAVAILABLE"
        assert raised.value.retryable
        with pytest.raises(QueueError):
            await queue.ping()
        with pytest.raises(QueueError):
            await queue.info()


async def test_a_refusal_is_not_retryable(redis_url: str, unique_name: str) -> None:
    redis = connect(redis_url)
    await redis.set(f"queue:{unique_name}", "not a sorted set")
    async with open_arq_queue(redis_url, unique_name) as queue:
        with pytest.raises(QueueError) as raised:
            await queue.send("x")
        assert (raised.value.code, raised.value.retryable) == ("QUEUE_REFUSED", False)
    # Redis is shared: what lists all queues would stumble over this one.
    await redis.delete(f"queue:{unique_name}")
    await redis.aclose()


async def test_a_dispatcher_outlives_a_redis_that_goes_and_comes(tmp_path: Path, unique_name: str) -> None:
    program = redis_program(tmp_path, free_port())
    workshop = Workshop()
    workshop.finish(10)
    with running(program, tmp_path / "log", os.environ):
        dispatcher = Dispatcher([QueueConsumerConfig(unique_name)], workshop, program.url, poll_delay_seconds=0.05)
        dispatcher.start()
        await send(program.url, unique_name, "before")
        await workshop.wait_begun(1)
    await asyncio.sleep(0.5)
    with running(program, tmp_path / "log", os.environ):
        await send(program.url, unique_name, "after")
        await workshop.wait_begun(2, timeout_seconds=60)
        await dispatcher.stop(grace_seconds=5)
    assert workshop.ended == ["before", "after"]


async def test_a_dispatcher_that_dies_says_so(redis_url: str, unique_name: str) -> None:
    class Broken(Dispatcher):
        async def _fill(self) -> None:
            raise ZeroDivisionError("a bug")

    died = asyncio.Event()
    dispatcher = Broken([QueueConsumerConfig(unique_name)], Workshop(), redis_url)
    dispatcher.start(on_death=died.set)
    await asyncio.wait_for(died.wait(), 60)
    with pytest.raises(ZeroDivisionError):
        await dispatcher.stop()
