"""POST /api/upload over in-memory bindings: what is accepted, what is refused, and that refusals leave nothing."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from edge_api.env import Env
from edge_api.form import OVERHEAD_BYTES
from tests.edge_api.kit import PART, People, World, ftyp, moov, mp4, serving, settings_with, webm, with_binding
from wire.jobs import Job
from wrangler_compat.errors import D1Error, QueueError, R2Error

LIMIT = settings_with().max_file_size


async def test_accepted(world: World) -> None:
    data = mp4()
    answer = await world.upload(data)
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"video_id", "status", "uploaded_at"}
    assert body["status"] == "processing"
    assert answer.headers["location"] == f"/api/videos/{body['video_id']}"
    (row,) = await world.rows("SELECT * FROM videos")
    assert row["id"] == body["video_id"]
    assert row["uploaded_at"] == body["uploaded_at"]
    assert row["user_id"] == world.alice.id
    assert (row["file_size"], row["mime_type"]) == (len(data), "video/mp4")
    assert row["content_sha256"] == hashlib.sha256(data).hexdigest()
    assert row["r2_key"] == f"videos/{body['uploaded_at'][:10].replace('-', '/')}/{row['id']}.mp4"
    (job,) = await world.rows("SELECT * FROM processing_jobs")
    assert (job["video_id"], job["status"], job["attempt_count"]) == (row["id"], "pending", 0)
    stored = await world.env.video_bucket.get(row["r2_key"])
    assert stored is not None
    assert await stored.bytes() == data  # type: ignore[union-attr]
    assert world.jobs() == [Job(row["id"], request_id=answer.headers["x-request-id"])]
    assert row["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("size", [PART - 1, PART, 2 * PART + 77])
async def test_larger_than_a_part(world: World, size: int) -> None:
    data = mp4(size)
    video_id = await world.uploaded(data)
    (row,) = await world.rows("SELECT r2_key, content_sha256 FROM videos WHERE id = ?1", video_id)
    stored = await world.env.video_bucket.get(row["r2_key"])
    assert await stored.bytes() == data  # type: ignore[union-attr]
    assert row["content_sha256"] == hashlib.sha256(data).hexdigest()
    assert not await world.env.video_bucket.list_multipart_uploads()


@pytest.mark.parametrize(
    ("data", "extension", "mime_type"),
    [
        (mp4(), "mp4", "video/mp4"),
        (webm(), "webm", "video/webm"),
        (ftyp("qt  ") + moov(b"vide"), "mov", "video/quicktime"),
    ],
)
async def test_the_container_is_what_the_bytes_say(world: World, data: bytes, extension: str, mime_type: str) -> None:
    files = {"video": ("lies.avi", data, "text/html")}
    answer = await world.client.post("/api/upload", files=files, headers=world.alice.headers)
    assert answer.status_code == 200
    (row,) = await world.rows("SELECT r2_key, mime_type FROM videos")
    assert row["r2_key"].endswith(f".{extension}")
    assert row["mime_type"] == mime_type


@pytest.mark.parametrize(("priority", "queue"), [("high", "video_queue_high"), ("low", "video_queue_low")])
async def test_priority_names_the_queue(world: World, priority: str, queue: str) -> None:
    answer = await world.upload(mp4(), priority=priority)
    assert [job.video_id for job in world.jobs(queue)] == [answer.json()["video_id"]]
    assert world.jobs() == []
    assert await world.rows("SELECT priority FROM videos") == [{"priority": priority}]


async def test_priority_may_come_after_the_file(world: World) -> None:
    boundary = "x"
    body = (
        b'--x\r\nContent-Disposition: form-data; name="video"; filename="a"\r\n\r\n' + mp4() + b"\r\n"
        b'--x\r\nContent-Disposition: form-data; name="priority"\r\n\r\nhigh\r\n--x--\r\n'
    )
    headers = {**world.alice.headers, "Content-Type": f"multipart/form-data; boundary={boundary}"}
    answer = await world.client.post("/api/upload", content=body, headers=headers)
    assert answer.status_code == 200
    assert len(world.jobs("video_queue_high")) == 1


async def test_an_unknown_priority(world: World) -> None:
    answer = await world.upload(mp4(), priority="urgent")
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (400, "INVALID_FIELD", "priority")
    assert await world.nothing_is_left()


@pytest.mark.parametrize(
    "data", [b"text named .mp4" * 1000, webm(doctype=b"matroska"), b"RIFF....AVI LIST", ftyp("M4A ") + b"x" * 50, b"x"]
)
async def test_another_format(world: World, data: bytes) -> None:
    answer = await world.upload(data)
    body = answer.json()
    assert (answer.status_code, body["code"]) == (400, "UNSUPPORTED_FORMAT")
    assert body["supported_formats"] == ["mp4", "webm", "mov"]
    assert await world.nothing_is_left()


async def test_a_format_that_is_switched_off(env: Env, people: People) -> None:
    async with serving(settings_with(allowed_formats=("webm",)), env, people) as world:
        answer = await world.upload(mp4())
        assert answer.json()["supported_formats"] == ["webm"]
        assert await world.nothing_is_left()


async def test_another_format_touches_no_storage(world: World) -> None:
    """Recognised before anything is sent to R2, not cleaned up afterwards."""
    bucket = with_binding(world.env, "video_bucket", Unreachable())
    async with serving(settings_with(), bucket, world.people) as without_storage:
        assert (await without_storage.upload(b"no video" * 5000)).json()["code"] == "UNSUPPORTED_FORMAT"


async def test_an_empty_file(world: World) -> None:
    answer = await world.upload(b"")
    assert (answer.status_code, answer.json()["code"]) == (400, "EMPTY_FILE")
    assert await world.nothing_is_left()


async def test_no_file(world: World) -> None:
    answer = await world.client.post("/api/upload", files={"other": (None, "x")}, headers=world.alice.headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "MISSING_FIELD")
    assert await world.nothing_is_left()


async def test_two_files(world: World) -> None:
    files = [("video", ("a.mp4", mp4(2 * PART))), ("video", ("b.mp4", mp4()))]
    answer = await world.client.post("/api/upload", files=files, headers=world.alice.headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "TOO_MANY_FILES")
    assert await world.nothing_is_left()


async def test_a_file_in_another_field(world: World) -> None:
    answer = await world.client.post("/api/upload", files={"file": ("a", mp4())}, headers=world.alice.headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "UNEXPECTED_FILE")


@pytest.mark.parametrize("content_type", ["application/json", "video/mp4", "application/x-www-form-urlencoded"])
async def test_not_multipart(world: World, content_type: str) -> None:
    headers = {**world.alice.headers, "Content-Type": content_type}
    answer = await world.client.post("/api/upload", content=mp4(), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize("cut", [1, 3, 5, 6, 5000, 2 * PART])
async def test_cut_off_before_the_last_boundary(world: World, cut: int) -> None:
    request = httpx.Request("POST", "http://t/", files={"video": ("a.mp4", mp4(3 * PART))})
    body = request.read().removesuffix(b"\r\n")[:-cut]
    headers = {**world.alice.headers, "Content-Type": request.headers["content-type"]}
    answer = await world.client.post("/api/upload", content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "UPLOAD_INCOMPLETE")
    assert await world.nothing_is_left()


@pytest.mark.parametrize("declared", [LIMIT + OVERHEAD_BYTES + 1, 2**40, 10**30])
async def test_too_large_by_content_length(world: World, declared: int) -> None:
    async def never() -> AsyncIterator[bytes]:
        raise AssertionError("the body must not be read")
        yield b""

    headers = {**world.alice.headers, "Content-Type": "multipart/form-data; boundary=x"}
    headers["Content-Length"] = str(declared)
    answer = await world.client.post("/api/upload", content=never(), headers=headers)
    body = answer.json()
    assert (answer.status_code, body["code"], body["max_size"]) == (413, "FILE_TOO_LARGE", LIMIT)
    assert await world.nothing_is_left()


async def test_too_large_while_streaming(world: World) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b'--x\r\nContent-Disposition: form-data; name="video"; filename="a"\r\n\r\n' + mp4(65536)
        for _ in range(10_000):
            sent += 65536
            yield bytes(65536)

    headers = {**world.alice.headers, "Content-Type": "multipart/form-data; boundary=x"}
    answer = await world.client.post("/api/upload", content=endless(), headers=headers)
    assert (answer.status_code, answer.json()["max_size"]) == (413, LIMIT)
    assert sent <= LIMIT + 65536
    assert await world.nothing_is_left()


@pytest.mark.parametrize(("size", "status"), [(LIMIT, 200), (LIMIT + 1, 413)])
async def test_the_limit_is_exact(world: World, size: int, status: int) -> None:
    answer = await world.upload(mp4(size))
    assert answer.status_code == status
    assert await world.nothing_is_left() == (status == 413)


async def test_an_epilogue_without_end(world: World) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="video"; filename="a"\r\n\r\n' + mp4() + b"\r\n--x--\r\n"
        for _ in range(10_000):
            yield bytes(65536)

    headers = {**world.alice.headers, "Content-Type": "multipart/form-data; boundary=x"}
    answer = await world.client.post("/api/upload", content=endless(), headers=headers)
    assert answer.status_code == 413
    assert await world.nothing_is_left()


async def test_a_body_that_falls_silent(env: Env, people: People) -> None:
    async def silent() -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="video"; filename="a"\r\n\r\n' + mp4(PART + 9)
        await asyncio.sleep(30)

    async with serving(settings_with(upload_idle_seconds=0.1), env, people) as world:
        headers = {**world.alice.headers, "Content-Type": "multipart/form-data; boundary=x"}
        answer = await world.client.post("/api/upload", content=silent(), headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (408, "UPLOAD_STALLED")
        assert await world.nothing_is_left()


@asynccontextmanager
async def upload_under_way(
    world: World, data: bytes, path: str = "/api/upload"
) -> AsyncIterator[tuple[asyncio.Event, asyncio.Task[httpx.Response]]]:
    """An upload that has sent so much and goes on when the event is set."""
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="video"; filename="a"\r\n\r\n' + data
        yield b""
        arrived.set()
        await go_on.wait()
        yield b"\r\n--x--\r\n"

    headers = {**world.alice.headers, "Content-Type": "multipart/form-data; boundary=x"}
    answer = asyncio.create_task(world.client.post(path, content=body(), headers=headers))
    await arrived.wait()
    yield go_on, answer
    await answer


async def test_uploads_wait_for_their_turn(env: Env, people: People) -> None:
    settings = settings_with(uploads_at_once=1, upload_wait_seconds=0.05, slow_upload_bytes_per_second=20_000)
    async with serving(settings, env, people) as world, upload_under_way(world, mp4(20_000)) as (go_on, first):
        second = await world.upload(mp4(seed=2))
        assert (second.status_code, second.json()["code"]) == (503, "TOO_BUSY")
        assert int(second.headers["retry-after"]) > 0
        go_on.set()
        assert (await first).status_code == 200
        assert (await world.upload(mp4(seed=2))).status_code == 200


async def test_a_slow_upload_keeps_nobody_waiting_and_is_served(env: Env, people: People) -> None:
    settings = settings_with(uploads_at_once=1, upload_wait_seconds=0.05, slow_upload_bytes_per_second=10**6)
    async with serving(settings, env, people) as world, upload_under_way(world, mp4(20_000)) as (go_on, first):
        assert (await world.upload(mp4(seed=2))).status_code == 200
        go_on.set()
        assert (await first).status_code == 200


async def test_the_slow_upload_that_holds_most_is_given_up_when_there_is_too_little_memory(
    env: Env, people: People
) -> None:
    settings = settings_with(uploads_at_once=1, slow_upload_bytes_per_second=10**9)
    async with (
        serving(settings, env, people) as world,
        upload_under_way(world, mp4(PART - 10_000)) as (_, larger),
        upload_under_way(world, mp4(20_000, seed=2)) as (go_on, smaller),
    ):
        answer = await larger
        assert (answer.status_code, answer.json()["code"]) == (408, "UPLOAD_TOO_SLOW")
        go_on.set()
        assert (await smaller).status_code == 200


async def test_without_a_token_the_body_is_not_read(world: World) -> None:
    async def never() -> AsyncIterator[bytes]:
        raise AssertionError("the body must not be read")
        yield b""

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    assert (await world.client.post("/api/upload", content=never(), headers=headers)).status_code == 401


class Unreachable:
    """A binding none of whose calls succeeds."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error or R2Error("no route", code="UNREACHABLE", retryable=True)

    def __getattr__(self, name: str) -> Any:
        async def fail(*_: object, **__: object) -> None:
            raise self.error

        # Neither of the two reaches out: what they give does.
        return (lambda *_: self) if name in ("prepare", "bind") else fail

    def prepare(self, sql: str) -> None:
        raise self.error


class BreaksAtTheBatch:
    """A D1 that answers single statements and fails transactions, before or after they took effect."""

    def __init__(self, real: Any, *, after: bool) -> None:
        self.real, self.after, self.failures = real, after, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    async def batch(self, statements: Any) -> Any:
        if self.failures:
            return await self.real.batch(statements)
        self.failures += 1
        if self.after:
            await self.real.batch(statements)
        raise D1Error("database is locked", code="D1_ERROR", retryable=False)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("size", [10_000, 2 * PART])
async def test_rows_that_cannot_be_written(world: World, size: int, after: bool) -> None:
    broken = with_binding(world.env, "db", BreaksAtTheBatch(world.env.db, after=after))
    async with serving(settings_with(), broken, world.people) as beside:
        answer = await beside.upload(mp4(size))
    assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
    assert "retry-after" in answer.headers
    assert await world.nothing_is_left()


async def test_rows_that_somebody_depends_on_already_stay(world: World) -> None:
    """The answer to the batch was lost, and before it could be undone an equal upload was found to be a duplicate."""
    data = mp4()

    class Overtaken(BreaksAtTheBatch):
        async def batch(self, statements: Any) -> Any:
            if not self.failures:
                await self.real.batch(statements)
                self.failures += 1
                await world.uploaded(data, world.bob)
                raise D1Error("the answer was lost", code="D1_ERROR", retryable=True)
            return await self.real.batch(statements)

    broken = with_binding(world.env, "db", Overtaken(world.env.db, after=True))
    async with serving(settings_with(), broken, world.people) as beside:
        assert (await beside.upload(data)).status_code == 503
    rows = await world.rows("SELECT status, r2_key FROM videos ORDER BY status")
    assert [row["status"] for row in rows] == ["duplicate", "processing"]
    assert await world.keys() == sorted(row["r2_key"] for row in rows)


@pytest.mark.parametrize("size", [10_000, 2 * PART])
async def test_storage_that_does_not_answer(world: World, size: int) -> None:
    broken = with_binding(world.env, "video_bucket", Unreachable())
    async with serving(settings_with(), broken, world.people) as beside:
        answer = await beside.upload(mp4(size))
    assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
    assert await world.nothing_is_left()


async def test_a_dead_queue_does_not_matter(world: World) -> None:
    dead = Unreachable(QueueError("connection refused", code="UNREACHABLE", retryable=True))
    broken = with_binding(world.env, "video_queue", dead)
    async with serving(settings_with(), broken, world.people) as beside:
        answer = await beside.upload(mp4())
    assert answer.status_code == 200
    assert await world.rows("SELECT status FROM processing_jobs") == [{"status": "pending"}]


async def test_uploads_are_counted(world: World) -> None:
    data = mp4()
    await world.uploaded(data)
    await world.upload(b"nonsense" * 1000)
    await world.uploaded(data, world.bob)
    text = (await world.client.get("/metrics")).text
    assert 'twinreel_uploads_total{outcome="accepted"} 1.0' in text
    assert 'twinreel_uploads_total{outcome="unsupported_format"} 1.0' in text
    assert 'twinreel_uploads_total{outcome="duplicate"} 1.0' in text
    assert 'twinreel_edge_verdicts_total{decided_by="content_sha256",status="duplicate"} 1.0' in text
    assert f"twinreel_upload_bytes_total {2.0 * len(data)}" in text
