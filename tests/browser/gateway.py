"""A gateway in a process of its own, over the real S3 server, Redis and SQLite, with people and videos in it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sqlite3
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from edge_api.keys import new_id, timestamp, video_key
from tests.edge_api.kit import MIGRATIONS, People, Person, make_people
from tests.services import S3Server
from wrangler_compat.d1 import migrations
from wrangler_compat.d1.sqlite import open_sqlite
from wrangler_compat.r2.s3 import open_s3_bucket
from wrangler_compat.r2.types import R2HttpMetadata
from wrangler_compat.servers import Program, free_port, running

ROOT = Path(__file__).parents[2]
LIMIT = 8_000_000
"""Bytes of the largest video that it accepts."""
REVIEWING = ("review_claims", "review_changes", "reviews", "parted_pairs", "notifications")


@dataclass(frozen=True)
class Gateway:
    url: str
    database: Path
    people: People
    s3_server: S3Server
    bucket: str

    def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        with contextlib.closing(sqlite3.connect(self.database, timeout=10)) as database, database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(sql, values)]

    def add_videos(self, owner: Person, count: int, *, status: str = "approved", **columns: Any) -> list[str]:
        """Rows as a consumer would have left them, one for each minute up to now, without files; the newest first."""
        now, ids = datetime.now(UTC), [new_id() for _ in range(count)]
        with contextlib.closing(sqlite3.connect(self.database, timeout=10)) as database, database:
            for age, video_id in enumerate(ids):
                at = timestamp(now - timedelta(minutes=age))
                row: dict[str, Any] = {
                    "id": video_id,
                    "r2_key": video_key(video_id, at, "mp4"),
                    "user_id": owner.id,
                    "status": status,
                    "uploaded_at": at,
                    "processed_at": None if status == "processing" else at,
                    "file_size": 1_234_567 + age * 7919,
                    "mime_type": "video/mp4",
                    "duration_seconds": 12.5 + age % 4000,
                    **columns,
                }
                _insert(database, "videos", row)
                job = {
                    "id": new_id(),
                    "video_id": video_id,
                    "created_at": at,
                    "progress": 0 if status == "processing" else 1,
                }
                _insert(
                    database, "processing_jobs", job | {"status": "pending" if status == "processing" else "completed"}
                )
        return ids

    def decide(self, video_id: str, status: str, **columns: Any) -> None:
        """What the consumer would write."""
        columns = {"status": status, "processed_at": timestamp(), "verdict_id": new_id(), **columns}
        names = ", ".join(f"{name} = ?" for name in columns)
        self.rows(f"UPDATE videos SET {names} WHERE id = ?", *columns.values(), video_id)

    def flag(self, count: int, *, matches: Sequence[Mapping[str, Any]] = (), **columns: Any) -> tuple[str, list[str]]:
        """An approved video of bob's, and flagged ones of alice's by the policy that are like it, the oldest first."""
        (original,) = self.add_videos(self.people.bob, 1)
        evidence = json.dumps([{**match, "video_id": original} for match in matches])
        told = {
            "reason": "mirrored",
            "similarity_score": 0.91,
            "duplicate_of": original,
            "matches": evidence,
            **columns,
        }
        ids = self.add_videos(self.people.alice, count, status="flagged", fingerprint_id="kept", **told)[::-1]
        for video_id in ids:
            self.rows("UPDATE videos SET verdict_id = ? WHERE id = ?", f"v{video_id}", video_id)
            sql = """INSERT INTO verdicts (id, video_id, status, reason, duplicate_of, similarity_score, matches,
                                           policy_version, thresholds, decided_by, decided_at)
                     VALUES (?, ?, 'flagged', 'mirrored', ?, 0.91, ?, 1, '{}', 'policy', ?)"""
            self.rows(sql, f"v{video_id}", video_id, original, evidence, timestamp())
        return original, ids

    def progress(self, video_id: str, stage: str, share: float) -> None:
        sql = "UPDATE processing_jobs SET status = 'processing', stage = ?, progress = ? WHERE video_id = ?"
        self.rows(sql, stage, share, video_id)

    def put(self, key: str, body: bytes, content_type: str) -> None:
        """An object into the bucket, as the consumer puts it."""

        async def put() -> None:
            server = self.s3_server
            async with open_s3_bucket(
                server.endpoint,
                self.bucket,
                access_key=server.access_key,
                secret_key=server.secret_key,
                sidecar=True,
            ) as bucket:
                await bucket.put(key, body, http_metadata=R2HttpMetadata(content_type=content_type))

        # In a thread: a browser may hold this one's event loop.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, put()).result()

    def forget_videos(self) -> None:
        for table in ("processing_jobs", "verdicts", "purges", "searches", *REVIEWING, "videos"):
            self.rows(f"DELETE FROM {table}")


def _insert(database: sqlite3.Connection, table: str, row: dict[str, Any]) -> None:
    names = ", ".join(row)
    marks = ", ".join("?" for _ in row)
    database.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(row.values()))


@contextlib.contextmanager
def running_gateway(folder: Path, s3_server: S3Server, redis_url: str, **settings: str) -> Iterator[Gateway]:
    """settings: on top of those of the tests."""
    database, port = folder / "twinreel.db", free_port()

    async def prepare() -> People:
        await migrations.apply(database, MIGRATIONS)
        async with open_sqlite(database) as db:
            return await make_people(db)

    # In a thread: a browser may hold this one's event loop.
    with ThreadPoolExecutor(1) as thread:
        people = thread.submit(asyncio.run, prepare()).result()
    bucket = s3_server.make_bucket()
    environ = {
        **os.environ,
        **s3_server.connections(bucket).to_environ(),
        "DATABASE_URL": f"sqlite:///{database}",
        "REDIS_URL": redis_url,
        "PROCESSOR_URL": "http://127.0.0.1:1",
        "MAX_FILE_SIZE": str(LIMIT),
        "EVENT_POLL_SECONDS": "0.05",
        **dict.fromkeys(UNLIMITED, "0"),
        **settings,
    }
    url = f"http://127.0.0.1:{port}"
    argv = (sys.executable, "-m", "edge_api", "serve", "--port", str(port))
    program = Program("edge_api", argv, port, url, lambda: _answers(f"{url}/livez"))
    with running(program, folder / "edge_api.log", environ):
        yield Gateway(url, database, people, s3_server, bucket)


UNLIMITED: Sequence[str] = (
    "REQUESTS_PER_MINUTE",
    "UPLOADS_PER_MINUTE",
    "UPLOAD_BYTES_PER_MINUTE",
    "UPLOADS_AT_ONCE_PER_TOKEN",
    "SIGN_INS_PER_MINUTE",
)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=1).status_code == 200
    except httpx.HTTPError:
        return False
