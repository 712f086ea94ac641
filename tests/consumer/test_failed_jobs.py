from __future__ import annotations

import pytest

from consumer.assembly import Consumer
from consumer.failed_jobs import FailedJobs, text
from tests.consumer.world import World
from wire.jobs import Job


@pytest.fixture
def failed(consumer: Consumer) -> FailedJobs:
    return consumer.failed_jobs


async def fail(world: World, consumer: Consumer, seed: int, why: str = "It went wrong.") -> str:
    video_id = await world.upload(seed, content_sha256=f"hash-{seed}")
    claim = await consumer.jobs.leases.claim(video_id, "w")
    assert claim is not None
    assert await consumer.jobs.leases.fail(claim, why)
    return video_id


async def test_what_failed_is_listed_with_its_reason_oldest_first(
    world: World, consumer: Consumer, failed: FailedJobs
) -> None:
    videos = [await fail(world, consumer, n, f"Reason {n}.") for n in range(3)]
    await world.decided(consumer, 9)
    page = await failed.page()
    assert [(each.video_id, each.reason, each.attempts) for each in page] == [
        (video_id, f"Reason {n}.", 1) for n, video_id in enumerate(videos)
    ]
    assert await failed.count() == 3
    first, *rest = page
    assert await failed.page(after=first) == rest
    assert await failed.page(after=first, limit=1) == rest[:1]
    shown = text(page, 3)
    assert shown.startswith("3 failed\n")
    assert "Reason 1." in shown
    assert set(first.to_json()) == {
        "video_id", "user_id", "reason", "attempts", "worker_deaths", "quarantined_at", "failed_at", "uploaded_at",
    }  # fmt: skip


async def test_a_quarantined_job_is_told_apart_and_let_out_by_a_retry(
    world: World, consumer: Consumer, failed: FailedJobs
) -> None:
    video_id = await world.upload(1)
    for _ in range(2):
        claim = await consumer.jobs.leases.claim(video_id, "dies")
        assert claim is not None
        await consumer.jobs.leases.count_death(claim)
        await consumer.jobs.leases.hand_back(claim, "attempt", delay_seconds=0)
    (job,) = await failed.page()
    assert job.quarantined_at is not None
    assert "quarantined" in text([job], 1)
    assert await failed.retry(job)
    row = await world.job(video_id)
    assert [row[name] for name in ("status", "attempt_count", "worker_deaths", "is_suspect", "quarantined_at")] == [
        "pending", 0, 0, 0, None,
    ]  # fmt: skip
    await world.queues["normal"].deliver(consumer.jobs.receive)
    assert (await world.video(video_id))["status"] == "approved"
    assert not await failed.retry(job)


async def test_given_up_is_rejected_with_the_reason_and_freed(
    world: World, consumer: Consumer, failed: FailedJobs
) -> None:
    video_id = await fail(world, consumer, 1, "It went wrong four times.")
    copy = await world.upload(1, status="duplicate", duplicate_of=video_id, content_sha256="hash-1")
    (job,) = await failed.page()
    assert await failed.purge(job)
    row = await world.video(video_id)
    assert (row["status"], row["reason"]) == ("rejected", "given_up")
    assert row["object_deleted_at"] is not None
    assert (await world.job(video_id))["error_message"] == "It went wrong four times."
    assert await world.bucket.head(row["r2_key"]) is None
    assert (await world.video(copy))["status"] == "rejected"
    assert await world.rows("SELECT kind FROM notifications") == [{"kind": "video.rejected"}]
    assert await world.rows("SELECT action, subject FROM audit_log") == [{"action": "job.purge", "subject": video_id}]
    assert await failed.count() == 0
    assert not await failed.purge(job)


async def test_a_job_that_runs_again_meanwhile_is_left_alone(
    world: World, consumer: Consumer, failed: FailedJobs
) -> None:
    await fail(world, consumer, 1)
    (job,) = await failed.page()
    await failed.retry(job)
    assert not await failed.purge(job)
    assert (await world.video(job.video_id))["status"] == "processing"
    assert await failed.one(job.video_id) is None
    await consumer.jobs.run(Job(job.video_id))
    assert (await world.video(job.video_id))["status"] == "approved"
