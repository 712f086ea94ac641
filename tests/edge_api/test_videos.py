"""GET /api/videos and GET /api/videos/{id}: shapes by status, pages, filters, and who sees what."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from edge_api.keys import moment_of, new_id, timestamp
from edge_api.presentation import DEFAULT_SECONDS, REASONS, expected_seconds
from processor.errors import ProcessorError
from tests.edge_api.kit import Person, World, mp4
from wire.verdicts import Match, Segment
from wrangler_compat.d1.types import D1Value

COMMON = {"video_id", "status", "uploaded_at", "filename", "file_size", "mime_type"}
DONE = COMMON | {"processed_at", "duration", "r2_url", "playback_url", "rendition", "thumbnail", "preview"}
PREVIEW = {"preview_key": "videos/x_preview.jpg", "preview_layout": '{"pictures": 12, "width": 160, "height": 90}'}
MATCH = Match("0" * 32, "video", 0.97, 0.97, 0.91, 1.0, 1.0, segments=(Segment(0, 9.5, 0, 9.5, 0.97),))


async def test_processing(world: World) -> None:
    shown = await world.video(await world.uploaded(mp4()))
    assert set(shown) == COMMON | {"progress", "stage", "estimated_completion"}
    assert (shown["status"], shown["progress"]) == ("processing", 0.0)
    expected = moment_of(shown["estimated_completion"])
    assert datetime.now(UTC) < expected < datetime.now(UTC) + timedelta(seconds=DEFAULT_SECONDS + 1)


async def test_processing_with_progress(world: World) -> None:
    video_id = await world.uploaded(mp4())
    await world.run("UPDATE processing_jobs SET status = 'processing', progress = 0.4, stage = 'fingerprint'")
    shown = await world.video(video_id)
    assert (shown["progress"], shown["stage"]) == (0.4, "fingerprint")


async def test_processing_after_failed_attempts(world: World) -> None:
    video_id = await world.uploaded(mp4())
    await world.run("UPDATE processing_jobs SET attempt_count = 2, error_message = 'the processor was busy'")
    shown = await world.video(video_id)
    assert (shown["last_error"], shown["attempts"]) == ("the processor was busy", 2)
    assert shown["estimated_completion"] is not None


async def test_a_failed_job_promises_nothing(world: World) -> None:
    video_id = await world.uploaded(mp4())
    await world.run("UPDATE processing_jobs SET status = 'failed', attempt_count = 4, error_message = 'gave up'")
    shown = await world.video(video_id)
    assert (shown["status"], shown["failed"], shown["last_error"]) == ("processing", True, "gave up")
    assert shown["estimated_completion"] is None


async def test_the_estimate_follows_recent_times_and_never_lies_in_the_past(world: World) -> None:
    for seed in range(4):
        done = await world.uploaded(mp4(seed=seed))
        long_ago = datetime.now(UTC) - timedelta(hours=1)
        await world.decide(
            done,
            "approved",
            uploaded_at=timestamp(long_ago),
            processed_at=timestamp(long_ago + timedelta(seconds=300)),
        )
    fresh = await world.uploaded(mp4(seed=10))
    estimate = moment_of((await world.video(fresh))["estimated_completion"])
    assert 290 < (estimate - datetime.now(UTC)).total_seconds() < 310
    overdue = timestamp(datetime.now(UTC) - timedelta(days=1))
    await world.run("UPDATE videos SET uploaded_at = ?2 WHERE id = ?1", fresh, overdue)
    assert moment_of((await world.video(fresh))["estimated_completion"]) > datetime.now(UTC)


def test_expected_seconds_leaves_out_the_slowest() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [
        {"uploaded_at": timestamp(start), "processed_at": timestamp(start + timedelta(seconds=seconds))}
        for seconds in [4] * 9 + [4000]
    ]
    assert expected_seconds(rows) == 4
    assert expected_seconds([]) == DEFAULT_SECONDS


async def test_approved(world: World) -> None:
    video_id = await world.uploaded(mp4())
    await world.decide(
        video_id, "approved", duration=30, duration_seconds=30.04, thumbnail_key="videos/x_thumb.jpg", **PREVIEW
    )
    shown = await world.video(video_id)
    assert set(shown) == DONE
    assert shown["duration"] == 30.04
    assert f"{video_id}.mp4" in shown["r2_url"]
    assert "x_thumb.jpg" in shown["thumbnail"]
    assert "x_preview.jpg" in shown["preview"].pop("url")
    assert shown["preview"] == {"pictures": 12, "columns": 12, "width": 160, "height": 90}


async def test_approved_but_similar(world: World) -> None:
    first, second = await world.uploaded(mp4(seed=1)), await world.uploaded(mp4(seed=2))
    await world.decide(second, "approved", similar_to=first, similarity_score=0.74, duration=30)
    shown = await world.video(second)
    assert (shown["similar_to"], shown["similarity_score"]) == (first, 0.74)
    assert (shown["duration"], shown["thumbnail"], shown["preview"]) == (30.0, None, None)


@pytest.mark.parametrize("status", ["approved", "duplicate", "flagged", "rejected"])
async def test_the_file_is_linked_to_as_long_as_it_is_there(world: World, status: str) -> None:
    other, video_id = await world.uploaded(mp4(seed=1)), await world.uploaded(mp4(seed=2))
    matched = {"duplicate_of": other} if status in ("duplicate", "flagged") else {}
    await world.decide(video_id, status, thumbnail_key="videos/x_thumb.jpg", **PREVIEW, **matched)
    for person in (world.alice, world.moderator):
        shown = await world.video(video_id, person)
        assert f"{video_id}.mp4" in shown["r2_url"]
        assert "x_thumb.jpg" in shown["thumbnail"]
        assert "x_preview.jpg" in shown["preview"]["url"]
    (listed,) = (await world.get(f"/api/videos?status={status}")).json()["videos"]
    assert f"{video_id}.mp4" in listed["r2_url"]
    await world.run("UPDATE videos SET object_deleted_at = ?1", timestamp())
    assert (await world.video(video_id))["r2_url"] is None


async def wanted(world: World, video_id: str, status: str, **columns: D1Value) -> None:
    await world.run("DELETE FROM renditions WHERE video_id = ?1", video_id)
    key = f"processed/{video_id}/720p.mp4"
    row: dict[str, D1Value] = {"video_id": video_id, "r2_key": key, "status": status, "created_at": "2026", **columns}
    marks = ", ".join(f"?{n}" for n in range(1, len(row) + 1))
    await world.run(f"INSERT INTO renditions ({', '.join(row)}) VALUES ({marks})", *row.values())


async def test_what_browsers_play_is_the_rendition_or_else_the_file_if_that_plays(world: World) -> None:
    video_id = await world.uploaded(mp4())
    await world.decide(video_id, "approved", plays=None)
    for plays in (None, 1):
        await world.run("UPDATE videos SET plays = ?1", plays)
        shown = await world.video(video_id)
        assert shown["playback_url"] == shown["r2_url"] is not None
        assert shown["rendition"] is None
    await world.run("UPDATE videos SET plays = 0")
    shown = await world.video(video_id)
    assert (shown["playback_url"], shown["rendition"]) == (None, None)
    assert shown["r2_url"] is not None
    await wanted(world, video_id, "processing", progress=0.4)
    shown = await world.video(video_id)
    assert (shown["playback_url"], shown["rendition"]) == (None, {"status": "wanted", "progress": 0.4})
    await wanted(world, video_id, "failed", error_message="It takes too much.")
    shown = await world.video(video_id)
    assert shown["rendition"] == {"status": "failed", "reason": "It takes too much."}
    await wanted(world, video_id, "completed")
    shown = await world.video(video_id)
    assert f"processed/{video_id}/720p.mp4" in shown["playback_url"]
    assert shown["rendition"] == {"status": "made"}
    (listed,) = (await world.get("/api/videos")).json()["videos"]
    assert f"processed/{video_id}/720p.mp4" in listed["playback_url"]


@pytest.mark.parametrize(
    "columns",
    [{"reason": "infected"}, {"object_deleted_at": "2026"}, {"source_url": "https://example.org/a.mp4"}],
)
async def test_nothing_is_played_of_a_file_that_there_is_no_link_to(world: World, columns: dict[str, D1Value]) -> None:
    video_id = await world.uploaded(mp4())
    await world.decide(video_id, "rejected", **{"plays": 0, **columns})
    await wanted(world, video_id, "completed")
    shown = await world.video(video_id)
    assert (shown["r2_url"], shown["playback_url"], shown["rendition"]) == (None, None, None)


async def test_a_copy_with_the_same_bytes_plays_as_its_original(world: World) -> None:
    await world.decide(await world.uploaded(mp4()), "approved", plays=0, media="{}")
    copy = await world.uploaded(mp4())
    assert (await world.video(copy))["playback_url"] is None


async def test_there_is_no_link_to_what_is_elsewhere_or_infected_or_undecided(world: World) -> None:
    video_id = await world.uploaded(mp4())
    assert "r2_url" not in await world.video(video_id), "nobody has looked at it yet"
    await world.decide(video_id, "rejected", reason="infected")
    assert (await world.video(video_id))["r2_url"] is None
    await world.decide(video_id, "approved", source_url="https://example.org/a.mp4", reason=None)
    assert (await world.video(video_id))["r2_url"] is None


async def test_duplicate(world: World) -> None:
    first = await world.uploaded(mp4(seed=1), world.bob)
    second = await world.uploaded(mp4(seed=2))
    match = MATCH.to_json() | {"video_id": first}
    evidence: dict[str, D1Value] = {"matches": json.dumps([match]), "similarity_score": 0.97, "confidence": "high"}
    await world.decide(second, "duplicate", duplicate_of=first, **evidence)
    shown = await world.video(second)
    assert set(shown) == DONE | {"duplicate_of", "similarity_score", "confidence", "original_video", "matches"}
    assert shown["matches"] == [match | {"matrix_url": None}]
    assert shown["original_video"] == {
        "id": first,
        "uploaded_at": (await world.video(first, world.bob))["uploaded_at"],
        "uploader": "bob",
    }
    assert f"{second}.mp4" in shown["r2_url"], "one's own, and not somebody else's"
    assert first not in shown["r2_url"]


@pytest.mark.parametrize("reason", ["partial_match", "mirrored", "duration_mismatch", "audio_match"])
async def test_flagged(world: World, reason: str) -> None:
    first, second = await world.uploaded(mp4(seed=1)), await world.uploaded(mp4(seed=2))
    await world.decide(second, "flagged", duplicate_of=first, similarity_score=0.9, reason=reason)
    shown = await world.video(second)
    assert (shown["reason"], shown["duplicate_of"], shown["similarity_score"]) == (reason, first, 0.9)
    assert shown["message"] == REASONS[reason]
    assert shown["matches"] == []


async def test_rejected_with_a_known_reason(world: World) -> None:
    video_id = await world.uploaded(mp4())
    await world.decide(video_id, "rejected", reason="no_video_stream")
    shown = await world.video(video_id)
    assert set(shown) == DONE | {"reason", "message"}
    assert (shown["reason"], shown["message"]) == ("no_video_stream", REASONS["no_video_stream"])


@pytest.mark.parametrize("code", sorted(kind.code for kind in ProcessorError.__subclasses__() if kind.status == 422))
def test_every_refusal_of_the_processor_has_a_sentence(code: str) -> None:
    assert REASONS[code.lower()].endswith(".")


def test_every_doubt_of_the_policy_has_a_sentence() -> None:
    """The words that consumer/policy.py writes."""
    doubts = {"video_match_audio_mismatch", "no_audio_to_confirm", "duration_mismatch", "mirrored", "derivative_work"}
    assert doubts | {"partial_match", "audio_match", "rotated"} <= set(REASONS)


async def test_rejected_with_the_job_s_own_sentence(world: World) -> None:
    video_id = await world.uploaded(mp4())
    await world.decide(video_id, "rejected", reason="something_new")
    await world.run("UPDATE processing_jobs SET error_message = 'The moon was full.'")
    assert (await world.video(video_id))["message"] == "The moon was full."


async def test_somebody_else_s_is_not_there(world: World) -> None:
    video_id = await world.uploaded(mp4())
    for path in (f"/api/videos/{video_id}", f"/api/videos/{video_id}/events"):
        answer = await world.get(path, world.bob)
        assert (answer.status_code, answer.json()["code"]) == (404, "VIDEO_NOT_FOUND")
    gone = await world.client.delete(f"/api/videos/{video_id}", headers=world.bob.headers)
    assert gone.status_code == 404
    assert (await world.video(video_id))["status"] == "processing"


async def test_moderators_and_admins_see_everything_and_whose_it_is(world: World) -> None:
    video_id = await world.uploaded(mp4())
    for person in (world.moderator, world.admin):
        assert (await world.video(video_id, person))["uploader"] == "alice"
        assert (await world.get("/api/videos", person)).json()["total"] == 1


@pytest.mark.parametrize("video_id", ["x", "0" * 32, "../../etc/passwd", "%00", "0" * 31 + "G", "a" * 5000])
async def test_ids_that_are_none(world: World, video_id: str) -> None:
    assert (await world.get(f"/api/videos/{video_id}")).status_code == 404


async def test_the_list_is_one_s_own_newest_first(world: World) -> None:
    mine = [await world.uploaded(mp4(seed=seed)) for seed in range(3)]
    await world.uploaded(mp4(seed=9), world.bob)
    body = (await world.get("/api/videos")).json()
    assert [video["video_id"] for video in body["videos"]] == mine[::-1]
    assert (body["total"], body["limit"], body["offset"]) == (3, 20, 0)
    assert (await world.get("/api/videos", world.moderator)).json()["total"] == 4


async def test_pages_tile_the_list(world: World) -> None:
    mine = [await world.uploaded(mp4(seed=seed)) for seed in range(5)]
    found = []
    for offset in range(0, 6, 2):
        body = (await world.get(f"/api/videos?limit=2&offset={offset}")).json()
        assert body["total"] == 5
        found += [video["video_id"] for video in body["videos"]]
    assert found == mine[::-1]


async def called(world: World, person: Person, name: str | None, seed: int = 1) -> str:
    """The id of a video whose file was sent under this name."""
    parameters = "" if name is None else f'; filename="{name}"'
    head = f'--x\r\nContent-Disposition: form-data; name="video"{parameters}\r\n\r\n'.encode()
    headers = {**person.headers, "Content-Type": "multipart/form-data; boundary=x"}
    body = head + mp4(seed=seed) + b"\r\n--x--\r\n"
    answer = await world.client.post("/api/upload", content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["video_id"])


@pytest.mark.parametrize(("sent", "told"), [("C:\\fotos\\Übung.MP4", "Übung.MP4"), ("", None), (None, None)])
async def test_the_name_of_the_file(world: World, sent: str | None, told: str | None) -> None:
    video_id = await called(world, world.alice, sent)
    for status in ("processing", "approved", "rejected"):
        await world.decide(video_id, status)
        for person in (world.alice, world.moderator):
            assert (await world.video(video_id, person))["filename"] == told
            (listed,) = (await world.get("/api/videos", person)).json()["videos"]
            assert listed["filename"] == told


async def test_copies_of_the_same_bytes_have_names_of_their_own(world: World) -> None:
    names = {await called(world, world.alice, name): name for name in ("first.mp4", "second.mp4")}
    assert {each["video_id"]: each["filename"] for each in (await world.get("/api/videos")).json()["videos"]} == names


async def test_what_somebody_else_calls_a_file_is_told_to_no_other_user(world: World) -> None:
    hers = await called(world, world.alice, "only-hers.mp4")
    mine, twin = await called(world, world.bob, "mine.mp4", seed=2), await called(world, world.bob, "twin.mp4")
    matches = json.dumps([MATCH.to_json() | {"video_id": hers}])
    lists = [f"{path}{query}" for path in ("/api/videos", "/videos") for query in ("", "?q=only")]
    for status in ("approved", "duplicate", "flagged", "rejected"):
        suspect = {"similar_to": hers} if status == "approved" else {"duplicate_of": hers}
        await world.decide(mine, status, matches=matches, similarity_score=0.9, reason="mirrored", **suspect)
        shown = [f"{path}/{each}" for path in ("/api/videos", "/videos") for each in (mine, twin)]
        events = [f"/api/videos/{each}/events" for each in (mine, twin)]
        for path in (*lists, *shown, *events, f"/api/videos/{hers}", f"/videos/{hers}", "/"):
            answer = await world.client.get(path, headers={**world.bob.headers, "Accept": "text/html, */*"})
            assert "only-hers" not in answer.text, path
            assert hers[:8] in answer.text or path not in shown or status == "rejected", path
        assert (await world.get("/api/videos?q=only-hers", world.bob)).json()["total"] == 0
        assert (await world.get("/api/videos?q=only-hers", world.moderator)).json()["total"] == 1
    assert "only-hers" in (await world.get("/api/videos?q=only", world.alice)).text


async def test_filter_by_status(world: World) -> None:
    ids = [await world.uploaded(mp4(seed=seed)) for seed in range(3)]
    await world.decide(ids[1], "approved")
    body = (await world.get("/api/videos?status=approved")).json()
    assert [video["video_id"] for video in body["videos"]] == [ids[1]]
    assert body["total"] == 1
    assert (await world.get("/api/videos?status=flagged")).json()["videos"] == []
    assert (await world.get("/api/videos?status=approved", world.moderator)).json()["total"] == 1
    assert (await world.get("/api/videos?status=approved", world.bob)).json()["total"] == 0


async def test_the_list_leaves_the_evidence_out(world: World) -> None:
    data = mp4()
    await world.uploaded(data)
    await world.uploaded(data)
    newest = (await world.get("/api/videos")).json()["videos"][0]
    assert newest["status"] == "duplicate"
    assert "matches" not in newest


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=ten", "limit"),
        ("limit=-1", "limit"),
        ("limit=1e1", "limit"),
        ("limit=%D9%A3", "limit"),
        ("offset=-1", "offset"),
        ("offset=99999999999999999999", "offset"),
        ("status=deleted", "status"),
        ("status=", "status"),
        ("status=approved'--", "status"),
    ],
)
async def test_bad_queries(world: World, query: str, field: str) -> None:
    answer = await world.get(f"/api/videos?{query}")
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (400, "INVALID_FIELD", field)


def test_timestamps_sort_as_text() -> None:
    moments = [datetime(2026, 1, 1, 9, 0, 0, n, tzinfo=UTC) for n in (0, 1, 10, 100000, 999999)]
    assert [timestamp(m) for m in moments] == sorted(timestamp(m) for m in moments)
    assert all(moment_of(timestamp(m)) == m for m in moments)
    assert timestamp(moments[0]) == "2026-01-01T09:00:00.000000Z"
    assert len(new_id()) == 32


WHY = {
    "gates": [{"name": "sure", "passed": False, "value": 0.91, "bound": "at least", "threshold": "duplicate",
               "limit": 0.95}],
    "changes": [{"field": "duplicate", "setting": "DUPLICATE_THRESHOLD", "before": 0.95, "after": 0.91,
                 "status": "duplicate", "reason": None, "is_noted": False}],
}  # fmt: skip


async def add_verdict(
    world: World, video_id: str, verdict_id: str, status: str, decided_by: str, why: str | None
) -> None:
    sql = """INSERT INTO verdicts (id, video_id, status, matches, policy_version, thresholds, decided_by, decided_at,
                                   why)
             VALUES (?1, ?2, ?3, '[]', 2, '{}', ?4, ?5, ?6)"""
    await world.run(sql, verdict_id, video_id, status, decided_by, timestamp(), why)


async def test_why(world: World) -> None:
    """Only videos that the evidence names are named."""
    other, stranger, video_id = [await world.uploaded(mp4(seed=seed)) for seed in range(3)]
    matches = json.dumps([MATCH.to_json() | {"video_id": other}])
    for named in (other, stranger):
        verdict_id = new_id()
        await world.decide(video_id, "flagged", duplicate_of=other, matches=matches, verdict_id=verdict_id)
        kept = json.dumps({"video_id": named, **WHY})
        await add_verdict(world, video_id, verdict_id, "flagged", "policy", kept)
        told = (await world.video(video_id))["why"]
        assert told["video_id"] == (other if named == other else None)
        assert told["changes"] == WHY["changes"]
        assert told["gates"] == [WHY["gates"][0] | {"question": "the picture alone is sure enough (score)"}]
        assert (told["decided_by"], told["policy_version"]) == ("policy", 2)


@pytest.mark.parametrize(
    ("decided_by", "why", "shown"),
    [
        ("user:x", json.dumps({"video_id": None, **WHY}), "moderator"),
        ("content_sha256", None, "content_sha256"),
        ("policy", None, "policy"),
    ],
)
async def test_why_when_no_policy_said(world: World, decided_by: str, why: str | None, shown: str) -> None:
    video_id, verdict_id = await world.uploaded(mp4()), new_id()
    await world.decide(video_id, "approved", verdict_id=verdict_id)
    await add_verdict(world, video_id, verdict_id, "approved", decided_by, why)
    told = (await world.video(video_id))["why"]
    assert told == {"decided_by": shown, "policy_version": 2, "video_id": None, "gates": [], "changes": []}
