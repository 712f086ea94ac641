"""The gateway dies at each moment between the socket and the answer: what was answered is kept, the rest wholly or not.

At all points it dies by an exception after which none of its code has an effect; at some a process of its own dies by
kill -9. Then the search for leftovers, the consumers and the doctor do what they do every day.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from consumer.assembly import Consumer
from edge_api.env import Env
from edge_api.leftovers import sweep
from edge_api.settings import Settings
from tests.consumer.stores import at_the_present, let_all_grow_old, with_real_stores
from tests.consumer.world import World, open_world
from tests.e2e.mortal import POINTS, Fate, Killed, Kind, Point, mortal_app, mortal_env
from tests.edge_api.kit import MIGRATIONS, PART, Person, make_person, mp4, serving, settings_with
from tests.edge_api.kit import People as Everybody
from tests.edge_api.test_server import CLOSING, OPENING, wait_until_it_answers
from tests.services import S3Server
from wrangler_compat.d1 import migrations
from wrangler_compat.d1.sqlite import open_sqlite
from wrangler_compat.servers import free_port
from wrangler_compat.testing import MemoryRateLimit, MemorySlots

REAL = (
    "after a part was written",
    "after the object was completed",
    "after the rows were written",
    "after the message was sent",
    "after the head of the answer",
)
ELSEWHERE = "https://videos.example.org/a.mp4"
SIZES: dict[Kind, int] = {"long": 2 * PART + 17, "broken": 2 * PART + 17}


def data_of(kind: Kind) -> bytes:
    return mp4(SIZES.get(kind, 20_000), seed=5)


async def send(client: httpx.AsyncClient, kind: Kind, person: Person) -> httpx.Response:
    if kind == "url":
        return await client.post("/api/fingerprints", json={"video_url": ELSEWHERE}, headers=person.headers)
    body = OPENING + data_of(kind) + (b"\r\n" if kind == "broken" else CLOSING)
    headers = person.headers | {"Content-Type": "multipart/form-data; boundary=x"}
    return await client.post("/api/upload", content=body, headers=headers)


def gateway_env(world: World) -> Env:
    limiters = {field.name: MemoryRateLimit() for field in fields(Env) if field.name.endswith("_limiter")}
    high, normal, low = (world.queues[name] for name in ("high", "normal", "low"))
    return Env(world.bucket, world.db, high, normal, low, **limiters, upload_slots=MemorySlots())


@asynccontextmanager
async def present_world() -> AsyncIterator[World]:
    async with open_world() as world:
        at_the_present(world)
        yield world


async def days_pass(world: World, settings: Settings) -> Consumer:
    """Everything that runs by itself has run, on everything that was left."""
    consumer = await world.consumer(seed=3)
    for _ in range(3):
        world.clock.pass_seconds(40)
        await consumer.sweep.run_once()
        for queue in world.queues.values():
            await queue.deliver(consumer.jobs.receive)
    await sweep(gateway_env(world), settings, datetime.now(UTC) + timedelta(hours=25))
    let_all_grow_old(world)
    await consumer.rounds.doctor.mend()
    return consumer


@dataclass(frozen=True)
class Left:
    """What is there in the end, beside what was there before."""

    videos: list[str]
    keys: set[str]

    @classmethod
    async def of(cls, world: World, before: Left | None = None) -> Left:
        videos = [row["id"] for row in await world.rows("SELECT id FROM videos")]
        keys = {entry.key for entry in (await world.bucket.list()).objects}
        if before is None:
            return cls(videos, keys)
        return cls([each for each in videos if each not in before.videos], keys - before.keys)


async def check_all_or_nothing(world: World, consumer: Consumer, point: Point, before: Left) -> None:
    left = await Left.of(world, before)
    assert not await world.bucket.list_multipart_uploads()
    if not point.is_kept:
        assert left == Left([], set())
        assert not await world.rows("SELECT 1 FROM processing_jobs WHERE video_id NOT IN (SELECT id FROM videos)")
    else:
        (video_id,) = left.videos
        row = await world.video(video_id)
        assert row["status"] in ("approved", "duplicate")
        assert len(await world.rows("SELECT 1 FROM verdicts WHERE video_id = ?1", video_id)) == 1
        if point.kind != "url":
            stored = await world.bucket.get(row["r2_key"])
            assert stored is not None
            assert await stored.bytes() == data_of(point.kind)  # type: ignore[union-attr]
    report = await consumer.rounds.doctor.examine()
    assert not +report.found, report.examples


@pytest.mark.parametrize("name", POINTS)
async def test_killed(name: str) -> None:
    point, settings = POINTS[name], settings_with()
    async with present_world() as world:
        env = gateway_env(world)
        alice = await make_person(world.db, "alice")
        people = Everybody(alice, alice, alice, alice)
        if point.kind == "equal":
            async with serving(settings, env, people) as calm:
                assert (await send(calm.client, "equal", alice)).status_code == 200
            await days_pass(world, settings)
            at_the_present(world)
        before, fate = await Left.of(world), Fate(point)
        async with serving(
            settings, mortal_env(env, fate), people, dressed=lambda app: mortal_app(app, fate)
        ) as doomed:
            with pytest.raises(Killed):
                await send(doomed.client, point.kind, alice)
        assert (fate.answered is not None) == point.is_answered
        consumer = await days_pass(world, settings)
        await check_all_or_nothing(world, consumer, point, before)


def start(name: str, port: int, environ: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-m", "tests.e2e.mortal", name, str(port)]
    with log.open("wb") as output:
        return subprocess.Popen(argv, cwd=MIGRATIONS.parent, env=environ, stdout=output, stderr=output)


@pytest.mark.parametrize("name", REAL)
async def test_killed_for_real(
    name: str, tmp_path: Path, s3_server: S3Server, redis_url: str, chroma_url: str, unique_name: str
) -> None:
    point, settings, database = POINTS[name], settings_with(), tmp_path / "twinreel.db"
    await migrations.apply(database, MIGRATIONS)
    async with present_world() as small, open_sqlite(database) as db:
        bucket_name = s3_server.make_bucket()
        world = await with_real_stores(small, s3_server, chroma_url, unique_name, bucket_name)
        world = replace(world, db=db, env=replace(world.env, db=db))
        alice, before = await make_person(db, "alice"), await Left.of(world)
        environ = os.environ | s3_server.connections(bucket_name).to_environ()
        environ |= {"DATABASE_URL": f"sqlite:///{database}", "REDIS_URL": redis_url, "UPLOAD_PART_SIZE": str(PART)}
        port, log = free_port(), tmp_path / "log"
        gateway = start(name, port, environ, log)
        try:
            await asyncio.to_thread(wait_until_it_answers, gateway, port, log)
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
                with pytest.raises(httpx.TransportError):
                    await send(client, point.kind, alice)
            assert await asyncio.to_thread(gateway.wait, 20) == -signal.SIGKILL
        finally:
            gateway.kill()
        consumer = await days_pass(world, settings)
        await check_all_or_nothing(world, consumer, point, before)
