"""The service as its callers see it: over HTTP, with real workers."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

import httpx
import pytest
import pytest_asyncio
from starlette.applications import Starlette

from processor.app import create_app
from processor.settings import Settings
from tests.processor.clips import Look
from tests.processor.conftest import MakeClip
from tests.processor.range_server import RangeServer
from wire.fingerprints import unpack
from wire.processing import ExtractResponse

CLIP = Look(seconds=3)


@dataclass
class Running:
    app: Starlette
    client: httpx.AsyncClient

    @property
    def pool(self) -> Any:
        return self.app.state.service.pool

    async def extract(self, **body: Any) -> httpx.Response:
        return await self.client.post("/extract-fingerprint", json={"video_id": "v-1", **body})

    async def metric(self, name: str) -> float:
        text = (await self.client.get("/metrics")).text
        return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Running]:
    app = create_app(settings)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://processor", timeout=60) as client,
    ):
        yield Running(app, client)


@pytest.fixture
async def service() -> AsyncIterator[Running]:
    async with running(Settings(slots=1, processor_secret="s3cret")) as up:
        yield up


together = pytest.mark.asyncio(loop_scope="module")
"""For tests that share one service: they leave it, and its worker, as they find it."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[Running]:
    async with running(Settings(slots=1, processor_secret="s3cret")) as up:
        yield up


async def test_a_video_is_answered_with_its_fingerprint(
    service: Running, make_clip: MakeClip, server: RangeServer
) -> None:
    url = server.url(make_clip("three.mp4", CLIP).name)
    response = await service.extract(video_url=url)
    assert response.status_code == 200
    answer = ExtractResponse.from_json(response.json())
    assert (answer.video_id, answer.frame_count) == ("v-1", 12)
    assert unpack(base64.b64decode(answer.fingerprint)).duration == answer.duration
    assert answer.processing_time_ms > 0
    assert await service.metric('processor_extractions_total{outcome="ok"}') == 1
    assert await service.metric("processor_bytes_read_total") > 1000
    assert await service.metric("processor_slots_busy") == 0


@together
async def test_ranges_are_merged(shared: Running, make_clip: MakeClip, server: RangeServer) -> None:
    url = server.url(make_clip("three.mp4", CLIP).name)
    whole = (await shared.extract(video_url=url)).json()
    parts = [(await shared.extract(video_url=url, start=a, stop=b)).json() for a, b in ((0, 1.2), (1.2, 60))]
    body = {"video_id": "v-1", "fragments": [part["fingerprint"] for part in parts], "thumbnail": parts[0]["thumbnail"]}
    body["previews"] = [part["preview"] for part in parts]
    merged = (await shared.client.post("/merge-fingerprints", json=body)).json()
    assert merged["thumbnail"] == parts[0]["thumbnail"]
    assert parts[1]["thumbnail"] is None
    differing = {"processing_time_ms": 0, "thumbnail": "", "media": None}
    assert merged | differing == whole | differing


@together
async def test_bad_requests(shared: Running) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({}, "video_url"),
        ({"video_url": "file:///etc/passwd"}, "http"),
        ({"video_url": "http://h/", "tier": "gold"}, "tier"),
        ({"video_url": "http://h/", "start": 3, "stop": 2}, "stop"),
        ({"video_url": "http://h/", "colour": "red"}, "colour"),
        ({"video_url": "http://h/", "callback_url": "http://elsewhere.example/"}, "elsewhere.example"),
    ]
    for body, told in cases:
        response = await shared.extract(**body)
        assert (response.status_code, response.json()["code"]) == (400, "BAD_REQUEST"), body
        assert told in response.json()["error"]


@together
async def test_bodies_that_are_no_json_object(shared: Running) -> None:
    for content in (b"", b"{", b"[]", b"\xff"):
        for path in ("/extract-fingerprint", "/merge-fingerprints"):
            response = await shared.client.post(path, content=content)
            assert (response.status_code, response.json()["code"]) == (400, "BAD_REQUEST"), content


@together
async def test_a_body_too_large(shared: Running) -> None:
    response = await shared.client.post("/extract-fingerprint", content=b" " * 70_000)
    assert (response.status_code, response.json()["code"]) == (413, "BODY_TOO_LARGE")


@together
async def test_bad_merges(shared: Running) -> None:
    bodies: list[dict[str, Any]] = [
        {"fragments": ["x"]},
        {"video_id": "v"},
        {"video_id": "v", "fragments": []},
        {"video_id": "v", "fragments": [1]},
        {"video_id": "v", "fragments": ["é"]},
        {"video_id": "v", "fragments": ["AAAA"], "thumbnail": 1},
        {"video_id": "v", "fragments": ["AAAA"], "previews": 1},
        {"video_id": "v", "fragments": ["AAAA"], "previews": [1]},
    ]
    for body in bodies:
        response = await shared.client.post("/merge-fingerprints", json=body)
        assert (response.status_code, response.json()["code"]) == (400, "BAD_REQUEST"), body


@together
async def test_fragments_that_are_none(shared: Running) -> None:
    response = await shared.client.post("/merge-fingerprints", json={"video_id": "v", "fragments": ["AAAA"]})
    assert (response.status_code, response.json()["code"]) == (422, "MISMATCHED_FRAGMENTS")


@together
async def test_what_no_retry_can_mend(
    shared: Running, make_clip: MakeClip, server: RangeServer, clip_folder: Path
) -> None:
    (clip_folder / "text.mp4").write_text("I am a text")
    (clip_folder / "empty.mp4").write_bytes(b"")
    whole = make_clip("three.mp4", CLIP).read_bytes()
    (clip_folder / "half.mp4").write_bytes(whole[: len(whole) // 2])
    sound = make_clip("sound.mp4", Look(seconds=2, video=None)).name
    cases = {"text.mp4": "UNDECODABLE", "empty.mp4": "UNDECODABLE", "half.mp4": "UNDECODABLE", sound: "NO_VIDEO_STREAM"}
    for name, code in cases.items():
        response = await shared.extract(video_url=server.url(name))
        assert (response.status_code, response.json()["code"]) == (422, code), name
    past = await shared.extract(video_url=server.url("three.mp4"), start=9)
    assert (past.status_code, past.json()["code"]) == (422, "EMPTY_RANGE")


@together
async def test_a_source_that_fails(shared: Running, make_clip: MakeClip, server: RangeServer) -> None:
    gone = await shared.extract(video_url=server.url("gone.mp4"))
    assert (gone.status_code, gone.json()["code"]) == (502, "SOURCE_UNREACHABLE")
    server.manners.has_ranges = False
    rangeless = await shared.extract(video_url=server.url(make_clip("three.mp4", CLIP).name))
    assert (rangeless.status_code, rangeless.json()["code"]) == (502, "SOURCE_UNSUITABLE")


@pytest.mark.parametrize("name", ["gone.mp4", "three.mp4"])
async def test_a_presigned_url_is_told_to_nobody(
    service: Running, make_clip: MakeClip, server: RangeServer, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    make_clip("three.mp4", CLIP)
    url = server.url(f"{name}?X-Amz-Signature=hush-hush")
    answer = await service.extract(video_url=url)
    server.manners.has_ranges = False
    refused = await service.extract(video_url=url)
    metrics = await service.client.get("/metrics")
    printed = capfd.readouterr()
    for text in (answer.text, refused.text, metrics.text, printed.out, printed.err):
        assert "hush-hush" not in text
    assert any("hush-hush" in path for path in server.manners.paths)


async def test_too_long_by_the_setting(make_clip: MakeClip, server: RangeServer) -> None:
    async with running(Settings(slots=1, max_duration=2)) as up:
        response = await up.extract(video_url=server.url(make_clip("three.mp4", CLIP).name))
    assert (response.status_code, response.json()["code"]) == (422, "TOO_LONG")


async def test_only_the_hosts_allowed_are_read(make_clip: MakeClip, server: RangeServer) -> None:
    async with running(Settings(slots=1, source_hosts=("s3.example",))) as up:
        response = await up.extract(video_url=server.url(make_clip("three.mp4", CLIP).name))
    assert (response.status_code, response.json()["code"]) == (403, "FORBIDDEN_SOURCE")
    assert server.manners.paths == []


async def test_private_addresses_are_those_of_ones_own_stores(make_clip: MakeClip, server: RangeServer) -> None:
    url = server.url(make_clip("three.mp4", CLIP).name)
    async with running(Settings(slots=1, store_hosts=("s3.example",))) as up:
        response = await up.extract(video_url=url)
    assert (response.status_code, response.json()["code"]) == (403, "FORBIDDEN_SOURCE")
    assert "STORE_HOSTS" in response.json()["error"]
    assert server.manners.paths == []
    async with running(Settings(slots=1, store_hosts=(f"127.0.0.1:{server.port}",))) as up:
        assert (await up.extract(video_url=url)).status_code == 200


async def test_too_many_bytes(make_clip: MakeClip, server: RangeServer) -> None:
    async with running(Settings(slots=1, max_source_bytes=1000)) as up:
        response = await up.extract(video_url=server.url(make_clip("three.mp4", CLIP).name))
    assert (response.status_code, response.json()["code"]) == (422, "TOO_LARGE")


@together
async def test_busy_is_told_at_once_with_when_to_come_back(
    shared: Running, make_clip: MakeClip, server: RangeServer
) -> None:
    url = server.url(make_clip("three.mp4", CLIP).name)
    server.manners.delay = 0.5
    first = asyncio.create_task(shared.extract(video_url=url))
    await asyncio.sleep(0.2)
    second = await shared.extract(video_url=url)
    assert (second.status_code, second.json()["code"]) == (503, "BUSY")
    assert int(second.headers["Retry-After"]) >= 1
    assert (await first).status_code == 200
    assert (await shared.extract(video_url=url)).status_code == 200


async def test_a_killed_worker_costs_one_answer_only(
    service: Running, make_clip: MakeClip, server: RangeServer
) -> None:
    url = server.url(make_clip("three.mp4", CLIP).name)
    server.manners.delay = 0.5
    with service.pool.claim() as slot:
        pid = slot.pid
    job = asyncio.create_task(service.extract(video_url=url))
    await asyncio.sleep(0.2)
    os.kill(pid, signal.SIGKILL)
    died = await job
    assert (died.status_code, died.json()["code"]) == (500, "WORKER_DIED")
    server.manners.delay = 0
    assert (await service.extract(video_url=url)).status_code == 200


@together
async def test_health(shared: Running) -> None:
    assert (await shared.client.get("/livez")).json() == {"status": "ok"}
    assert (await shared.client.get("/readyz")).json()["checks"] == {"workers": "ok"}


@together
async def test_every_error_has_one_shape_and_the_callers_request_id(shared: Running) -> None:
    asked = {"X-Request-Id": "abc-123"}
    for response in (
        await shared.client.get("/nowhere", headers=asked),
        await shared.client.get("/extract-fingerprint", headers=asked),
        await shared.client.post("/extract-fingerprint", json={}, headers=asked),
    ):
        assert set(response.json()) == {"error", "code", "request_id"}
        assert response.json()["request_id"] == response.headers["X-Request-Id"] == "abc-123"
    unsound = await shared.client.get("/livez", headers={"X-Request-Id": "a b\tc"})
    assert len(unsound.headers["X-Request-Id"]) == 32


@dataclass
class Inbox:
    url: str
    got: SimpleQueue[tuple[dict[str, str], dict[str, Any]]] = field(default_factory=SimpleQueue)

    async def first(self) -> tuple[dict[str, str], dict[str, Any]]:
        return await asyncio.to_thread(self.got.get, timeout=60)


@pytest.fixture
def inbox() -> Any:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            box.got.put((dict(self.headers), json.loads(body)))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Silence."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    box = Inbox(f"http://127.0.0.1:{server.server_port}/internal/fingerprint-complete")
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield box
    server.shutdown()
    thread.join()
    server.server_close()


@together
async def test_a_callback_brings_the_answer(
    shared: Running, make_clip: MakeClip, server: RangeServer, inbox: Inbox
) -> None:
    url = server.url(make_clip("three.mp4", CLIP).name)
    accepted = await shared.extract(video_url=url, callback_url=inbox.url)
    assert (accepted.status_code, accepted.json()) == (202, {"video_id": "v-1", "status": "accepted"})
    assert shared.pool.busy == 1
    headers, body = await inbox.first()
    assert headers["Authorization"] == "Internal-Secret s3cret"
    assert ExtractResponse.from_json(body).frame_count == 12
    assert shared.pool.busy == 0


@together
async def test_a_callback_brings_the_error(shared: Running, server: RangeServer, inbox: Inbox) -> None:
    await shared.extract(video_url=server.url("gone.mp4"), callback_url=inbox.url)
    _, body = await inbox.first()
    assert (body["code"], body["video_id"], body["retryable"]) == ("SOURCE_UNREACHABLE", "v-1", True)


async def test_a_callback_needs_the_secret(inbox: Inbox) -> None:
    async with running(Settings(slots=1)) as up:
        response = await up.extract(video_url="http://h/", callback_url=inbox.url)
    assert (response.status_code, response.json()["code"]) == (400, "BAD_REQUEST")
    assert "PROCESSOR_SECRET" in response.json()["error"]


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


async def _is_ready(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(f"{url}/readyz")).status_code == 200
    except httpx.TransportError:
        return False


@asynccontextmanager
async def program(**environ: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """`python -m processor`, ready; its address."""
    port = _free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "processor",
        env={**os.environ, "PORT": str(port), **environ},
        stdout=asyncio.subprocess.PIPE,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient() as client:
            for _ in range(300):
                if await _is_ready(client, url):
                    break
                await asyncio.sleep(0.1)
        yield process, url
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def test_a_client_that_hangs_up_frees_the_slot(make_clip: MakeClip, server: RangeServer) -> None:
    body = {"video_id": "v-1", "video_url": server.url(make_clip("three.mp4", CLIP).name)}
    async with program(SLOTS="1") as (_, url), httpx.AsyncClient(base_url=url, timeout=30) as client:
        server.manners.delay = 5
        with pytest.raises(httpx.ReadTimeout):
            await client.post("/extract-fingerprint", json=body, timeout=0.5)
        server.manners.delay = 0
        for _ in range(50):
            answer = await client.post("/extract-fingerprint", json=body)
            if answer.status_code != 503:
                break
            await asyncio.sleep(0.1)
        assert answer.status_code == 200
        assert 'outcome="disconnected"} 1.0' in (await client.get("/metrics")).text


async def test_the_program_logs_json_with_ids_and_stops_cleanly(make_clip: MakeClip, server: RangeServer) -> None:
    body = {"video_id": "v-7", "video_url": server.url(make_clip("three.mp4", CLIP).name)}
    async with program(SLOTS="1") as (process, url), httpx.AsyncClient(base_url=url, timeout=30) as client:
        await client.post("/extract-fingerprint", json=body, headers={"X-Request-Id": "req-7"})
        process.terminate()
        said, _ = await process.communicate()
    lines = [json.loads(line) for line in said.decode().splitlines()]
    extracted = next(line for line in lines if line["event"] == "extracted")
    assert (extracted["request_id"], extracted["video_id"], extracted["service"]) == ("req-7", "v-7", "processor")
    assert extracted["timestamp"].endswith("Z")


async def _ended(**environ: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "processor",
        env={**os.environ, **environ},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        _, said = await process.communicate()
    return process.returncode, said.decode()


async def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, said = await _ended(PORT=str(port))
    assert code == 1
    assert f"cannot listen on 127.0.0.1:{port}" in said


async def test_a_wrong_setting_is_told() -> None:
    code, said = await _ended(SLOTS="none")
    assert code == 2
    assert said.strip() == "processor: SLOTS must be a whole number, not 'none'"


async def test_a_missing_library_is_told(tmp_path: Path) -> None:
    (tmp_path / "chromaprint.py").write_text('raise ImportError("couldn\'t find libchromaprint")\n')
    code, said = await _ended(PYTHONPATH=str(tmp_path))
    assert code == 1
    assert "couldn't find libchromaprint" in said
    assert "apt install libchromaprint1" in said
