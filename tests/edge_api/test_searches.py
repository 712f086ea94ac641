"""Looking a video up, and comparing two: what is kept while it lasts, what is answered, and to whom."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import Any

import httpx
import pytest

from edge_api.env import Env
from edge_api.queries import INSERT_SEARCH
from tests.edge_api.kit import PART, People, Person, World, mp4, serving, settings_with, until, webm, with_binding
from tests.edge_api.test_limiting import ON, limited
from tests.edge_api.test_openapi import check
from tests.edge_api.test_upload import upload_under_way
from tests.edge_api.test_videos import MATCH
from wire.jobs import Job
from wrangler_compat.errors import D1Error

PATH = "/api/searches/{search_id}"
OPINION: dict[str, Any] = {
    "status": "approved",
    "reason": None,
    "confidence": None,
    "duplicate_of": None,
    "similar_to": None,
    "similarity_score": None,
    "matches": [],
}
GATE = {
    "name": "alike",
    "question": "is it?",
    "passed": False,
    "decided": True,
    "value": 0.5,
    "bound": "at least",
    "threshold": "similarity",
    "limit": 0.85,
}
CHANGE = {
    "field": "similarity",
    "setting": "SIMILARITY_THRESHOLD",
    "before": 0.85,
    "after": 0.5,
    "status": "flagged",
    "reason": "mirrored",
    "is_noted": False,
}
SIZE = {"duration": 3.5, "width": 640, "height": 360}


async def ask(world: World, route: str, person: Person | None = None, **parts: Any) -> httpx.Response:
    """parts: bytes are files, texts are fields."""
    files = {name: (name, data, "video/mp4") for name, data in parts.items() if isinstance(data, bytes)}
    fields = {name: text for name, text in parts.items() if isinstance(text, str)}
    headers = (person or world.alice).headers
    return await world.client.post(f"/api/{route}", files=files or None, data=fields, headers=headers)


async def asked(world: World, route: str = "search", **parts: Any) -> str:
    answer = await ask(world, route, **({"video": mp4()} | parts))
    assert answer.status_code == 202, answer.text
    check(answer, f"/api/{route}")
    return str(answer.json()["search_id"])


async def answered(world: World, search_id: str, **answer: Any) -> dict[str, Any]:
    """What the consumer would write, and what alice is told."""
    sql = "UPDATE searches SET status = 'completed', progress = 1, completed_at = created_at, answer = ?2 WHERE id = ?1"
    await world.run(sql, search_id, json.dumps({"verdict": OPINION} | answer))
    told = await world.get(f"/api/searches/{search_id}")
    check(told, PATH)
    body: dict[str, Any] = told.json()
    return body


async def nothing_is_left(world: World) -> bool:
    return await world.nothing_is_left() and not await world.rows("SELECT id FROM searches")


async def test_a_search_is_a_row_an_object_and_a_job(world: World) -> None:
    answer = await ask(world, "search", video=mp4())
    search_id = answer.json()["search_id"]
    assert answer.headers["Location"] == answer.json()["status_url"] == f"/api/searches/{search_id}"
    assert await world.keys() == [f"searches/{search_id}/video.mp4"]
    (row,) = await world.rows("SELECT * FROM searches")
    assert (row["id"], row["user_id"], row["kind"], row["status"]) == (search_id, world.alice.id, "search", "pending")
    assert (row["file_size"], row["mime_type"], len(row["content_sha256"])) == (20_000, "video/mp4", 64)
    assert await world.rows("SELECT * FROM videos") == []
    assert world.jobs() == [Job(search_id, "search", row["request_id"])]


async def test_a_comparison_has_two_objects(world: World) -> None:
    search_id = await asked(world, "compare", video=mp4(PART * 2 + 7), reference=webm())
    assert await world.keys() == [f"searches/{search_id}/reference.webm", f"searches/{search_id}/video.mp4"]
    (row,) = await world.rows("SELECT * FROM searches")
    assert (row["kind"], row["reference_key"]) == ("compare", f"searches/{search_id}/reference.webm")


async def test_by_url(world: World) -> None:
    url = "https://example.org/a.mp4"
    answer = await world.client.post("/api/search", json={"video_url": url}, headers=world.alice.headers)
    check(answer, "/api/search")
    search_id = answer.json()["search_id"]
    assert (await world.get(f"/api/searches/{search_id}")).json()["source_url"] == url
    assert await world.keys() == []
    for body in ({"video_url": "file:///etc/passwd"}, {"video_url": url, "priority": "high"}, {}):
        refused = await world.client.post("/api/search", json=body, headers=world.alice.headers)
        check(refused, "/api/search")
        assert refused.status_code == 400


@pytest.mark.parametrize(
    ("route", "parts", "code"),
    [
        ("search", {"video": b""}, "EMPTY_FILE"),
        ("search", {"video": b"x" * 5000}, "UNSUPPORTED_FORMAT"),
        ("search", {"video": mp4(), "reference": mp4()}, "UNEXPECTED_FILE"),
        ("search", {"holiday": mp4()}, "UNEXPECTED_FILE"),
        ("search", {"video": mp4(21 * 1024 * 1024)}, "FILE_TOO_LARGE"),
        ("compare", {"video": mp4()}, "INVALID_FIELD"),
        ("compare", {"reference": mp4()}, "MISSING_FIELD"),
        ("compare", {"video": mp4(), "reference": mp4(), "reference_id": "0" * 32}, "INVALID_FIELD"),
        ("compare", {"video": mp4(), "reference_id": "0" * 32}, "VIDEO_NOT_FOUND"),
        ("compare", {"video": mp4(), "reference_id": "nonsense"}, "VIDEO_NOT_FOUND"),
        ("compare", {"video": mp4(PART * 2), "reference": b"x" * 5000}, "UNSUPPORTED_FORMAT"),
        ("compare", {"video": mp4(21 * 1024 * 1024), "reference": mp4()}, "FILE_TOO_LARGE"),
    ],
)
async def test_refusals_leave_nothing(world: World, route: str, parts: dict[str, Any], code: str) -> None:
    answer = await ask(world, route, **parts)
    check(answer, f"/api/{route}")
    assert answer.json()["code"] == code
    assert await nothing_is_left(world)


async def test_a_database_that_fails_leaves_nothing(env: Env, people: People) -> None:
    """Also when the row was written, and only the answer was lost."""

    class Failing:
        def __getattr__(self, name: str) -> Any:
            return getattr(env.db, name)

        def prepare(self, sql: str) -> Any:
            return self if "INSERT INTO searches" in sql else env.db.prepare(sql)

        def bind(self, *values: Any) -> Any:
            self.values = values
            return self

        async def run(self) -> None:
            await env.db.prepare(INSERT_SEARCH).bind(*self.values).run()
            raise D1Error("no route", code="UNREACHABLE", retryable=True)

    async with serving(settings_with(), with_binding(env, "db", Failing()), people) as world:
        answer = await ask(world, "search", video=mp4())
        assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
        assert await nothing_is_left(world)


async def test_what_was_promised_is_kept_when_the_queue_hangs_and_the_client_leaves(env: Env, people: People) -> None:
    class Hanging:
        async def send(self, *_: object, **__: object) -> None:
            await asyncio.Event().wait()

    async with serving(settings_with(), with_binding(env, "video_queue", Hanging()), people) as world:
        asking = asyncio.create_task(ask(world, "search", video=mp4()))

        async def is_written() -> bool:
            return bool(await world.rows("SELECT id FROM searches"))

        await until(is_written)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        (row,) = await world.rows("SELECT * FROM searches")
        assert await world.keys() == [row["r2_key"]]


async def test_with_a_video_of_the_catalogue_that_one_may_see(world: World) -> None:
    video_id = await world.uploaded(mp4(seed=2))
    waiting = await ask(world, "compare", video=mp4(), reference_id=video_id)
    assert waiting.json()["code"] == "INVALID_FIELD"
    await world.decide(video_id, "approved", fingerprint_id="fingerprints/x.vfp")
    search_id = await asked(world, "compare", reference_id=video_id)
    assert (await world.get(f"/api/searches/{search_id}")).json()["reference_id"] == video_id
    others = await ask(world, "compare", world.bob, video=mp4(), reference_id=video_id)
    assert others.json()["code"] == "VIDEO_NOT_FOUND"
    assert (await ask(world, "compare", world.moderator, video=mp4(), reference_id=video_id)).status_code == 202


async def test_it_counts_as_an_upload(env: Env, people: People) -> None:
    async with serving(settings_with(**ON), limited(env, uploads=2), people) as world:
        codes = [(await ask(world, "search", video=mp4())).status_code for _ in range(3)]
        assert codes == [202, 202, 429]


async def test_it_waits_in_the_same_line(env: Env, people: People) -> None:
    async with serving(settings_with(max_pending_jobs=1), env, people) as world:
        await asked(world)
        assert (await ask(world, "search", video=mp4())).json()["code"] == "TOO_BUSY"
        assert (await world.upload(mp4())).json()["code"] == "TOO_BUSY"


async def test_a_slow_one_holds_no_turn_and_is_served(env: Env, people: People) -> None:
    settings = settings_with(uploads_at_once=1, upload_wait_seconds=0.05, slow_upload_bytes_per_second=10**6)
    under_way = partial(upload_under_way, path="/api/search")
    async with serving(settings, env, people) as world, under_way(world, mp4(20_000)) as (go_on, first):
        await asked(world, video=mp4(seed=2))
        go_on.set()
        assert (await first).status_code == 202


async def test_a_fast_one_has_a_turn_that_others_wait_for(env: Env, people: People) -> None:
    settings = settings_with(uploads_at_once=1, upload_wait_seconds=0.05, slow_upload_bytes_per_second=20_000)
    under_way = partial(upload_under_way, path="/api/search")
    async with serving(settings, env, people) as world, under_way(world, mp4(20_000)) as (go_on, first):
        assert (await ask(world, "search", video=mp4(seed=2))).json()["code"] == "TOO_BUSY"
        go_on.set()
        assert (await first).status_code == 202


async def test_it_takes_nothing_of_the_quota(env: Env, people: People) -> None:
    async with serving(settings_with(quota_videos=1), env, people) as world:
        await world.uploaded(mp4())
        await asked(world)


# answers


async def test_while_it_lasts(world: World) -> None:
    search_id = await asked(world)
    told = await world.get(f"/api/searches/{search_id}")
    check(told, PATH)
    assert (told.json()["status"], told.json()["progress"], told.json()["stage"]) == ("processing", 0, None)
    await world.run("UPDATE searches SET error_message = 'It broke.', attempt_count = 2, status = 'failed'")
    told = await world.get(f"/api/searches/{search_id}")
    check(told, PATH)
    assert told.json()["status"] == "failed"
    assert (told.json()["last_error"], told.json()["attempts"]) == ("It broke.", 2)


async def test_whoever_waits_is_told_as_soon_as_it_is_known(world: World) -> None:
    search_id = await asked(world)
    begun = asyncio.get_running_loop().time()
    waiting = asyncio.create_task(world.get(f"/api/searches/{search_id}?wait=30"))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    await answered(world, search_id)
    async with asyncio.timeout(60):
        told = await waiting
    assert told.json()["status"] == "completed"
    await world.run("UPDATE searches SET status = 'pending', answer = NULL")
    assert (await world.get(f"/api/searches/{search_id}?wait=1")).json()["status"] == "processing"
    assert asyncio.get_running_loop().time() - begun > 1
    for wait in ("31", "-1", "x"):
        refused = await world.get(f"/api/searches/{search_id}?wait={wait}")
        check(refused, PATH)
        assert refused.status_code == 400


async def test_what_a_duplicate_is_told(world: World) -> None:
    """Of somebody else's video: its id, when it was uploaded, by whom, and how much of it agrees."""
    original = await world.uploaded(mp4(seed=2), world.bob)
    await world.decide(original, "approved", fingerprint_id="bobs-fingerprint", source_url="https://bobs.example")
    match = {**MATCH.to_json(), "video_id": original, "r2_key": "bobs-key"}
    verdict = OPINION | {"status": "duplicate", "duplicate_of": original, "similarity_score": 0.97, "matches": [match]}
    told = await answered(world, await asked(world), verdict=verdict | {"confidence": "high"}, video=SIZE)
    assert told["verdict"]["original_video"].keys() == {"id", "uploaded_at", "uploader"}
    assert (told["verdict"]["original_video"]["id"], told["verdict"]["original_video"]["uploader"]) == (original, "bob")
    assert told["verdict"]["matches"][0].keys() == MATCH.to_json().keys()
    assert not [mark for mark in ("bobs-fingerprint", "bobs.example", "bobs-key") if mark in json.dumps(told)]
    await world.client.delete(f"/api/videos/{original}", headers=world.bob.headers)
    again = (await world.get(f"/api/searches/{told['search_id']}")).json()
    assert again["verdict"]["original_video"] is None


@pytest.mark.parametrize(("message", "said"), [(None, "mirrored"), ("The reference: it is noise.", "noise")])
async def test_a_reason_is_told_as_a_sentence(world: World, message: str | None, said: str) -> None:
    verdict = OPINION | {"status": "flagged", "reason": "mirrored"} | ({"message": message} if message else {})
    assert said in (await answered(world, await asked(world), verdict=verdict))["verdict"]["message"]


async def test_a_comparison_tells_evidence_and_gates(world: World) -> None:
    search_id = await asked(world, "compare", reference=mp4(seed=2))
    match = {**MATCH.to_json(), "video_id": ""}
    verdict = OPINION | {"status": "duplicate", "duplicate_of": "", "matches": [match], "similarity_score": 1.0}
    parts = {"evidence": {"video_score": 1.0}, "gates": [GATE], "changes": [CHANGE]}
    told = await answered(world, search_id, verdict=verdict, video=SIZE, reference=SIZE, **parts)
    assert told["verdict"]["duplicate_of"] is None
    assert told["verdict"]["matches"][0]["video_id"] is None
    assert told["evidence"] == {"video_score": 1.0}
    assert told["explanation"] == {"gates": [GATE], "changes": [CHANGE]}


async def test_deleting(world: World) -> None:
    search_id = await asked(world, "compare", reference=mp4(seed=2))
    gone = await world.client.delete(f"/api/searches/{search_id}", headers=world.alice.headers)
    check(gone, PATH)
    assert await world.keys() == []
    assert await world.rows("SELECT * FROM searches") == []
    for method in ("GET", "DELETE"):
        answer = await world.client.request(method, f"/api/searches/{search_id}", headers=world.alice.headers)
        check(answer, PATH)
        assert answer.json()["code"] == "SEARCH_NOT_FOUND"


async def test_anothers_search_and_none_are_told_apart_by_nothing(world: World) -> None:
    search_id = await asked(world)
    for person in (world.bob, world.moderator, world.admin):
        theirs = await world.get(f"/api/searches/{search_id}", person)
        nobodys = await world.get(f"/api/searches/{'0' * 32}", person)
        assert theirs.status_code == nobodys.status_code == 404
        assert {**theirs.json(), "request_id": ""} == {**nobodys.json(), "request_id": ""}
