"""The SQL of leases and of the sweep that looks after them, for each table that holds jobs."""

from __future__ import annotations

from dataclasses import dataclass

# While a worker only waits for the processor it does nothing with the video, and cannot die of it.
_AT_WORK = "progress >= 0.7"
_ONLY_WAITS = "1 = 0"
_LATE = "(lease_until IS NULL OR lease_until < {})"


@dataclass(frozen=True, slots=True)
class LeaseQueries:
    """Of leases: ?1 owner, ?2 the id of what is worked on. Of the sweep: ?1 the id, ?2 now, or the priority."""

    claim: str
    claimed: str
    is_suspect: str
    renew: str
    progress: str
    hand_back: str
    fail: str
    worker_died: str
    not_dead: str
    quarantine: str
    is_ours: str
    abandoned: str
    give_up_abandoned: str
    free_abandoned: str
    pending: str
    overdue: str
    wake: str
    wake_of: str


def _queries(
    table: str, key: str, *, wanted: str, claimed: str, waiting: str, wake_of: str, at_work: str = _AT_WORK
) -> LeaseQueries:
    """key: the column that identifies a job. wanted: what must hold of ?2 to be claimed. claimed: reads the row back.
    waiting: what selects the pending jobs of a queue, whose priority is ?1. at_work: whether a worker may die of it."""
    blamed = f"CASE WHEN shared_lease = 0 AND {at_work} THEN 1 ELSE 0 END"
    suspect = f"CASE WHEN {at_work} THEN 1 ELSE is_suspect END"
    ours = f"WHERE {key} = ?2 AND lease_owner = ?1 AND status = 'processing'"
    late = f"WHERE {key} = ?1 AND status = 'processing' AND {_LATE.format('?2')}"
    return LeaseQueries(
        claim=f"""
UPDATE {table}
SET worker_deaths = worker_deaths + CASE WHEN status = 'processing' THEN {blamed} ELSE 0 END,
    is_suspect = CASE WHEN status = 'processing' THEN {suspect} ELSE is_suspect END,
    interruptions = interruptions + CASE WHEN status = 'processing' THEN 1 ELSE 0 END,
    status = 'processing', lease_owner = ?1, lease_until = ?4, attempt_count = attempt_count + 1,
    started_at = ?3, next_attempt_at = NULL, stage = COALESCE(stage, 'queued'), shared_lease = ?7
WHERE {key} = ?2
  AND ((status = 'pending' AND (next_attempt_at IS NULL OR next_attempt_at <= ?5))
       OR (status = 'processing' AND {_LATE.format("?3")} AND interruptions < ?6
           AND worker_deaths + {blamed} < ?8))
  {wanted}
""",
        claimed=claimed,
        is_suspect=f"SELECT is_suspect FROM {table} WHERE {key} = ?1",
        renew=f"UPDATE {table} SET lease_until = ?3 {ours}",
        progress=f"UPDATE {table} SET stage = ?3, progress = ?4 {ours}",
        hand_back=f"""
UPDATE {table}
SET status = 'pending', lease_owner = NULL, lease_until = NULL, attempt_count = attempt_count - ?3,
    next_attempt_at = ?4, error_message = COALESCE(?5, error_message), outage_since = COALESCE(outage_since, ?6),
    interruptions = interruptions + ?7
{ours}
""",
        fail=f"""
UPDATE {table}
SET status = 'failed', lease_owner = NULL, lease_until = NULL, next_attempt_at = NULL, completed_at = ?3,
    error_message = ?4
{ours}
""",
        worker_died=f"UPDATE {table} SET worker_deaths = worker_deaths + 1, is_suspect = 1 {ours}",
        not_dead=f"""
UPDATE {table} SET worker_deaths = ?2 WHERE {key} = ?1 AND worker_deaths > ?2 AND status <> 'failed'
""",
        quarantine=f"""
UPDATE {table}
SET status = 'failed', lease_owner = NULL, lease_until = NULL, next_attempt_at = NULL, completed_at = ?3,
    quarantined_at = ?3, error_message = ?4
{ours}
""",
        is_ours=f"SELECT COUNT(*) AS n FROM {table} {ours}",
        abandoned=f"""
SELECT {key} AS id, interruptions + 1 AS interruptions, worker_deaths + {blamed} AS deaths FROM {table}
WHERE status = 'processing' AND {_LATE.format("?1")} LIMIT 100
""",
        give_up_abandoned=f"""
UPDATE {table}
SET status = 'failed', lease_owner = NULL, lease_until = NULL, completed_at = ?2, error_message = ?3,
    worker_deaths = worker_deaths + {blamed}, quarantined_at = ?4
{late}
""",
        free_abandoned=f"""
UPDATE {table}
SET status = 'pending', lease_owner = NULL, lease_until = NULL, next_attempt_at = NULL, woken_at = ?2,
    worker_deaths = worker_deaths + {blamed}, is_suspect = {suspect}, interruptions = interruptions + 1
{late}
""",
        pending=f"SELECT COUNT(*) AS pending FROM {waiting}",
        overdue=f"""
SELECT {table}.{key} AS id FROM {waiting}
  AND COALESCE({table}.next_attempt_at, {table}.created_at) < ?2
  AND ({table}.woken_at IS NULL OR {table}.woken_at < ?2)
ORDER BY {table}.created_at LIMIT 100
""",
        wake=f"""
UPDATE {table} SET woken_at = ?2
WHERE {key} = ?1 AND status = 'pending' AND (woken_at IS NULL OR woken_at < ?3)
""",
        wake_of=wake_of,
    )


VIDEOS = _queries(
    "processing_jobs",
    "video_id",
    wanted="AND EXISTS (SELECT 1 FROM videos WHERE videos.id = ?2 AND videos.status = 'processing')",
    claimed="""
SELECT videos.*, processing_jobs.attempt_count, processing_jobs.worker_deaths, processing_jobs.outage_since,
       processing_jobs.interruptions
FROM videos JOIN processing_jobs ON processing_jobs.video_id = videos.id
WHERE videos.id = ?2 AND processing_jobs.lease_owner = ?1 AND processing_jobs.status = 'processing'
""",
    waiting="""processing_jobs JOIN videos ON videos.id = processing_jobs.video_id
WHERE processing_jobs.status = 'pending' AND videos.status = 'processing' AND videos.priority = ?1""",
    wake_of="SELECT priority, request_id FROM videos WHERE id = ?1",
)

# A search is claimed as the video that is asked about, which has no row of its own and no fingerprint that is kept.
SEARCHES = _queries(
    "searches",
    "id",
    wanted="",
    claimed="""
SELECT id, r2_key, user_id, created_at AS uploaded_at, 'normal' AS priority, 'standard' AS tier, request_id, source_url,
       NULL AS range_start, NULL AS range_stop, NULL AS fingerprint_id, NULL AS algorithm_version,
       NULL AS thumbnail_key, NULL AS indexed_at, attempt_count, worker_deaths, outage_since, interruptions
FROM searches WHERE id = ?2 AND lease_owner = ?1 AND status = 'processing'
""",
    waiting="searches WHERE status = 'pending' AND ?1 = 'normal'",
    wake_of="SELECT 'normal' AS priority, request_id FROM searches WHERE id = ?1",
)

MAY_HAVE_RENDITION = """videos.status IN ('approved', 'flagged') AND videos.source_url IS NULL
  AND videos.object_deleted_at IS NULL"""
"""After the verdict, and while there is a file that it is made of."""

# Nothing is done with a rendition but to wait for the processor. No queue has messages for it.
RENDITIONS = _queries(
    "renditions",
    "video_id",
    wanted=f"AND EXISTS (SELECT 1 FROM videos WHERE videos.id = ?2 AND {MAY_HAVE_RENDITION})",
    claimed="""
SELECT videos.*, renditions.attempt_count, renditions.worker_deaths, renditions.outage_since, renditions.interruptions
FROM videos JOIN renditions ON renditions.video_id = videos.id
WHERE videos.id = ?2 AND renditions.lease_owner = ?1 AND renditions.status = 'processing'
""",
    waiting="renditions WHERE status = 'pending' AND ?1 = 'low'",
    wake_of="SELECT priority, request_id FROM videos WHERE id = ?1",
    at_work=_ONLY_WAITS,
)

SHARE = tuple(
    f"UPDATE {table} SET shared_lease = 1 WHERE status = 'processing' AND substr(lease_owner, 1, ?2) = ?1"
    for table in ("processing_jobs", "searches")
)
"""Every job whose owner begins with ?1, of ?2 characters, is no longer alone in its worker's hand."""
