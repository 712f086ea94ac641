"""A resumable upload by a tus client that is not ours, with cuts, against a raw S3 multipart put of the same bytes.

    python -m benchmarks.resumable [--gigabytes 1] [--cuts 3]

Starts a real S3 server, Redis and gateway of its own on loopback. tuspy sends the file through a proxy that breaks the
connection at even distances; it goes on each time from what HEAD says. Printed: both rates and their ratio, how much
the gateway's memory grew, and whether the object's SHA-256 is the file's.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import os
import socket
import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tusclient.client import TusClient

from benchmarks.upload import (
    ACCESS_KEY,
    BUCKET,
    SECRET_KEY,
    Gateway,
    Watch,
    noise,
    put_raw,
    resident,
    serving,
)
from edge_api.settings import configuration
from wrangler_compat.r2.s3 import open_s3_bucket
from wrangler_compat.servers import Program, free_port, make_bucket, redis_program, running, s3_program

_BLOCK = 256 * 1024


class CuttingProxy:
    """Hands connections on to ports, and breaks the one that brings the byte at which a cut is due; every cut moves on
    to the next port. port: where it listens. cuts: bytes from the clients, counted over all connections. is_dead_after:
    from a cut until revive() connections are refused."""

    def __init__(self, ports: Sequence[int], cuts: Sequence[int], *, is_dead_after: bool = False) -> None:
        self.cuts_made = 0
        self._is_dead_after, self._revived = is_dead_after, 0
        self._ports, self._cuts = ports, sorted(cuts)
        self._seen = 0
        self._counting = threading.Lock()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.close()

    def revive(self) -> None:
        self._revived = self.cuts_made

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            if self._is_dead_after and self.cuts_made > self._revived:
                client.close()
                continue
            server = socket.create_connection(("127.0.0.1", self._ports[self.cuts_made % len(self._ports)]))
            threading.Thread(target=self._hand_on, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._hand_on, args=(server, client, False), daemon=True).start()

    def _hand_on(self, source: socket.socket, target: socket.socket, counts: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_BLOCK):
                target.sendall(data)
                if counts and self._is_cut(len(data)):
                    break
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _is_cut(self, size: int) -> bool:
        with self._counting:
            self._seen += size
            if self.cuts_made < len(self._cuts) and self._seen >= self._cuts[self.cuts_made]:
                self.cuts_made += 1
                return True
            return False


@contextlib.contextmanager
def file_of(folder: Path, size: int) -> Iterator[tuple[Path, str]]:
    """The client's file, and its SHA-256."""
    path, digest = folder / "holiday.mp4", hashlib.sha256()
    with path.open("wb") as file:
        for block in noise(size, 7):
            digest.update(block)
            file.write(block)
    try:
        yield path, digest.hexdigest()
    finally:
        path.unlink()


def send(port: int, token: str, path: Path, chunk_bytes: int) -> float:
    """Seconds from the creation to the last answer."""
    client = TusClient(f"http://127.0.0.1:{port}/api/tus", headers={"Authorization": f"Bearer {token}"})
    started = time.perf_counter()
    client.uploader(str(path), chunk_size=chunk_bytes, retries=20, retry_delay=0).upload()
    return time.perf_counter() - started


async def stored_sha256(s3: Program, key: str) -> str:
    digest = hashlib.sha256()
    async with open_s3_bucket(s3.url, BUCKET, access_key=ACCESS_KEY, secret_key=SECRET_KEY) as bucket:
        body = await bucket.get(key)
        assert body is not None
        async for chunk in body:  # type: ignore[union-attr]
            digest.update(chunk)
    return digest.hexdigest()


def measure(gateway: Gateway, s3: Program, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    size = int(options.gigabytes * 1e9)
    settings = configuration(os.environ).settings
    raw = asyncio.run(put_raw(s3, size, 1, settings.upload_part_size, settings.upload_parts_in_flight))
    before, watch = resident(gateway.pid), Watch(gateway.pid, gateway.temporary)
    cuts = [size * number // (options.cuts + 1) for number in range(1, options.cuts + 1)]
    with file_of(folder, size) as (path, sha256), CuttingProxy([gateway.port], cuts) as proxy:
        threading.Thread(target=watch.run, daemon=True).start()
        seconds = send(proxy.port, gateway.token, path, options.chunk)
        watch.stop()
        cuts_made = proxy.cuts_made
    with contextlib.closing(sqlite3.connect(folder / "twinreel.db")) as db:
        ((key, told),) = db.execute("SELECT r2_key, content_sha256 FROM videos").fetchall()
    return {
        "bytes": size,
        "chunk_bytes": options.chunk,
        "cuts": cuts_made,
        "seconds": seconds,
        "mb_per_second": size / 1e6 / seconds,
        "raw_seconds": raw,
        "raw_mb_per_second": size / 1e6 / raw,
        "ratio": raw / seconds,
        "rss_before_mb": before / 1e6,
        "rss_growth_mb": (watch.peak_rss - before) / 1e6,
        "tmpdir_bytes": watch.peak_folder,
        "sha256_of_file": sha256,
        "sha256_of_object": asyncio.run(stored_sha256(s3, key)),
        "sha256_in_row": told,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=1.0, help="of the file (default: %(default)s)")
    parser.add_argument("--cuts", type=int, default=3, help="of the connection (default: %(default)s)")
    parser.add_argument(
        "--chunk", type=int, default=64_000_000, help="bytes that tuspy sends in one request (default: %(default)s)"
    )
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
            serving(folder, s3, redis, int(options.gigabytes * 1e9)) as gateway,
        ):
            found = measure(gateway, s3, folder, options)
    if options.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"{name:18} {value:.2f}" if isinstance(value, float) else f"{name:18} {value}")
    return 0 if found["sha256_of_file"] == found["sha256_of_object"] == found["sha256_in_row"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
