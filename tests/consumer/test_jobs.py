"""How a job ends, in every way it can."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from consumer.assembly import Consumer
from tests.consumer.fake_processor import answering, hanging
from tests.consumer.world import World, open_world
from wire.jobs import Job
from wrangler_compat.errors import QueueError, VectorizeError


async def test_a_message_is_taken_to_its_verdict(world: World, consumer: Consumer) -> None:
    video_id = await world.upload(1)
    await world.queues["normal"].send(Job(video_id, request_id="r").to_body())
    await world.queues["normal"].deliver(consumer.jobs.receive)
    assert (await world.video(video_id))["status"] == "approved"
    assert world.queues["normal"].messages == []


@pytest.mark.parametrize("body", [None, "x", {}, {"video_id": 3}, {"video_id": "v", "kind": "explode"}])
async def test_a_message_that_is_no_job_is_dropped(world: World, consumer: Consumer, body: Any) -> None:
    await world.queues["normal"].send(body)
    with capture_logs() as logs:
        await world.queues["normal"].deliver(consumer.jobs.receive)
    assert world.queues["normal"].messages == []
    assert [line["event"] for line in logs] == ["message_is_no_job"]


async def test_a_job_of_a_video_that_is_gone_is_dropped(world: World, consumer: Consumer) -> None:
    await consumer.jobs.run(Job("nobody"))
    assert world.processor.asked == []


async def test_what_fails_is_tried_again_after_a_while(world: World, consumer: Consumer) -> None:
    world.processor.misfortunes.append(answering(500, message="The disk is full."))
    video_id = await world.decided(consumer, 1)
    job = await world.job(video_id)
    assert (job["status"], job["attempt_count"], job["lease_owner"]) == ("pending", 1, None)
    assert "The disk is full" in job["error_message"]
    (message,) = world.queues["normal"].messages
    assert 1.0 <= (message.due_at - message.sent_at).total_seconds() <= 2.0

    world.clock.pass_seconds(3)
    await consumer.jobs.run(Job(video_id))
    assert (await world.video(video_id))["status"] == "approved"
    job = await world.job(video_id)
    assert (job["status"], job["attempt_count"], job["error_message"]) == ("completed", 2, None)


async def test_the_retry_goes_to_the_queue_of_the_videos_priority(world: World, consumer: Consumer) -> None:
    world.processor.misfortunes.append(answering(500))
    await world.decided(consumer, 1, priority="high")
    assert len(world.queues["high"].messages) == 1
    assert world.queues["normal"].messages == []


async def test_after_max_retries_the_job_has_failed_and_says_why(world: World, consumer: Consumer) -> None:
    video_id = await world.upload(1)
    for _ in range(4):
        world.processor.misfortunes.append(answering(400, message="It is Tuesday."))
        await consumer.jobs.run(Job(video_id))
        world.clock.pass_seconds(400)
    job, video = await world.job(video_id), await world.video(video_id)
    assert (job["status"], job["attempt_count"]) == ("failed", 4)
    assert "It is Tuesday" in job["error_message"]
    assert job["completed_at"] is not None
    assert video["status"] == "processing"
    await consumer.jobs.run(Job(video_id))
    assert (await world.job(video_id))["status"] == "failed"
    assert b"twinreel_jobs_failed_total 1.0" in consumer.metrics.text()
    assert b"twinreel_job_retries_total 3.0" in consumer.metrics.text()


async def test_a_busy_processor_costs_no_attempt(world: World, consumer: Consumer) -> None:
    world.processor.misfortunes.append(answering(503, "BUSY", Retry_After="5"))
    video_id = await world.decided(consumer, 1)
    job = await world.job(video_id)
    assert (job["status"], job["attempt_count"]) == ("pending", 0)
    (message,) = world.queues["normal"].messages
    assert 5 <= (message.due_at - message.sent_at).total_seconds() <= 8


async def test_a_binding_that_is_away_costs_no_attempt(world: World, consumer: Consumer) -> None:
    video_id = await world.upload(1)
    await world.bucket.put("nothing", b"")

    async def no_more(*args: Any, **kwargs: Any) -> Any:
        raise VectorizeError("Chroma does not answer", code="UNAVAILABLE", retryable=True)

    broken = await world.consumer(seed=2)
    object.__setattr__(broken.catalogue, "videos", Broken(no_more))
    await broken.jobs.run(Job(video_id))
    job = await world.job(video_id)
    assert (job["status"], job["attempt_count"]) == ("pending", 0)
    assert job["error_message"] == "VectorizeError UNAVAILABLE: Chroma does not answer"


async def test_a_job_that_takes_too_long_is_a_failed_attempt() -> None:
    async with open_world(job_timeout_seconds=0.1) as world:
        consumer = await world.consumer()
        world.processor.misfortunes.append(hanging(asyncio.Event()))
        job = await world.job(await world.decided(consumer, 1))
        assert (job["status"], job["attempt_count"], job["error_message"]) == ("pending", 1, "The job took too long.")


async def test_a_worker_told_to_stop_gives_its_job_back_at_once(world: World, consumer: Consumer) -> None:
    started = asyncio.Event()
    world.processor.misfortunes.append(hanging(started))
    video_id = await world.upload(1)
    task = asyncio.create_task(consumer.jobs.run(Job(video_id)))
    await asyncio.wait_for(started.wait(), 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    job = await world.job(video_id)
    assert (job["status"], job["attempt_count"], job["lease_owner"]) == ("pending", 0, None)
    other = await world.consumer(seed=2)
    await other.jobs.run(Job(video_id))
    assert (await world.video(video_id))["status"] == "approved"


async def test_a_job_taken_over_by_another_worker_is_decided_once(world: World) -> None:
    slow = await world.consumer(heartbeat_seconds=0.05)
    started = asyncio.Event()
    world.processor.misfortunes.append(hanging(started))
    video_id = await world.upload(1)
    task = asyncio.create_task(slow.jobs.run(Job(video_id)))
    await asyncio.wait_for(started.wait(), 60)
    await world.db.prepare("UPDATE processing_jobs SET lease_until = '2000'").run()
    quick = await world.consumer(seed=2)
    await quick.jobs.run(Job(video_id))
    await asyncio.wait_for(task, 60)
    assert (await world.video(video_id))["status"] == "approved"
    assert len(await world.rows("SELECT * FROM verdicts")) == 1


async def test_tidying_after_the_verdict_is_not_cut_short_when_it_is_slow(world: World) -> None:
    consumer = await world.consumer(heartbeat_seconds=0.02)
    await world.decided(consumer, 1)
    delete = consumer.catalogue.videos.delete_by_ids

    async def delete_slowly(ids: Any) -> Any:
        await asyncio.sleep(0.2)
        return await delete(ids)

    videos = Intercepted(consumer.catalogue.videos, delete_by_ids=delete_slowly)
    object.__setattr__(consumer.catalogue, "videos", videos)
    with capture_logs() as logs:
        copy = await world.decided(consumer, 1)
    assert [line["event"] for line in logs if line["event"] in ("verdict", "lease_lost")] == ["verdict"]
    assert (await world.video(copy))["status"] == "duplicate"
    assert (await world.vectorize.get_by_ids([copy])) == []


async def test_a_video_deleted_in_the_middle_leaves_no_trace(world: World) -> None:
    consumer = await world.consumer(heartbeat_seconds=0.05)
    video_id = await world.upload(1)
    key = f"videos/2026/11/21/{video_id}.mp4"
    index = consumer.catalogue.segments.upsert

    async def delete_then_upsert(vectors: Any) -> Any:
        await world.db.batch(
            [
                world.db.prepare(sql).bind(video_id)
                for sql in (
                    "DELETE FROM processing_jobs WHERE video_id = ?1",
                    "DELETE FROM sound_terms WHERE video_id = ?1",
                    "DELETE FROM videos WHERE id = ?1",
                )
            ]
            + [
                world.db.prepare("INSERT INTO purges VALUES (?1, ?2, '2026-11-21T03:00:00.000000Z')").bind(
                    video_id, f'["{key}"]'
                ),
                world.db.prepare("UPDATE catalogue SET version = version + 1"),
            ]
        )
        return await index(vectors)

    segments = Intercepted(consumer.catalogue.segments, upsert=delete_then_upsert)
    object.__setattr__(consumer.catalogue, "segments", segments)
    await consumer.jobs.run(Job(video_id))
    assert await world.rows("SELECT * FROM videos") == []
    assert await world.rows("SELECT * FROM verdicts") == []
    assert await world.rows("SELECT * FROM segment_vectors") == []
    assert await world.rows("SELECT * FROM sound_terms") == []
    assert (await world.vectorize.describe()).vector_count == 0
    assert (await world.segments.describe()).vector_count == 0
    assert (await world.bucket.list()).objects == ()


async def test_video_and_request_are_on_every_line(world: World, consumer: Consumer) -> None:
    video_id = await world.upload(1)
    await world.queues["normal"].send(Job(video_id, request_id="r-9").to_body())
    seen: list[Any] = []

    def note(logger: Any, method: str, event: Any) -> Any:
        seen.append(dict(event))
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, note])
    try:
        await world.queues["normal"].deliver(consumer.jobs.receive)
    finally:
        structlog.configure(**before)
    assert {"job_claimed", "verdict", "notification"} <= {line["event"] for line in seen}
    assert all((line["video_id"], line["request_id"]) == (video_id, "r-9") for line in seen)


async def test_verdicts_are_counted(world: World, consumer: Consumer) -> None:
    for _ in range(3):
        await world.decided(consumer, 1)
    text = consumer.metrics.text().decode()
    assert 'twinreel_verdicts_total{reason="",status="approved"} 1.0' in text
    assert 'twinreel_verdicts_total{reason="",status="duplicate"} 2.0' in text
    for stage in ("fingerprint", "keep", "index", "candidates", "compare", "verdict"):
        assert f'twinreel_stage_seconds_count{{stage="{stage}"}} 3.0' in text
    assert "twinreel_jobs_in_hand 0.0" in text


async def test_a_queue_that_is_down_does_not_undo_the_hand_back(world: World, consumer: Consumer) -> None:
    class Down:
        async def send(self, body: Any, *, delay_seconds: float | None = None) -> None:
            raise QueueError("Redis does not answer", code="UNAVAILABLE", retryable=True)

    object.__setattr__(consumer.jobs, "queues", dict.fromkeys(("high", "normal", "low"), Down()))
    world.processor.misfortunes.append(answering(500))
    video_id = await world.decided(consumer, 1)
    assert (await world.job(video_id))["status"] == "pending"


class Broken:
    """Every method of it fails."""

    def __init__(self, failing: Any) -> None:
        self._failing = failing

    def __getattr__(self, name: str) -> Any:
        return self._failing


class Intercepted:
    """The same, with some methods of its own."""

    def __init__(self, inner: Any, **own: Any) -> None:
        self._inner = inner
        self.__dict__.update(own)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)
