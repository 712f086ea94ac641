"""The real gateway, Redis and sockets: who hangs up frees a slot, and what kill -9 leaves behind runs out by itself."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import tomllib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from edge_api.settings import WORKER_FOLDER
from tests.edge_api.kit import MIGRATIONS, Person, make_person, mp4, until
from tests.edge_api.test_server import CLOSING, OPENING, answer_of, start, wait_until_it_answers
from tests.services import S3Server
from wrangler_compat.d1 import migrations
from wrangler_compat.d1.sqlite import open_sqlite
from wrangler_compat.servers import free_port

(DECLARED,) = tomllib.loads((WORKER_FOLDER / "wrangler.toml").read_text(encoding="utf-8"))["slots"]
BODY = OPENING + mp4() + CLOSING


@dataclass
class Gateways:
    """Over one database and one Redis; a token may have one upload under way."""

    folder: Path
    environ: dict[str, str]
    alice: Person
    processes: dict[int, subprocess.Popen[bytes]]

    def start(self) -> int:
        """The port of one more."""
        port = free_port()
        log = self.folder / f"log-{port}"
        self.processes[port] = start(port, self.environ, log)
        wait_until_it_answers(self.processes[port], port, log)
        return port

    def kill(self, port: int) -> None:
        self.processes[port].send_signal(signal.SIGKILL)
        self.processes[port].wait(60)

    @contextmanager
    def sending(self, port: int, sent: bytes) -> Iterator[socket.socket]:
        """An upload that has announced all of BODY and sent so much of it."""
        with socket.create_connection(("127.0.0.1", port), timeout=300) as connection:
            head = (
                f"POST /api/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.alice.token}\r\n"
                f"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {len(BODY)}\r\n\r\n"
            )
            connection.sendall(head.encode() + sent)
            yield connection

    def answer(self, port: int, sent: bytes) -> bytes:
        with self.sending(port, sent) as connection:
            return answer_of(connection)


@pytest.fixture
def gateways(s3_server: S3Server, redis_url: str, tmp_path: Path) -> Iterator[Gateways]:
    async def prepare() -> Person:
        await migrations.apply(tmp_path / "twinreel.db", MIGRATIONS)
        async with open_sqlite(tmp_path / "twinreel.db") as db:
            return await make_person(db, "alice")

    environ = {
        **os.environ,
        **s3_server.connections(s3_server.make_bucket()).to_environ(),
        "DATABASE_URL": f"sqlite:///{tmp_path / 'twinreel.db'}",
        "REDIS_URL": redis_url,
        "PROCESSOR_URL": "http://127.0.0.1:1",
        "UPLOADS_AT_ONCE_PER_TOKEN": "1",
    }
    made = Gateways(tmp_path, environ, asyncio.run(prepare()), {})
    try:
        yield made
    finally:
        for process in made.processes.values():
            process.kill()
            process.wait(60)


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Any]:
    async with Redis.from_url(redis_url) as opened:
        yield opened


async def key_of(redis: Any, gateways: Gateways) -> str:
    async with open_sqlite(gateways.folder / "twinreel.db") as db:
        token_id = await db.prepare("SELECT id FROM api_tokens").first("id")
    return f"slots:{DECLARED['namespace_id']}:{token_id}"


async def test_who_hangs_up_frees_the_slot(gateways: Gateways, redis: Any) -> None:
    port = await asyncio.to_thread(gateways.start)
    key = await key_of(redis, gateways)

    async def is_taken() -> bool:
        return bool(await redis.zcard(key) == 1)

    async def is_free() -> bool:
        return bool(await redis.zcard(key) == 0)

    with gateways.sending(port, BODY[:500]):
        await until(is_taken)
        refused = await asyncio.to_thread(gateways.answer, port, b"")
        assert b" 429 " in refused.partition(b"\r\n")[0]
        assert b"TOO_MANY_UPLOADS" in refused, "told to whom has sent nothing of the body"
    await until(is_free)
    assert b" 200 " in (await asyncio.to_thread(gateways.answer, port, BODY)).partition(b"\r\n")[0]
    assert await is_free()


async def test_what_a_killed_gateway_held_runs_out_by_itself(gateways: Gateways, redis: Any) -> None:
    doomed, other = [await asyncio.to_thread(gateways.start) for _ in range(2)]
    key = await key_of(redis, gateways)

    async def is_taken() -> bool:
        return bool(await redis.zcard(key) == 1)

    with gateways.sending(doomed, BODY[:500]):
        await until(is_taken)
        gateways.kill(doomed)
    # The time of Redis is not ours to move: the lease is. It may have run out, on a machine that stood still.
    for holder, ends in await redis.zrange(key, 0, -1, withscores=True):
        seconds, _ = await redis.time()
        assert ends / 1000 <= seconds + 1 + DECLARED["lease"]
        assert -1 != await redis.pttl(key) <= DECLARED["lease"] * 1000, "and Redis forgets the key then"
        await redis.zadd(key, {holder: ends - 1000 * DECLARED["lease"]}, xx=True)
    assert b" 200 " in (await asyncio.to_thread(gateways.answer, other, BODY)).partition(b"\r\n")[0]
    assert await redis.zcard(key) == 0
