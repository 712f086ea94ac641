"""Renditions of what browsers do not play: wanted by the rows, made by one worker, gone with their video."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any, cast

import pytest
from starlette.requests import Request
from starlette.responses import Response

from consumer.assembly import Consumer
from consumer.records import rendition_key
from tests.consumer.fake_processor import answering, hanging, telling
from tests.consumer.test_purging import delete
from tests.consumer.world import World, open_world
from wire.jobs import Job
from wire.media import Media
from wrangler_compat.d1.types import D1Database, Row
from wrangler_compat.errors import D1Error

HEVC = Media("mp4", "hevc", "yuv420p", "aac")
H264 = Media("mp4", "h264", "yuv420p", "aac")


async def decided(world: World, consumer: Consumer, seed: int = 1, media: Media | None = HEVC, **columns: Any) -> str:
    video_id = await world.upload(seed, **columns)
    if media is not None:
        world.processor.media[video_id] = media
    await consumer.jobs.run(Job(video_id))
    return video_id


async def row(world: World, video_id: str) -> Row | None:
    found: Row | None = await world.db.prepare("SELECT * FROM renditions WHERE video_id = ?1").bind(video_id).first()
    return found


async def status(world: World, video_id: str) -> str | None:
    found = await row(world, video_id)
    return None if found is None else str(found["status"])


async def is_stored(world: World, video_id: str) -> bool:
    return await world.bucket.head(rendition_key(video_id)) is not None


async def test_what_browsers_do_not_play_is_made_into_what_they_do(world: World, consumer: Consumer) -> None:
    video_id = await decided(world, consumer)
    assert not await is_stored(world, video_id), "the verdict comes first, and makes none"
    assert await consumer.renditions.run_once()
    made = await row(world, video_id)
    assert made is not None
    assert (made["status"], made["r2_key"], made["attempt_count"]) == ("completed", rendition_key(video_id), 1)
    assert (made["width"], made["height"], made["duration_seconds"]) == (1280, 720, 10.0)
    stored = await world.bucket.head(rendition_key(video_id))
    assert stored is not None
    assert made["file_size"] == stored.size
    (asked,) = world.processor.rendered
    assert "method=PUT" in asked.rendition_url
    assert "method=GET" in asked.video_url
    assert not await consumer.renditions.run_once(), "once is enough"
    assert b'twinreel_renditions_total{status="made"} 1.0' in consumer.metrics.text()


async def test_the_row_tells_what_a_file_is_made_of(world: World, consumer: Consumer) -> None:
    told = [await world.video(await decided(world, consumer, n, media)) for n, media in enumerate((HEVC, H264, None))]
    assert [video["plays"] for video in told] == [0, 1, None]
    assert told[0]["media"] == HEVC.to_text()


@pytest.mark.parametrize("media", [H264, None])
async def test_what_plays_or_is_not_known_is_left_alone(world: World, consumer: Consumer, media: Media | None) -> None:
    video_id = await decided(world, consumer, media=media)
    assert not await consumer.renditions.run_once()
    assert await row(world, video_id) is None


async def test_only_approved_and_flagged_videos_have_one(world: World, consumer: Consumer) -> None:
    original = await decided(world, consumer)
    copy = await decided(world, consumer)
    assert (await world.video(copy))["status"] == "duplicate"
    elsewhere = await decided(world, consumer, 2, source_url="https://example.org/a.mp4")
    undecided = await world.upload(3)
    await world.db.prepare("UPDATE videos SET plays = 0 WHERE id = ?1").bind(undecided).run()
    flagged = await decided(world, consumer, 4)
    await world.db.prepare("UPDATE videos SET status = 'flagged' WHERE id = ?1").bind(flagged).run()
    while await consumer.renditions.run_once():
        pass
    made = [await status(world, each) for each in (original, copy, elsewhere, undecided, flagged)]
    assert made == ["completed", None, None, None, "completed"]


async def test_off_makes_none(world: World) -> None:
    consumer = await world.consumer(renditions="off")
    video_id = await decided(world, consumer)
    await consumer.renditions.run_forever()
    assert await row(world, video_id) is None
    assert (await world.video(video_id))["plays"] == 0, "so that they can be made when it is switched on"


async def test_what_cannot_be_made_is_written_down_and_left(world: World, consumer: Consumer) -> None:
    video_id = await decided(world, consumer)
    told = {"error": "it needs too much", "code": "TOO_DEMANDING", "request_id": "r", "retryable": False}
    world.processor.misfortunes.append(telling({"progress": 0.5}, told))
    assert await consumer.renditions.run_once()
    failed = await row(world, video_id)
    assert failed is not None
    assert (failed["status"], failed["error_message"]) == ("failed", "it needs too much")
    world.clock.pass_seconds(10_000)
    assert not await consumer.renditions.run_once()
    assert (await world.video(video_id))["status"] == "approved"


@pytest.mark.parametrize(
    "misfortune",
    [
        telling({"error": "no room to put it", "code": "TARGET_UNREACHABLE", "retryable": True}),
        telling({"rendition": {"video_id": "v"}}),
        telling({"rendition": {"video_id": "v", "width": 2, "height": 2, "duration": 1.0, "size_bytes": 1}}),
        telling(),
        answering(500),
        answering(403, "FORBIDDEN_SOURCE"),
    ],
)
async def test_what_a_retry_may_mend_is_tried_a_few_times(world: World, consumer: Consumer, misfortune: Any) -> None:
    video_id = await decided(world, consumer)
    tries = 0
    while await status(world, video_id) != "failed" and tries < 20:
        world.processor.misfortunes.append(misfortune)
        tries += await consumer.renditions.run_once()
        world.clock.pass_seconds(1000)
    failed = await row(world, video_id)
    assert failed is not None
    assert failed["status"] == "failed"
    assert failed["error_message"]
    assert tries - failed["interruptions"] == world.settings.max_retries + 1


async def test_what_kills_the_processors_workers_is_set_aside(world: World, consumer: Consumer) -> None:
    video_id = await decided(world, consumer)
    for _ in range(2):
        world.processor.misfortunes.append(telling({"error": "it died", "code": "WORKER_DIED", "retryable": True}))
        assert await consumer.renditions.run_once()
        world.clock.pass_seconds(1000)
    failed = await row(world, video_id)
    assert failed is not None
    assert (failed["status"], failed["worker_deaths"]) == ("failed", 2)
    assert failed["quarantined_at"] is not None
    assert not await consumer.renditions.run_once()


async def test_a_failure_that_passes(world: World, consumer: Consumer) -> None:
    video_id = await decided(world, consumer)
    world.processor.misfortunes.append(answering(500))
    assert await consumer.renditions.run_once()
    assert await status(world, video_id) == "pending"
    assert not await consumer.renditions.run_once(), "not due yet"
    world.clock.pass_seconds(100)
    assert await consumer.renditions.run_once()
    assert await status(world, video_id) == "completed"


@pytest.mark.parametrize(
    "misfortune",
    [
        answering(503, "BUSY", Retry_After="1"),
        answering(404, "NOT_FOUND"),
        telling({"error": "the disk is full", "code": "NO_ROOM", "retryable": True}),
    ],
)
async def test_what_is_nobodys_fault_costs_no_attempt(world: World, consumer: Consumer, misfortune: Any) -> None:
    video_id = await decided(world, consumer)
    for _ in range(10):
        world.processor.misfortunes.append(misfortune)
        assert await consumer.renditions.run_once()
        world.clock.pass_seconds(1000)
    waiting = await row(world, video_id)
    assert waiting is not None
    assert (waiting["status"], waiting["attempt_count"]) == ("pending", 0)
    assert await consumer.renditions.run_once()
    assert await status(world, video_id) == "completed"


async def test_the_breaker_that_verdicts_wait_for_is_not_told(world: World, consumer: Consumer) -> None:
    for n in range(8):
        await decided(world, consumer, n)
        world.processor.misfortunes.append(answering(500))
        await consumer.renditions.run_once()
    assert world.client.breaker.state == "closed"


async def test_while_the_breaker_is_open_renditions_wait(world: World, consumer: Consumer) -> None:
    video_id = await decided(world, consumer)
    for _ in range(5):
        world.client.breaker.failed()
    assert await consumer.renditions.run_once()
    assert await status(world, video_id) == "pending"
    assert world.processor.rendered == []


async def test_of_two_workers_one_makes_it(world: World) -> None:
    workers = [await world.consumer(seed=n) for n in range(3)]
    videos = [await decided(world, workers[0], n) for n in range(3)]
    for _ in range(4):
        await asyncio.gather(*(worker.renditions.run_once() for worker in workers))
    assert [await status(world, each) for each in videos] == ["completed"] * 3
    assert sorted(each.video_id for each in world.processor.rendered) == sorted(videos)


async def test_a_worker_that_died_is_found_by_the_sweep_and_it_is_made_by_another(
    world: World, consumer: Consumer
) -> None:
    video_id = await decided(world, consumer)
    await consumer.sweep.run_once()
    world.processor.misfortunes.append(answering(500))
    await consumer.renditions.run_once()
    world.clock.pass_seconds(100)
    claim = await consumer.renditions.jobs.leases.claim(video_id, "a worker that dies")
    assert claim is not None
    assert not await consumer.renditions.run_once(), "it is in other hands"
    world.clock.pass_seconds(world.settings.lease_seconds + 1)
    await consumer.sweep.run_once()
    assert await status(world, video_id) == "pending"
    assert [queue.messages for queue in world.queues.values()] == [[], [], []], "no message tells of it"
    assert await consumer.renditions.run_once()
    made = await row(world, video_id)
    assert made is not None
    assert (made["status"], made["worker_deaths"]) == ("completed", 0)


async def test_told_to_stop_it_hands_back_at_once(world: World, consumer: Consumer) -> None:
    video_id = await decided(world, consumer)
    started = asyncio.Event()
    world.processor.misfortunes.append(hanging(started))
    working = asyncio.create_task(consumer.renditions.run_forever())
    await started.wait()
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    back = await row(world, video_id)
    assert back is not None
    assert (back["status"], back["lease_owner"], back["attempt_count"]) == ("pending", None, 0)


async def test_a_video_deleted_while_it_is_made_leaves_nothing(world: World, consumer: Consumer) -> None:
    """Its purge is over, too, when the processor puts the rendition into the store."""
    video_id = await decided(world, consumer)

    async def delete_meanwhile(_request: Request) -> Response | None:
        await delete(world, video_id)
        await consumer.jobs.run(Job(video_id, "purge"))
        world.clock.pass_seconds(10_000)
        await consumer.sweep.run_once()
        return None

    world.processor.misfortunes.append(delete_meanwhile)
    assert await consumer.renditions.run_once()
    assert len(world.processor.rendered) == 1
    assert (await world.bucket.list()).objects == ()
    assert await row(world, video_id) is None


async def test_a_deleted_video_takes_its_rendition_along(world: World, consumer: Consumer) -> None:
    """Though the gateway of the version before knew of none."""
    video_id = await decided(world, consumer)
    await consumer.renditions.run_once()
    await delete(world, video_id)
    await consumer.jobs.run(Job(video_id, "purge"))
    assert (await world.bucket.list()).objects == ()
    await consumer.sweep.run_once()
    assert await row(world, video_id) is None


async def test_a_freed_duplicate_has_none(world: World) -> None:
    consumer = await world.consumer(delete_duplicates=True)
    video_id = await decided(world, consumer)
    await consumer.renditions.run_once()
    assert await is_stored(world, video_id)
    await consumer.pipeline.free_object(video_id, (await world.video(video_id))["r2_key"])
    assert not await is_stored(world, video_id)
    assert await row(world, video_id) is None
    assert not await consumer.renditions.run_once(), "there is no file that it could be made of"


async def test_a_video_that_is_decided_again_waits_for_its_verdict(world: World, consumer: Consumer) -> None:
    video_id = await decided(world, consumer)
    world.processor.misfortunes.append(answering(500))
    await consumer.renditions.run_once()
    world.clock.pass_seconds(1000)
    await world.db.prepare("UPDATE videos SET status = 'processing' WHERE id = ?1").bind(video_id).run()
    assert not await consumer.renditions.run_once()
    await world.db.prepare("UPDATE videos SET status = 'approved' WHERE id = ?1").bind(video_id).run()
    assert await consumer.renditions.run_once()


async def test_d1_that_does_not_answer_is_waited_for() -> None:
    async with open_world() as world:
        consumer = await world.consumer()
        await decided(world, consumer)
        away = dataclasses.replace(consumer.renditions, db=cast(D1Database, _Away()))
        assert not await away.run_once()
        assert await consumer.renditions.run_once()


class _Away:
    def prepare(self, sql: str) -> Any:
        raise D1Error("away", code="AWAY", retryable=True)
