"""Uploads whose bytes the catalogue already holds are decided in the transaction that writes them."""

from __future__ import annotations

import asyncio
import json

import pytest

from edge_api.keys import new_id
from tests.edge_api.kit import World, mp4
from wire.verdicts import Match


async def test_a_second_copy_is_a_duplicate_at_once(world: World) -> None:
    data = mp4()
    original = await world.uploaded(data)
    await world.decide(original, "approved", duration_seconds=12.5, duration=12)
    (before,) = await world.rows("SELECT version FROM catalogue")
    answer = await world.upload(data, world.bob)
    copy = answer.json()["video_id"]
    assert (answer.status_code, answer.json()["status"]) == (200, "duplicate")
    shown = await world.video(copy, world.bob)
    assert shown["duplicate_of"] == original
    assert (shown["similarity_score"], shown["confidence"]) == (1.0, "high")
    assert shown["original_video"]["uploader"] == "alice"
    (match,) = shown["matches"]
    assert match.pop("matrix_url") is None
    assert Match.from_json(match).to_json() == match
    assert (match["video_id"], match["kind"], match["coverage"]) == (original, "video", 1.0)
    along = {"start": 0.0, "end": 12.5, "ref_start": 0.0, "ref_end": 12.5}
    assert match["segments"] == [along | {"score": 1.0, "speed": 1.0, "mirrored": False}]
    assert [job.video_id for job in world.jobs()] == [original], "the copy needs no processing"
    assert len(await world.keys()) == 2, "the copy's object is kept"
    (after,) = await world.rows("SELECT version FROM catalogue")
    assert after["version"] == before["version"] + 1


async def test_its_rows_tell_the_story(world: World) -> None:
    data = mp4()
    original = await world.uploaded(data)
    copy = await world.uploaded(data, world.bob)
    (video,) = await world.rows("SELECT verdict_id, processed_at FROM videos WHERE id = ?1", copy)
    (verdict,) = await world.rows("SELECT * FROM verdicts")
    assert (verdict["id"], verdict["video_id"], verdict["status"]) == (video["verdict_id"], copy, "duplicate")
    assert (verdict["decided_by"], verdict["duplicate_of"]) == ("content_sha256", original)
    assert json.loads(verdict["matches"])[0]["segments"] == [], "nobody has measured the original yet"
    (detection,) = await world.rows("SELECT * FROM duplicate_detections")
    assert (detection["video_id"], detection["matched_video_id"]) == (copy, original)
    assert (detection["decision"], detection["similarity_score"]) == ("auto_reject", 1.0)
    (notification,) = await world.rows("SELECT * FROM notifications")
    assert (notification["kind"], notification["video_id"]) == ("video.duplicate_detected", copy)
    assert json.loads(notification["payload"]) == {
        "video_id": copy,
        "status": "duplicate",
        "duplicate_of": original,
        "similarity_score": 1.0,
    }
    (job,) = await world.rows("SELECT * FROM processing_jobs WHERE video_id = ?1", copy)
    assert (job["status"], job["progress"], job["completed_at"]) == ("completed", 1, video["processed_at"])


async def test_a_new_video_has_no_verdict_yet(world: World) -> None:
    await world.uploaded(mp4(seed=1))
    await world.uploaded(mp4(seed=2))
    for table in ("verdicts", "duplicate_detections", "notifications"):
        assert await world.rows(f"SELECT * FROM {table}") == []
    assert await world.rows("SELECT version FROM catalogue") == [{"version": 0}]


@pytest.mark.parametrize("status", ["processing", "approved", "flagged"])
async def test_whatever_stage_the_original_is_in(world: World, status: str) -> None:
    data = mp4()
    original = await world.uploaded(data)
    if status != "processing":
        await world.decide(original, status, reason="partial_match" if status == "flagged" else None)
    copy = await world.video(await world.uploaded(data, world.bob), world.bob)
    assert (copy["status"], copy["duplicate_of"]) == ("duplicate", original)


async def test_copies_of_copies_point_to_the_root(world: World) -> None:
    data, other = mp4(seed=1), mp4(seed=2)
    root, near = await world.uploaded(data), await world.uploaded(other)
    await world.decide(root, "approved")
    await world.decide(near, "duplicate", duplicate_of=root, similarity_score=0.97, confidence="high")
    for person in (world.alice, world.bob):
        copy = await world.video(await world.uploaded(other, person), person)
        assert copy["duplicate_of"] == root


async def test_a_rejected_twin_rejects(world: World) -> None:
    data = mp4()
    first = await world.uploaded(data)
    await world.decide(first, "rejected", reason="undecodable")
    answer = await world.upload(data, world.bob)
    assert answer.json()["status"] == "rejected"
    shown = await world.video(answer.json()["video_id"], world.bob)
    assert shown["reason"] == "undecodable"
    assert shown["message"]
    assert await world.rows("SELECT kind FROM notifications") == [{"kind": "video.rejected"}]
    assert await world.rows("SELECT * FROM duplicate_detections") == []


async def test_a_living_twin_goes_before_a_rejected_one(world: World) -> None:
    data = mp4()
    first = await world.uploaded(data)
    await world.decide(first, "rejected", reason="undecodable", content_sha256="0" * 64)
    second = await world.uploaded(data)
    await world.run("UPDATE videos SET content_sha256 = (SELECT content_sha256 FROM videos WHERE id = ?1)", second)
    assert (await world.video(await world.uploaded(data)))["duplicate_of"] == second


async def test_a_range_of_a_file_is_not_the_file(world: World) -> None:
    data = mp4()
    first = await world.uploaded(data)
    await world.run("UPDATE videos SET range_start = 1.0, range_stop = 2.0 WHERE id = ?1", first)
    assert (await world.upload(data)).json()["status"] == "processing"


async def test_other_bytes_are_another_video(world: World) -> None:
    data = mp4()
    await world.uploaded(data)
    assert (await world.upload(data[:-1] + bytes([data[-1] ^ 1]))).json()["status"] == "processing"


@pytest.mark.parametrize("copies", [2, 8])
async def test_at_the_same_instant_exactly_one_is_processed(world: World, copies: int) -> None:
    for seed in range(6):
        data = mp4(seed=100 + seed)
        answers = await asyncio.gather(*(world.upload(data) for _ in range(copies)))
        statuses = sorted(answer.json()["status"] for answer in answers)
        assert statuses == ["duplicate"] * (copies - 1) + ["processing"]
        original = next(a.json()["video_id"] for a in answers if a.json()["status"] == "processing")
        roots = await world.rows("SELECT DISTINCT duplicate_of FROM videos WHERE duplicate_of IS NOT NULL")
        assert {"duplicate_of": original} in roots
        assert len(roots) == seed + 1


def test_ids_are_never_the_same() -> None:
    assert len({new_id() for _ in range(1000)}) == 1000
