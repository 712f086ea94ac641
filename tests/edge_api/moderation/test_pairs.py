"""Pairs of videos that are not compared any more."""

from __future__ import annotations

import json

import httpx
import pytest

from edge_api.keys import timestamp
from tests.edge_api.kit import World, mp4
from tests.edge_api.moderation.cases import flagged, queue, verdict
from tests.edge_api.test_videos import MATCH

LONG_AGO = "2026-01-01T00:00:00.000000Z"


async def ask(world: World, method: str, video_id: str, other_id: str, *, admin: bool = False) -> httpx.Response:
    headers = (world.admin if admin else world.moderator).headers
    return await world.client.request(method, f"/api/videos/{video_id}/never-compared/{other_id}", headers=headers)


async def by_policy(world: World) -> tuple[str, str]:
    suspect, video_id = await flagged(world)
    await verdict(world, video_id, "policy", LONG_AGO)
    return suspect, video_id


@pytest.mark.parametrize("is_turned", [False, True])
async def test_a_verdict_that_rests_on_the_pair_is_made_again(world: World, is_turned: bool) -> None:
    suspect, video_id = await by_policy(world)
    (before,) = await world.rows("SELECT version FROM catalogue")
    sent = len(world.jobs())
    pair = (suspect, video_id) if is_turned else (video_id, suspect)
    answer = await ask(world, "PUT", *pair)
    assert answer.json() == {"video_id": pair[0], "other_id": pair[1], "decided_again": [video_id]}
    assert (await world.video(video_id))["status"] == "processing"
    assert (await world.video(suspect, world.bob))["status"] == "approved"
    assert [job.video_id for job in world.jobs()[sent:]] == [video_id]
    assert await world.rows("SELECT version FROM catalogue") == [{"version": before["version"] + 1}]
    (row,) = await world.rows("SELECT actor, subject, detail FROM audit_log WHERE action = 'video.part'")
    assert (row["actor"], row["subject"], json.loads(row["detail"])["other"]) == (
        f"user:{world.moderator.id}",
        *pair,
    )


async def test_it_is_remembered_and_listed_for_both(world: World) -> None:
    suspect, video_id = await by_policy(world)
    await world.run("UPDATE videos SET filename = id || '.mp4'")
    await ask(world, "PUT", video_id, suspect)
    for one, other in ((suspect, video_id), (video_id, suspect)):
        (pair,) = (await world.get(f"/api/videos/{one}/never-compared", world.moderator)).json()["pairs"]
        assert pair["other_id"] == other
    offered = (await world.get("/api/review", world.moderator)).json()["undoable"]
    assert (offered["kind"], {offered["video_id"], offered["other_id"]}) == ("pair", {suspect, video_id})
    assert offered["filename"] == f"{offered['video_id']}.mp4"


async def test_twice_changes_nothing(world: World) -> None:
    suspect, video_id = await by_policy(world)
    await ask(world, "PUT", video_id, suspect)
    rows = await world.rows("SELECT * FROM parted_pairs")
    await world.decide(video_id, "flagged", duplicate_of=suspect, reason="mirrored")
    await verdict(world, video_id, "policy", timestamp())
    answer = await ask(world, "PUT", suspect, video_id, admin=True)
    assert (answer.status_code, answer.json()["decided_again"]) == (200, [])
    assert await world.rows("SELECT * FROM parted_pairs") == rows
    assert len(await world.rows("SELECT * FROM audit_log WHERE action = 'video.part'")) == 1
    assert (await world.video(video_id))["status"] == "flagged"


@pytest.mark.parametrize("rests_on", ["its suspect", "another match", "nothing"])
async def test_which_verdicts_rest_on_the_pair(world: World, rests_on: str) -> None:
    other = await world.uploaded(mp4(seed=5))
    await world.decide(other, "approved")
    suspect, video_id = await flagged(
        world, matches=json.dumps([{**MATCH.to_json(), "video_id": other}] if rests_on == "another match" else [])
    )
    await verdict(world, video_id, "policy", LONG_AGO)
    answer = await ask(world, "PUT", video_id, suspect if rests_on == "its suspect" else other)
    assert answer.json()["decided_again"] == ([] if rests_on == "nothing" else [video_id])


@pytest.mark.parametrize("decided_by", ["user:x", "content_sha256"])
async def test_what_the_policy_did_not_decide_stays(world: World, decided_by: str) -> None:
    suspect, video_id = await flagged(world)
    await world.decide(video_id, "duplicate", duplicate_of=suspect, similarity_score=1.0, confidence="high")
    await verdict(world, video_id, decided_by, LONG_AGO)
    assert (await ask(world, "PUT", video_id, suspect)).json()["decided_again"] == []
    assert (await world.video(video_id))["status"] == "duplicate"


@pytest.mark.parametrize(("decided_by", "at", "again"), [("policy", "", 1), ("policy", LONG_AGO, 0), ("user:x", "", 0)])
async def test_compared_again(world: World, decided_by: str, at: str, again: int) -> None:
    """What was decided without the other is decided once more; what was decided before, or by hand, stays."""
    suspect, video_id = await by_policy(world)
    await ask(world, "PUT", video_id, suspect)
    await world.decide(video_id, "approved", fingerprint_id="kept")
    await verdict(world, video_id, decided_by, at or timestamp())
    answer = await ask(world, "DELETE", suspect, video_id)
    assert (answer.status_code, answer.json()["decided_again"]) == (200, [video_id] * again)
    assert await world.rows("SELECT * FROM parted_pairs") == []
    assert (await ask(world, "DELETE", suspect, video_id)).json()["decided_again"] == []
    assert len(await world.rows("SELECT * FROM audit_log WHERE action = 'video.join'")) == 1


async def test_a_verdict_under_way_has_to_look_again(world: World) -> None:
    suspect, video_id = await by_policy(world)
    for method in ("PUT", "DELETE"):
        await ask(world, method, video_id, suspect)
        (now,) = await world.rows("SELECT version FROM catalogue")
        rows = await world.rows("SELECT catalogue_version FROM videos")
        assert [row["catalogue_version"] for row in rows] == [now["version"]] * 2


async def test_a_video_that_another_has_open_is_left(world: World) -> None:
    suspect, video_id = await by_policy(world)
    await queue(world)
    answer = await ask(world, "PUT", video_id, suspect, admin=True)
    assert (answer.status_code, answer.json()["code"]) == (409, "CLAIMED")
    assert await world.rows("SELECT * FROM parted_pairs") == []


async def test_bad_pairs(world: World) -> None:
    _, video_id = await by_policy(world)
    assert (await ask(world, "PUT", video_id, video_id)).status_code == 400
    for other in ("0" * 32, "x"):
        assert (await ask(world, "PUT", video_id, other)).status_code == 404


async def test_a_deleted_video_has_no_pairs(world: World) -> None:
    suspect, video_id = await by_policy(world)
    await ask(world, "PUT", video_id, suspect)
    await world.client.delete(f"/api/videos/{suspect}", headers=world.bob.headers)
    assert await world.rows("SELECT * FROM parted_pairs") == []
