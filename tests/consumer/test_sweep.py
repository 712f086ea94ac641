from __future__ import annotations

import asyncio
from typing import Any

import pytest

from consumer.assembly import Consumer
from tests.consumer.world import World, open_world
from wire.jobs import Job
from wrangler_compat.errors import QueueError


def waiting(world: World) -> list[str]:
    return [message.body["video_id"] for queue in world.queues.values() for message in queue.messages]


async def test_an_upload_whose_message_was_lost_is_sent_again(world: World, consumer: Consumer) -> None:
    video_id = await world.upload(1)
    await consumer.sweep.run_once()
    assert waiting(world) == []
    world.clock.pass_seconds(11)
    await consumer.sweep.run_once()
    assert waiting(world) == [video_id]
    (message,) = world.queues["normal"].messages
    assert message.body == Job(video_id, "decide", f"request-{video_id}").to_body()


async def test_it_goes_to_the_queue_of_its_priority(world: World, consumer: Consumer) -> None:
    await world.upload(1, priority="low")
    world.clock.pass_seconds(11)
    await consumer.sweep.run_once()
    assert len(world.queues["low"].messages) == 1


async def test_it_is_not_sent_again_and_again(world: World, consumer: Consumer) -> None:
    await world.upload(1)
    world.clock.pass_seconds(11)
    for _ in range(5):
        await consumer.sweep.run_once()
    assert len(waiting(world)) == 1


async def test_of_many_workers_one_sends_it(world: World) -> None:
    workers = [await world.consumer(seed=n) for n in range(4)]
    videos = [await world.upload(n) for n in range(10)]
    world.clock.pass_seconds(11)
    await asyncio.gather(*(worker.sweep.run_once() for worker in workers))
    assert sorted(waiting(world)) == sorted(videos)


async def test_a_queue_with_a_backlog_is_left_to_work_it_off(world: World, consumer: Consumer) -> None:
    first, second = await world.upload(1), await world.upload(2)
    await world.queues["normal"].send(Job(first).to_body())
    world.clock.pass_seconds(60)
    await consumer.sweep.run_once()
    assert waiting(world) == [first]
    world.clock.pass_seconds(120)
    await consumer.sweep.run_once()
    assert second in waiting(world)


async def test_jobs_that_only_wait_their_turn_are_not_sent_again(world: World, consumer: Consumer) -> None:
    videos = [await world.upload(n) for n in range(3)]
    for video_id in videos:
        await world.queues["normal"].send(Job(video_id).to_body())
    for _ in range(5):
        world.clock.pass_seconds(300)
        await consumer.sweep.run_once()
    assert sorted(waiting(world)) == sorted(videos)
    world.clock.pass_seconds(400)
    await consumer.sweep.run_once()
    assert len(waiting(world)) == 6


async def test_a_retry_whose_message_was_lost_is_sent_when_it_is_overdue(world: World, consumer: Consumer) -> None:
    video_id = await world.upload(1)
    claim = await consumer.jobs.leases.claim(video_id, "w")
    assert claim is not None
    await consumer.jobs.leases.hand_back(claim, "attempt", delay_seconds=100, error="e")
    world.clock.pass_seconds(105)
    await consumer.sweep.run_once()
    assert waiting(world) == []
    world.clock.pass_seconds(6)
    await consumer.sweep.run_once()
    assert waiting(world) == [video_id]


async def test_the_job_of_a_dead_worker_is_sent_again_at_once(world: World, consumer: Consumer) -> None:
    video_id = await world.upload(1)
    await consumer.jobs.leases.claim(video_id, "dead")
    await consumer.sweep.run_once()
    assert waiting(world) == []
    world.clock.pass_seconds(16)
    await consumer.sweep.run_once()
    assert waiting(world) == [video_id]
    assert (await world.job(video_id))["status"] == "pending"
    await world.queues["normal"].deliver(consumer.jobs.receive)
    assert (await world.video(video_id))["status"] == "approved"
    assert (await world.job(video_id))["attempt_count"] == 2


async def test_a_job_whose_worker_died_each_time_has_failed(world: World, consumer: Consumer) -> None:
    """Others were in hand each time, so nobody knows whether it is to blame."""
    video_id = await world.upload(1)
    for _ in range(10):
        assert await consumer.jobs.leases.claim(video_id, "dies/1", beside="dies/") is not None
        world.clock.pass_seconds(16)
        await consumer.sweep.run_once()
    job = await world.job(video_id)
    assert job["status"] == "failed"
    assert "was stopped 10 times" in job["error_message"]
    assert job["quarantined_at"] is None


async def test_finished_and_failed_jobs_are_left_alone(world: World, consumer: Consumer) -> None:
    await world.decided(consumer, 1)
    failed = await world.upload(2)
    claim = await consumer.jobs.leases.claim(failed, "w")
    assert claim is not None
    await consumer.jobs.leases.fail(claim, "no")
    world.clock.pass_seconds(1000)
    await consumer.sweep.run_once()
    assert waiting(world) == []


async def test_a_redis_that_lost_everything_loses_nothing(world: World, consumer: Consumer) -> None:
    videos = [await world.upload(n) for n in range(5)]
    for video_id in videos:
        await world.queues["normal"].send(Job(video_id).to_body())
    world.queues["normal"].messages.clear()
    world.clock.pass_seconds(11)
    await consumer.sweep.run_once()
    await world.queues["normal"].deliver(consumer.jobs.receive)
    assert [(await world.video(video_id))["status"] for video_id in videos] == ["approved"] * 5


async def test_a_redis_that_is_down_stops_nothing_else(world: World, consumer: Consumer) -> None:
    class Down:
        async def info(self) -> Any:
            raise QueueError("Redis does not answer", code="UNAVAILABLE", retryable=True)

        send = info

    copy = await leave_in_index(world, consumer)
    for waking in consumer.sweep.waking:
        object.__setattr__(waking, "queues", {"normal": Down()})
    await consumer.sweep.run_once()
    assert await world.vectorize.get_by_ids([copy]) == []


async def leave_in_index(world: World, consumer: Consumer) -> str:
    """A duplicate whose worker died between its verdict and taking it out of the index."""
    await world.decided(consumer, 1)
    copy = await world.decided(consumer, 2)
    await world.db.prepare("UPDATE videos SET status = 'duplicate' WHERE id = ?1").bind(copy).run()
    world.clock.pass_seconds(31)
    return copy


async def test_a_duplicate_left_in_the_index_is_taken_out(world: World, consumer: Consumer) -> None:
    copy = await leave_in_index(world, consumer)
    assert len(await world.vectorize.get_by_ids([copy])) == 1
    await consumer.sweep.run_once()
    assert await world.vectorize.get_by_ids([copy]) == []
    assert (await world.video(copy))["indexed_at"] is None
    assert (await world.segments.describe()).vector_count == 1


@pytest.mark.parametrize(("age", "freed"), [(40, True), (25 * 3600, False)])
async def test_an_object_that_should_be_free_is_freed_but_not_those_of_long_ago(age: float, freed: bool) -> None:
    async with open_world(delete_duplicates=True) as world:
        consumer = await world.consumer()
        copy = await leave_in_index(world, consumer)
        world.clock.pass_seconds(age)
        await consumer.sweep.run_once()
        assert (await world.bucket.head(f"videos/2026/11/21/{copy}.mp4") is None) is freed


async def test_a_byte_equal_duplicate_keeps_its_object_while_that_is_all_there_is_of_it() -> None:
    async with open_world(delete_duplicates=True) as world:
        consumer = await world.consumer()
        original = await world.decided(consumer, 1)
        twin = await world.upload(
            1, status="duplicate", duplicate_of=original, processed_at=(await world.video(original))["processed_at"]
        )
        world.clock.pass_seconds(60)
        await consumer.sweep.run_once()
        assert await world.bucket.head(f"videos/2026/11/21/{twin}.mp4") is not None


async def test_queue_depths_are_told(world: World, consumer: Consumer) -> None:
    await world.queues["high"].send(Job("v").to_body())
    await world.queues["high"].send(Job("w").to_body(), delay_seconds=60)
    await consumer.sweep.run_once()
    text = consumer.metrics.text().decode()
    assert 'twinreel_queue_depth{queue="video-high",state="ready"} 1.0' in text
    assert 'twinreel_queue_depth{queue="video-high",state="delayed"} 1.0' in text
    assert 'twinreel_processor_breaker{state="closed"} 1.0' in text


async def test_it_goes_on_for_ever_whatever_happens(world: World) -> None:
    consumer = await world.consumer(sweep_seconds=0.01)
    rounds = 0

    async def fail() -> int:
        nonlocal rounds
        rounds += 1
        raise RuntimeError("a bug")

    object.__setattr__(consumer.sweep, "outbox", type("Outbox", (), {"relay": staticmethod(fail)})())
    task = asyncio.create_task(consumer.sweep.run_forever())
    for _ in range(200):
        await asyncio.sleep(0.01)
        if rounds >= 3:
            break
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert rounds >= 3
