"""Putting a new video into the catalogue: its rows in one transaction, then a wake-up on the queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from edge_api import queries
from edge_api.deadlines import deadline
from edge_api.env import Env
from edge_api.filenames import columns_of
from edge_api.keys import new_id
from edge_api.metrics import Metrics
from edge_api.quotas import Quota
from wire.jobs import Job, Priority
from wrangler_compat.d1.types import D1PreparedStatement
from wrangler_compat.errors import BindingError, D1ConstraintError

log = structlog.get_logger("edge_api")


@dataclass(frozen=True, slots=True)
class Upload:
    """A video whose object is complete in R2. filename: as filename_of() gives it."""

    video_id: str
    r2_key: str
    user_id: str
    uploaded_at: str
    file_size: int
    mime_type: str
    priority: Priority
    content_sha256: str
    request_id: str
    filename: str | None


async def insert_upload(
    env: Env, upload: Upload, quota: Quota, timeout_seconds: float, *, also: Sequence[D1PreparedStatement] = ()
) -> str:
    """Write the rows; the video's status is the answer: processing, or what its byte-equal twin makes of it at once.

    The twin is looked for in the writing transaction itself: of two equal uploads at the same instant, one is
    processed. So is the quota, for the same reason. also: what is written in the same transaction. On failure no row
    stays. Raises ApiError QUOTA_EXCEEDED, BindingError.
    """
    video_id, prepare = upload.video_id, env.db.prepare
    statements = [
        prepare(queries.INSERT_UPLOAD).bind(
            video_id,
            upload.r2_key,
            upload.user_id,
            upload.uploaded_at,
            upload.file_size,
            upload.mime_type,
            upload.priority,
            upload.content_sha256,
            upload.request_id,
            new_id(),
            *columns_of(upload.filename),
        ),
        prepare(queries.DESCRIBE_EQUAL_BYTES).bind(video_id),
        prepare(queries.INSERT_JOB).bind(video_id, new_id(), upload.uploaded_at),
        prepare(queries.INSERT_EQUAL_BYTES_VERDICT).bind(video_id),
        prepare(queries.INSERT_EQUAL_BYTES_DETECTION).bind(video_id, new_id()),
        prepare(queries.INSERT_VERDICT_NOTIFICATION).bind(video_id, new_id(), upload.uploaded_at),
        prepare(queries.BUMP_CATALOGUE_IF_DECIDED).bind(video_id),
        *also,
        *([quota.guard(env.db)] if quota.is_set else []),
        prepare(queries.STATUS_OF).bind(video_id),
    ]
    try:
        async with deadline(timeout_seconds, "DB"):
            results = await env.db.batch(statements)
    except D1ConstraintError:
        await quota.room(env.db, timeout_seconds, wanted_bytes=upload.file_size)
        raise
    return str(results[-1].results[0]["status"])


async def retract_upload(env: Env, video_id: str, timeout_seconds: float) -> bool:
    """Remove the rows of an upload that may or may not have been written. Never raises: what fails is logged.

    False: the rows were written and have to stay, since another video is a duplicate of this one already.
    """
    try:
        async with deadline(timeout_seconds, "DB"):
            await env.db.batch([env.db.prepare(sql).bind(video_id) for sql in queries.RETRACT_UPLOAD])
    except D1ConstraintError:
        return False
    except BindingError as error:
        log.error("rows may be left behind", video_id=video_id, code=error.code, message=error.message)
    return True


async def announce(env: Env, metrics: Metrics, upload: Upload, status: str, timeout_seconds: float) -> None:
    """What follows the rows: a line in the log, the numbers, and the job. status: as insert_upload() gave it."""
    log.info("uploaded", status=status, bytes=upload.file_size, mime_type=upload.mime_type)
    metrics.uploads.labels("accepted" if status == "processing" else status).inc()
    metrics.upload_bytes.inc(upload.file_size)
    if status != "processing":
        metrics.verdicts.labels(status, "content_sha256").inc()
        return
    await wake(env, Job(upload.video_id, request_id=upload.request_id), upload.priority, timeout_seconds)


async def wake(env: Env, job: Job, priority: Priority, timeout_seconds: float) -> None:
    """Send the job. The row is the promise: when the queue is down this is only logged, and the sweep sends again."""
    try:
        async with deadline(timeout_seconds, "VIDEO_QUEUE"):
            await env.queue_of(priority).send(job.to_body())
    except BindingError as error:
        log.warning("job not sent", video_id=job.video_id, kind=job.kind, code=error.code, message=error.message)
