"""DELETE /api/videos/{id}: everything goes, and its duplicates are decided again."""

from __future__ import annotations

import asyncio
import json

import pytest

from edge_api.keys import fingerprint_key, preview_key, processed_key, thumbnail_key
from tests.edge_api.kit import World, mp4, serving, settings_with, with_binding
from tests.edge_api.test_upload import Unreachable
from wire.jobs import Job
from wrangler_compat.d1.types import D1Value


async def delete(world: World, video_id: str) -> None:
    answer = await world.client.delete(f"/api/videos/{video_id}", headers=world.alice.headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["video_id"] == video_id
    assert answer.json()["message"]


async def furnish(world: World, video_id: str) -> list[str]:
    """Give a video all that processing leaves behind; the keys of its objects."""
    (row,) = await world.rows("SELECT r2_key FROM videos WHERE id = ?1", video_id)
    key = row["r2_key"]
    shown = [thumbnail_key(video_id, key), preview_key(video_id, key)]
    matrix = f"{key.rpartition('/')[0]}/{video_id}_matrix_{'f' * 32}.png"
    keys = [key, *shown, fingerprint_key(video_id, key), processed_key(video_id), matrix]
    for other in keys[1:]:
        await world.env.video_bucket.put(other, b"x")
    named: dict[str, D1Value] = {"fingerprint_id": keys[3], "thumbnail_key": keys[1], "preview_key": keys[2]}
    await world.decide(video_id, "approved", matrices=json.dumps({"f" * 32: matrix}), **named)
    await world.run("INSERT INTO sound_terms VALUES (7, ?1, 1)", video_id)
    await world.run("INSERT INTO segment_vectors VALUES ('v', ?1, 0.0)", video_id)
    return keys


async def test_everything_goes(world: World) -> None:
    kept = await world.uploaded(mp4(seed=5))
    video_id = await world.uploaded(mp4())
    keys = await furnish(world, video_id)
    before = await world.rows("SELECT version FROM catalogue")
    await delete(world, video_id)
    assert (await world.get(f"/api/videos/{video_id}")).status_code == 404
    (left,) = await world.rows("SELECT id, r2_key FROM videos")
    assert left["id"] == kept
    assert await world.keys() == [left["r2_key"]]
    for table in ("processing_jobs", "sound_terms", "verdicts", "duplicate_detections", "notifications"):
        assert await world.rows(f"SELECT * FROM {table} WHERE video_id = ?1", video_id) == []
    (purge,) = await world.rows("SELECT * FROM purges")
    assert purge["video_id"] == video_id
    assert set(json.loads(purge["r2_keys"])) == set(keys)
    assert world.jobs()[-1].kind == "purge"
    assert world.jobs()[-1].video_id == video_id
    assert await world.rows("SELECT version FROM catalogue") == [{"version": before[0]["version"] + 1}]
    (audit,) = await world.rows("SELECT actor, action, subject FROM audit_log WHERE action LIKE 'video.%'")
    assert audit == {"actor": f"user:{world.alice.id}", "action": "video.delete", "subject": video_id}


async def test_the_vectors_names_stay_for_the_purge(world: World) -> None:
    video_id = await world.uploaded(mp4())
    await furnish(world, video_id)
    await delete(world, video_id)
    assert await world.rows("SELECT vector_id FROM segment_vectors") == [{"vector_id": "v"}]


async def test_its_duplicates_are_decided_again_oldest_first(world: World) -> None:
    data = mp4()
    original = await world.uploaded(data)
    await world.decide(original, "approved")
    copies = [await world.uploaded(data, world.bob) for _ in range(3)]
    flagged = await world.uploaded(mp4(seed=2))
    await world.decide(flagged, "flagged", duplicate_of=original, similarity_score=0.9, reason="partial_match")
    await delete(world, original)
    for video_id in (*copies, flagged):
        shown = await world.video(video_id, world.moderator)
        assert shown["status"] == "processing"
        assert shown["progress"] == 0.0
    rows = await world.rows("SELECT status, attempt_count, completed_at FROM processing_jobs")
    assert all(row == {"status": "pending", "attempt_count": 0, "completed_at": None} for row in rows)
    columns = "duplicate_of, similarity_score, confidence, reason, matches, verdict_id, processed_at"
    assert all(set(row.values()) == {None} for row in await world.rows(f"SELECT {columns} FROM videos"))
    sent = world.jobs()
    assert [(job.kind, job.video_id) for job in sent[-5:]] == [
        ("purge", original),
        *(("decide", video_id) for video_id in (*copies, flagged)),
    ]


async def test_duplicates_of_others_stay_as_they_are(world: World) -> None:
    data, other = mp4(seed=1), mp4(seed=2)
    first, second = await world.uploaded(data), await world.uploaded(other)
    await world.decide(first, "approved")
    await world.decide(second, "approved")
    copy = await world.uploaded(other)
    await delete(world, first)
    assert (await world.video(copy))["duplicate_of"] == second


async def test_similar_ones_forget_it(world: World) -> None:
    first, second = await world.uploaded(mp4(seed=1)), await world.uploaded(mp4(seed=2))
    await world.decide(second, "approved", similar_to=first, similarity_score=0.74)
    await delete(world, first)
    shown = await world.video(second)
    assert shown["status"] == "approved"
    assert "similar_to" not in shown


async def test_a_duplicate_is_deleted_without_consequences(world: World) -> None:
    data = mp4()
    original = await world.uploaded(data)
    copy = await world.uploaded(data)
    await delete(world, copy)
    assert (await world.video(original))["status"] == "processing"
    assert [job.kind for job in world.jobs()] == ["decide", "purge"]


async def test_twice_is_not_found(world: World) -> None:
    video_id = await world.uploaded(mp4())
    await delete(world, video_id)
    again = await world.client.delete(f"/api/videos/{video_id}", headers=world.alice.headers)
    assert (again.status_code, again.json()["code"]) == (404, "VIDEO_NOT_FOUND")


async def test_at_the_same_instant_one_wins(world: World) -> None:
    video_id = await world.uploaded(mp4())
    path, headers = f"/api/videos/{video_id}", world.alice.headers
    answers = await asyncio.gather(*(world.client.delete(path, headers=headers) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 404, 404, 404]
    assert len(await world.rows("SELECT * FROM purges")) == 1


async def test_a_moderator_may_delete(world: World) -> None:
    video_id = await world.uploaded(mp4())
    answer = await world.client.delete(f"/api/videos/{video_id}", headers=world.moderator.headers)
    assert answer.status_code == 200


@pytest.mark.parametrize("binding", ["video_bucket", "video_queue"])
async def test_what_cannot_be_reached_is_left_to_the_purge(world: World, binding: str) -> None:
    video_id = await world.uploaded(mp4())
    broken = with_binding(world.env, binding, Unreachable())
    async with serving(settings_with(), broken, world.people) as beside:
        await delete(beside, video_id)
    assert await world.rows("SELECT video_id FROM purges") == [{"video_id": video_id}]
    assert await world.rows("SELECT id FROM videos") == []


async def test_the_bytes_can_be_uploaded_anew(world: World) -> None:
    data = mp4()
    await delete(world, await world.uploaded(data))
    answer = await world.upload(data)
    assert answer.json()["status"] == "processing"
    assert world.jobs()[-1] == Job(answer.json()["video_id"], request_id=answer.headers["x-request-id"])
