"""POST /api/videos/{id}/review."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from edge_api.keys import moment_of
from tests.edge_api.kit import World, mp4
from tests.edge_api.moderation.cases import flagged, review
from tests.edge_api.test_videos import MATCH


async def test_approve(world: World) -> None:
    suspect, video_id = await flagged(world)
    answer = await review(world, video_id, decision="approve", note="a remake")
    assert answer.status_code == 200
    assert answer.json()["status"] == "approved"
    shown = await world.video(video_id)
    assert (shown["status"], shown["similar_to"], shown["similarity_score"]) == ("approved", suspect, 0.9)
    (audit,) = await world.rows("SELECT * FROM audit_log WHERE action LIKE 'video.%'")
    assert (audit["actor"], audit["subject"]) == (f"user:{world.moderator.id}", video_id)
    detail = json.loads(audit["detail"])
    assert (detail["decision"], detail["note"]) == ("approve", "a remake")
    assert detail["was"] == {
        "status": "flagged",
        "reason": "mirrored",
        "duplicate_of": suspect,
        "similarity_score": 0.9,
    }
    assert await world.rows("SELECT kind FROM notifications") == [{"kind": "video.approved"}]


async def test_reject(world: World) -> None:
    _, video_id = await flagged(world)
    assert (await review(world, video_id, decision="reject")).status_code == 200
    shown = await world.video(video_id)
    assert (shown["status"], shown["reason"]) == ("rejected", "rejected_by_moderator")
    assert shown["message"]


async def test_duplicate(world: World) -> None:
    suspect, video_id = await flagged(world)
    assert (await review(world, video_id, decision="duplicate")).status_code == 200
    shown = await world.video(video_id)
    assert (shown["status"], shown["duplicate_of"], shown["confidence"]) == ("duplicate", suspect, "high")
    assert shown["original_video"]["uploader"] == "bob"
    assert await world.rows("SELECT kind FROM notifications") == [{"kind": "video.duplicate_detected"}]


async def test_a_duplicate_of_a_duplicate_points_to_the_root(world: World) -> None:
    suspect, video_id = await flagged(world)
    root = await world.uploaded(mp4(seed=3))
    await world.decide(root, "approved")
    await world.decide(suspect, "duplicate", duplicate_of=root, similarity_score=0.96, confidence="high")
    await review(world, video_id, decision="duplicate")
    assert (await world.video(video_id))["duplicate_of"] == root


async def test_the_verdict_keeps_the_policy_it_reviews(world: World) -> None:
    _, video_id = await flagged(world)
    await review(world, video_id, decision="approve")
    first, second = await world.rows("SELECT * FROM verdicts ORDER BY decided_at")
    assert (first["id"], first["status"]) == ("v1", "flagged")
    assert (second["status"], second["decided_by"]) == ("approved", f"user:{world.moderator.id}")
    assert (second["policy_version"], second["thresholds"]) == (3, first["thresholds"])
    assert await world.rows("SELECT verdict_id FROM videos WHERE id = ?1", video_id) == [{"verdict_id": second["id"]}]


async def test_the_catalogue_moves_on(world: World) -> None:
    _, video_id = await flagged(world)
    (before,) = await world.rows("SELECT version FROM catalogue")
    await review(world, video_id, decision="approve")
    assert await world.rows("SELECT version FROM catalogue") == [{"version": before["version"] + 1}]


@pytest.mark.parametrize("decision", ["reject", "duplicate"])
async def test_byte_equal_copies_share_its_fate(world: World, decision: str) -> None:
    suspect, video_id = await flagged(world)
    copy = await world.uploaded(mp4(seed=2), world.bob)
    assert (await world.video(copy, world.bob))["duplicate_of"] == video_id
    await review(world, video_id, decision=decision)
    shown = await world.video(copy, world.bob)
    if decision == "reject":
        assert (shown["status"], shown["reason"]) == ("rejected", "rejected_by_moderator")
    else:
        assert (shown["status"], shown["duplicate_of"]) == ("duplicate", suspect)


async def test_near_copies_of_a_rejected_video_are_decided_again(world: World) -> None:
    _, video_id = await flagged(world)
    near = await world.uploaded(mp4(seed=7), world.bob)
    await world.decide(near, "duplicate", duplicate_of=video_id, similarity_score=0.96, confidence="high")
    before = len(world.jobs())
    await review(world, video_id, decision="reject")
    assert (await world.video(near, world.bob))["status"] == "processing"
    assert [job.video_id for job in world.jobs()[before:]] == [near]


@pytest.mark.parametrize("status", ["processing", "approved", "duplicate", "rejected"])
async def test_only_flagged_videos(world: World, status: str) -> None:
    video_id = await world.uploaded(mp4())
    if status != "processing":
        await world.decide(video_id, status)
    answer = await review(world, video_id, decision="approve")
    assert (answer.status_code, answer.json()["code"]) == (409, "NOT_FLAGGED")
    assert await world.rows("SELECT * FROM audit_log WHERE action LIKE 'video.%'") == []


async def test_a_duplicate_of_another_of_its_matches(world: World) -> None:
    other, root = await world.uploaded(mp4(seed=5)), await world.uploaded(mp4(seed=6))
    await world.decide(root, "approved")
    await world.decide(other, "duplicate", duplicate_of=root)
    matches = [{**MATCH.to_json(), "video_id": other, "similarity_score": 0.88}]
    suspect, video_id = await flagged(world, matches=json.dumps(matches))
    answer = await review(world, video_id, decision="duplicate", duplicate_of=other)
    assert (answer.json()["duplicate_of"], answer.json()["similarity_score"]) == (root, 0.88)
    (audit,) = await world.rows("SELECT detail FROM audit_log WHERE action = 'video.review'")
    assert json.loads(audit["detail"])["duplicate_of"] == other
    assert suspect not in answer.text.partition('"matches"')[0]


async def test_the_suspect_may_be_named(world: World) -> None:
    suspect, video_id = await flagged(world)
    answer = await review(world, video_id, decision="duplicate", duplicate_of=suspect)
    assert (answer.json()["duplicate_of"], answer.json()["similarity_score"]) == (suspect, 0.9)


@pytest.mark.parametrize("state", ["no match", "rejected", "its own duplicate", "gone"])
async def test_only_a_match_that_can_be_an_original(world: World, state: str) -> None:
    other = await world.uploaded(mp4(seed=5))
    matches = [] if state == "no match" else [{**MATCH.to_json(), "video_id": other}]
    _, video_id = await flagged(world, matches=json.dumps(matches))
    if state == "rejected":
        await world.decide(other, "rejected")
    elif state == "its own duplicate":
        await world.decide(other, "duplicate", duplicate_of=video_id)
    elif state == "gone":
        await world.client.delete(f"/api/videos/{other}", headers=world.alice.headers)
    answer = await review(world, video_id, decision="duplicate", duplicate_of=other)
    assert (answer.status_code, answer.json()["code"]) == (409, "NOT_A_MATCH")
    assert (await world.video(video_id))["status"] == "flagged"
    assert await world.rows("SELECT * FROM reviews") == []


async def test_nobody_is_told_before_the_minute_is_over(world: World) -> None:
    _, video_id = await flagged(world)
    await review(world, video_id, decision="approve")
    (told,) = await world.rows("SELECT created_at, next_attempt_at, sent_at FROM notifications")
    held = moment_of(told["next_attempt_at"]) - moment_of(told["created_at"])
    assert (held.total_seconds(), told["sent_at"]) == (65, None)


async def test_without_a_suspect_it_is_no_duplicate(world: World) -> None:
    _, video_id = await flagged(world, duplicate_of=None)
    answer = await review(world, video_id, decision="duplicate")
    assert (answer.status_code, answer.json()["code"]) == (409, "NO_SUSPECT")


async def test_two_moderators_at_the_same_instant(world: World) -> None:
    _, video_id = await flagged(world)
    answers = await asyncio.gather(
        review(world, video_id, decision="approve"), review(world, video_id, world.admin, decision="reject")
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert len(await world.rows("SELECT * FROM audit_log WHERE action LIKE 'video.%'")) == 1
    assert len(await world.rows("SELECT * FROM notifications")) == 1


async def test_uploaders_may_not(world: World) -> None:
    _, video_id = await flagged(world)
    own = await review(world, video_id, world.alice, decision="approve")
    assert (own.status_code, own.json()["code"]) == (403, "FORBIDDEN")
    other = await review(world, video_id, world.bob, decision="approve")
    assert other.status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"decision": None},
        {"decision": "maybe"},
        {"decision": ["approve"]},
        {"decision": "approve", "note": 5},
        {"decision": "approve", "note": "x" * 2001},
        {"decision": "approve", "because": "x"},
        {"decision": "approve", "duplicate_of": "0" * 32},
        {"decision": "duplicate", "duplicate_of": "x"},
        {"decision": "duplicate", "duplicate_of": 7},
    ],
)
async def test_bad_bodies(world: World, body: dict[str, Any]) -> None:
    _, video_id = await flagged(world)
    answer = await review(world, video_id, **body)
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_FIELD")
    assert (await world.video(video_id))["status"] == "flagged"
