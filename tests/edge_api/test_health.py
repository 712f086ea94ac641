"""Health, metrics, and what every answer carries."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs
from structlog.typing import EventDict

from edge_api.processor import open_ping
from tests.edge_api.kit import World, mp4, serving, settings_with, with_binding
from tests.edge_api.test_upload import Unreachable

BINDINGS = ["VIDEO_BUCKET", "DB", "VIDEO_QUEUE_HIGH", "VIDEO_QUEUE", "VIDEO_QUEUE_LOW"]
BINDINGS += ["REQUEST_LIMITER", "UPLOAD_LIMITER", "BYTE_LIMITER", "SIGN_IN_LIMITER", "UPLOAD_SLOTS"]


async def test_livez(world: World) -> None:
    answer = await world.client.get("/livez")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_readyz_names_every_binding(world: World) -> None:
    answer = await world.client.get("/readyz")
    assert answer.status_code == 200
    assert list(answer.json()["bindings"]) == BINDINGS
    assert all(found["ok"] for found in answer.json()["bindings"].values())
    assert answer.json()["processor"] == {"ok": True}


@pytest.mark.parametrize("binding", ["video_bucket", "db", "video_queue"])
async def test_one_binding_down(world: World, binding: str) -> None:
    broken = with_binding(world.env, binding, Unreachable())
    async with serving(settings_with(), broken, world.people) as beside:
        answer = await beside.client.get("/readyz")
    body = answer.json()
    assert (answer.status_code, body["code"]) == (503, "NOT_READY")
    assert binding.upper() in body["error"]
    assert [name for name, found in body["bindings"].items() if not found["ok"]] == [binding.upper()]


async def test_a_binding_that_hangs_meets_the_deadline(world: World) -> None:
    class Hanging:
        def __getattr__(self, name: str) -> Any:
            return lambda: asyncio.sleep(60)

    broken = with_binding(world.env, "video_queue_low", Hanging())
    async with serving(settings_with(binding_timeout_seconds=0.5), broken, world.people) as beside:
        async with asyncio.timeout(60):
            ready, measured = await asyncio.gather(beside.client.get("/readyz"), beside.client.get("/metrics"))
    assert ready.json()["bindings"]["VIDEO_QUEUE_LOW"] == {"ok": False, "error": "TIMEOUT"}
    assert measured.status_code == 200


async def test_without_the_processor_it_is_still_ready(world: World) -> None:
    async def down(url: str, timeout_seconds: float) -> bool:
        return False

    async with serving(settings_with(), world.env, world.people, ping=down) as beside:
        answer = await beside.client.get("/readyz")
    assert (answer.status_code, answer.json()["processor"]) == (200, {"ok": False})


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "not a url", "http://[", "ftp://127.0.0.1"])
async def test_a_processor_that_cannot_be_reached(url: str) -> None:
    async with open_ping() as ping:
        assert await ping(url, 0.5) is False


@dataclass
class Connection:
    asked: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def lively(answers_each: int) -> AsyncIterator[tuple[str, list[Connection]]]:
    """A processor's URL, and who was connected to it; it closes a connection after so many answers."""
    connections: list[Connection] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(one := Connection())
        with contextlib.suppress(asyncio.IncompleteReadError):
            while one.asked < answers_each and (await reader.readuntil(b"\r\n\r\n")).startswith(b"GET /livez "):
                one.asked += 1
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()
        await writer.wait_closed()
        one.ended.set()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", connections
        for each in connections:
            await each.ended.wait()


async def test_the_processor_is_asked_by_one_connection() -> None:
    async with lively(9) as (url, connections), open_ping() as ping:
        assert [await ping(url, 30) for _ in range(3)] == [True] * 3
        assert [each.asked for each in connections] == [3]


async def test_a_connection_that_the_processor_closed_is_made_again() -> None:
    async with lively(1) as (url, connections), open_ping() as ping:
        for _ in range(2):
            assert await ping(url, 30) is True
            await connections[-1].ended.wait()
        assert [each.asked for each in connections] == [1, 1]


async def test_metrics(world: World) -> None:
    await world.uploaded(mp4())
    await world.get("/api/videos")
    await world.client.request("BREW", "/api/videos")
    answer = await world.client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert 'twinreel_queue_messages{queue="video-normal",state="ready"} 1.0' in answer.text
    assert 'route="/api/videos",status="200"' in answer.text
    assert 'method="OTHER"' in answer.text
    assert "BREW" not in answer.text


async def test_routes_are_measured_by_their_pattern(world: World) -> None:
    video_id = await world.uploaded(mp4())
    await world.video(video_id)
    await world.client.get(f"/nowhere/{video_id}")
    text = (await world.client.get("/metrics")).text
    assert 'route="/api/videos/{video_id}"' in text
    assert 'route="unknown",status="404"' in text
    assert video_id not in text


async def test_request_ids_go_in_and_out(world: World) -> None:
    given = await world.client.get("/livez", headers={"X-Request-Id": "abc-123"})
    assert given.headers["x-request-id"] == "abc-123"
    for hostile in ("a b", "x" * 200, 'a"b', ""):
        answer = await world.client.get("/livez", headers={"X-Request-Id": hostile})
        assert len(answer.headers["x-request-id"]) == 32
    first, second = [await world.client.get("/livez") for _ in range(2)]
    assert first.headers["x-request-id"] != second.headers["x-request-id"]


async def test_errors_carry_the_request_id(world: World) -> None:
    answer = await world.client.get("/api/videos", headers={"X-Request-Id": "abc"})
    assert answer.json()["request_id"] == answer.headers["x-request-id"] == "abc"


async def test_security_headers(world: World) -> None:
    for path in ("/", "/livez", "/api/videos", "/nowhere"):
        headers = (await world.client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"


@pytest.fixture
def logged() -> Iterator[list[EventDict]]:
    structlog.reset_defaults()
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        yield lines


async def test_logs_carry_the_ids_and_no_secrets(world: World, logged: list[EventDict]) -> None:
    files = {"video": ("a.mp4", mp4())}
    headers = {**world.alice.headers, "X-Request-Id": "abc"}
    answer = await world.client.post("/api/upload", files=files, headers=headers)
    uploaded = next(line for line in logged if line["event"] == "uploaded")
    assert (uploaded["request_id"], uploaded["video_id"]) == ("abc", answer.json()["video_id"])
    assert uploaded["user_id"] == world.alice.id
    request = next(line for line in logged if line["event"] == "request")
    assert (request["route"], request["status"], request["request_id"]) == ("/api/upload", 200, "abc")
    assert world.alice.token not in str(logged)


async def test_an_unexpected_failure_is_a_500_with_the_request_id(world: World, logged: list[EventDict]) -> None:
    broken = with_binding(world.env, "db", Exploding())
    async with serving(settings_with(), broken, world.people) as beside:
        answer = await beside.get("/api/videos")
    body = answer.json()
    assert (answer.status_code, body["code"]) == (500, "INTERNAL")
    assert body["request_id"] == answer.headers["x-request-id"]
    assert "code" not in body["error"]
    assert any(line["event"] == "unexpected failure" and line["request_id"] == body["request_id"] for line in logged)


class Exploding:
    def prepare(self, sql: str) -> Any:
        raise ZeroDivisionError("a secret of the code")
