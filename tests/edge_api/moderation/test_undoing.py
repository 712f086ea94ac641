"""For a minute a review can be taken back, and what followed from it."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from edge_api.keys import new_id, timestamp
from tests.edge_api.kit import MIGRATIONS, World, mp4
from tests.edge_api.moderation.cases import flagged, review, undo, verdict

COLUMNS = (
    """status, reason, confidence, duplicate_of, similar_to, similarity_score, matches, verdict_id, processed_at"""
)
LONG_AGO = "2026-01-01T00:00:00.000000Z"


async def columns(world: World, video_id: str) -> dict[str, object]:
    (row,) = await world.rows(f"SELECT {COLUMNS} FROM videos WHERE id = ?1", video_id)
    return dict(row)


@pytest.mark.parametrize("decision", ["approve", "reject", "duplicate"])
async def test_the_verdict_that_was(world: World, decision: str) -> None:
    suspect, video_id = await flagged(world, matches=json.dumps([]))
    before = await columns(world, video_id)
    await review(world, video_id, decision=decision)
    assert await columns(world, video_id) != before
    (version,) = await world.rows("SELECT version FROM catalogue")
    answer = await undo(world, video_id, world.admin)
    assert (answer.status_code, answer.json()["status"], answer.json()["duplicate_of"]) == (200, "flagged", suspect)
    assert await columns(world, video_id) == before
    (after,) = await world.rows(
        "SELECT version, catalogue_version FROM catalogue, videos WHERE videos.id = ?1", video_id
    )
    assert (after["version"], after["catalogue_version"]) == (version["version"] + 1,) * 2
    assert await world.rows("SELECT * FROM notifications") == [], "nobody is told of what is no more"
    rows = await world.rows("SELECT actor, action FROM audit_log WHERE action LIKE 'video.%' ORDER BY at")
    assert [(row["actor"], row["action"]) for row in rows] == [
        (f"user:{world.moderator.id}", "video.review"),
        (f"user:{world.admin.id}", "video.review.undo"),
    ]


async def test_it_can_be_settled_again(world: World) -> None:
    _, video_id = await flagged(world)
    for decision in ("reject", "approve"):
        assert (await review(world, video_id, decision=decision)).status_code == 200
        assert (await undo(world, video_id)).status_code == 200
    assert (await review(world, video_id, decision="duplicate")).json()["status"] == "duplicate"
    assert [row["kind"] for row in await world.rows("SELECT kind FROM notifications")] == ["video.duplicate_detected"]


async def test_after_the_minute_it_stays(world: World) -> None:
    _, video_id = await flagged(world)
    await review(world, video_id, decision="approve")
    (kept,) = await world.rows("SELECT reviewed_at, undo_until FROM reviews")
    span = datetime.fromisoformat(kept["undo_until"]) - datetime.fromisoformat(kept["reviewed_at"])
    assert span == timedelta(seconds=60)
    await world.run("UPDATE reviews SET undo_until = ?1", timestamp(datetime.now(UTC) - timedelta(milliseconds=1)))
    answer = await undo(world, video_id)
    assert (answer.status_code, answer.json()["code"]) == (409, "NOTHING_TO_UNDO")
    assert (await world.video(video_id))["status"] == "approved"
    assert len(await world.rows("SELECT * FROM notifications")) == 1


@pytest.mark.parametrize("state", ["never reviewed", "undone", "decided anew", "being decided anew"])
async def test_there_is_nothing_to_undo(world: World, state: str) -> None:
    _, video_id = await flagged(world)
    if state != "never reviewed":
        await review(world, video_id, decision="approve")
    if state == "undone":
        await undo(world, video_id)
    elif state == "decided anew":
        await world.decide(video_id, "approved")
    elif state == "being decided anew":
        await world.run("UPDATE videos SET status = 'processing' WHERE id = ?1", video_id)
    before = await columns(world, video_id)
    answer = await undo(world, video_id)
    assert (answer.status_code, answer.json()["code"]) == (409, "NOTHING_TO_UNDO")
    assert await columns(world, video_id) == before


async def test_twice_at_the_same_instant(world: World) -> None:
    _, video_id = await flagged(world)
    await review(world, video_id, decision="reject")
    answers = await asyncio.gather(*(undo(world, video_id) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    assert len(await world.rows("SELECT * FROM audit_log WHERE action = 'video.review.undo'")) == 1


async def test_a_notification_that_left_all_the_same_is_corrected(world: World) -> None:
    _, video_id = await flagged(world)
    await review(world, video_id, decision="approve")
    await world.run("UPDATE notifications SET attempts = 1, sent_at = ?1", timestamp())
    await undo(world, video_id)
    rows = await world.rows("SELECT kind, next_attempt_at FROM notifications ORDER BY created_at")
    assert [row["kind"] for row in rows] == ["video.approved", "video.flagged"]
    assert rows[1]["next_attempt_at"] is None


@pytest.mark.parametrize("decision", ["reject", "duplicate"])
async def test_byte_equal_copies_are_again_as_they_were(world: World, decision: str) -> None:
    _, video_id = await flagged(world)
    copy = await world.uploaded(mp4(seed=2), world.bob)
    before = await columns(world, copy)
    assert before["duplicate_of"] == video_id
    await review(world, video_id, decision=decision)
    assert await columns(world, copy) != before
    await undo(world, video_id)
    assert await columns(world, copy) == before


@pytest.mark.parametrize("decision", ["reject", "duplicate"])
async def test_byte_equal_copies_that_came_meanwhile_are_decided_again(world: World, decision: str) -> None:
    _, video_id = await flagged(world)
    await review(world, video_id, decision=decision)
    copy = await world.uploaded(mp4(seed=2), world.bob)
    assert (await world.video(copy, world.bob))["status"] == {"reject": "rejected", "duplicate": "duplicate"}[decision]
    before = len(world.jobs())
    await undo(world, video_id)
    assert (await world.video(copy, world.bob))["status"] == "processing"
    assert [job.video_id for job in world.jobs()[before:]] == [copy]


async def test_what_was_sent_back_and_decided_is_decided_once_more(world: World) -> None:
    _, video_id = await flagged(world)
    near, settled, waits = [await world.uploaded(mp4(seed=seed), world.bob) for seed in (7, 8, 9)]
    for each in (near, settled, waits):
        await world.decide(each, "duplicate", duplicate_of=video_id, similarity_score=0.96, confidence="high")
    await review(world, video_id, decision="reject")
    for each, by in ((near, "policy"), (settled, "user:x")):
        await world.decide(each, "approved")
        await verdict(world, each, by, timestamp())
    before = len(world.jobs())
    await undo(world, video_id)
    found = {each: (await world.video(each, world.bob))["status"] for each in (near, settled, waits)}
    assert found == {near: "processing", settled: "approved", waits: "processing"}
    assert [job.video_id for job in world.jobs()[before:]] == [near, waits]


async def test_what_was_found_to_be_like_the_approved_one_is_decided_again(world: World) -> None:
    """What was found before the review, or by a moderator, stays."""
    _, video_id = await flagged(world)
    since, earlier, by_hand = [await world.uploaded(mp4(seed=seed), world.bob) for seed in (7, 8, 9)]
    await world.decide(earlier, "flagged", duplicate_of=video_id, reason="mirrored")
    await verdict(world, earlier, "policy", LONG_AGO)
    await review(world, video_id, decision="approve")
    for each, by in ((since, "policy"), (by_hand, "user:x")):
        await world.decide(each, "duplicate", duplicate_of=video_id, similarity_score=0.96, confidence="high")
        await verdict(world, each, by, timestamp())
    await undo(world, video_id)
    found = [(await world.video(each, world.bob))["status"] for each in (since, earlier, by_hand)]
    assert found == ["processing", "flagged", "duplicate"]


async def test_the_suspect_was_deleted_meanwhile(world: World) -> None:
    suspect, video_id = await flagged(world)
    await review(world, video_id, decision="approve")
    await world.client.delete(f"/api/videos/{suspect}", headers=world.bob.headers)
    answer = await undo(world, video_id)
    assert (answer.status_code, answer.json()["status"], answer.json()["duplicate_of"]) == (200, "flagged", None)


async def test_a_video_that_was_deleted_meanwhile(world: World) -> None:
    _, video_id = await flagged(world)
    await review(world, video_id, decision="approve")
    await world.client.delete(f"/api/videos/{video_id}", headers=world.alice.headers)
    assert (await undo(world, video_id)).status_code == 404
    assert await world.rows("SELECT * FROM review_changes") == []
    (kept,) = await world.rows("SELECT decision FROM reviews")
    assert kept["decision"] == "approve", "it still counts in the statistics"


async def test_the_queue_offers_what_one_did_last(world: World) -> None:
    _, video_id = await flagged(world)
    await world.run("UPDATE videos SET filename = 'holiday.mp4' WHERE id = ?1", video_id)
    await review(world, video_id, decision="reject")
    offered = (await world.get("/api/review", world.moderator)).json()["undoable"]
    assert offered["filename"] == "holiday.mp4"
    assert (offered["kind"], offered["video_id"], offered["decision"]) == ("review", video_id, "reject")
    assert (await world.get("/api/review", world.admin)).json()["undoable"] is None
    await undo(world, video_id)
    assert (await world.get("/api/review", world.moderator)).json()["undoable"] is None


async def test_reviews_of_old_count_too(world: World) -> None:
    """The migration takes over what the rows say of reviews before it."""
    _, video_id = await flagged(world)
    await world.run("UPDATE verdicts SET reason = 'mirrored'")
    review_id = new_id()
    await world.run(
        "INSERT INTO verdicts (id, video_id, status, matches, policy_version, thresholds, decided_by, decided_at) "
        "VALUES (?1, ?2, 'approved', '[]', 3, '{}', 'user:x', '2026-01-02')",
        review_id,
        video_id,
    )
    text = (MIGRATIONS / "0009_review.sql").read_text(encoding="utf-8")
    await world.run(text[text.index("INSERT INTO reviews") :].partition(";")[0])
    (row,) = await world.rows("SELECT id, user_id, decision, reason FROM reviews")
    assert row == {"id": review_id, "user_id": "x", "decision": "approve", "reason": "mirrored"}
