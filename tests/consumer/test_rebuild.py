from __future__ import annotations

import pytest

from consumer.assembly import Consumer
from consumer.rebuild import Rebuild, RedecideError
from tests.consumer.moderation import review
from tests.consumer.world import World
from wire.jobs import Job


@pytest.fixture
def rebuild(world: World, consumer: Consumer) -> Rebuild:
    return Rebuild(world.db, world.bucket, consumer.catalogue, world.clock)


async def lose_the_index(world: World) -> None:
    for index in (world.vectorize, world.segments):
        rows = await world.rows("SELECT vector_id AS id FROM segment_vectors UNION SELECT id FROM videos")
        await index.delete_by_ids([row["id"] for row in rows])
    await world.db.batch([world.db.prepare(f"DELETE FROM {name}") for name in ("segment_vectors", "sound_terms")])


async def test_an_index_that_was_lost_is_made_anew(world: World, consumer: Consumer, rebuild: Rebuild) -> None:
    originals = [await world.decided(consumer, n) for n in range(3)]
    await world.decided(consumer, 1)
    rows = [await world.rows(f"SELECT * FROM {name} ORDER BY 1, 2, 3") for name in ("segment_vectors", "sound_terms")]
    await lose_the_index(world)
    assert (await world.vectorize.describe()).vector_count == 0

    done = await rebuild.index()
    assert (done.indexed, done.left_out, done.unreadable) == (3, 1, 0)
    assert len(await world.vectorize.get_by_ids(originals)) == 3
    assert rows == [
        await world.rows(f"SELECT * FROM {name} ORDER BY 1, 2, 3") for name in ("segment_vectors", "sound_terms")
    ]
    assert len(world.processor.asked) == 4
    copy = await world.decided(consumer, 2)
    assert (await world.video(copy))["duplicate_of"] == originals[2]


async def test_rebuilding_twice_is_rebuilding_once(world: World, consumer: Consumer, rebuild: Rebuild) -> None:
    await world.decided(consumer, 1)
    assert await rebuild.index() == await rebuild.index()
    assert (await world.segments.describe()).vector_count == 1


async def test_fingerprints_that_cannot_be_read_are_counted(world: World, consumer: Consumer, rebuild: Rebuild) -> None:
    video_id = await world.decided(consumer, 1)
    await world.bucket.put(f"fingerprints/2026/11/21/{video_id}.vfp", b"garbage")
    await world.bucket.put("fingerprints/2026/11/21/nobody.vfp", b"whatever")
    await world.bucket.put("fingerprints/README.txt", b"not one")
    done = await rebuild.index()
    assert (done.indexed, done.left_out, done.unreadable) == (0, 1, 1)


async def test_a_video_is_decided_anew_from_its_fingerprint(world: World, consumer: Consumer, rebuild: Rebuild) -> None:
    original, copy = await world.decided(consumer, 1), await world.decided(consumer, 1)
    before = (await world.video(copy))["verdict_id"]
    priority, job = await rebuild.reopen(copy)
    assert (priority, job.video_id) == ("normal", copy)
    assert (await world.video(copy))["status"] == "processing"
    await consumer.jobs.run(job)
    video = await world.video(copy)
    assert (video["status"], video["duplicate_of"]) == ("duplicate", original)
    assert video["verdict_id"] != before
    assert len(await world.rows("SELECT * FROM verdicts WHERE video_id = ?1", copy)) == 2
    (audit,) = await world.rows("SELECT * FROM audit_log WHERE subject = ?1", copy)
    assert (audit["actor"], audit["detail"]) == ("consumer", '{"was": "duplicate"}')
    assert len(world.processor.asked) == 2


async def test_a_failed_job_may_be_reopened(world: World, consumer: Consumer, rebuild: Rebuild) -> None:
    video_id = await world.upload(1)
    claim = await consumer.jobs.leases.claim(video_id, "w")
    assert claim is not None
    await consumer.jobs.leases.fail(claim, "no")
    _, job = await rebuild.reopen(video_id)
    await consumer.jobs.run(job)
    assert (await world.video(video_id))["status"] == "approved"


async def test_what_is_being_processed_is_left_to_it(world: World, consumer: Consumer, rebuild: Rebuild) -> None:
    video_id = await world.upload(1)
    with pytest.raises(RedecideError, match="wait for its verdict"):
        await rebuild.reopen(video_id)
    assert await consumer.jobs.leases.claim(video_id, "w") is not None
    with pytest.raises(RedecideError, match="wait for its verdict"):
        await rebuild.reopen(video_id)


async def test_there_must_be_such_a_video(rebuild: Rebuild) -> None:
    with pytest.raises(RedecideError, match="no video nobody"):
        await rebuild.reopen("nobody")


async def test_reopening_does_not_disturb_a_run_that_is_already_over(
    world: World, consumer: Consumer, rebuild: Rebuild
) -> None:
    video_id = await world.decided(consumer, 1)
    await rebuild.reopen(video_id)
    await consumer.jobs.run(Job(video_id))
    await consumer.jobs.run(Job(video_id))
    assert len(await world.rows("SELECT * FROM verdicts")) == 2


async def test_what_a_moderator_decided_is_put_aside_only_when_that_is_said(
    world: World, consumer: Consumer, rebuild: Rebuild
) -> None:
    video_id = await world.decided(consumer, 1)
    await review(world, video_id, "rejected")
    with pytest.raises(RedecideError, match=r"A moderator decided on .*--reviewed-too"):
        await rebuild.reopen(video_id)
    assert (await world.video(video_id))["status"] == "rejected"
    _, job = await rebuild.reopen(video_id, reviewed_too=True)
    await consumer.jobs.run(job)
    assert (await world.video(video_id))["status"] == "approved"
