"""How fast an upload goes through the gateway, as a ratio to a raw S3 multipart put of the same bytes.

    python benchmarks/upload.py [--size 2G] [--rounds 3]

Starts a real S3 server, Redis and gateway of its own on loopback, in a folder that is removed afterwards. The bytes are
made on the fly: an MP4's first box, then noise. Both ways put parts of the same size to the same server, as many in
flight. They take turns, so that whatever else the machine does falls on both; the median of the rounds' ratios counts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from edge_api.accounts import create_token, first_admin  # noqa: E402
from edge_api.settings import configuration  # noqa: E402
from wrangler_compat.d1 import migrations  # noqa: E402
from wrangler_compat.d1.sqlite import open_sqlite  # noqa: E402
from wrangler_compat.servers import (  # noqa: E402
    Program,
    free_port,
    make_bucket,
    redis_program,
    running,
    s3_program,
)

BUCKET = "twinreel-videos"
ACCESS_KEY, SECRET_KEY = "benchmark-access-key", "benchmark-secret-key"
FTYP = bytes.fromhex("00000018") + b"ftypisom" + bytes.fromhex("00000200") + b"isommp42"
MOOV = bytes.fromhex("00000028") + b"moov" + bytes.fromhex("00000020") + b"hdlr" + bytes(8) + b"vide" + bytes(12)
MDAT = bytes.fromhex("00000000") + b"mdat"
"""A movie box with one track of pictures, and a box of media that lasts to the end of the file."""
BLOCK_BYTES = 1024 * 1024
BOUNDARY = b"twinreel-benchmark-boundary"
_SAMPLE_SECONDS = 0.02


@dataclass
class Watch:
    """What is seen of the gateway while it works. Bytes."""

    pid: int
    folder: Path
    peak_rss: int = 0
    peak_folder: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self._stop.wait(_SAMPLE_SECONDS):
            self.peak_rss = max(self.peak_rss, resident(self.pid))
            self.peak_folder = max(self.peak_folder, size_of(self.folder))

    def stop(self) -> None:
        self._stop.set()


@dataclass(frozen=True)
class Gateway:
    port: int
    pid: int
    token: str
    temporary: Path


def noise(size: int, seed: int) -> Iterator[bytes]:
    """An MP4 by its first bytes, unlike that of any other seed, in blocks."""
    block = random.Random(seed).randbytes(BLOCK_BYTES)
    yield (FTYP + MOOV + MDAT + block)[: min(size, BLOCK_BYTES)]
    left, number = size - BLOCK_BYTES, 0
    while left > 0:
        number += 1
        yield (number.to_bytes(8, "big") + block[8:])[: min(left, BLOCK_BYTES)]
        left -= BLOCK_BYTES


def resident(pid: int) -> int:
    fields = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


async def put_raw(s3: Program, size: int, seed: int, part_bytes: int, in_flight: int) -> float:
    """Seconds."""
    config = AioConfig(
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        signature_version="s3v4",
        s3={"addressing_style": "path"},
    )
    async with get_session().create_client(
        "s3",
        endpoint_url=s3.url,
        region_name="auto",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        config=config,
    ) as client:
        started = time.perf_counter()
        await _put_parts(client, f"raw/{seed}.mp4", parts_of(noise(size, seed), part_bytes), in_flight)
        seconds = time.perf_counter() - started
        await client.delete_object(Bucket=BUCKET, Key=f"raw/{seed}.mp4")
    return seconds


def parts_of(blocks: Iterator[bytes], part_bytes: int) -> Iterator[bytes]:
    part = bytearray()
    for block in blocks:
        part += block
        while len(part) >= part_bytes:
            yield bytes(part[:part_bytes])
            del part[:part_bytes]
    if part:
        yield bytes(part)


async def _put_parts(client: Any, key: str, parts: Iterator[bytes], in_flight: int) -> None:
    where = {"Bucket": BUCKET, "Key": key}
    where["UploadId"] = (await client.create_multipart_upload(**where))["UploadId"]
    done: list[dict[str, Any]] = []

    async def send(number: int, body: bytes) -> None:
        answer = await client.upload_part(**where, PartNumber=number, Body=body)
        done.append({"PartNumber": number, "ETag": answer["ETag"]})

    sending: set[asyncio.Task[None]] = set()
    for number, body in enumerate(parts, 1):
        if len(sending) >= in_flight:
            finished, sending = await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
            for task in finished:
                task.result()
        sending.add(asyncio.create_task(send(number, body)))
    await asyncio.gather(*sending)
    done.sort(key=lambda part: part["PartNumber"])
    await client.complete_multipart_upload(**where, MultipartUpload={"Parts": done})


def put_through(gateway: Gateway, size: int, seed: int) -> tuple[float, dict[str, Any]]:
    """Seconds from the first byte sent to the answer, and the answer."""
    head = b'--%s\r\nContent-Disposition: form-data; name="video"; filename="a.mp4"\r\n\r\n' % BOUNDARY
    tail = b"\r\n--%s--\r\n" % BOUNDARY
    request = (
        f"POST /api/upload HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {gateway.token}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY.decode()}\r\n"
        f"Content-Length: {len(head) + size + len(tail)}\r\nConnection: close\r\n\r\n"
    ).encode()
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=600) as connection:
        started = time.perf_counter()
        connection.sendall(request + head)
        for block in noise(size, seed):
            connection.sendall(block)
        connection.sendall(tail)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
        seconds = time.perf_counter() - started
    status, _, rest = answer.partition(b"\r\n")
    if b" 200 " not in status:
        raise SystemExit(f"the gateway answered {answer.decode(errors='replace')}")
    return seconds, json.loads(rest.partition(b"\r\n\r\n")[2])


def delete(gateway: Gateway, video_id: str) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=60) as connection:
        connection.sendall(
            f"DELETE /api/videos/{video_id} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: Bearer {gateway.token}\r\nConnection: close\r\n\r\n".encode()
        )
        while connection.recv(65536):
            pass


async def prepare(database: Path) -> str:
    """Migrate, and give a token."""
    await migrations.apply(database, ROOT / "migrations")
    async with open_sqlite(database) as db:
        return (await create_token(db, user=await first_admin(db), name="benchmark", expires=None)).token


@contextmanager
def serving(folder: Path, s3: Program, redis: Program, size: int) -> Iterator[Gateway]:
    database, temporary, port = folder / "twinreel.db", folder / "tmp", free_port()
    temporary.mkdir()
    token = asyncio.run(prepare(database))
    environ = {
        **os.environ,
        "R2_ENDPOINT": s3.url,
        "R2_ACCESS_KEY": ACCESS_KEY,
        "R2_SECRET_KEY": SECRET_KEY,
        "R2_BUCKET": BUCKET,
        "DATABASE_URL": f"sqlite:///{database}",
        "REDIS_URL": redis.url,
        "REQUESTS_PER_MINUTE": "0",
        "UPLOADS_PER_MINUTE": "0",
        "UPLOAD_BYTES_PER_MINUTE": "0",
        "UPLOADS_AT_ONCE_PER_TOKEN": "0",
        "TMPDIR": str(temporary),
        "MAX_FILE_SIZE": str(size + 1),
    }
    argv = [sys.executable, "-m", "edge_api", "serve", "--port", str(port)]
    with (folder / "edge_api.log").open("ab") as log:
        process = subprocess.Popen(argv, cwd=ROOT, env=environ, stdout=log, stderr=log)
    try:
        wait_for(port, process, folder / "edge_api.log")
        yield Gateway(port, process.pid, token, temporary)
    finally:
        process.terminate()
        process.wait(30)


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            raise SystemExit(f"the gateway ended: {log.read_text(encoding='utf-8')[-2000:]}")
        time.sleep(0.05)
    raise SystemExit("the gateway did not start within 30 s")


def bytes_of(text: str) -> int:
    """`2G`, `500M`, `65536`."""
    units = {"K": 1024, "M": 1024**2, "G": 1024**3}
    number, unit = (text[:-1], units[text[-1].upper()]) if text[-1].upper() in units else (text, 1)
    return int(float(number) * unit)


def measure(gateway: Gateway, s3: Program, options: argparse.Namespace) -> dict[str, Any]:
    settings = configuration(os.environ).settings
    part_bytes, in_flight = settings.upload_part_size, settings.upload_parts_in_flight
    before = resident(gateway.pid)
    watch = Watch(gateway.pid, gateway.temporary)
    watcher = threading.Thread(target=watch.run, daemon=True)
    watcher.start()
    raw, through = [], []
    for seed in range(options.rounds):
        raw.append(asyncio.run(put_raw(s3, options.size, seed, part_bytes, in_flight)))
        seconds, answer = put_through(gateway, options.size, 1000 + seed)
        through.append(seconds)
        delete(gateway, answer["video_id"])
        print(f"round {seed + 1}: raw {raw[-1]:.2f} s, through the gateway {seconds:.2f} s", flush=True)
    watch.stop()
    watcher.join()
    return {
        "bytes": options.size,
        "part_bytes": part_bytes,
        "parts_in_flight": in_flight,
        "seconds": statistics.median(through),
        "mb_per_second": options.size / 1e6 / statistics.median(through),
        "raw_seconds": statistics.median(raw),
        "raw_mb_per_second": options.size / 1e6 / statistics.median(raw),
        "ratio": statistics.median(alone / whole for alone, whole in zip(raw, through, strict=True)),
        "rss_before_mb": before / 1e6,
        "rss_growth_mb": (watch.peak_rss - before) / 1e6,
        "tmpdir_bytes": watch.peak_folder,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=bytes_of, default=bytes_of("2G"), help="of the upload (default: 2G)")
    parser.add_argument("--rounds", type=int, default=3, help="times each way is taken (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="twinreel-benchmark-") as name:
        folder = Path(name)
        (folder / "redis").mkdir()
        (folder / "s3").mkdir()
        make_bucket(folder / "s3", BUCKET)
        with (
            running(
                s3_program(folder / "s3", free_port(), ACCESS_KEY, SECRET_KEY), folder / "s3.log", os.environ
            ) as s3,
            running(redis_program(folder / "redis", free_port()), folder / "redis.log", os.environ) as redis,
            serving(folder, s3, redis, options.size) as gateway,
        ):
            found = measure(gateway, s3, options)
    if options.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:18} {value:.2f}" if isinstance(value, float) else f"{name:18} {value}")


if __name__ == "__main__":
    main()
