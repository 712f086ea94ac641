"""The dead letters: jobs that failed for good, with their reasons; run again, or given up."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import structlog

from consumer import queries
from consumer.catalogue import Catalogue
from consumer.clock import Clock, moment
from consumer.records import rendition_key
from consumer.verdict_rows import VerdictRows
from wire.jobs import Job, Priority
from wire.verdicts import Verdict
from wrangler_compat.d1.types import D1Database
from wrangler_compat.errors import D1ConstraintError, QueueError
from wrangler_compat.queues.types import Queue
from wrangler_compat.r2.types import R2Bucket

_log = structlog.get_logger(__name__)

GIVEN_UP_REASON = "given_up"

_FAILED = """
SELECT videos.id AS video_id, videos.user_id, videos.r2_key, videos.source_url, videos.priority, videos.request_id,
       videos.uploaded_at, jobs.error_message AS reason, jobs.attempt_count AS attempts, jobs.worker_deaths,
       jobs.quarantined_at, jobs.completed_at AS failed_at
FROM processing_jobs AS jobs JOIN videos ON videos.id = jobs.video_id
WHERE jobs.status = 'failed' AND videos.status = 'processing'
"""
_SOME = f"{_FAILED} AND (jobs.completed_at > ?1 OR (jobs.completed_at = ?1 AND videos.id > ?2)) " + (
    "ORDER BY jobs.completed_at, videos.id LIMIT ?3"
)
_ONE = f"{_FAILED} AND videos.id = ?1"
_COUNT = f"SELECT COUNT(*) AS n FROM ({_FAILED}) AS failed"
_GUARD_FAILED = """
UPDATE catalogue SET version = CASE WHEN EXISTS
    (SELECT 1 FROM processing_jobs WHERE video_id = ?1 AND status = 'failed') THEN version + 1 END
WHERE id = 1
"""
_PAGE = 100


@dataclass(frozen=True, slots=True)
class FailedJob:
    """quarantined_at: when it was set aside because workers died of it; None for every other failure."""

    video_id: str
    user_id: str
    reason: str
    attempts: int
    worker_deaths: int
    quarantined_at: str | None
    failed_at: str
    uploaded_at: str
    priority: Priority
    request_id: str
    r2_key: str
    source_url: str | None

    def to_json(self) -> dict[str, Any]:
        kept = asdict(self)
        return {name: kept[name] for name in _TOLD}


_TOLD = ("video_id", "user_id", "reason", "attempts", "worker_deaths", "quarantined_at", "failed_at", "uploaded_at")


@dataclass(frozen=True, slots=True)
class FailedJobs:
    db: D1Database
    bucket: R2Bucket
    catalogue: Catalogue
    rows: VerdictRows
    queues: Mapping[Priority, Queue]
    policy_version: int
    now: Clock

    async def count(self) -> int:
        return int(await self.db.prepare(_COUNT).first("n"))

    async def page(self, after: FailedJob | None = None, limit: int = _PAGE) -> list[FailedJob]:
        """Oldest failure first."""
        at = ("", "") if after is None else (after.failed_at, after.video_id)
        return [_read(row) for row in (await self.db.prepare(_SOME).bind(*at, limit).all()).results]

    async def one(self, video_id: str) -> FailedJob | None:
        row = await self.db.prepare(_ONE).bind(video_id).first()
        return None if row is None else _read(row)

    async def retry(self, failed: FailedJob) -> bool:
        """From the beginning, with all its attempts. False: it is not failed any more. Raises BindingError; when the
        queue is away, the sweep sends the job."""
        guard = self.db.prepare(_GUARD_FAILED).bind(failed.video_id)
        again = self.db.prepare(queries.REOPEN_JOB).bind(failed.video_id)
        try:
            await self.db.batch([guard, again, self._audit("job.retry", failed.video_id)])
        except D1ConstraintError:
            return False
        try:
            await self.queues[failed.priority].send(Job(failed.video_id, "decide", failed.request_id).to_body())
        except QueueError as unsent:
            _log.warning("wake_up_left_to_sweep", video_id=failed.video_id, error=unsent.message)
        return True

    async def purge(self, failed: FailedJob) -> bool:
        """Give up: the video is rejected with the reason of its failure, and its object is freed. False: it is not
        failed any more. Raises BindingError; again: finishes."""
        video_id = failed.video_id
        verdict = Verdict("rejected", self.policy_version, thresholds={}, reason=GIVEN_UP_REASON)
        guard = self.db.prepare(_GUARD_FAILED).bind(video_id)
        if not await self.rows.write_given_up(guard, video_id, verdict, failed.reason):
            return False
        await self._audit("job.purge", video_id).run()
        await self.catalogue.remove(video_id)
        if failed.source_url is None:
            await self.bucket.delete([failed.r2_key, rendition_key(video_id)])
            freed = self.db.prepare(queries.OBJECT_DELETED).bind(video_id, moment(self.now()))
            await self.db.batch([freed, self.db.prepare(queries.FORGET_RENDITION).bind(video_id)])
        return True

    def _audit(self, action: str, video_id: str) -> Any:
        values = (uuid.uuid4().hex, "consumer", action, video_id, "{}", moment(self.now()))
        return self.db.prepare(queries.ADD_AUDIT).bind(*values)


def _read(row: Mapping[str, Any]) -> FailedJob:
    known = {name: row[name] for name in FailedJob.__dataclass_fields__}
    return FailedJob(**known | {"reason": row["reason"] or "", "request_id": row["request_id"] or ""})


def text(failed: Sequence[FailedJob], total: int) -> str:
    """For people, one job in two lines."""
    lines = [f"{total} failed"]
    for each in failed:
        kind = "quarantined" if each.quarantined_at else "failed"
        lines.append(f"{each.video_id}  {kind} {each.failed_at}  {each.attempts} attempts  user {each.user_id}")
        lines.append(f"    {each.reason}")
    return "\n".join(lines)
