"""A disk that is full, below the store and below the rows: a clear answer, and nothing half-done."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from edge_api.env import Env
from tests.edge_api.kit import People, World, mp4, serving, settings_with, with_binding
from tests.services import ACCESS_KEY, SECRET_KEY
from wrangler_compat.r2.s3 import open_s3_bucket
from wrangler_compat.r2.types import R2Bucket
from wrangler_compat.servers import free_port, make_bucket, s3_program

ROOM_BYTES = 2 * 1024 * 1024
PART = 5 * 1024 * 1024


def no_room() -> None:
    """In the server's process, before it begins: writes beyond this size fail as they do on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM_BYTES, ROOM_BYTES))


@pytest.fixture
def full_store(tmp_path: Path) -> Iterator[str]:
    """The real S3 server, whose disk takes no file larger than ROOM_BYTES; its URL."""
    make_bucket(tmp_path / "s3", "full")
    program = s3_program(tmp_path / "s3", free_port(), ACCESS_KEY, SECRET_KEY)
    with subprocess.Popen(
        program.argv,
        env={**os.environ, **program.environ},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=no_room,
    ) as server:
        deadline = time.monotonic() + 60
        while not program.is_ready():
            assert server.poll() is None
            assert time.monotonic() < deadline
        yield program.url
        server.terminate()


@pytest.fixture
async def full_bucket(full_store: str) -> AsyncIterator[R2Bucket]:
    opened = open_s3_bucket(full_store, "full", access_key=ACCESS_KEY, secret_key=SECRET_KEY, sidecar=True)
    async with opened as bucket:
        yield bucket


@pytest.mark.parametrize("size", [ROOM_BYTES + 500_000, 3 * PART], ids=["one put", "parts"])
async def test_the_store_has_no_room(env: Env, people: People, full_bucket: R2Bucket, size: int) -> None:
    full = with_binding(env, "video_bucket", full_bucket)
    async with serving(settings_with(), full, people) as world:
        answer = await world.upload(mp4(size))
        assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
        assert int(answer.headers["retry-after"]) > 0
        assert await world.nothing_is_left()
        assert (await world.upload(mp4(100_000))).status_code == 200
        assert len(await world.keys()) == 1


async def test_the_rows_have_no_room(world: World) -> None:
    pages = await world.env.db.prepare("PRAGMA page_count").first("page_count")
    await world.run(f"PRAGMA max_page_count={pages}")
    refused = 0
    for n in range(60):
        answer = await world.upload(mp4(seed=n))
        if answer.status_code != 200:
            assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
            refused += 1
            if refused == 3:
                break
    assert refused == 3
    accepted = await world.rows("SELECT id FROM videos")
    assert len(await world.keys()) == len(accepted)
    assert len(await world.rows("SELECT id FROM processing_jobs")) == len(accepted)
    await world.run("PRAGMA max_page_count=100000")
    assert (await world.upload(mp4(seed=99))).status_code == 200
