"""The consumer's SQL, in the common subset of SQLite and PostgreSQL.

A guard is a statement that puts NULL where NULL may not be when its condition does not hold, so that the batch it
leads fails with D1ConstraintError and nothing of it has happened.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

MAX_BOUND = 90
"""D1 binds at most 100 values in one statement; some room is left for the fixed ones."""

# --- guards ------------------------------------------------------------------------------------------------------

_OURS = """EXISTS (SELECT 1 FROM processing_jobs
                   WHERE video_id = ?2 AND lease_owner = ?1 AND status = 'processing')"""
GUARD_LEASE = f"UPDATE catalogue SET version = CASE WHEN {_OURS} THEN version END WHERE id = 1"
GUARD_LEASE_AND_BUMP = f"UPDATE catalogue SET version = CASE WHEN {_OURS} THEN version + 1 END WHERE id = 1"
GUARD_VERSION_AND_BUMP = (
    f"UPDATE catalogue SET version = CASE WHEN version = ?3 AND {_OURS} THEN version + 1 END WHERE id = 1"
)
GUARD_UNTENDED_AND_BUMP = """
UPDATE catalogue SET version = CASE WHEN EXISTS
    (SELECT 1 FROM processing_jobs WHERE video_id = ?1 AND status <> 'processing') THEN version + 1 END
WHERE id = 1
"""
BUMP = "UPDATE catalogue SET version = version + 1 WHERE id = 1"
VERSION = "SELECT version FROM catalogue WHERE id = 1"

# --- the index -----------------------------------------------------------------------------------------------------

KEPT = """
UPDATE videos
SET fingerprint_id = ?2, algorithm_version = ?3, duration = ?4, duration_seconds = ?5,
    thumbnail_key = COALESCE(?6, thumbnail_key), preview_key = COALESCE(?7, preview_key),
    preview_layout = COALESCE(?8, preview_layout), media = COALESCE(?9, media), plays = COALESCE(?10, plays)
WHERE id = ?1
"""
SEGMENTS_OF = "SELECT DISTINCT vector_id FROM segment_vectors WHERE video_id = ?1"
SEGMENTS_OF_ALL = """
SELECT DISTINCT vector_id, video_id FROM segment_vectors WHERE video_id IN (SELECT value FROM json_each(?1))
"""
FORGET_SEGMENTS = "DELETE FROM segment_vectors WHERE video_id = ?1"
FORGET_SOUND = "DELETE FROM sound_terms WHERE video_id = ?1"
INDEXED = """
UPDATE videos SET indexed_at = ?2, catalogue_version = (SELECT version FROM catalogue WHERE id = 1) WHERE id = ?1
"""
NOT_INDEXED = "UPDATE videos SET indexed_at = NULL WHERE id = ?1"
ONLY_OWNED = """
SELECT DISTINCT vector_id FROM segment_vectors AS mine
WHERE video_id = ?1
  AND NOT EXISTS (SELECT 1 FROM segment_vectors AS theirs
                  WHERE theirs.vector_id = mine.vector_id AND theirs.video_id <> ?1)
"""

# --- the verdict ---------------------------------------------------------------------------------------------------

DECIDED = """
UPDATE videos
SET status = ?2, reason = ?3, confidence = ?4, duplicate_of = ?5, similar_to = ?6, similarity_score = ?7,
    matches = ?8, processed_at = ?9, verdict_id = ?10,
    catalogue_version = (SELECT version FROM catalogue WHERE id = 1)
WHERE id = ?1
"""
DRAWN = "UPDATE videos SET matrices = ?2 WHERE id = ?1"
COMPLETED = """
UPDATE processing_jobs
SET status = 'completed', completed_at = ?2, stage = 'verdict', progress = 1, lease_owner = NULL, lease_until = NULL,
    next_attempt_at = NULL, error_message = NULL
WHERE video_id = ?1
"""
ADD_VERDICT = """
INSERT INTO verdicts (id, video_id, status, reason, confidence, duplicate_of, similar_to, similarity_score, matches,
                      policy_version, thresholds, decided_by, decided_at, why)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
"""
REROOT = "UPDATE videos SET duplicate_of = ?2 WHERE duplicate_of = ?1 AND status = 'duplicate'"
REJECT_EQUAL_BYTES = """
UPDATE videos SET status = 'rejected', reason = ?2, duplicate_of = NULL, similarity_score = NULL, confidence = NULL,
    matches = NULL
WHERE duplicate_of = ?1 AND status = 'duplicate'
  AND content_sha256 = (SELECT content_sha256 FROM videos WHERE id = ?1)
"""
_DEPENDENTS = "SELECT id FROM videos WHERE duplicate_of = ?1 AND status IN ('duplicate', 'flagged')"
DEPENDENT_JOBS_AGAIN = f"""
UPDATE processing_jobs
SET status = 'pending', attempt_count = 0, error_message = NULL, completed_at = NULL, stage = NULL, progress = 0,
    lease_owner = NULL, lease_until = NULL, next_attempt_at = NULL, worker_deaths = 0, is_suspect = 0,
    quarantined_at = NULL, outage_since = NULL, interruptions = 0
WHERE video_id IN ({_DEPENDENTS})
"""
DEPENDENTS_AGAIN = """
UPDATE videos SET status = 'processing', reason = NULL, confidence = NULL, duplicate_of = NULL, similar_to = NULL,
    similarity_score = NULL, matches = NULL, processed_at = NULL, verdict_id = NULL
WHERE duplicate_of = ?1 AND status IN ('duplicate', 'flagged')
"""
ADD_DETECTION = """
INSERT INTO duplicate_detections (id, video_id, matched_video_id, similarity_score, audio_match, decision, detected_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
"""
ADD_NOTIFICATION = """
INSERT INTO notifications (id, video_id, kind, payload, created_at) VALUES (?1, ?2, ?3, ?4, ?5)
"""
EXPLAINED = "UPDATE processing_jobs SET error_message = ?2 WHERE video_id = ?1"
OBJECT_DELETED = "UPDATE videos SET object_deleted_at = ?2 WHERE id = ?1"
FORGET_RENDITION = "DELETE FROM renditions WHERE video_id = ?1"

STATE_OF = """
SELECT videos.status AS status, processing_jobs.status AS job_status
FROM videos JOIN processing_jobs ON processing_jobs.video_id = videos.id WHERE videos.id = ?1
"""

# --- notifications -------------------------------------------------------------------------------------------------

UNSENT = """
SELECT id, video_id, kind, payload, created_at, attempts FROM notifications
WHERE sent_at IS NULL AND (next_attempt_at IS NULL OR next_attempt_at <= ?1)
ORDER BY created_at LIMIT 100
"""
TAKE_NOTIFICATION = """
UPDATE notifications SET attempts = attempts + 1, next_attempt_at = ?3
WHERE id = ?1 AND attempts = ?2 AND sent_at IS NULL
"""
SENT = "UPDATE notifications SET sent_at = ?2 WHERE id = ?1"

# --- the sweep -----------------------------------------------------------------------------------------------------

# A moderator may take a review back for a while.
_IS_FINAL = "NOT EXISTS (SELECT 1 FROM reviews WHERE reviews.id = videos.verdict_id AND reviews.undo_until >= {at})"
LEFT_IN_INDEX = f"""
SELECT id FROM videos
WHERE indexed_at IS NOT NULL AND status IN ('duplicate', 'rejected') AND processed_at < ?1
  AND {_IS_FINAL.format(at="?1")} LIMIT 100
"""
LEFT_IN_BUCKET = f"""
SELECT id, r2_key FROM videos
WHERE status = 'duplicate' AND object_deleted_at IS NULL AND fingerprint_id IS NOT NULL AND source_url IS NULL
  AND processed_at BETWEEN ?1 AND ?2 AND {_IS_FINAL.format(at="?2")} LIMIT 100
"""
PURGE = "SELECT video_id, r2_keys, created_at FROM purges WHERE video_id = ?1"
PURGES = "SELECT video_id, r2_keys, created_at FROM purges WHERE created_at < ?1 LIMIT 100"
PURGED = "DELETE FROM purges WHERE video_id = ?1"

# --- one video again ------------------------------------------------------------------------------------------------

STANDING = """
SELECT * FROM videos WHERE id = ?1 AND fingerprint_id = ?2 AND status IN ('approved', 'flagged')
"""
STANDING_VIDEO = """
SELECT * FROM videos WHERE id = ?1 AND fingerprint_id IS NOT NULL AND status IN ('approved', 'flagged')
"""
GUARD_STANDING_AND_BUMP = """
UPDATE catalogue SET version = CASE WHEN EXISTS
    (SELECT 1 FROM videos WHERE id = ?1 AND status IN ('approved', 'flagged')) THEN version + 1 END
WHERE id = 1
"""
REOPENABLE = "SELECT priority, request_id, status FROM videos WHERE id = ?1"
GUARD_REOPEN_AND_BUMP = """
UPDATE catalogue SET version = CASE WHEN EXISTS
    (SELECT 1 FROM processing_jobs WHERE video_id = ?1 AND status IN ('completed', 'failed')) THEN version + 1 END
WHERE id = 1
"""
ADD_AUDIT = "INSERT INTO audit_log (id, actor, action, subject, detail, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
REOPEN_VIDEO = """
UPDATE videos SET status = 'processing', reason = NULL, confidence = NULL, duplicate_of = NULL, similar_to = NULL,
    similarity_score = NULL, matches = NULL, processed_at = NULL
WHERE id = ?1
"""
REOPEN_JOB = """
UPDATE processing_jobs
SET status = 'pending', attempt_count = 0, error_message = NULL, completed_at = NULL, stage = NULL, progress = 0,
    lease_owner = NULL, lease_until = NULL, next_attempt_at = NULL, worker_deaths = 0, is_suspect = 0,
    quarantined_at = NULL, outage_since = NULL, interruptions = 0
WHERE video_id = ?1
"""

_T = TypeVar("_T")


def chunks(items: Sequence[_T], size: int) -> Iterator[Sequence[_T]]:
    for at in range(0, len(items), size):
        yield items[at : at + size]


def marks(count: int, *, first: int = 1) -> str:
    """`?1, ?2, ?3` for count values."""
    return ", ".join(f"?{first + n}" for n in range(count))


def add_segments(rows: int) -> str:
    """vector_id, video_id, start_seconds of each row."""
    return (
        f"INSERT INTO segment_vectors (vector_id, video_id, start_seconds) VALUES {_rows(rows)} ON CONFLICT DO NOTHING"
    )


MOST_SHARERS = 64
"""Rows that a sound term has at most: one that so many videos share tells none of them from the others."""


def add_sound_terms(rows: int) -> str:
    """term, video_id, position of each row; those whose term has MOST_SHARERS rows already are left out."""
    fresh = ", ".join(f"(CAST(?{n} AS BIGINT), ?{n + 1}, CAST(?{n + 2} AS BIGINT))" for n in range(1, 3 * rows, 3))
    return f"""
INSERT INTO sound_terms (term, video_id, position)
WITH fresh (term, video_id, position) AS (VALUES {fresh})
SELECT term, video_id, position FROM fresh
WHERE (SELECT COUNT(*) FROM (SELECT 1 FROM sound_terms AS known WHERE known.term = fresh.term LIMIT {MOST_SHARERS})
       AS sharers) < {MOST_SHARERS}
ON CONFLICT DO NOTHING
"""


def _rows(count: int) -> str:
    return ", ".join(f"({marks(3, first=1 + 3 * n)})" for n in range(count))


OWNERS_OF = """
SELECT DISTINCT vector_id, video_id FROM segment_vectors WHERE vector_id IN (SELECT value FROM json_each(?1))
"""
VECTORS_AT_ONCE = 2000
"""In one JSON array, bound as one value: some 70 kB, where D1 takes 2 MB."""

SHARING_TERMS = """
SELECT term, video_id, position FROM sound_terms
WHERE term IN (SELECT value FROM json_each(?2)) AND video_id <> ?1 LIMIT 20000
"""
"""?1: the video that asks. ?2: terms, as a JSON array. Were they part of the text, each upload would have statements of
its own, and the driver keeps the last 128 compiled: a megabyte each, in every connection."""

TERMS_AT_ONCE = 8000
"""In one JSON array, bound as one value: some 90 kB, where D1 takes 2 MB."""


_ELIGIBLE = """
SELECT videos.id, videos.status, videos.fingerprint_id, videos.uploaded_at
FROM videos LEFT JOIN processing_jobs ON processing_jobs.video_id = videos.id
WHERE videos.id <> ?1 AND videos.indexed_at IS NOT NULL AND videos.fingerprint_id IS NOT NULL
  AND videos.algorithm_version = ?3
  AND (videos.status IN ('approved', 'flagged')
       OR (videos.status = 'processing' AND processing_jobs.status <> 'failed'
           AND (videos.uploaded_at < ?2 OR (videos.uploaded_at = ?2 AND videos.id < ?1))))
  AND NOT EXISTS (SELECT 1 FROM parted_pairs
                  WHERE (first_id = ?1 AND second_id = videos.id) OR (first_id = videos.id AND second_id = ?1))
"""

CHANGED = f"{_ELIGIBLE} AND videos.catalogue_version > ?4"
"""?1 id, ?2 uploaded_at, ?3 algorithm version of the video that asks; ?4 the version it knows."""

ELIGIBLE = f"{_ELIGIBLE} AND videos.id IN (SELECT value FROM json_each(?4))"
"""?1 id, ?2 uploaded_at, ?3 algorithm version of the video that asks; ?4 the proposed ids, a JSON array."""
VIDEOS_AT_ONCE = 2000
