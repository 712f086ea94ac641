from __future__ import annotations

import json

from consumer.assembly import Consumer
from tests.consumer.world import World
from wire.jobs import Job


async def delete(world: World, video_id: str) -> None:
    """What edge_api does on DELETE; here it dies before it deletes the objects."""
    key = f"videos/2026/11/21/{video_id}.mp4"
    at = world.clock().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    tables = ("processing_jobs", "sound_terms", "verdicts", "duplicate_detections", "notifications")
    await world.db.batch(
        [
            world.db.prepare("INSERT INTO purges VALUES (?1, ?2, ?3)").bind(video_id, json.dumps([key]), at),
            *(world.db.prepare(f"DELETE FROM {table} WHERE video_id = ?1").bind(video_id) for table in tables),
            world.db.prepare("DELETE FROM videos WHERE id = ?1").bind(video_id),
            world.db.prepare("UPDATE catalogue SET version = version + 1"),
        ]
    )


async def test_a_deleted_video_is_gone_altogether(world: World, consumer: Consumer) -> None:
    video_id = await world.decided(consumer, 1)
    await delete(world, video_id)
    await consumer.jobs.run(Job(video_id, "purge"))
    assert (await world.bucket.list()).objects == ()
    assert (await world.vectorize.describe()).vector_count == 0
    assert (await world.segments.describe()).vector_count == 0
    assert await world.rows("SELECT * FROM segment_vectors") == []


async def test_what_another_video_shares_stays(world: World, consumer: Consumer) -> None:
    original = await world.decided(consumer, 1)
    sharer = await world.decided(consumer, 2)
    await (
        world.db.prepare(
            "INSERT INTO segment_vectors SELECT vector_id, ?2, start_seconds FROM segment_vectors WHERE video_id = ?1"
        )
        .bind(original, sharer)
        .run()
    )
    await delete(world, original)
    await consumer.jobs.run(Job(original, "purge"))
    assert (await world.segments.describe()).vector_count == 2
    await delete(world, sharer)
    await consumer.jobs.run(Job(sharer, "purge"))
    assert (await world.segments.describe()).vector_count == 0


async def test_the_sweep_purges_once_more_when_every_lease_of_then_has_run_out(
    world: World, consumer: Consumer
) -> None:
    video_id = await world.decided(consumer, 1)
    await delete(world, video_id)
    await consumer.jobs.run(Job(video_id, "purge"))
    await world.bucket.put(f"fingerprints/2026/11/21/{video_id}.vfp", b"written late")
    await consumer.sweep.run_once()
    assert len(await world.rows("SELECT * FROM purges")) == 1
    world.clock.pass_seconds(61)
    await consumer.sweep.run_once()
    assert await world.rows("SELECT * FROM purges") == []
    assert (await world.bucket.list()).objects == ()


async def test_a_purge_whose_message_was_lost_is_done_by_the_sweep(world: World, consumer: Consumer) -> None:
    video_id = await world.decided(consumer, 1)
    await delete(world, video_id)
    world.clock.pass_seconds(61)
    await consumer.sweep.run_once()
    assert (await world.vectorize.describe()).vector_count == 0


async def test_a_purge_of_a_video_that_was_not_deleted_does_nothing(world: World, consumer: Consumer) -> None:
    video_id = await world.decided(consumer, 1)
    await consumer.jobs.run(Job(video_id, "purge"))
    assert len(await world.vectorize.get_by_ids([video_id])) == 1


async def test_duplicates_of_a_deleted_original_are_decided_from_their_fingerprints(
    world: World, consumer: Consumer
) -> None:
    original, first, second = [await world.decided(consumer, 1) for _ in range(3)]
    await (
        world.db.prepare("UPDATE videos SET status = 'processing', duplicate_of = NULL WHERE duplicate_of = ?1")
        .bind(original)
        .run()
    )
    await (
        world.db.prepare("UPDATE processing_jobs SET status = 'pending', attempt_count = 0 WHERE video_id <> ?1")
        .bind(original)
        .run()
    )
    await delete(world, original)
    for video_id in (second, first):
        await consumer.jobs.run(Job(video_id))
        world.clock.pass_seconds(5)
    await consumer.jobs.run(Job(first))
    await consumer.jobs.run(Job(second))
    statuses = sorted([(await world.video(first))["status"], (await world.video(second))["status"]])
    assert statuses == ["approved", "duplicate"]
    assert len(world.processor.asked) == 3
