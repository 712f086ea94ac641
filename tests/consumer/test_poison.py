"""Files that kill what looks at them, and what comes of those beside them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from structlog.testing import capture_logs

from consumer.assembly import Consumer
from consumer.leases import QUARANTINED
from tests.consumer.fake_processor import answering
from tests.consumer.world import World
from wire.jobs import Job


async def run_again(world: World, consumer: Consumer, video_id: str) -> None:
    world.clock.pass_seconds(400)
    await consumer.jobs.run(Job(video_id))


async def test_a_file_that_kills_the_processors_worker_twice_is_quarantined(world: World, consumer: Consumer) -> None:
    video_id = await world.upload(1)
    world.processor.misfortunes += [answering(500, "WORKER_DIED") for _ in range(2)]
    await consumer.jobs.run(Job(video_id))
    job = await world.job(video_id)
    assert (job["status"], job["worker_deaths"], job["is_suspect"]) == ("pending", 1, 1)
    await run_again(world, consumer, video_id)
    job = await world.job(video_id)
    assert (job["status"], job["worker_deaths"], job["error_message"]) == ("failed", 2, QUARANTINED)
    assert job["quarantined_at"] is not None
    assert (await world.video(video_id))["status"] == "processing"
    await run_again(world, consumer, video_id)
    await consumer.sweep.run_once()
    assert (await world.job(video_id))["attempt_count"] == 2
    assert "twinreel_jobs_quarantined_total 1.0" in consumer.metrics.text().decode()


async def test_one_death_is_forgiven(world: World, consumer: Consumer) -> None:
    video_id = await world.upload(1)
    world.processor.misfortunes += [answering(500, "WORKER_DIED")]
    await consumer.jobs.run(Job(video_id))
    await run_again(world, consumer, video_id)
    assert (await world.video(video_id))["status"] == "approved"


async def test_poison_does_not_open_the_breaker(world: World, consumer: Consumer) -> None:
    poison = [await world.upload(n) for n in range(4)]
    world.processor.misfortunes += [answering(500, "WORKER_DIED") for _ in range(8)]
    for video_id in poison * 2:
        await run_again(world, consumer, video_id)
    assert {(await world.job(each))["status"] for each in poison} == {"failed"}
    assert world.client.breaker.state == "closed"
    good = await world.decided(consumer, 9)
    assert (await world.video(good))["status"] == "approved"


async def test_other_errors_of_the_processor_are_no_deaths(world: World, consumer: Consumer) -> None:
    video_id = await world.upload(1)
    world.processor.misfortunes += [answering(500), answering(502, "SOURCE_UNREACHABLE")]
    for _ in range(2):
        await run_again(world, consumer, video_id)
    assert (await world.job(video_id))["worker_deaths"] == 0
    await run_again(world, consumer, video_id)
    assert (await world.video(video_id))["status"] == "approved"


async def die_with(world: World, worker: str, video_ids: Iterable[str]) -> None:
    """A worker takes these in hand and is killed: its leases run out without a word."""
    consumer = await world.consumer()
    leases, claimed = consumer.jobs.leases, 0
    for video_id in video_ids:
        beside = f"{worker}/" if claimed else None
        claim = await leases.claim(video_id, f"{worker}/{video_id}", beside=beside)
        if claim is not None:
            claimed += 1
            await leases.note_progress(claim, "index", 0.75)
    world.clock.pass_seconds(16)


async def test_a_file_that_kills_a_worker_twice_is_quarantined_by_the_sweep(world: World, consumer: Consumer) -> None:
    poison = await world.upload(1)
    with capture_logs() as logs:
        for n in range(3):
            await die_with(world, f"host:{n}", [poison])
            await consumer.sweep.run_once()
    job = await world.job(poison)
    assert (job["status"], job["attempt_count"], job["error_message"]) == ("failed", 2, QUARANTINED)
    assert len([line for line in logs if line["event"] == "job_quarantined"]) == 1


async def test_those_beside_a_poison_file_are_not_quarantined_with_it(world: World, consumer: Consumer) -> None:
    poison, *others = [await world.upload(n) for n in range(4)]
    await die_with(world, "host:1", [*others[:2], poison, *others[2:]])
    await consumer.sweep.run_once()
    jobs = [await world.job(each) for each in (poison, *others)]
    assert {(job["status"], job["worker_deaths"], job["is_suspect"]) for job in jobs} == {("pending", 0, 1)}
    for n in range(2):
        await die_with(world, f"host:{2 + n}", [poison])
        await consumer.sweep.run_once()
    assert (await world.job(poison))["quarantined_at"] is not None
    for each in others:
        await consumer.jobs.run(Job(each))
    assert {(await world.video(each))["status"] for each in others} == {"approved"}


async def test_a_suspect_is_done_alone(world: World, consumer: Consumer) -> None:
    videos = [await world.upload(n) for n in range(6)]
    suspect = videos[2]
    await world.db.prepare("UPDATE processing_jobs SET is_suspect = 1 WHERE video_id = ?1").bind(suspect).run()
    world.processor.delay_seconds = 0.05
    seen: dict[str, int] = {}

    async def watch() -> None:
        while True:
            rows = await world.rows("SELECT video_id FROM processing_jobs WHERE status = 'processing'")
            for row in rows:
                seen[row["video_id"]] = max(seen.get(row["video_id"], 0), len(rows))
            await asyncio.sleep(0.005)

    watching = asyncio.create_task(watch())
    await asyncio.gather(*(consumer.jobs.run(Job(each)) for each in videos))
    watching.cancel()
    assert seen[suspect] == 1
    assert max(seen.values()) > 1
    assert {(await world.video(each))["status"] for each in videos} == {"approved"}
