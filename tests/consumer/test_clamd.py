"""The scan by clamd: what goes over the socket, and what each answer does to a video."""

from __future__ import annotations

import asyncio
import socket
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from consumer.clamd import Address, Clamd, ClamdUnreachable, ScanFailed, address_of
from consumer.settings import load
from edge_api.presentation import REASONS
from tests.consumer.clamd_server import FOUND, SIGNATURE, ClamdServer, clamd_server
from tests.consumer.world import World
from wire.jobs import Job
from wrangler_compat.errors import ConfigError


@pytest.fixture
async def server() -> AsyncIterator[ClamdServer]:
    async with clamd_server() as running:
        yield running


def client(server: ClamdServer, seconds: float = 5.0) -> Clamd:
    return Clamd(address_of(server.url), seconds)


async def stream(pieces: Sequence[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


@pytest.mark.parametrize("pieces", [[], [b""], [b"a", b"bc"], [b"x" * 700_000, b"", b"y"]])
async def test_every_byte_is_scanned_and_no_empty_piece_ends_the_stream(
    server: ClamdServer, pieces: list[bytes]
) -> None:
    assert await client(server).scan(stream(pieces)) is None
    assert server.received == [b"".join(pieces)]


async def test_what_is_found_is_named(server: ClamdServer) -> None:
    halves = [b"x" * 100_000 + SIGNATURE[:5], SIGNATURE[5:] + b"y"]
    assert await client(server).scan(stream(halves)) == FOUND.decode()


async def test_a_socket_of_this_machine() -> None:
    with tempfile.TemporaryDirectory(prefix="clamd") as folder:
        async with clamd_server(Path(folder) / "ctl") as server:
            assert await client(server).scan(stream([SIGNATURE])) == FOUND.decode()


async def test_an_answer_in_the_middle_of_the_stream_ends_it(server: ClamdServer) -> None:
    server.limit = 1 << 20
    sent = 0

    async def counted() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(4000):
            sent += 1
            yield bytes(1 << 16)

    with pytest.raises(ScanFailed, match="size limit exceeded"):
        await client(server).scan(counted())
    assert sent < 2000


async def test_a_stream_that_is_too_long_is_not_taken_for_a_clean_one(server: ClamdServer) -> None:
    server.limit = 1 << 20
    with pytest.raises(ScanFailed, match="StreamMaxLength"):
        await client(server).scan(stream([bytes(1 << 16)] * 200))
    assert server.received == []


@pytest.mark.parametrize(
    "answer",
    [b"stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND", b"Can't allocate memory ERROR", b"stream: ", b"nonsense"],
)
async def test_an_answer_that_is_no_verdict_is_none(server: ClamdServer, answer: bytes) -> None:
    server.answer = answer
    with pytest.raises(ScanFailed):
        await client(server).scan(stream([b"x"]))


async def test_a_clamd_that_is_not_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    clamd = Clamd(Address(host="127.0.0.1", port=port), 5)
    with pytest.raises(ClamdUnreachable, match="cannot be reached"):
        await clamd.scan(stream([b"x"]))
    with pytest.raises(ClamdUnreachable, match="cannot be reached"):
        await clamd.ping()


async def test_a_clamd_that_hangs_up_without_an_answer(server: ClamdServer) -> None:
    server.hangs_up = True
    with pytest.raises(ScanFailed, match="hung up"):
        await client(server).scan(stream([bytes(1 << 16)] * 50))
    with pytest.raises(ClamdUnreachable):
        await client(server).ping()


async def test_a_clamd_that_says_nothing(server: ClamdServer) -> None:
    server.is_silent = True
    with pytest.raises(ClamdUnreachable, match=r"within 0\.2 s"):
        await client(server, 0.2).scan(stream([b"x"]))


async def test_ping(server: ClamdServer) -> None:
    await client(server).ping()
    server.answer = b"LATER\0"
    with pytest.raises(ClamdUnreachable, match="LATER"):
        await client(server).ping()


async def test_the_failure_of_the_source_comes_through(server: ClamdServer) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x"
        raise LookupError("the object is gone")

    with pytest.raises(LookupError, match="gone"):
        await client(server).scan(broken())


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("tcp://clamav:3310", Address(host="clamav", port=3310)),
        ("tcp://clamav", Address(host="clamav", port=3310)),
        ("tcp://[::1]:99", Address(host="::1", port=99)),
        ("unix:///run/clamav/clamd.ctl", Address(path="/run/clamav/clamd.ctl")),
    ],
)
def test_addresses(url: str, address: Address) -> None:
    assert address_of(url) == address


@pytest.mark.parametrize("url", ["clamav:3310", "http://clamav:3310", "tcp://", "tcp://h:x", "unix://", "unix://h/p"])
def test_addresses_that_are_none_are_told_on_start(url: str) -> None:
    with pytest.raises(ConfigError, match="CLAMD_URL must be"):
        load({"CLAMD_URL": url})


async def infected(world: World, **upload: Any) -> str:
    video_id = await world.upload(1, **upload)
    await world.bucket.put(str((await world.video(video_id))["r2_key"]), b"video" * 1000 + SIGNATURE)
    return video_id


async def test_an_infected_upload_is_rejected_and_never_decoded(world: World, server: ClamdServer) -> None:
    consumer = await world.consumer(clamd_url=server.url)
    video_id = await infected(world)
    await consumer.jobs.run(Job(video_id))
    video, job = await world.video(video_id), await world.job(video_id)
    assert (video["status"], video["reason"]) == ("rejected", "infected")
    assert job["status"] == "completed"
    assert REASONS["infected"].endswith(".")
    assert world.processor.asked == []


async def test_a_clean_upload_is_scanned_whole_and_once(world: World, server: ClamdServer) -> None:
    consumer = await world.consumer(clamd_url=server.url)
    video_id = await world.decided(consumer, 1)
    assert (await world.video(video_id))["status"] == "approved"
    assert server.received == [b"the bytes of " + video_id.encode()]


async def test_by_default_nothing_is_scanned(world: World) -> None:
    consumer = await world.consumer()
    video_id = await infected(world)
    await consumer.jobs.run(Job(video_id))
    assert (await world.video(video_id))["status"] == "approved"
    assert "CLAMD" not in consumer.pings


async def test_while_clamd_cannot_be_asked_the_job_waits_and_costs_no_attempt(
    world: World, server: ClamdServer
) -> None:
    consumer = await world.consumer(clamd_url=server.url, clamd_timeout_seconds=0.2)
    server.is_silent = True
    video_id = await world.decided(consumer, 1)
    video, job = await world.video(video_id), await world.job(video_id)
    assert (video["status"], job["status"], job["attempt_count"]) == ("processing", "pending", 0)
    assert world.processor.asked == []
    server.is_silent = False
    world.clock.pass_seconds(60)
    await consumer.jobs.run(Job(video_id))
    assert (await world.video(video_id))["status"] == "approved"


async def test_what_clamd_does_not_take_is_not_approved(world: World, server: ClamdServer) -> None:
    consumer = await world.consumer(clamd_url=server.url)
    server.limit = 3
    video_id = await world.decided(consumer, 1)
    video, job = await world.video(video_id), await world.job(video_id)
    assert (video["status"], job["attempt_count"]) == ("processing", 1)
    assert "StreamMaxLength" in job["error_message"]


async def test_a_video_named_by_url_is_not_in_the_bucket_and_not_scanned(world: World, server: ClamdServer) -> None:
    consumer = await world.consumer(clamd_url=server.url)
    video_id = await world.decided(consumer, 1, source_url="http://elsewhere.example/v.mp4")
    assert (await world.video(video_id))["status"] == "approved"
    assert server.received == []


async def test_readiness_asks_clamd_too(world: World, server: ClamdServer) -> None:
    consumer = await world.consumer(clamd_url=server.url)
    async with asyncio.timeout(60):
        await consumer.pings["CLAMD"]()
    server.hangs_up = True
    with pytest.raises(ClamdUnreachable):
        await consumer.pings["CLAMD"]()
