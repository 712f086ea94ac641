"""tus over sockets, S3 and SQLite: a client that we did not write, cuts, and gateways that are killed with -9."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import os
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from tusclient.client import TusClient

from benchmarks.resumable import CuttingProxy
from tests.edge_api.kit import MIGRATIONS, Person, make_person, mp4, until
from tests.edge_api.test_server import start, wait_until_it_answers
from tests.edge_api.tus.kit import TUS
from tests.services import S3Server
from wrangler_compat.connections import Connections
from wrangler_compat.d1 import migrations
from wrangler_compat.d1.sqlite import SqliteDatabase, open_sqlite
from wrangler_compat.r2.s3 import open_s3_bucket
from wrangler_compat.r2.types import R2Bucket
from wrangler_compat.servers import free_port

PART = 5 * 1024 * 1024


@dataclass
class Fleet:
    """Gateways over one store and one database."""

    folder: Path
    environ: dict[str, str]
    connections: Connections
    database: Path
    alice: Person
    processes: dict[int, subprocess.Popen[bytes]]

    def start(self) -> int:
        """The port of one gateway more."""
        port = free_port()
        log = self.folder / f"log-{port}"
        process = self.processes[port] = start(port, self.environ, log)
        wait_until_it_answers(process, port, log)
        return port

    def kill(self, port: int) -> None:
        self.processes[port].send_signal(signal.SIGKILL)
        self.processes[port].wait(60)

    @property
    def headers(self) -> dict[str, str]:
        return {**self.alice.headers, **TUS}

    def client(self, port: int) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=self.headers, timeout=60)

    def tuspy(self, port: int) -> TusClient:
        return TusClient(f"http://127.0.0.1:{port}/api/tus", headers=self.alice.headers)


@pytest.fixture(scope="module")
def fleet(s3_server: S3Server, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("fleet")
    database, temporary = folder / "twinreel.db", folder / "tmp"
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
        "TMPDIR": str(temporary),
        "UPLOAD_PART_SIZE": str(PART),
    }
    made = Fleet(folder, environ, connections, database, alice, {})
    try:
        yield made
    finally:
        for process in made.processes.values():
            process.terminate()
            process.wait(60)
        assert not list(temporary.iterdir()), "nothing is spooled to disk"


@pytest.fixture(scope="module")
def ports(fleet: Fleet) -> tuple[int, int]:
    return fleet.start(), fleet.start()


@pytest.fixture
async def bucket(fleet: Fleet) -> AsyncIterator[R2Bucket]:
    c = fleet.connections
    async with open_s3_bucket(
        c.r2_endpoint, c.r2_bucket, access_key=c.r2_access_key, secret_key=c.r2_secret_key
    ) as opened:
        yield opened


@pytest.fixture
async def db(fleet: Fleet) -> AsyncIterator[SqliteDatabase]:
    async with open_sqlite(fleet.database) as opened:
        yield opened


async def check_stored(bucket: R2Bucket, db: SqliteDatabase, data: bytes) -> None:
    """One video has these bytes, and nothing else of its upload is left."""
    sha256 = hashlib.sha256(data).hexdigest()
    rows = (await db.prepare("SELECT r2_key FROM videos WHERE content_sha256 = ?1").bind(sha256).all()).results
    (row,) = rows
    stored = await bucket.get(row["r2_key"])
    assert stored is not None
    assert hashlib.sha256(await stored.bytes()).hexdigest() == sha256  # type: ignore[union-attr]
    assert not await bucket.list_multipart_uploads()
    assert not (await bucket.list(prefix="uploads/")).objects


def tuspy_upload(fleet: Fleet, port: int, data: bytes, chunk_bytes: int, **options: object) -> str:
    """The upload's address, when tuspy is content."""
    uploader = fleet.tuspy(port).uploader(
        file_stream=io.BytesIO(data), chunk_size=chunk_bytes, retries=5, retry_delay=0, **options
    )
    uploader.upload()
    return str(uploader.url)


@pytest.mark.parametrize("chunk_bytes", [1024 * 1024, PART, 7_000_000, 10**9])
@pytest.mark.parametrize("has_checksum", [False, True])
async def test_tuspy_in_chunks(
    fleet: Fleet,
    ports: tuple[int, int],
    bucket: R2Bucket,
    db: SqliteDatabase,
    chunk_bytes: int,
    has_checksum: bool,
) -> None:
    data = mp4(3 * PART + 12_345, seed=chunk_bytes + has_checksum)
    await asyncio.to_thread(tuspy_upload, fleet, ports[0], data, chunk_bytes, upload_checksum=has_checksum)
    await check_stored(bucket, db, data)


async def test_tuspy_with_three_cuts(
    fleet: Fleet, ports: tuple[int, int], bucket: R2Bucket, db: SqliteDatabase
) -> None:
    """Each connection after a cut reaches the other gateway."""
    data = mp4(5 * PART + 999, seed=77)
    with CuttingProxy(ports, cuts=(PART // 2, 2 * PART + 7, 4 * PART)) as proxy:
        await asyncio.to_thread(tuspy_upload, fleet, proxy.port, data, 10**9)
        assert proxy.cuts_made == 3
    await check_stored(bucket, db, data)


async def begin(client: httpx.AsyncClient, data: bytes) -> str:
    created = await client.post("/api/tus", headers={"Upload-Length": str(len(data))})
    assert created.status_code == 201, created.text
    return created.headers["location"]


async def patch(client: httpx.AsyncClient, url: str, offset: int, data: bytes) -> httpx.Response:
    headers = {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
    return await client.patch(url, headers=headers, content=data[offset:])


async def offset_of(client: httpx.AsyncClient, url: str) -> int:
    answer = await client.head(url)
    assert answer.status_code == 200
    return int(answer.headers["upload-offset"])


async def lock_owner(db: SqliteDatabase, url: str) -> str | None:
    upload = db.prepare("SELECT lock_owner FROM tus_uploads WHERE id = ?1").bind(url.rpartition("/")[2])
    owner: str | None = await upload.first("lock_owner")
    return owner


@contextlib.contextmanager
def sending(fleet: Fleet, port: int, url: str, data: bytes, sent: int) -> Iterator[socket.socket]:
    """A PATCH of everything that has sent so much of it, and falls silent."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        head = "".join(f"{name}: {value}\r\n" for name, value in fleet.headers.items())
        connection.sendall(
            f"PATCH {url} HTTP/1.1\r\nHost: x\r\n{head}Upload-Offset: 0\r\nContent-Length: {len(data)}\r\n"
            "Content-Type: application/offset+octet-stream\r\n\r\n".encode()
            + data[:sent]
        )
        yield connection


@pytest.mark.parametrize("sent", [3000, PART - 1, 3 * PART + 4000])
async def test_a_client_that_hangs_up_has_lost_nothing(
    fleet: Fleet, ports: tuple[int, int], bucket: R2Bucket, db: SqliteDatabase, sent: int
) -> None:
    data = mp4(4 * PART + 5, seed=sent)
    async with fleet.client(ports[1]) as client:
        url = await begin(client, data)

        def hang_up() -> None:
            with sending(fleet, ports[0], url, data, sent):
                time.sleep(0.2)

        await asyncio.to_thread(hang_up)

        async def is_kept() -> bool:
            return await offset_of(client, url) == sent

        await until(is_kept)
        assert (await patch(client, url, sent, data)).status_code == 204
    await check_stored(bucket, db, data)


@pytest.mark.parametrize("recorded", [0, 5])
async def test_killed_in_mid_patch_and_resumed_at_another(
    fleet: Fleet, ports: tuple[int, int], bucket: R2Bucket, db: SqliteDatabase, recorded: int
) -> None:
    """What was durable stays, and the lock of the dead is taken over in time by the request that waits for it."""
    data, doomed = mp4(6 * PART + 4321, seed=500 + recorded), fleet.start()
    async with fleet.client(ports[0]) as client:
        url = await begin(client, data)
        with sending(fleet, doomed, url, data, 5 * PART + 99):

            async def is_under_way() -> bool:
                return await offset_of(client, url) >= recorded * PART and await lock_owner(db, url) is not None

            await until(is_under_way)
            fleet.kill(doomed)
        offset = await offset_of(client, url)
        assert offset % PART == 0
        answer = await patch(client, url, offset, data)
        assert answer.status_code == 204, answer.text
        head = await client.head(url)
        assert head.headers["x-video-id"] == answer.headers["x-video-id"]
    await check_stored(bucket, db, data)


async def test_a_gateway_that_is_stopped_keeps_what_it_had(
    fleet: Fleet, ports: tuple[int, int], bucket: R2Bucket, db: SqliteDatabase
) -> None:
    """SIGTERM, as with every new version."""
    data, stopped = mp4(3 * PART + 11, seed=900), fleet.start()
    async with fleet.client(ports[0]) as client:
        url = await begin(client, data)
        with sending(fleet, stopped, url, data, 2 * PART + 99):

            async def is_under_way() -> bool:
                return await offset_of(client, url) >= 2 * PART

            await until(is_under_way)
            fleet.processes[stopped].send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(fleet.processes[stopped].wait, 60) == -signal.SIGTERM
        offset = await offset_of(client, url)
        assert offset == 2 * PART + 99
        assert (await patch(client, url, offset, data)).status_code == 204
    await check_stored(bucket, db, data)


async def test_a_connection_that_went_silent_gives_way(
    fleet: Fleet, ports: tuple[int, int], bucket: R2Bucket, db: SqliteDatabase
) -> None:
    """The network died between client and gateway: nobody closed anything."""
    data = mp4(2 * PART, seed=321)
    async with fleet.client(ports[1]) as client:
        url = await begin(client, data)
        with sending(fleet, ports[0], url, data, PART + 50):

            async def is_locked() -> bool:
                return await lock_owner(db, url) is not None

            await until(is_locked)
            refused = await patch(client, url, await offset_of(client, url), data)
            assert refused.status_code == 409, refused.text
            offset = await offset_of(client, url)
            assert offset == PART + 50
            assert (await patch(client, url, offset, data)).status_code == 204
    await check_stored(bucket, db, data)


async def test_memory_does_not_grow_with_the_upload(fleet: Fleet, ports: tuple[int, int]) -> None:
    def resident_bytes() -> int:
        statm = Path(f"/proc/{fleet.processes[ports[0]].pid}/statm").read_text()
        return int(statm.split()[1]) * os.sysconf("SC_PAGE_SIZE")

    await asyncio.to_thread(tuspy_upload, fleet, ports[0], mp4(4 * PART, seed=1000), 10**9)
    before = resident_bytes()
    for seed in range(3):
        data = mp4(12 * PART, seed=1001 + seed)
        await asyncio.to_thread(tuspy_upload, fleet, ports[0], data, 10**9)
    assert resident_bytes() - before < 64e6
