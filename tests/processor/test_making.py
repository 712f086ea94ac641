"""`POST /make-rendition` as the consumer sees it: with real workers, and a store that takes what they make."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from processor.making import LINE_SECONDS
from processor.settings import Settings
from tests.processor.clips import Look
from tests.processor.conftest import MakeClip
from tests.processor.put_server import PutServer, put_server
from tests.processor.range_server import RangeServer
from tests.processor.renditions import look_at
from tests.processor.test_app import Running, running
from wire.renditions import Rendition

CLIP = Look(seconds=2.0, video="libx265")


@pytest.fixture
def store() -> Iterator[PutServer]:
    with put_server() as up:
        yield up


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(Settings(slots=1, rendition_folder=str(tmp_path))) as up:
        yield up


def asked(source: str, target: str) -> dict[str, str]:
    return {"video_id": "v-1", "video_url": source, "rendition_url": target}


async def make(service: Running, source: str, target: str) -> list[dict[str, Any]]:
    answer = await service.client.post("/make-rendition", json=asked(source, target))
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_a_rendition_lands_in_the_store(
    service: Running, make_clip: MakeClip, server: RangeServer, store: PutServer, tmp_path: Path
) -> None:
    lines = await make(service, server.url(make_clip("render-hevc.mp4", CLIP).name), f"{store.url}/v-1.mp4")
    made = Rendition.from_json(lines[-1]["rendition"])
    content = store.shelf.taken["/v-1.mp4"]
    assert (made.video_id, made.width, made.height, made.size_bytes) == ("v-1", 192, 108, len(content))
    seen = look_at(content)
    assert (seen.video, seen.sound, seen.size) == ("h264", "aac", (192, 108))
    assert seen.seconds == pytest.approx(made.duration, abs=0.05)
    assert await service.metric('processor_renditions_total{outcome="ok"}') == 1
    assert os.listdir(tmp_path) == []


async def test_it_tells_how_far_it_is_and_fingerprints_do_not_wait(
    service: Running, make_clip: MakeClip, server: RangeServer, store: PutServer
) -> None:
    source = server.url(make_clip("render-hevc.mp4", CLIP).name)
    store.shelf.is_open.clear()
    making = asyncio.create_task(make(service, source, f"{store.url}/v-1.mp4"))
    await asyncio.to_thread(store.shelf.is_asked.wait)
    assert (await service.extract(video_url=source)).status_code == 200
    busy = await service.client.post("/make-rendition", json=asked(source, f"{store.url}/other.mp4"))
    assert (busy.status_code, busy.json()["code"]) == (503, "BUSY")
    # It has long been told by now that the pictures are made.
    await asyncio.sleep(2 * LINE_SECONDS)
    store.shelf.is_open.set()
    lines = await making
    shares = [line["progress"] for line in lines[:-1]]
    assert shares == sorted(shares)
    assert 0 < shares[-1] <= 1
    assert Rendition.from_json(lines[-1]["rendition"]).size_bytes == len(store.shelf.taken["/v-1.mp4"])


@pytest.mark.parametrize(
    ("name", "settings", "code"),
    [
        ("text.mp4", {}, "UNDECODABLE"),
        ("render-hevc.mp4", {"max_duration": 1.0}, "TOO_LONG"),
        ("making-large.mp4", {"rendition_max_bytes": 1 << 16}, "RENDITION_TOO_LARGE"),
        ("nowhere.mp4", {}, "SOURCE_UNREACHABLE"),
    ],
)
async def test_what_cannot_be_made_is_said_in_the_last_line(
    make_clip: MakeClip,
    server: RangeServer,
    store: PutServer,
    clip_folder: Path,
    tmp_path: Path,
    name: str,
    settings: dict[str, Any],
    code: str,
) -> None:
    (clip_folder / "text.mp4").write_text("I am a text")
    make_clip("render-hevc.mp4", CLIP)
    make_clip("making-large.mp4", Look(width=640, height=360, seconds=3.0, video="mpeg4"))
    async with running(replace(Settings(slots=1, rendition_folder=str(tmp_path)), **settings)) as up:
        lines = await make(up, server.url(name), f"{store.url}/v-1.mp4")
        assert lines[-1]["code"] == code, lines[-1]
        assert lines[-1]["retryable"] == (code == "SOURCE_UNREACHABLE")
        assert set(lines[-1]) == {"error", "code", "request_id", "retryable"}
    assert store.shelf.taken == {}
    assert os.listdir(tmp_path) == []


async def test_a_store_that_does_not_take_it(
    service: Running, make_clip: MakeClip, server: RangeServer, store: PutServer
) -> None:
    store.shelf.status = 403
    lines = await make(
        service, server.url(make_clip("render-hevc.mp4", CLIP).name), f"{store.url}/v-1.mp4?sign=hush-hush"
    )
    assert (lines[-1]["code"], lines[-1]["retryable"]) == ("TARGET_UNREACHABLE", True)
    assert "hush-hush" not in json.dumps(lines)


async def test_bad_requests(service: Running, server: RangeServer, store: PutServer) -> None:
    good = asked(server.url("a.mp4"), f"{store.url}/v-1.mp4")
    for body, told in (
        ({}, "video_url"),
        (good | {"rendition_url": ""}, "rendition_url"),
        (good | {"colour": "red"}, "colour"),
        (good | {"rendition_url": "file:///etc/passwd"}, "http"),
    ):
        answer = await service.client.post("/make-rendition", json=body)
        assert (answer.status_code, answer.json()["code"]) == (400, "BAD_REQUEST"), body
        assert told in answer.json()["error"]


async def test_only_the_hosts_allowed_are_written_to(
    make_clip: MakeClip, server: RangeServer, store: PutServer
) -> None:
    settings = Settings(slots=1, source_hosts=(f"127.0.0.1:{server.port}",))
    async with running(settings) as up:
        body = asked(server.url(make_clip("render-hevc.mp4", CLIP).name), f"{store.url}/v-1.mp4")
        answer = await up.client.post("/make-rendition", json=body)
    assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN_SOURCE")
    assert store.shelf.asked == 0


async def when_nearly_made(service: Running, store: PutServer) -> int:
    """The worker's id, once it is putting the rendition into a store that takes its time."""
    await asyncio.to_thread(store.shelf.is_asked.wait)
    (slot,) = service.app.state.service.renditions.all_slots
    return int(slot.pid)


async def test_a_killed_worker_leaves_nothing(
    service: Running, make_clip: MakeClip, server: RangeServer, store: PutServer, tmp_path: Path
) -> None:
    source = server.url(make_clip("render-hevc.mp4", CLIP).name)
    store.shelf.is_open.clear()
    making = asyncio.create_task(make(service, source, f"{store.url}/v-1.mp4"))
    os.kill(await when_nearly_made(service, store), signal.SIGKILL)
    lines = await making
    store.shelf.is_open.set()
    assert lines[-1]["code"] == "WORKER_DIED"
    assert store.shelf.taken == {}
    assert os.listdir(tmp_path) == []
    lines = await make(service, source, f"{store.url}/again.mp4")
    assert "rendition" in lines[-1]


async def test_who_hangs_up_ends_the_work(
    service: Running, make_clip: MakeClip, server: RangeServer, store: PutServer
) -> None:
    store.shelf.is_open.clear()
    body = json.dumps(asked(server.url(make_clip("render-hevc.mp4", CLIP).name), f"{store.url}/v-1.mp4")).encode()
    pid = asyncio.create_task(when_nearly_made(service, store))
    messages: list[Any] = []
    first = True

    async def receive() -> dict[str, Any]:
        nonlocal first
        if first:
            first = False
            return {"type": "http.request", "body": body, "more_body": False}
        await pid
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        messages.append(message)

    scope = {"type": "http", "method": "POST", "path": "/make-rendition", "headers": [], "query_string": b""}
    await service.app({**scope, "http_version": "1.1", "scheme": "http", "server": ("p", 80)}, receive, send)
    assert messages[0]["status"] == 200
    assert service.app.state.service.renditions.busy == 0
    with pytest.raises(ProcessLookupError):
        os.kill(pid.result(), 0)
    assert store.shelf.taken == {}
    assert await service.metric('processor_renditions_total{outcome="disconnected"}') == 1
    assert (await service.client.get("/readyz")).status_code == httpx.codes.OK
