"""Which videos may be decided again, what links them, and how many of them are put back at once."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from consumer.assembly import Consumer
from consumer.history import EQUAL_BYTES, NOT_KEPT, OTHER_VERSION, PROCESSING, REJECTED, REVIEWED, History, Past, select
from tests.consumer.moderation import review
from tests.consumer.world import World
from wire.jobs import Job

AT = "2026-11-22T00:00:00.000000Z"


@pytest.fixture
def past(world: World) -> History:
    return History(world.db)


async def known(past: History, video_id: str) -> Past:
    found = await past.video(video_id)
    assert found is not None
    return found


async def test_a_video_is_known_with_its_verdict(world: World, consumer: Consumer, past: History) -> None:
    original, copy = await world.decided(consumer, 1), await world.decided(consumer, 1)
    found = await known(past, copy)
    assert (found.status, found.duplicate_of) == ("duplicate", original)
    assert found.similarity_score == pytest.approx(1.0)
    assert (found.decided_by, found.is_reviewed) == ("policy", False)
    assert found.matched == {original}
    assert found.can_be_compared
    assert found.video.fingerprint_key == f"fingerprints/2026/11/21/{copy}.vfp"
    assert await past.video("nobody") is None


async def test_all_videos_are_given_oldest_first_page_by_page(world: World) -> None:
    moments = ["2026-11-21T05", "2026-11-21T03", "2026-11-21T05", "2026-11-21T01", "2026-11-21T05"]
    ids = [await world.upload(uploaded_at=moment) for moment in moments]
    assert [each.video.id for each in await History(world.db, page=2).videos()] == [
        ids[3],
        ids[1],
        ids[0],
        ids[2],
        ids[4],
    ]


async def test_links_are_all_that_verdicts_ever_named(world: World, consumer: Consumer, past: History) -> None:
    one, copy, other = [await world.decided(consumer, seed) for seed in (1, 1, 2)]
    await world.rows("UPDATE videos SET similar_to = ?2 WHERE id = ?1", other, one)
    videos = await past.videos()
    assert await past.links(videos) == {(one, copy), (one, other)}
    await world.rows("UPDATE videos SET duplicate_of = NULL, similar_to = NULL, matches = NULL")
    assert await past.links(await past.videos()) == {(one, copy)}
    await world.rows("DELETE FROM duplicate_detections")
    assert await past.links(await past.videos()) == set()


async def test_links_are_read_page_by_page(world: World) -> None:
    for n in range(5):
        await world.rows(
            "INSERT INTO duplicate_detections (id, video_id, matched_video_id, similarity_score, decision, detected_at)"
            " VALUES (?1, ?2, 'a', 1, 'flagged', '2026')",
            f"d{n}",
            f"v{n}",
        )
    assert await History(world.db, page=2).links([]) == {("a", f"v{n}") for n in range(5)}


async def test_a_video_linked_with_itself_is_no_link(world: World, past: History) -> None:
    video_id = await world.upload(1)
    await world.rows("UPDATE videos SET similar_to = id")
    assert await past.links([await known(past, video_id)]) == set()


@pytest.mark.parametrize(
    ("columns", "decided_by", "why"),
    [
        ({"status": "approved"}, "policy", None),
        ({"status": "flagged"}, "policy", None),
        ({"status": "duplicate"}, "policy", None),
        ({"status": "approved"}, "user:m", REVIEWED),
        ({"status": "rejected"}, "user:m", REVIEWED),
        ({"status": "processing"}, None, PROCESSING),
        ({"status": "rejected"}, "policy", REJECTED),
        ({"status": "duplicate"}, "content_sha256", EQUAL_BYTES),
        ({"status": "approved", "fingerprint_key": None}, "policy", NOT_KEPT),
        ({"status": "approved", "algorithm_version": 99}, "policy", OTHER_VERSION),
    ],
)
async def test_what_the_policy_did_not_decide_or_cannot_decide_again_is_left_out(
    world: World, consumer: Consumer, past: History, columns: dict[str, Any], decided_by: str | None, why: str | None
) -> None:
    found = await known(past, await world.decided(consumer, 1))
    changed = replace(
        found,
        status=columns.pop("status"),
        decided_by=decided_by,
        video=replace(found.video, **columns),
    )
    selection = select([changed, found])
    assert selection.chosen == ((changed, found) if why is None else (found,))
    assert selection.left_out == ({} if why is None else {why: 1})


async def test_reviewed_videos_are_chosen_only_when_that_is_asked_for(
    world: World, consumer: Consumer, past: History
) -> None:
    video_id = await world.decided(consumer, 1)
    await review(world, video_id, "rejected")
    found = await known(past, video_id)
    assert found.is_reviewed
    assert select([found]).chosen == ()
    assert select([found], reviewed_too=True).chosen == (found,)


async def test_the_chosen_ones_are_the_oldest_first(world: World, consumer: Consumer, past: History) -> None:
    moments = ("2026-11-21T05", "2026-11-21T03", "2026-11-21T04")
    ids = [await world.decided(consumer, seed, uploaded_at=moment) for seed, moment in enumerate(moments)]
    chosen = select([await known(past, video_id) for video_id in ids]).chosen
    assert [each.video.id for each in chosen] == [ids[1], ids[2], ids[0]]


async def test_many_are_put_back_at_once_and_their_jobs_come_oldest_first(world: World, consumer: Consumer) -> None:
    ids = [await world.decided(consumer, 9, priority="low")]
    ids += [await world.decided(consumer, seed) for seed in (2, 3, 9)]
    before = await world.version()
    history = History(world.db, page=2, actor="cli:o'hara")
    jobs = await history.reopen([*reversed(ids)], AT, reviewed_too=False)
    assert [(priority, job.video_id) for priority, job in jobs] == [
        ("low", ids[0]),
        *(("normal", video_id) for video_id in ids[1:]),
    ]
    assert jobs[0][1] == Job(ids[0], "decide", f"request-{ids[0]}")
    for video_id in ids:
        video, job = await world.video(video_id), await world.job(video_id)
        assert (video["status"], video["duplicate_of"], video["matches"]) == ("processing", None, None)
        assert (job["status"], job["attempt_count"], job["completed_at"]) == ("pending", 0, None)
    assert await world.version() == before + 1
    audit = await world.rows("SELECT actor, action, subject, detail, at FROM audit_log ORDER BY subject")
    assert [row["subject"] for row in audit] == sorted(ids)
    assert {(row["actor"], row["action"], row["at"]) for row in audit} == {("cli:o'hara", "redecide", AT)}
    assert all(json.loads(row["detail"])["was"] in ("approved", "duplicate") for row in audit)
    for _, job_sent in jobs:
        await consumer.jobs.run(job_sent)
    assert [(await world.video(each))["status"] for each in ids] == ["approved", "approved", "approved", "duplicate"]


async def test_what_changed_meanwhile_is_left_as_it_is(world: World, consumer: Consumer, past: History) -> None:
    decided, taken_up, reviewed = [await world.decided(consumer, seed) for seed in (1, 2, 3)]
    await world.rows("UPDATE processing_jobs SET status = 'processing' WHERE video_id = ?1", taken_up)
    await review(world, reviewed)
    jobs = await past.reopen([decided, taken_up, reviewed, "deleted"], AT, reviewed_too=False)
    assert [job.video_id for _, job in jobs] == [decided]
    assert (await world.video(reviewed))["status"] == (await world.video(taken_up))["status"] == "approved"
    assert (await world.job(taken_up))["status"] == "processing"
    assert [job.video_id for _, job in await past.reopen([reviewed], AT, reviewed_too=True)] == [reviewed]


async def test_nothing_to_reopen_is_nothing_done(world: World, past: History) -> None:
    assert await past.reopen([], AT, reviewed_too=False) == []
