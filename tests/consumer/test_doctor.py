"""The doctor over stores in memory and over the real ones: each kind of orphan is made, found, and mended once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from consumer.assembly import Consumer
from consumer.checkup import Finding, Report
from consumer.doctor import Doctor
from consumer.records import rendition_key
from tests.consumer.fingerprints import blank_fingerprint, make_fingerprint
from tests.consumer.indexed import indexed
from tests.consumer.moderation import review
from tests.consumer.stores import at_the_present, let_all_grow_old, with_real_stores
from tests.consumer.world import World, open_world
from wire.jobs import Job
from wire.media import Media
from wrangler_compat.vectorize.types import VectorizeVector

DAY = "2026/11/21"
NOBODY = "f" * 32


@pytest.fixture(params=["memory", "real"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    async with open_world() as world:
        at_the_present(world)
        if request.param == "real":
            names = ("s3_server", "chroma_url", "unique_name")
            world = await with_real_stores(world, *(request.getfixturevalue(name) for name in names))
        yield world


@pytest.fixture
async def consumer(world: World) -> Consumer:
    return await world.consumer()


@pytest.fixture
def doctor(consumer: Consumer) -> Doctor:
    return consumer.rounds.doctor


async def mended(doctor: Doctor, **expected: int) -> Report:
    """What is expected is found without being touched, then found and mended; nothing is left."""
    seen = await doctor.examine()
    assert {kind: count for kind, count in seen.found.items() if count} == expected
    assert not seen.mended
    report = await doctor.mend()
    assert {kind: count for kind, count in report.mended.items() if count} == expected
    again = await doctor.examine()
    assert not +again.found, again.examples
    return report


async def keys(world: World) -> set[str]:
    return {found.key for found in (await world.bucket.list()).objects}


async def test_a_catalogue_in_order(world: World, consumer: Consumer, doctor: Doctor) -> None:
    for seed in (1, 2, 1):
        await world.decided(consumer, seed)
    await world.decided(consumer, fingerprint=blank_fingerprint())
    await indexed(world, consumer, make_fingerprint(5))
    before = await keys(world)
    let_all_grow_old(world)
    report = await mended(doctor)
    assert report.examined["objects"] >= 5
    assert report.examined["rows"] == 5
    assert await keys(world) == before


async def test_objects_without_rows_go_and_what_is_not_ours_stays(world: World, doctor: Doctor) -> None:
    beside = [f"videos/{DAY}/{NOBODY}_{name}" for name in ("thumb.jpg", f"matrix_{'0' * 32}.png")]
    ours = [f"videos/{DAY}/{NOBODY}.mp4", *beside, f"processed/{NOBODY}/720p.mp4"]
    others = ["videos/readme.txt", f"videos/{DAY}/holiday.mp4", "elsewhere/a"]
    for key in [*ours, *others, f"fingerprints/{DAY}/{NOBODY}.vfp"]:
        await world.bucket.put(key, b"something")
    let_all_grow_old(world)
    await mended(doctor, object_without_row=4, fingerprint_without_row=1)
    assert await keys(world) == set(others)


async def test_what_is_young_is_left_alone(world: World, doctor: Doctor) -> None:
    await world.bucket.put(f"videos/{DAY}/{NOBODY}.mp4", b"its row is being written")
    await world.bucket.create_multipart_upload(f"videos/{DAY}/{'e' * 32}.mp4")
    lost = await world.upload(3)
    await world.bucket.delete(f"videos/{DAY}/{lost}.mp4")
    assert not +(await doctor.mend()).found
    assert len(await world.bucket.list_multipart_uploads()) == 1


async def test_an_object_whose_row_comes_late_is_not_deleted(world: World, doctor: Doctor) -> None:
    """Between the look and the deed: what was found is looked at again."""
    video_id = await world.upload(1)
    key = f"videos/{DAY}/{video_id}.mp4"
    await world.bucket.put(f"videos/{DAY}/{NOBODY}.mp4", b"nobody's")
    let_all_grow_old(world)
    report = Report()
    findings = [each async for found in doctor._findings(report) for each in found]
    late = replace(findings[0], subject=key)
    await doctor._mend([late, *findings], report)
    assert await keys(world) == {key}
    assert report.mended["object_without_row"] == 1


async def test_what_is_being_purged_is_left_to_the_purge(world: World, doctor: Doctor) -> None:
    await world.bucket.put(f"videos/{DAY}/{NOBODY}.mp4", b"deleted a moment ago")
    await world.db.prepare("INSERT INTO purges VALUES (?1, '[]', '2026')").bind(NOBODY).run()
    let_all_grow_old(world)
    await mended(doctor)
    assert await keys(world) == {f"videos/{DAY}/{NOBODY}.mp4"}


async def test_open_uploads_are_aborted(world: World, doctor: Doctor) -> None:
    upload = await world.bucket.create_multipart_upload(f"videos/{DAY}/{NOBODY}.mp4")
    await upload.upload_part(1, b"half of it")
    others = await world.bucket.create_multipart_upload("somebody/elses.bin")
    let_all_grow_old(world)
    await mended(doctor, open_upload=1)
    assert [each.upload_id for each in await world.bucket.list_multipart_uploads()] == [others.upload_id]


async def resumable(world: World, *, is_finished: bool) -> tuple[str, str]:
    """An upload with a part and a tail: its id, and the key that its object has or will have."""
    upload_id, video_id = ("a" if is_finished else "b") * 32, ("c" if is_finished else "d") * 32
    key = f"videos/{DAY}/{video_id}.mp4"
    multipart = await world.bucket.create_multipart_upload(key)
    await multipart.upload_part(1, b"a part")
    await world.bucket.put(f"uploads/{upload_id}/7-x", b"a tail")
    owner = await world.db.prepare("SELECT id FROM users LIMIT 1").first("id")
    sql = """
    INSERT INTO tus_uploads (id, user_id, video_id, upload_length, upload_metadata, part_bytes, r2_upload_id, tail_key,
                             created_at, expires_at, finished_at)
    VALUES (?1, ?2, ?3, 100, '', 6, ?4, ?5, '2026', '2027', ?6)
    """
    finished_at = "2026" if is_finished else None
    bound = (upload_id, owner, video_id, multipart.upload_id, f"uploads/{upload_id}/7-x", finished_at)
    await world.db.prepare(sql).bind(*bound).run()
    return upload_id, key


async def test_resumable_uploads_are_left_alone(world: World, doctor: Doctor) -> None:
    upload_id, key = await resumable(world, is_finished=False)
    let_all_grow_old(world)
    await mended(doctor)
    assert await keys(world) == {f"uploads/{upload_id}/7-x"}
    assert [each.key for each in await world.bucket.list_multipart_uploads()] == [key]


async def test_an_object_that_is_about_to_be_a_video_is_left_alone(world: World, doctor: Doctor) -> None:
    _, key = await resumable(world, is_finished=False)
    await world.bucket.put(key, b"complete")
    let_all_grow_old(world)
    await mended(doctor)
    assert key in await keys(world)


async def test_remains_of_resumable_uploads_go(world: World, doctor: Doctor) -> None:
    await resumable(world, is_finished=True)
    await world.bucket.put(f"uploads/{NOBODY}/6-x", b"nobody's")
    await world.bucket.put("uploads/readme.txt", b"not ours")
    let_all_grow_old(world)
    await mended(doctor, upload_remains=2, open_upload=1)
    assert await keys(world) == {"uploads/readme.txt"}


async def test_searches_keep_what_is_theirs_and_lose_the_rest(world: World, doctor: Doctor) -> None:
    asked, gone = "a" * 32, "b" * 32
    for search_id in (asked, gone):
        await world.bucket.put(f"searches/{search_id}/video.mp4", b"a video")
        await world.bucket.create_multipart_upload(f"searches/{search_id}/reference.webm")
    owner = await world.db.prepare("SELECT id FROM users LIMIT 1").first("id")
    sql = """
    INSERT INTO searches (id, user_id, kind, r2_key, created_at, status)
    VALUES (?1, ?2, 'search', ?3, '2026', 'pending')
    """
    await world.db.prepare(sql).bind(asked, owner, f"searches/{asked}/video.mp4").run()
    let_all_grow_old(world)
    await mended(doctor, object_without_row=1, open_upload=2)
    assert await keys(world) == {f"searches/{asked}/video.mp4"}


async def test_an_upload_that_comes_to_be_known_late_is_not_touched(world: World, doctor: Doctor) -> None:
    """Between the look and the deed: what was found is looked at again."""
    await resumable(world, is_finished=True)
    let_all_grow_old(world)
    report = Report()
    findings = [each async for found in doctor._findings(report) for each in found]
    assert len(findings) == 2
    await world.db.prepare("UPDATE tus_uploads SET finished_at = NULL").run()
    await doctor._mend(findings, report)
    assert not +report.mended
    assert len(await world.bucket.list_multipart_uploads()) == 1


async def test_an_approved_video_without_its_object_still_finds_copies(
    world: World, consumer: Consumer, doctor: Doctor
) -> None:
    video_id = await world.decided(consumer, 1)
    await world.bucket.delete(f"videos/{DAY}/{video_id}.mp4")
    let_all_grow_old(world)
    await mended(doctor, row_without_object=1)
    row = await world.video(video_id)
    assert (row["status"], row["object_deleted_at"] is None) == ("approved", False)
    copy = await world.decided(consumer, 1)
    assert (await world.video(copy))["duplicate_of"] == video_id


async def test_a_video_of_which_nothing_is_left_is_rejected_and_its_copies_decided_anew(
    world: World, consumer: Consumer, doctor: Doctor
) -> None:
    lost, copy = await world.decided(consumer, 1), await world.decided(consumer, 1)
    assert (await world.video(copy))["duplicate_of"] == lost
    await world.bucket.delete([f"videos/{DAY}/{lost}.mp4", f"fingerprints/{DAY}/{lost}.vfp"])
    let_all_grow_old(world)
    seen = await doctor.examine()
    assert +seen.found == {"row_without_object": 1, "row_without_fingerprint": 1}
    await doctor.mend()
    assert not +(await doctor.examine()).found
    row, job = await world.video(lost), await world.job(lost)
    assert (row["status"], row["reason"]) == ("rejected", "lost")
    assert "upload it again" in job["error_message"]
    assert await world.vectorize.get_by_ids([lost]) == []
    assert await world.rows("SELECT kind FROM notifications WHERE video_id = ?1 ORDER BY created_at", lost) == [
        {"kind": "video.approved"},
        {"kind": "video.rejected"},
    ]
    await consumer.jobs.run(Job(copy))
    assert (await world.video(copy))["status"] == "approved"


async def test_an_upload_whose_object_is_gone_is_rejected_with_a_sentence(world: World, doctor: Doctor) -> None:
    video_id = await world.upload(1)
    await world.bucket.delete(f"videos/{DAY}/{video_id}.mp4")
    let_all_grow_old(world)
    await mended(doctor, row_without_object=1)
    assert (await world.video(video_id))["reason"] == "lost"


async def test_a_video_in_hand_is_left_alone(world: World, consumer: Consumer, doctor: Doctor) -> None:
    claim = await indexed(world, consumer, make_fingerprint(5))
    await world.bucket.delete([f"videos/{DAY}/{claim.video.id}.mp4", f"fingerprints/{DAY}/{claim.video.id}.vfp"])
    let_all_grow_old(world)
    await mended(doctor)
    assert (await world.video(claim.video.id))["status"] == "processing"


async def test_a_lost_fingerprint_is_made_again_from_the_object(
    world: World, consumer: Consumer, doctor: Doctor
) -> None:
    video_id = await world.decided(consumer, 1)
    key = f"fingerprints/{DAY}/{video_id}.vfp"
    await world.bucket.delete(key)
    let_all_grow_old(world)
    await mended(doctor, row_without_fingerprint=1)
    await consumer.jobs.run(Job(video_id))
    assert (await world.video(video_id))["status"] == "approved"
    assert await world.bucket.head(key) is not None
    assert len(world.processor.asked) == 2


async def test_what_a_moderator_decided_is_reported_and_left(world: World, consumer: Consumer, doctor: Doctor) -> None:
    video_id = await world.decided(consumer, 1)
    await review(world, video_id, "approved")
    await world.bucket.delete(f"fingerprints/{DAY}/{video_id}.vfp")
    let_all_grow_old(world)
    report = await doctor.mend()
    assert (report.found["row_without_fingerprint"], report.left) == (1, 1)
    assert report.remedies["row_without_fingerprint", "by_hand"] == 1
    assert (await world.video(video_id))["status"] == "approved"


async def test_a_duplicates_lost_fingerprint_is_forgotten(world: World, consumer: Consumer, doctor: Doctor) -> None:
    await world.decided(consumer, 1)
    copy = await world.decided(consumer, 1)
    await world.bucket.delete(f"fingerprints/{DAY}/{copy}.vfp")
    let_all_grow_old(world)
    await mended(doctor, row_without_fingerprint=1)
    assert (await world.video(copy))["fingerprint_id"] is None


async def test_vectors_without_rows_go_and_shared_ones_stay(world: World, consumer: Consumer, doctor: Doctor) -> None:
    video_id = await world.decided(consumer, 1)
    stray = [1.0, *[0.0] * 63]
    await world.vectorize.upsert([VectorizeVector(NOBODY, stray)])
    await world.segments.upsert([VectorizeVector("nobody-s", stray)])
    for table, vector in (("segment_vectors", "'shared'"), ("sound_terms", "4")):
        await world.db.prepare(f"INSERT INTO {table} VALUES ({vector}, ?1, 0)").bind("e" * 32).run()
    let_all_grow_old(world)
    seen = await doctor.examine()
    assert seen.found["vector_without_row"] == 4
    assert (await doctor.mend()).left == 0
    assert not +(await doctor.examine()).found
    assert [each async for each in world.vectorize.list_ids()] == [video_id]
    assert (await world.segments.describe()).vector_count == 1


async def test_duplicates_are_taken_out_of_the_index(world: World, consumer: Consumer, doctor: Doctor) -> None:
    await world.decided(consumer, 1)
    copy = await world.decided(consumer, 1)
    await world.vectorize.upsert([VectorizeVector(copy, [1.0, *[0.0] * 63])])
    let_all_grow_old(world)
    await mended(doctor, vector_without_row=1)


async def test_an_index_that_lost_everything_is_filled_again(world: World, consumer: Consumer, doctor: Doctor) -> None:
    videos = [await world.decided(consumer, seed) for seed in (1, 2, 3)]
    await world.vectorize.clear()
    await world.segments.clear()
    let_all_grow_old(world)
    await mended(doctor, row_without_vector=3)
    assert {each async for each in world.vectorize.list_ids()} == set(videos)
    assert (await world.segments.describe()).vector_count == 3


async def test_a_video_that_lost_a_segment_is_indexed_again(world: World, consumer: Consumer, doctor: Doctor) -> None:
    await world.decided(consumer, 1)
    ragged = await world.decided(consumer, 2)
    (row,) = await world.rows("SELECT DISTINCT vector_id FROM segment_vectors WHERE video_id = ?1", ragged)
    await world.segments.delete_by_ids([row["vector_id"]])
    let_all_grow_old(world)
    await mended(doctor, row_without_vector=1)
    assert len(await world.segments.get_by_ids([row["vector_id"]])) == 1


async def test_videos_whose_rows_are_gone_are_adopted_and_decided(
    world: World, consumer: Consumer, doctor: Doctor
) -> None:
    original = await world.decided(consumer, 1)
    lost = await world.decided(consumer, 2)
    for table in ("processing_jobs", "verdicts", "notifications", "segment_vectors", "sound_terms"):
        await world.db.prepare(f"DELETE FROM {table} WHERE video_id = ?1").bind(lost).run()
    await world.db.prepare("DELETE FROM videos WHERE id = ?1").bind(lost).run()
    let_all_grow_old(world)
    assert await doctor.user("u@x") == "u"
    assert await doctor.user("nobody") is None
    report = await replace(doctor, adopter="u").mend()
    assert report.remedies["object_without_row", "adopt_object"] == 1
    row = await world.video(lost)
    assert (row["status"], row["user_id"], row["mime_type"]) == ("processing", "u", "video/mp4")
    assert len(row["content_sha256"]) == 64
    assert row["file_size"] == len(b"the bytes of " + lost.encode())
    await consumer.sweep.run_once()
    await consumer.jobs.run(Job(lost))
    assert {(await world.video(each))["status"] for each in (original, lost)} == {"approved"}
    assert not +(await doctor.examine()).found


async def rendered(world: World, consumer: Consumer, seed: int) -> str:
    video_id = await world.upload(seed)
    world.processor.media[video_id] = Media("mp4", "hevc", "yuv420p", "aac")
    await consumer.jobs.run(Job(video_id))
    assert await consumer.renditions.run_once()
    return video_id


async def test_a_rendition_that_is_gone_is_made_again(world: World, consumer: Consumer, doctor: Doctor) -> None:
    lost, kept = [await rendered(world, consumer, seed) for seed in (31, 32)]
    await world.bucket.delete(rendition_key(lost))
    assert not +(await doctor.examine()).found, "it may be on its way"
    let_all_grow_old(world)
    await mended(doctor, row_without_rendition=1)
    assert await consumer.renditions.run_once()
    assert {rendition_key(lost), rendition_key(kept)} <= await keys(world)
    assert await world.rows("SELECT status FROM renditions") == [{"status": "completed"}] * 2


async def test_a_rendition_that_no_row_knows_goes(world: World, consumer: Consumer, doctor: Doctor) -> None:
    made, failed, never = [await rendered(world, consumer, seed) for seed in (31, 32, 33)]
    await world.db.prepare("UPDATE renditions SET status = 'failed' WHERE video_id = ?1").bind(failed).run()
    await world.db.prepare("DELETE FROM renditions WHERE video_id = ?1").bind(never).run()
    await world.bucket.put(f"processed/{never}/notes.txt", b"not a rendition")
    let_all_grow_old(world)
    await mended(doctor, rendition_without_row=2)
    assert {key for key in await keys(world) if key.startswith("processed/")} == {
        rendition_key(made),
        f"processed/{never}/notes.txt",
    }


async def test_a_rendition_whose_row_comes_late_is_not_deleted(
    world: World, consumer: Consumer, doctor: Doctor
) -> None:
    video_id = await rendered(world, consumer, 31)
    finding = Finding("rendition_without_row", rendition_key(video_id), "delete_rendition")
    assert not await doctor.renditions.mend(finding)
    assert not await doctor.renditions.mend(Finding("row_without_rendition", video_id, "render_again"))
    assert rendition_key(video_id) in await keys(world)
