"""The real thing: uvicorn, the S3 server, Redis and SQLite; clients that hang up, and a gateway that is stopped."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from benchmarks.slow_clients.clients import Target
from benchmarks.slow_clients.run import Account, Plan, carried_out
from edge_api.settings import WORKER_FOLDER
from tests.edge_api.kit import MIGRATIONS, Person, make_person, mp4, until
from tests.services import S3Server
from wrangler_compat.connections import Connections
from wrangler_compat.d1 import migrations
from wrangler_compat.d1.sqlite import SqliteDatabase, open_sqlite
from wrangler_compat.r2.s3 import open_s3_bucket
from wrangler_compat.r2.types import R2Bucket
from wrangler_compat.servers import free_port

PART = 5 * 1024 * 1024
LIMIT = 30 * 1024 * 1024
NAME = "somebodys-holiday.mp4"
OPENING = f'--x\r\nContent-Disposition: form-data; name="video"; filename="{NAME}"\r\n\r\n'.encode()
CLOSING = b"\r\n--x--\r\n"


@dataclass(frozen=True)
class Running:
    """A gateway in a process of its own."""

    process: subprocess.Popen[bytes]
    url: str
    port: int
    database: Path
    connections: Connections
    temporary: Path
    alice: Person


@pytest.fixture(scope="module")
def gateway(s3_server: S3Server, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("gateway")
    database, temporary, port = folder / "twinreel.db", folder / "tmp", free_port()
    temporary.mkdir()

    async def prepare() -> Person:
        await migrations.apply(database, MIGRATIONS)
        async with open_sqlite(database) as db:
            return await make_person(db, "alice")

    alice = asyncio.run(prepare())
    connections = s3_server.connections(s3_server.make_bucket())
    environ = {
        **os.environ,
        **connections.to_environ(),
        "DATABASE_URL": f"sqlite:///{database}",
        "REDIS_URL": redis_url,
        "REQUESTS_PER_MINUTE": "0",
        "UPLOADS_PER_MINUTE": "0",
        "UPLOAD_BYTES_PER_MINUTE": "0",
        "UPLOADS_AT_ONCE_PER_TOKEN": "0",
        "PROCESSOR_URL": "http://127.0.0.1:1",
        "TMPDIR": str(temporary),
        "MAX_FILE_SIZE": str(LIMIT),
        "UPLOAD_PART_SIZE": str(PART),
        "UPLOAD_IDLE_SECONDS": "2",
        "LOG_LEVEL": "debug",
    }
    process = start(port, environ, folder / "log")
    try:
        wait_until_it_answers(process, port, folder / "log")
        yield Running(process, f"http://127.0.0.1:{port}", port, database, connections, temporary, alice)
    finally:
        process.terminate()
        assert process.wait(60) == -signal.SIGTERM
        log = (folder / "log").read_text()
        assert all('"event"' in line for line in log.splitlines()), "every line of the log is JSON"
        assert alice.token not in log
        assert NAME.removesuffix(".mp4") not in log


def start(port: int, environ: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-m", "edge_api", "serve", "--port", str(port)]
    with log.open("wb") as file:
        return subprocess.Popen(argv, cwd=WORKER_FOLDER.parent, env=environ, stdout=file, stderr=file)


def wait_until_it_answers(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None, log.read_text()
        time.sleep(0.05)
    raise AssertionError(log.read_text())


@pytest.fixture
async def bucket(gateway: Running) -> AsyncIterator[R2Bucket]:
    c = gateway.connections
    async with open_s3_bucket(
        c.r2_endpoint, c.r2_bucket, access_key=c.r2_access_key, secret_key=c.r2_secret_key
    ) as opened:
        yield opened


@pytest.fixture
async def db(gateway: Running) -> AsyncIterator[SqliteDatabase]:
    async with open_sqlite(gateway.database) as opened:
        await opened.batch(
            [opened.prepare(f"DELETE FROM {table}") for table in ("processing_jobs", "verdicts", "videos")]
        )
        yield opened


@pytest.fixture
async def client(gateway: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=gateway.url, headers=gateway.alice.headers, timeout=60) as opened:
        yield opened


def request_head(gateway: Running, length: int | None) -> bytes:
    size = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    return (
        f"POST /api/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {gateway.alice.token}\r\n"
        f"Content-Type: multipart/form-data; boundary=x\r\n{size}\r\n\r\n"
    ).encode()


def answer_of(connection: socket.socket) -> bytes:
    """All of an error answer, which ends with its JSON object."""
    answer = b""
    while not answer.endswith(b"}") and (more := connection.recv(65536)):
        answer += more
    return answer


async def keys(bucket: R2Bucket) -> set[str]:
    return {entry.key for entry in (await bucket.list()).objects}


async def check_nothing_new(bucket: R2Bucket, db: SqliteDatabase, before: set[str]) -> None:
    """No row, no object, no open upload, as soon as the gateway has noticed."""

    async def is_clean() -> bool:
        return await keys(bucket) == before and not await bucket.list_multipart_uploads()

    await until(is_clean)
    assert await db.prepare("SELECT COUNT(*) AS n FROM videos").first("n") == 0
    assert await db.prepare("SELECT COUNT(*) AS n FROM processing_jobs").first("n") == 0


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def test_ready(client: httpx.AsyncClient) -> None:
    answer = await client.get("/readyz")
    assert answer.status_code == 200, answer.text
    assert answer.json()["processor"] == {"ok": False}


@pytest.mark.parametrize("size", [20_000, PART, 3 * PART + 17])
async def test_an_upload_arrives_whole(
    client: httpx.AsyncClient, bucket: R2Bucket, db: SqliteDatabase, gateway: Running, size: int
) -> None:
    data = mp4(size, seed=size)
    answer = await client.post("/api/upload", files={"video": (NAME, data)})
    assert answer.status_code == 200, answer.text
    row = await db.prepare("SELECT r2_key, status FROM videos").first()
    assert row["status"] == "processing"
    stored = await bucket.get(row["r2_key"])
    assert stored is not None
    assert await stored.bytes() == data  # type: ignore[union-attr]
    assert not list(gateway.temporary.iterdir()), "nothing is spooled to disk"
    gone = await client.delete(answer.headers["location"])
    assert gone.status_code == 200
    assert row["r2_key"] not in await keys(bucket)


@pytest.mark.parametrize("sent", [0, 10, 5000, PART + 99, 3 * PART + 4000])
@pytest.mark.parametrize("how", ["close", "reset", "half"])
async def test_a_client_that_hangs_up_leaves_nothing(
    gateway: Running, bucket: R2Bucket, db: SqliteDatabase, sent: int, how: str
) -> None:
    before, data = await keys(bucket), mp4(4 * PART, seed=7)

    def hang_up() -> None:
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=30) as connection:
            if how == "reset":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            connection.sendall(request_head(gateway, len(OPENING) + len(data) + len(CLOSING)) + OPENING + data[:sent])
            if how == "half":
                connection.shutdown(socket.SHUT_WR)
            time.sleep(0.2)

    await asyncio.to_thread(hang_up)
    await check_nothing_new(bucket, db, before)


async def test_a_client_that_falls_silent_is_given_up(gateway: Running, bucket: R2Bucket, db: SqliteDatabase) -> None:
    before = await keys(bucket)

    def fall_silent() -> bytes:
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=30) as connection:
            connection.sendall(request_head(gateway, 10**7) + OPENING + mp4(PART + 5))
            return answer_of(connection)

    assert b" 408 " in await asyncio.to_thread(fall_silent)
    await check_nothing_new(bucket, db, before)


async def test_a_chunked_body_that_ends_too_early(gateway: Running, bucket: R2Bucket, db: SqliteDatabase) -> None:
    """The HTTP body is complete and the form is not: the last boundary is what counts."""
    before = await keys(bucket)

    def send() -> bytes:
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=30) as connection:
            body = OPENING + mp4(PART + 5) + CLOSING[:-4]
            connection.sendall(request_head(gateway, None) + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
            return answer_of(connection)

    answer = await asyncio.to_thread(send)
    assert b" 400 " in answer
    assert b"UPLOAD_INCOMPLETE" in answer
    await check_nothing_new(bucket, db, before)


async def test_a_body_announced_too_large_is_refused_at_once(gateway: Running) -> None:
    """A body that was waited for would make it 408."""

    def ask() -> bytes:
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=30) as connection:
            connection.sendall(request_head(gateway, 2_254_857_831))
            return answer_of(connection)

    answer = await asyncio.to_thread(ask)
    assert b" 413 " in answer
    assert f'"max_size":{LIMIT}'.encode() in answer


async def test_too_large_while_streaming(
    gateway: Running, client: httpx.AsyncClient, bucket: R2Bucket, db: SqliteDatabase
) -> None:
    before = await keys(bucket)

    async def endless() -> AsyncIterator[bytes]:
        yield OPENING + mp4(PART)
        for _ in range(LIMIT // PART + 2):
            yield bytes(PART)

    answer = await client.post(
        "/api/upload", content=endless(), headers={"Content-Type": "multipart/form-data; boundary=x"}
    )
    assert (answer.status_code, answer.json()["max_size"]) == (413, LIMIT)
    await check_nothing_new(bucket, db, before)


async def test_memory_does_not_grow_with_the_upload(gateway: Running, client: httpx.AsyncClient) -> None:
    before = resident_bytes(gateway.process.pid)
    for seed in range(4):
        answer = await client.post("/api/upload", files={"video": (NAME, mp4(LIMIT - 4096, seed=50 + seed))})
        assert answer.status_code == 200
        await client.delete(answer.headers["location"])
    assert resident_bytes(gateway.process.pid) - before < 64e6


async def test_two_equal_uploads_at_the_same_instant(client: httpx.AsyncClient, db: SqliteDatabase) -> None:
    data = mp4(300_000, seed=99)
    answers = await asyncio.gather(*(client.post("/api/upload", files={"video": (NAME, data)}) for _ in range(4)))
    assert sorted(answer.json()["status"] for answer in answers) == ["duplicate"] * 3 + ["processing"]


async def test_links_work_and_only_with_their_signature(client: httpx.AsyncClient, db: SqliteDatabase) -> None:
    data = mp4(40_000, seed=3)
    video_id = (await client.post("/api/upload", files={"video": (NAME, data)})).json()["video_id"]
    await db.prepare("UPDATE videos SET status = 'approved' WHERE id = ?1").bind(video_id).run()
    link = (await client.get(f"/api/videos/{video_id}")).json()["r2_url"]
    async with httpx.AsyncClient() as anybody:
        assert (await anybody.get(link)).content == data
        assert (await anybody.get(link.partition("?")[0])).is_client_error


async def test_events_over_a_socket(client: httpx.AsyncClient, db: SqliteDatabase) -> None:
    video_id = (await client.post("/api/upload", files={"video": (NAME, mp4(seed=4))})).json()["video_id"]
    told = []
    async with client.stream("GET", f"/api/videos/{video_id}/events") as stream:
        async for line in stream.aiter_lines():
            if line.startswith("event: "):
                told.append(line)
                await db.prepare("UPDATE videos SET status = 'rejected', reason = 'x'").run()
    assert told == ["event: queued", "event: verdict"]


async def test_a_watcher_that_leaves_gives_its_place_back(client: httpx.AsyncClient, db: SqliteDatabase) -> None:
    video_id = (await client.post("/api/upload", files={"video": (NAME, mp4(seed=5))})).json()["video_id"]
    async with client.stream("GET", f"/api/videos/{video_id}/events") as stream:
        await anext(stream.aiter_lines())
        assert "twinreel_event_streams 1.0" in (await client.get("/metrics")).text

    async def is_free() -> bool:
        return "twinreel_event_streams 0.0" in (await client.get("/metrics")).text

    await until(is_free)


async def test_slow_clients_and_such_as_hang_up_keep_nobody_waiting_and_leave_nothing(
    gateway: Running, bucket: R2Bucket, db: SqliteDatabase
) -> None:
    """More slow ones than there are turns, each slower than a turn costs."""

    async def account() -> Account:
        rows = await db.prepare("SELECT COUNT(*) AS n FROM videos").first("n")
        return Account(rows, len(await keys(bucket)), len(await bucket.list_multipart_uploads()))

    plan = Plan(slow=40, bytes_per_second=1000, hang_ups=8, others=2, seconds=4)
    target = Target(gateway.url, gateway.alice.token)
    outcome = await carried_out(plan, target, mp4(3000), pid=gateway.process.pid, account=account)
    assert outcome.faults() == []
    assert [answer.status for answer in outcome.slow] == [200] * 40
    assert outcome.beside.accepted > 4
    assert outcome.vitals[1].handles >= outcome.vitals[0].handles + 40


async def test_stopped_in_the_middle_of_an_upload(
    gateway: Running, bucket: R2Bucket, db: SqliteDatabase, tmp_path: Path
) -> None:
    """SIGTERM: the upload under way has its grace, then it is undone."""
    port = free_port()
    environ = {
        **os.environ,
        **gateway.connections.to_environ(),
        "DATABASE_URL": f"sqlite:///{gateway.database}",
        "REDIS_URL": "redis://127.0.0.1:1",
        "UPLOAD_PART_SIZE": str(PART),
        "UPLOAD_IDLE_SECONDS": "2",
    }
    process = start(port, environ, tmp_path / "log")
    try:
        wait_until_it_answers(process, port, tmp_path / "log")
        before = await keys(bucket)
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            connection.sendall(request_head(gateway, 10**7) + OPENING + mp4(PART + 5, seed=8))

            async def is_under_way() -> bool:
                return bool(await bucket.list_multipart_uploads())

            await until(is_under_way)
            process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(process.wait, 30) == -signal.SIGTERM
    finally:
        process.kill()
        process.wait()
    await check_nothing_new(bucket, db, before)
