"""The processor's callback and running a video again."""

from __future__ import annotations

import base64
import dataclasses
import json
from typing import Any

import httpx
import pytest

from edge_api.env import Env
from edge_api.keys import fingerprint_key, preview_key, thumbnail_key
from tests.edge_api.kit import SECRET, People, World, mp4, serving, settings_with
from tests.wire import records
from wire.fingerprints import ALGORITHM_VERSION, VECTOR_SIZE, Fingerprint, pack
from wire.processing import ExtractResponse, Preview

INTERNAL = {"Authorization": f"Internal-Secret {SECRET}"}
JPEG = b"\xff\xd8\xff\xe0 a picture"


def fingerprint(seconds: float = 12.25) -> Fingerprint:
    """As small as one can be: no sample of the picture, no sound."""
    return dataclasses.replace(records.fingerprint(0, 0), tier="standard", duration=seconds)


def callback(video_id: str, **changes: Any) -> dict[str, Any]:
    answer = ExtractResponse(
        video_id=video_id,
        video_vector=(0.0,) * VECTOR_SIZE,
        audio_hash=None,
        duration=12.25,
        frame_count=0,
        processing_time_ms=7,
        fingerprint=base64.b64encode(pack(fingerprint())).decode(),
        thumbnail=base64.b64encode(JPEG).decode(),
        preview=Preview(12, 160, 90, jpeg=base64.b64encode(JPEG).decode()),
    )
    return {**answer.to_json(), **changes}


async def complete(world: World, body: Any, headers: dict[str, str] | None = None) -> httpx.Response:
    return await world.client.post("/internal/fingerprint-complete", json=body, headers=headers or INTERNAL)


async def retry(world: World, body: Any, headers: dict[str, str] | None = None) -> httpx.Response:
    return await world.client.post("/internal/retry", json=body, headers=headers or INTERNAL)


async def content(world: World, key: str) -> bytes:
    found = await world.env.video_bucket.get(key)
    assert found is not None
    return await found.bytes()  # type: ignore[union-attr]


async def test_the_fingerprint_is_kept_and_the_job_woken(world: World) -> None:
    video_id = await world.uploaded(mp4())
    answer = await complete(world, callback(video_id))
    assert (answer.status_code, answer.json()) == (200, {"status": "received"})
    (row,) = await world.rows("SELECT * FROM videos")
    key = fingerprint_key(video_id, row["r2_key"])
    assert await content(world, key) == pack(fingerprint())
    assert await content(world, thumbnail_key(video_id, row["r2_key"])) == JPEG
    assert (row["fingerprint_id"], row["algorithm_version"]) == (key, ALGORITHM_VERSION)
    assert (row["duration"], row["duration_seconds"]) == (12, 12.25)
    assert row["thumbnail_key"] == thumbnail_key(video_id, row["r2_key"])
    assert await content(world, preview_key(video_id, row["r2_key"])) == JPEG
    assert row["preview_key"] == preview_key(video_id, row["r2_key"])
    assert json.loads(row["preview_layout"]) == {"pictures": 12, "width": 160, "height": 90}
    assert [job.video_id for job in world.jobs()] == [video_id, video_id]


async def test_a_second_call_changes_nothing(world: World) -> None:
    video_id = await world.uploaded(mp4())
    await complete(world, callback(video_id))
    before = await world.rows("SELECT * FROM videos"), await world.keys()
    assert (await complete(world, callback(video_id))).json() == {"status": "received"}
    assert (await world.rows("SELECT * FROM videos"), await world.keys()) == before


async def test_after_the_verdict_it_is_only_acknowledged(world: World) -> None:
    video_id = await world.uploaded(mp4())
    await world.decide(video_id, "approved")
    before = await world.keys()
    assert (await complete(world, callback(video_id))).json() == {"status": "received"}
    assert await world.keys() == before
    assert len(world.jobs()) == 1


async def test_without_a_thumbnail(world: World) -> None:
    video_id = await world.uploaded(mp4())
    assert (await complete(world, callback(video_id, thumbnail=None))).status_code == 200
    assert await world.rows("SELECT thumbnail_key FROM videos") == [{"thumbnail_key": None}]


@pytest.mark.parametrize(
    "changes",
    [
        {"fingerprint": "!!!"},
        {"fingerprint": base64.b64encode(b"VFP\x01 not at all").decode()},
        {"fingerprint": 7},
        {"thumbnail": "!!!"},
        {"preview": "!!!"},
        {"preview": {"pictures": 0, "width": 1, "height": 1}},
        {"preview": {"pictures": 1, "width": 1, "height": 1, "jpeg": "!!!"}},
        {"video_vector": "x"},
        {"video_vector": [None]},
        {"video_vector": 3},
    ],
)
async def test_what_is_no_fingerprint(world: World, changes: dict[str, Any]) -> None:
    video_id = await world.uploaded(mp4())
    before = await world.keys()
    answer = await complete(world, callback(video_id, **changes))
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_FINGERPRINT")
    assert await world.keys() == before


@pytest.mark.parametrize("retryable", [False, True])
async def test_a_failure_wakes_the_job_and_keeps_nothing(world: World, retryable: bool) -> None:
    video_id = await world.uploaded(mp4())
    before = await world.keys()
    failure = {"error": "No.", "code": "UNDECODABLE", "request_id": "x", "video_id": video_id, "retryable": retryable}
    answer = await complete(world, failure)
    assert (answer.status_code, answer.json()) == (200, {"status": "received"})
    assert await world.keys() == before
    assert [job.video_id for job in world.jobs()] == [video_id, video_id]
    assert (await complete(world, {**failure, "video_id": "0" * 32})).status_code == 404


async def test_missing_fields_are_named(world: World) -> None:
    answer = await complete(world, {"video_id": "x"})
    assert answer.json()["code"] == "INVALID_FINGERPRINT"
    assert "frame_count" in answer.json()["error"]


async def test_a_callback_for_nobody(world: World) -> None:
    for video_id in ("0" * 32, "../x", 5, None):
        answer = await complete(world, {**callback("x"), "video_id": video_id})
        assert (answer.status_code, answer.json()["code"]) == (404, "VIDEO_NOT_FOUND")


@pytest.mark.parametrize(
    "header", ["", f"Bearer {SECRET}", "Internal-Secret", "Internal-Secret wrong", f"Internal-Secret {SECRET}x"]
)
@pytest.mark.parametrize("path", ["/internal/fingerprint-complete"])
async def test_the_secret_is_needed(world: World, header: str, path: str) -> None:
    video_id = await world.uploaded(mp4())
    answer = await world.client.post(path, json=callback(video_id), headers={"Authorization": header})
    assert (answer.status_code, answer.json()["code"]) == (401, "INVALID_SECRET")
    assert answer.headers["www-authenticate"] == "Internal-Secret"


async def test_without_a_secret_set_everybody_is_refused(env: Env, people: People) -> None:
    async with serving(settings_with(processor_secret=None), env, people) as world:
        for header in ("Internal-Secret None", "Internal-Secret ", INTERNAL["Authorization"]):
            answer = await complete(world, callback("x"), {"Authorization": header})
            assert answer.json()["code"] == "INVALID_SECRET"


async def test_retry_starts_a_failed_job_from_the_beginning(world: World) -> None:
    video_id = await world.uploaded(mp4())
    await world.run(
        "UPDATE processing_jobs SET status = 'failed', attempt_count = 4, error_message = 'x', progress = 0.5, "
        "stage = 's', lease_owner = 'o', lease_until = 't', next_attempt_at = 'n', started_at = 'a', completed_at = 'b'"
    )
    answer = await retry(world, {"video_id": video_id})
    assert (answer.status_code, answer.json()) == (200, {"video_id": video_id, "status": "processing"})
    (job,) = await world.rows("SELECT * FROM processing_jobs")
    assert (job["status"], job["attempt_count"], job["progress"]) == ("pending", 0, 0)
    names = ("error_message", "stage", "lease_owner", "lease_until", "next_attempt_at", "started_at", "completed_at")
    assert {job[name] for name in names} == {None}
    assert [sent.video_id for sent in world.jobs()] == [video_id, video_id]
    assert await world.rows("SELECT actor, action, subject FROM audit_log WHERE action LIKE 'video.%'") == [
        {"actor": "internal", "action": "video.retry", "subject": video_id}
    ]


async def test_retry_by_an_admin(world: World) -> None:
    video_id = await world.uploaded(mp4())
    assert (await retry(world, {"video_id": video_id}, world.admin.headers)).status_code == 200
    assert await world.rows("SELECT actor FROM audit_log WHERE action LIKE 'video.%'") == [
        {"actor": f"user:{world.admin.id}"}
    ]


async def test_retry_by_anybody_else(world: World) -> None:
    video_id = await world.uploaded(mp4())
    for person in (world.alice, world.moderator):
        answer = await retry(world, {"video_id": video_id}, person.headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")
    for header, code in (("", "UNAUTHORIZED"), ("Internal-Secret x", "INVALID_SECRET"), ("Bearer x", "INVALID_TOKEN")):
        answer = await retry(world, {"video_id": video_id}, {"Authorization": header})
        assert (answer.status_code, answer.json()["code"]) == (401, code)


@pytest.mark.parametrize("status", ["approved", "duplicate", "flagged", "rejected"])
async def test_a_verdict_is_not_run_again(world: World, status: str) -> None:
    video_id = await world.uploaded(mp4())
    await world.decide(video_id, status)
    answer = await retry(world, {"video_id": video_id})
    assert (answer.status_code, answer.json()["code"]) == (409, "ALREADY_DECIDED")
    assert (await world.rows("SELECT status FROM processing_jobs")) == [{"status": "completed"}]
    assert len(world.jobs()) == 1


@pytest.mark.parametrize(
    ("body", "status"), [({}, 400), ({"video_id": 5}, 400), ({"video_id": "0" * 32}, 404), ({"id": "x"}, 400)]
)
async def test_bad_retries(world: World, body: dict[str, Any], status: int) -> None:
    assert (await retry(world, body)).status_code == status


async def test_failed_jobs_are_listed_latest_first(world: World) -> None:
    videos = [await world.uploaded(mp4(seed=n)) for n in range(4)]
    for n, video_id in enumerate(videos[:3]):
        await world.run(
            "UPDATE processing_jobs SET status = 'failed', attempt_count = ?3, error_message = 'Why.', "
            "completed_at = ?2 WHERE video_id = ?1",
            video_id,
            f"2026-11-21T03:40:14.00000{n}Z",
            n,
        )
    answer = await world.client.get("/internal/failed?limit=2", headers=INTERNAL)
    assert answer.status_code == 200
    body = answer.json()
    assert (body["total"], body["limit"], body["offset"]) == (3, 2, 0)
    assert [(each["video_id"], each["attempts"]) for each in body["failed"]] == [(videos[2], 2), (videos[1], 1)]
    assert (body["failed"][0]["filename"], body["failed"][0]["reason"]) == ("holiday.mp4", "Why.")
    rest = await world.client.get("/internal/failed?limit=2&offset=2", headers=world.admin.headers)
    assert [each["video_id"] for each in rest.json()["failed"]] == [videos[0]]


async def test_failed_jobs_are_for_admins(world: World) -> None:
    for person in (world.alice, world.moderator):
        answer = await world.get("/internal/failed", person)
        assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")
    assert (await world.client.get("/internal/failed")).status_code == 401
    for query in ("limit=0", "limit=x", "offset=-1"):
        answer = await world.client.get(f"/internal/failed?{query}", headers=INTERNAL)
        assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_FIELD")


async def test_a_retry_lets_a_quarantined_video_out(world: World) -> None:
    video_id = await world.uploaded(mp4())
    await world.run(
        "UPDATE processing_jobs SET status = 'failed', worker_deaths = 2, is_suspect = 1, quarantined_at = 'q'"
    )
    assert (await retry(world, {"video_id": video_id})).status_code == 200
    assert await world.rows("SELECT worker_deaths, is_suspect, quarantined_at FROM processing_jobs") == [
        {"worker_deaths": 0, "is_suspect": 0, "quarantined_at": None}
    ]
