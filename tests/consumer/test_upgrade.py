"""Migration 0003 under the feet of the version before, which holds the database open and has jobs in hand."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from consumer.clock import moment
from consumer.leases import Leases
from tests.edge_api.kit import MIGRATIONS
from wrangler_compat.d1 import migrations
from wrangler_compat.d1.sqlite import SqliteDatabase, open_sqlite

# The statements of the version before, as it sends them.
INSERT_VIDEO = """
INSERT INTO videos (id, r2_key, user_id, uploaded_at, file_size, mime_type, priority, content_sha256, request_id,
                    status)
VALUES (?1, ?2, 'u', ?3, 1, 'video/mp4', 'normal', ?1, 'r', 'processing')
"""
INSERT_JOB = """
INSERT INTO processing_jobs (id, video_id, status, created_at, completed_at, progress)
SELECT ?2, id, CASE status WHEN 'processing' THEN 'pending' ELSE 'completed' END, ?3, processed_at,
       CASE status WHEN 'processing' THEN 0 ELSE 1 END
FROM videos WHERE id = ?1
"""
CLAIM = """
UPDATE processing_jobs
SET status = 'processing', lease_owner = ?1, lease_until = ?4, attempt_count = attempt_count + 1,
    started_at = ?3, next_attempt_at = NULL, stage = COALESCE(stage, 'queued')
WHERE video_id = ?2
  AND ((status = 'pending' AND (next_attempt_at IS NULL OR next_attempt_at <= ?5))
       OR (status = 'processing' AND (lease_until IS NULL OR lease_until < ?3) AND attempt_count <= ?6))
  AND EXISTS (SELECT 1 FROM videos WHERE videos.id = ?2 AND videos.status = 'processing')
"""
CLAIMED = """
SELECT videos.*, processing_jobs.attempt_count
FROM videos JOIN processing_jobs ON processing_jobs.video_id = videos.id
WHERE videos.id = ?2 AND processing_jobs.lease_owner = ?1 AND processing_jobs.status = 'processing'
"""
RENEW = """
UPDATE processing_jobs SET lease_until = ?3
WHERE video_id = ?2 AND lease_owner = ?1 AND status = 'processing'
"""
HAND_BACK = """
UPDATE processing_jobs
SET status = 'pending', lease_owner = NULL, lease_until = NULL, attempt_count = attempt_count - ?3,
    next_attempt_at = ?4, error_message = COALESCE(?5, error_message)
WHERE video_id = ?2 AND lease_owner = ?1 AND status = 'processing'
"""
GUARD = """
UPDATE catalogue SET version = CASE WHEN EXISTS (SELECT 1 FROM processing_jobs
    WHERE video_id = ?2 AND lease_owner = ?1 AND status = 'processing') THEN version + 1 END WHERE id = 1
"""
DECIDED = "UPDATE videos SET status = 'approved', processed_at = ?2, verdict_id = ?3 WHERE id = ?1"
COMPLETED = """
UPDATE processing_jobs
SET status = 'completed', completed_at = ?2, stage = 'verdict', progress = 1, lease_owner = NULL, lease_until = NULL,
    next_attempt_at = NULL, error_message = NULL
WHERE video_id = ?1
"""
ADD_NOTIFICATION = "INSERT INTO notifications (id, video_id, kind, payload, created_at) VALUES (?1, ?2, ?3, ?4, ?5)"
UNSENT = """
SELECT id, video_id, kind, payload, created_at, attempts FROM notifications
WHERE sent_at IS NULL AND (next_attempt_at IS NULL OR next_attempt_at <= ?1)
ORDER BY created_at LIMIT 100
"""

NOW = datetime(2026, 11, 21, tzinfo=UTC)
LEASE_SECONDS = 30.0
MAX_RETRIES = 3


@dataclass
class Before:
    """A gateway and a worker of the version before, over their own connection."""

    db: SqliteDatabase

    async def upload(self, video_id: str) -> None:
        at = moment(NOW)
        video = self.db.prepare(INSERT_VIDEO).bind(video_id, f"videos/{video_id}.mp4", at)
        await self.db.batch([video, self.db.prepare(INSERT_JOB).bind(video_id, f"job-of-{video_id}", at)])

    async def claim(self, video_id: str, at: datetime = NOW) -> bool:
        until = moment(at, plus_seconds=LEASE_SECONDS)
        claim = self.db.prepare(CLAIM).bind("old", video_id, moment(at), until, moment(at), MAX_RETRIES + 1)
        claimed, read = await self.db.batch([claim, self.db.prepare(CLAIMED).bind("old", video_id)])
        return bool(claimed.meta.changes and read.results)

    async def renew(self, video_id: str) -> bool:
        until = moment(NOW, plus_seconds=LEASE_SECONDS)
        return (await self.db.prepare(RENEW).bind("old", video_id, until).run()).meta.changes > 0

    async def hand_back(self, video_id: str) -> None:
        await self.db.prepare(HAND_BACK).bind("old", video_id, 1, moment(NOW), None).run()

    async def decide(self, video_id: str) -> None:
        at = moment(NOW)
        await self.db.batch(
            [
                self.db.prepare(GUARD).bind("old", video_id),
                self.db.prepare(DECIDED).bind(video_id, at, "v"),
                self.db.prepare(COMPLETED).bind(video_id, at),
                self.db.prepare(ADD_NOTIFICATION).bind(f"n-{video_id}", video_id, "video.approved", "{}", at),
            ]
        )


@dataclass
class Upgrade:
    before: Before
    after: SqliteDatabase
    now: datetime = NOW

    @property
    def leases(self) -> Leases:
        return Leases(self.after, lambda: self.now, LEASE_SECONDS, heartbeat_seconds=10.0)

    async def job(self, video_id: str) -> dict[str, Any]:
        return dict(
            await self.after.prepare("SELECT * FROM processing_jobs WHERE video_id = ?1").bind(video_id).first()
        )


@pytest.fixture
async def upgrade(tmp_path: Path) -> AsyncIterator[Upgrade]:
    """Two jobs were in the old worker's hand and one was pending when the migration was applied beside it."""
    database, folder = tmp_path / "twinreel.db", tmp_path / "migrations"
    folder.mkdir()
    for name in ("0001_initial.sql", "0002_access.sql"):
        shutil.copy(MIGRATIONS / name, folder)
    await migrations.apply(database, folder)
    async with AsyncExitStack() as opened:
        before = Before(await opened.enter_async_context(open_sqlite(database)))
        await before.db.prepare("INSERT INTO users (id, email, created_at) VALUES ('u', 'u@example.org', '')").run()
        for video_id in ("held", "dropped", "pending"):
            await before.upload(video_id)
        assert [await before.claim(video_id) for video_id in ("held", "dropped")] == [True, True]
        shutil.copy(MIGRATIONS / "0003_lasting.sql", folder)
        assert await migrations.apply(database, folder) == ["0003_lasting.sql"]
        yield Upgrade(before, await opened.enter_async_context(open_sqlite(database)))


async def test_what_the_version_before_has_in_hand_it_finishes(upgrade: Upgrade) -> None:
    before = upgrade.before
    assert await upgrade.leases.claim("held", "new") is None
    assert await before.renew("held")
    await before.decide("held")
    job = await upgrade.job("held")
    assert (job["status"], job["attempt_count"], job["interruptions"]) == ("completed", 1, 0)
    assert [row["video_id"] for row in (await before.db.prepare(UNSENT).bind(moment(NOW)).all()).results] == ["held"]


async def test_it_goes_on_taking_uploads_and_jobs(upgrade: Upgrade) -> None:
    await upgrade.before.upload("later")
    for video_id in ("later", "pending"):
        assert await upgrade.before.claim(video_id)
        await upgrade.before.decide(video_id)
        assert (await upgrade.job(video_id))["status"] == "completed"


async def test_what_it_hands_back_the_new_one_takes_and_the_other_way_round(upgrade: Upgrade) -> None:
    await upgrade.before.hand_back("held")
    claim = await upgrade.leases.claim("held", "new")
    assert claim is not None
    assert (claim.attempt, claim.interruptions, claim.worker_deaths) == (1, 0, 0)
    assert not await upgrade.before.claim("held")
    await upgrade.leases.hand_back(claim, "wait", delay_seconds=0.0)
    assert await upgrade.before.claim("held")
    await upgrade.before.decide("held")


async def test_what_it_dropped_the_new_one_takes_when_the_lease_has_run_out(upgrade: Upgrade) -> None:
    upgrade.now = NOW + timedelta(seconds=LEASE_SECONDS + 1)
    claim = await upgrade.leases.claim("dropped", "new")
    assert claim is not None
    assert (claim.attempt, claim.interruptions) == (2, 1)
    assert not await upgrade.before.renew("dropped")


async def test_of_both_versions_one_gets_a_job(upgrade: Upgrade) -> None:
    old, new = await asyncio.gather(upgrade.before.claim("pending"), upgrade.leases.claim("pending", "new"))
    assert old is (new is None)
