"""`python -m consumer doctor` over real stores: exit codes, the table, JSON, and when it refuses."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest

from consumer.__main__ import main
from consumer.cli import DONE, UNCONFIRMED, WRONG
from tests.services import S3Server
from wrangler_compat.d1.migrations import apply
from wrangler_compat.r2.s3 import open_s3_bucket
from wrangler_compat.r2.types import R2Bucket

MIGRATIONS = Path(__file__).parents[2] / "migrations"
NOW = ("--older-than", "0")


class Stores:
    def __init__(self, folder: Path, s3: S3Server, chroma_url: str) -> None:
        self.s3, self.name, self.database = s3, s3.make_bucket(), folder / "twinreel.db"
        self.environ = {
            "R2_ENDPOINT": s3.endpoint,
            "R2_ACCESS_KEY": s3.access_key,
            "R2_SECRET_KEY": s3.secret_key,
            "R2_BUCKET": self.name,
            "R2_METADATA": "sidecar",
            "DATABASE_URL": f"sqlite:///{self.database}",
            "REDIS_URL": "redis://127.0.0.1:1",
            "CHROMA_URL": chroma_url,
        }
        asyncio.run(apply(self.database, MIGRATIONS))

    def put(self, *keys: str) -> None:
        async def put(bucket: R2Bucket) -> None:
            for key in keys:
                await bucket.put(key, b"something")

        asyncio.run(self._with_bucket(put))

    def keys(self) -> list[str]:
        found: list[str] = []

        async def listed(bucket: R2Bucket) -> None:
            found.extend(each.key for each in (await bucket.list()).objects)

        asyncio.run(self._with_bucket(listed))
        return found

    async def _with_bucket(self, work: Callable[[R2Bucket], Awaitable[None]]) -> None:
        opened = open_s3_bucket(
            self.s3.endpoint, self.name, access_key=self.s3.access_key, secret_key=self.s3.secret_key, sidecar=True
        )
        async with opened as bucket:
            await work(bucket)

    def execute(self, sql: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.database)) as database, database:
            return database.execute(sql).fetchall()


@pytest.fixture
def stores(tmp_path: Path, s3_server: S3Server, chroma_url: str) -> Stores:
    """The index is shared with other tests of this session: each cleans up after itself."""
    return Stores(tmp_path, s3_server, chroma_url)


def orphans(count: int) -> list[str]:
    return [f"videos/2026/11/21/{n:032x}.mp4" for n in range(count)]


def test_in_order_then_an_orphan_then_in_order_again(stores: Stores, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", *NOW], stores.environ) == DONE
    stores.put(*orphans(1))
    capsys.readouterr()
    assert main(["doctor", *NOW], stores.environ) == UNCONFIRMED
    shown = capsys.readouterr().out
    assert "object_without_row" in shown
    assert "1 x the object is deleted" in shown
    assert orphans(1)[0] in shown
    assert main(["doctor"], stores.environ) == DONE, "it is not a day old"
    assert stores.keys() == orphans(1)
    assert main(["doctor", "--fix", *NOW], stores.environ) == DONE
    assert stores.keys() == []
    assert main(["doctor", *NOW], stores.environ) == DONE


def test_json(stores: Stores, capsys: pytest.CaptureFixture[str]) -> None:
    stores.put(*orphans(2))
    assert main(["doctor", "--json", *NOW], stores.environ) == UNCONFIRMED
    told = json.loads(capsys.readouterr().out)
    assert told["found"]["object_without_row"] == 2
    assert told["stopped"] is None
    ((kept,),) = stores.execute("SELECT result FROM duties WHERE name = 'doctor'")
    assert json.loads(str(kept))["found"] == told["found"]


def test_a_database_that_knows_nothing_of_the_bucket_deletes_nothing(
    stores: Stores, capsys: pytest.CaptureFixture[str]
) -> None:
    stores.put(*orphans(25))
    assert main(["doctor", "--fix", *NOW], stores.environ) == UNCONFIRMED
    assert "Is this the right bucket and the right database?" in capsys.readouterr().out
    assert len(stores.keys()) == 25
    assert main(["doctor", "--fix", "--yes", *NOW], stores.environ) == DONE
    assert stores.keys() == []


def test_after_a_restore_the_videos_get_their_rows_again(stores: Stores, capsys: pytest.CaptureFixture[str]) -> None:
    stores.put(*orphans(25))
    stores.execute("INSERT INTO users (id, email, username, created_at) VALUES ('u', 'u@x', 'ann', '2026')")
    assert main(["doctor", "--fix", "--adopt", "nobody", *NOW], stores.environ) == WRONG
    assert "There is no user nobody" in capsys.readouterr().err
    assert main(["doctor", "--fix", "--adopt", "ann", *NOW], stores.environ) == DONE
    assert len(stores.keys()) == 25
    adopted = stores.execute(
        "SELECT user_id, videos.status, processing_jobs.status, COUNT(*) FROM videos "
        "JOIN processing_jobs ON processing_jobs.video_id = videos.id GROUP BY 1, 2, 3"
    )
    assert adopted == [("u", "processing", "pending", 25)]
