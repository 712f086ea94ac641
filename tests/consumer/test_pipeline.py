"""The way of one video to its verdict, step by step and end to end."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

import pytest

from consumer.assembly import Consumer
from consumer.rebuild import Rebuild
from tests.consumer.fake_processor import JPEG, STRIP, answering
from tests.consumer.fingerprints import blank_fingerprint, make_fingerprint
from tests.consumer.world import POLICY_VERSION, Likeness, World, compare, decide, open_world
from wire.fingerprints import ALGORITHM_VERSION, Fingerprint, pack, unpack
from wire.jobs import Job
from wire.verdicts import Verdict
from wrangler_compat.r2.types import R2Object


async def stored(world: World, key: str) -> bytes:
    body = await world.bucket.get(key)
    assert body is not None
    assert not isinstance(body, R2Object)
    return await body.bytes()


async def test_the_first_of_its_kind_is_approved(world: World, consumer: Consumer) -> None:
    video_id = await world.decided(consumer, 1)
    video = await world.video(video_id)
    assert (video["status"], video["reason"], video["duplicate_of"]) == ("approved", None, None)
    assert video["processed_at"] is not None
    assert (video["duration"], video["duration_seconds"]) == (10, 10.0)
    assert json.loads(video["matches"]) == []


async def test_the_fingerprint_and_the_thumbnail_are_kept(world: World, consumer: Consumer) -> None:
    video_id = await world.decided(consumer, 1)
    video = await world.video(video_id)
    assert video["fingerprint_id"] == f"fingerprints/2026/11/21/{video_id}.vfp"
    assert video["algorithm_version"] == ALGORITHM_VERSION
    assert pack(unpack(await stored(world, video["fingerprint_id"]))) == pack(make_fingerprint(1))
    assert video["thumbnail_key"] == f"videos/2026/11/21/{video_id}_thumb.jpg"
    assert await stored(world, video["thumbnail_key"]) == JPEG
    assert video["preview_key"] == f"videos/2026/11/21/{video_id}_preview.jpg"
    assert await stored(world, video["preview_key"]) == STRIP
    assert json.loads(video["preview_layout"]) == {"pictures": 12, "width": 160, "height": 90}


async def test_an_approved_video_is_findable(world: World, consumer: Consumer) -> None:
    video_id = await world.decided(consumer, 1)
    (vector,) = await world.vectorize.get_by_ids([video_id])
    assert vector.metadata is not None
    assert set(vector.metadata) == {"r2_key", "audio_hash", "duration", "uploaded_at", "user_id"}
    assert (await world.video(video_id))["indexed_at"] is not None
    assert len(await world.rows("SELECT * FROM segment_vectors WHERE video_id = ?1", video_id)) == 2
    assert await world.rows("SELECT * FROM sound_terms WHERE video_id = ?1", video_id) != []


async def test_a_copy_is_a_duplicate_of_the_original(world: World, consumer: Consumer) -> None:
    original = await world.decided(consumer, 1)
    copy = await world.decided(consumer, fingerprint=make_fingerprint(1, noise=0.1))
    video = await world.video(copy)
    assert (video["status"], video["duplicate_of"], video["confidence"]) == ("duplicate", original, "high")
    assert video["similarity_score"] > 0.95
    (match,) = json.loads(video["matches"])
    assert match["video_id"] == original
    assert match["segments"][0]["ref_end"] == 10.0


async def test_a_duplicate_leaves_the_index_and_what_it_shares_with_the_original_stays(
    world: World, consumer: Consumer
) -> None:
    original = await world.decided(consumer, 1)
    copy = await world.decided(consumer, 1)
    other = await world.decided(consumer, fingerprint=make_fingerprint(1, noise=0.1))
    assert await world.vectorize.get_by_ids([copy, other]) == []
    assert (await world.video(copy))["indexed_at"] is None
    for gone in (copy, other):
        assert await world.rows("SELECT * FROM segment_vectors WHERE video_id = ?1", gone) == []
        assert await world.rows("SELECT * FROM sound_terms WHERE video_id = ?1", gone) == []
    assert (await world.segments.describe()).vector_count == 1
    assert len(await world.vectorize.get_by_ids([original])) == 1


async def test_something_merely_similar_is_approved_and_noted(world: World, consumer: Consumer) -> None:
    original = await world.decided(consumer, 1)
    kin = await world.decided(consumer, fingerprint=make_fingerprint(1, noise=0.8))
    video = await world.video(kin)
    assert (video["status"], video["similar_to"]) == ("approved", original)
    assert 0.70 <= video["similarity_score"] < 0.85


async def test_a_flagged_video_stays_findable(world: World, consumer: Consumer) -> None:
    original = await world.decided(consumer, 1)
    flagged = await world.decided(consumer, fingerprint=make_fingerprint(1, noise=0.5))
    video = await world.video(flagged)
    assert (video["status"], video["reason"], video["duplicate_of"]) == ("flagged", "no_audio_to_confirm", original)
    assert len(await world.vectorize.get_by_ids([flagged])) == 1


async def test_an_approved_original_is_named_before_a_flagged_one_that_is_nearer(
    world: World, consumer: Consumer
) -> None:
    original = await world.decided(consumer, 1)
    await world.decided(consumer, fingerprint=make_fingerprint(1, noise=0.5))
    copy = await world.decided(consumer, fingerprint=make_fingerprint(1, noise=0.32))
    assert (await world.video(copy))["duplicate_of"] == original


@pytest.mark.parametrize(
    ("audio_score", "area", "codes", "compared"),
    [(None, 1.0, 0, 2), (None, 1.0, 80, 6), (0.9, 0.9, 80, 2), (0.1, 1.0, 80, 6), (0.9, 0.4, 80, 6)],
)
async def test_comparing_stops_at_a_duplicate_with_nothing_left_to_account_for(
    world: World, audio_score: float | None, area: float, codes: int, compared: int
) -> None:
    """Another sound, or the rest of the picture, may be that of another video, which has to be found too."""
    asked: list[Fingerprint] = []

    def compare_and_note(query: Fingerprint, references: Sequence[Fingerprint]) -> list[Likeness]:
        asked.extend(references)
        return compare(query, references)

    def decide_by_sound(evidence: Sequence[tuple[str, Likeness]], *, approved: Collection[str] = ()) -> Verdict:
        verdict = decide(evidence)
        matches = tuple(dataclasses.replace(match, audio_score=audio_score, area=area) for match in verdict.matches)
        return dataclasses.replace(verdict, matches=matches, thresholds={"audio": 0.8})

    approving = dataclasses.replace(
        world.detection, decide=partial(_told, verdict=Verdict("approved", POLICY_VERSION, {}))
    )
    for n in range(6):
        await world.decided(
            await world.consumer(detection=approving), fingerprint=make_fingerprint(1, noise=0.3 + n / 100)
        )
    noting = dataclasses.replace(world.detection, compare=compare_and_note, decide=decide_by_sound)
    upload = make_fingerprint(1, noise=0.3, codes=codes)
    copy = await world.decided(await world.consumer(detection=noting), fingerprint=upload)
    assert (await world.video(copy))["status"] == "duplicate"
    assert len(asked) == compared


@pytest.mark.parametrize(("area", "compared"), [(1.0, 2 + 4), (0.5, 6 + 6)])
async def test_where_an_approved_one_accounts_for_all_only_the_likeliest_flagged_ones_are_compared(
    world: World, area: float, compared: int
) -> None:
    asked: list[Fingerprint] = []

    def compare_and_note(query: Fingerprint, references: Sequence[Fingerprint]) -> list[Likeness]:
        asked.extend(references)
        return compare(query, references)

    def flag(evidence: Sequence[tuple[str, Likeness]], *, approved: Collection[str] = ()) -> Verdict:
        verdict = decide(evidence)
        matches = tuple(dataclasses.replace(match, area=area) for match in verdict.matches)
        return dataclasses.replace(verdict, status="flagged" if evidence else "approved", matches=matches)

    for verdict in (Verdict("approved", POLICY_VERSION, {}), Verdict("flagged", POLICY_VERSION, {})):
        as_told = dataclasses.replace(world.detection, decide=partial(_told, verdict=verdict))
        for n in range(6):
            fingerprint = make_fingerprint(1, noise=0.3 + n / 100)
            await world.decided(await world.consumer(detection=as_told), fingerprint=fingerprint)
    noting = dataclasses.replace(world.detection, compare=compare_and_note, decide=flag)
    copy = await world.decided(await world.consumer(detection=noting), fingerprint=make_fingerprint(1, noise=0.3))
    assert (await world.video(copy))["status"] == "flagged"
    assert len(asked) == compared


async def test_a_flagged_one_of_which_this_is_a_copy_counts_before_an_approved_one_that_only_resembles_it(
    world: World, consumer: Consumer
) -> None:
    await world.decided(consumer, 1)
    flagged = await world.decided(consumer, fingerprint=make_fingerprint(1, noise=0.5))
    copy = await world.decided(consumer, fingerprint=make_fingerprint(1, noise=0.5))
    video = await world.video(copy)
    assert (video["status"], video["duplicate_of"]) == ("duplicate", flagged)


async def test_a_flagged_one_counts_when_no_other_does(world: World, consumer: Consumer) -> None:
    original = await world.decided(consumer, 1)
    flagged = await world.decided(consumer, fingerprint=make_fingerprint(1, noise=0.5))
    await world.db.prepare("UPDATE videos SET status = 'rejected' WHERE id = ?1").bind(original).run()
    copy = await world.decided(consumer, fingerprint=make_fingerprint(1, noise=0.5))
    video = await world.video(copy)
    assert (video["status"], video["duplicate_of"]) == ("duplicate", flagged)


async def test_every_row_of_the_verdict_is_written_with_it(world: World, consumer: Consumer) -> None:
    original = await world.decided(consumer, 1)
    copy = await world.decided(consumer, 1)
    video, job = await world.video(copy), await world.job(copy)
    (verdict,) = await world.rows("SELECT * FROM verdicts WHERE video_id = ?1", copy)
    assert (verdict["id"], verdict["policy_version"], verdict["decided_by"]) == (
        video["verdict_id"],
        POLICY_VERSION,
        "policy",
    )
    assert json.loads(verdict["thresholds"]) == {"duplicate_threshold": 0.95}
    (detection,) = await world.rows("SELECT * FROM duplicate_detections WHERE video_id = ?1", copy)
    assert (detection["matched_video_id"], detection["decision"], detection["audio_match"]) == (
        original,
        "auto_reject",
        1,
    )
    (notification,) = await world.rows("SELECT * FROM notifications WHERE video_id = ?1", copy)
    assert notification["kind"] == "video.duplicate_detected"
    assert json.loads(notification["payload"])["duplicate_of"] == original
    assert (job["status"], job["progress"], job["stage"], job["lease_owner"]) == ("completed", 1, "verdict", None)


async def test_a_verdict_keeps_why(world: World, consumer: Consumer) -> None:
    """What was compared, by the settled candidates alone; another moment's candidates are not explained."""

    def why(statuses: Mapping[str, str], evidence: Mapping[str, Any]) -> dict[str, Any]:
        return {"video_id": None, "gates": [], "changes": [], "statuses": dict(statuses), "compared": sorted(evidence)}

    original = await world.decided(consumer, 1)
    (first,) = await world.rows("SELECT why FROM verdicts WHERE video_id = ?1", original)
    assert first["why"] is None, "nobody explains"
    copy = await world.decided(await world.consumer(detection=dataclasses.replace(world.detection, why=why)), 1)
    (second,) = await world.rows("SELECT why FROM verdicts WHERE video_id = ?1", copy)
    assert json.loads(second["why"])["statuses"] == {original: "approved"}
    assert json.loads(second["why"])["compared"] == [original]


async def test_a_second_run_changes_nothing(world: World, consumer: Consumer) -> None:
    video_id = await world.decided(consumer, 1)
    before = await world.video(video_id), await world.job(video_id), await world.version()
    await consumer.jobs.run(Job(video_id))
    assert (await world.video(video_id), await world.job(video_id), await world.version()) == before
    assert len(await world.rows("SELECT * FROM verdicts")) == 1
    assert len(world.processor.asked) == 1


async def test_black_and_silent_videos_are_not_duplicates_of_each_other(world: World, consumer: Consumer) -> None:
    for _ in range(2):
        video_id = await world.decided(consumer, fingerprint=blank_fingerprint())
        assert (await world.video(video_id))["status"] == "approved"
    assert (await world.vectorize.describe()).vector_count == 0


async def test_the_processor_is_shown_a_presigned_url_and_the_request_id(world: World, consumer: Consumer) -> None:
    video_id = await world.decided(consumer, 1)
    (asked,) = world.processor.asked
    assert asked.video_url == await world.bucket.presigned_url(f"videos/2026/11/21/{video_id}.mp4") or (
        f"{video_id}.mp4" in asked.video_url
    )
    assert world.processor.request_ids == [f"request-{video_id}"]


async def test_a_video_from_elsewhere_is_read_there_in_the_part_that_was_named(
    world: World, consumer: Consumer
) -> None:
    await world.decided(
        consumer, 1, source_url="https://example.org/a.mp4", range_start=5.0, range_stop=25.0, tier="economy"
    )
    (asked,) = world.processor.asked
    assert (asked.video_url, asked.start, asked.stop, asked.tier, asked.whole) == (
        "https://example.org/a.mp4",
        5.0,
        25.0,
        "economy",
        True,
    )


async def test_a_kept_fingerprint_is_not_made_again(world: World, consumer: Consumer) -> None:
    video_id = await world.decided(consumer, 1)
    job = await reopened(world, consumer, video_id)
    await consumer.jobs.run(job)
    assert len(world.processor.asked) == 1
    assert (await world.video(video_id))["status"] == "approved"


@pytest.mark.parametrize("damage", ["gone", "garbage", "old version"])
async def test_a_kept_fingerprint_that_cannot_be_used_is_made_again(
    world: World, consumer: Consumer, damage: str
) -> None:
    video_id = await world.decided(consumer, 1)
    key = f"fingerprints/2026/11/21/{video_id}.vfp"
    if damage == "gone":
        await world.bucket.delete(key)
    elif damage == "garbage":
        await world.bucket.put(key, b"garbage")
    else:
        await world.db.prepare("UPDATE videos SET algorithm_version = 0").run()
    await consumer.jobs.run(await reopened(world, consumer, video_id))
    assert len(world.processor.asked) == 2
    assert unpack(await stored(world, key)).duration == 10.0


async def reopened(world: World, consumer: Consumer, video_id: str) -> Job:
    _, job = await Rebuild(world.db, world.bucket, consumer.catalogue, world.clock).reopen(video_id)
    return job


async def test_videos_of_another_algorithm_version_are_not_candidates(world: World, consumer: Consumer) -> None:
    original = await world.decided(consumer, 1)
    await world.db.prepare("UPDATE videos SET algorithm_version = 0 WHERE id = ?1").bind(original).run()
    assert (await world.video(await world.decided(consumer, 1)))["status"] == "approved"


async def test_a_candidate_whose_fingerprint_is_gone_does_not_count(world: World, consumer: Consumer) -> None:
    original = await world.decided(consumer, 1)
    await world.bucket.delete(f"fingerprints/2026/11/21/{original}.vfp")
    assert (await world.video(await world.decided(consumer, 1)))["status"] == "approved"


async def test_a_candidate_whose_fingerprint_is_damaged_does_not_count_beside_one_that_does(
    world: World, consumer: Consumer
) -> None:
    damaged = await world.decided(consumer, 1)
    other = await world.decided(consumer, fingerprint=make_fingerprint(1, noise=0.5))
    await world.bucket.put(f"fingerprints/2026/11/21/{damaged}.vfp", b"VFP, but not quite")
    copy = await world.video(await world.decided(consumer, fingerprint=make_fingerprint(1, noise=0.5)))
    assert (copy["status"], copy["duplicate_of"]) == ("duplicate", other)


async def test_vectors_without_a_row_propose_nothing(world: World, consumer: Consumer) -> None:
    original = await world.decided(consumer, 1)
    await world.db.batch(
        [
            world.db.prepare("DELETE FROM processing_jobs WHERE video_id = ?1").bind(original),
            world.db.prepare("DELETE FROM videos WHERE id = ?1").bind(original),
        ]
    )
    assert (await world.video(await world.decided(consumer, 1)))["status"] == "approved"


async def test_a_refused_video_is_rejected_with_the_reason(world: World, consumer: Consumer) -> None:
    world.processor.misfortunes.append(answering(422, "NO_VIDEO_STREAM", "The file has no picture."))
    video_id = await world.decided(consumer, 1)
    video, job = await world.video(video_id), await world.job(video_id)
    assert (video["status"], video["reason"]) == ("rejected", "no_video_stream")
    assert (job["status"], job["error_message"]) == ("completed", "The file has no picture.")
    (notification,) = await world.rows("SELECT kind FROM notifications")
    assert notification["kind"] == "video.rejected"


async def test_a_video_that_is_too_long_is_rejected(world: World, consumer: Consumer) -> None:
    video_id = await world.decided(consumer, fingerprint=make_fingerprint(1, duration=3700))
    video = await world.video(video_id)
    assert (video["status"], video["reason"]) == ("rejected", "too_long")


async def test_byte_equal_uploads_share_the_fate_of_a_refused_one(world: World, consumer: Consumer) -> None:
    original = await world.upload(1, content_sha256="abc")
    twin = await world.upload(1, content_sha256="abc", status="duplicate", duplicate_of=original)
    other = await world.upload(1, content_sha256="other", status="duplicate", duplicate_of=original)
    world.processor.misfortunes.append(answering(422, "UNDECODABLE"))
    await consumer.jobs.run(Job(original))
    video = await world.video(twin)
    assert (video["status"], video["reason"], video["duplicate_of"]) == ("rejected", "undecodable", None)
    assert (await world.video(other))["status"] == "duplicate"


async def test_duplicates_of_what_turns_out_a_duplicate_follow_it(world: World, consumer: Consumer) -> None:
    root = await world.decided(consumer, 1)
    copy = await world.upload(1, content_sha256="abc")
    twin = await world.upload(1, content_sha256="abc", status="duplicate", duplicate_of=copy)
    await consumer.jobs.run(Job(copy))
    assert (await world.video(twin))["duplicate_of"] == root


async def test_the_object_of_a_duplicate_is_freed_when_wanted() -> None:
    async with open_world(delete_duplicates=True) as world:
        consumer = await world.consumer()
        original, copy = await world.decided(consumer, 1), await world.decided(consumer, 1)
        assert await world.bucket.head(f"videos/2026/11/21/{original}.mp4") is not None
        assert await world.bucket.head(f"videos/2026/11/21/{copy}.mp4") is None
        assert (await world.video(copy))["object_deleted_at"] is not None
        assert await world.bucket.head(f"fingerprints/2026/11/21/{copy}.vfp") is not None


async def test_the_object_of_a_duplicate_stays_by_default(world: World, consumer: Consumer) -> None:
    await world.decided(consumer, 1)
    copy = await world.decided(consumer, 1)
    assert await world.bucket.head(f"videos/2026/11/21/{copy}.mp4") is not None
    assert (await world.video(copy))["object_deleted_at"] is None


async def test_progress_can_be_followed(world: World, consumer: Consumer) -> None:
    video_id = await world.upload(1)
    seen: list[tuple[str | None, float]] = []
    world.processor.delay_seconds = 0.05

    async def watch() -> None:
        while True:
            job = await world.job(video_id)
            if not seen or seen[-1] != (job["stage"], job["progress"]):
                seen.append((job["stage"], job["progress"]))
            await asyncio.sleep(0)

    watcher = asyncio.create_task(watch())
    await consumer.jobs.run(Job(video_id))
    await asyncio.sleep(0.01)
    watcher.cancel()
    progress = [share for _, share in seen]
    assert progress == sorted(progress)
    assert [stage for stage, _ in seen][-1] == "verdict"
    assert "fingerprint" in [stage for stage, _ in seen]


def _told(_: Sequence[tuple[str, Likeness]], verdict: Verdict, approved: Collection[str] = ()) -> Verdict:
    return verdict
