"""The doctor's SQL, in the common subset of SQLite and PostgreSQL. Lists of ids are bound as one JSON array."""

from __future__ import annotations

PAGE = 1000

_AMONG = "IN (SELECT value FROM json_each(?1))"

# A video that is being purged still counts: its objects and vectors go with the purge. So does one that a resumable
# upload is about to become.
KNOWN = f"""
SELECT id FROM videos WHERE id {_AMONG} UNION SELECT video_id FROM purges WHERE video_id {_AMONG}
UNION SELECT video_id FROM tus_uploads WHERE video_id {_AMONG} AND finished_at IS NULL
UNION SELECT id FROM searches WHERE id {_AMONG}
"""
# Resumable uploads that are no videos yet: they look after their multipart uploads and tails themselves.
RESUMABLE = f"SELECT id FROM tus_uploads WHERE id {_AMONG} AND finished_at IS NULL"
RESUMABLE_PARTS = f"SELECT r2_upload_id AS id FROM tus_uploads WHERE r2_upload_id {_AMONG} AND finished_at IS NULL"
STATUSES = f"SELECT id, status FROM videos WHERE id {_AMONG}"

_ROW = """
SELECT videos.*, processing_jobs.status AS job_status, verdicts.decided_by
FROM videos
LEFT JOIN processing_jobs ON processing_jobs.video_id = videos.id
LEFT JOIN verdicts ON verdicts.id = videos.verdict_id
"""
ROW = f"{_ROW} WHERE videos.id = ?1"

# ?1 < key <= ?2. Rows that changed after ?3 are left alone.
_SETTLED = "videos.uploaded_at < ?3 AND (videos.processed_at IS NULL OR videos.processed_at < ?3)"
ROWS_BY_KEY = f"""
SELECT videos.id, videos.r2_key AS object_key FROM videos
WHERE videos.r2_key > ?1 AND videos.r2_key <= ?2 AND videos.source_url IS NULL
  AND (videos.object_deleted_at IS NULL OR videos.status = 'processing')
  AND {_SETTLED}
ORDER BY videos.r2_key LIMIT {PAGE}
"""
ROWS_BY_FINGERPRINT = f"""
SELECT videos.id, videos.fingerprint_id AS object_key FROM videos
WHERE videos.fingerprint_id > ?1 AND videos.fingerprint_id <= ?2 AND {_SETTLED}
ORDER BY videos.fingerprint_id LIMIT {PAGE}
"""
ROWS_BY_RENDITION = f"""
SELECT video_id AS id, r2_key AS object_key FROM renditions
WHERE r2_key > ?1 AND r2_key <= ?2 AND status = 'completed' AND completed_at < ?3
ORDER BY r2_key LIMIT {PAGE}
"""
RENDITIONS = f"SELECT video_id AS id FROM renditions WHERE video_id {_AMONG} AND status <> 'failed'"
RENDITION_STATUS = "SELECT status FROM renditions WHERE video_id = ?1"

# ?1 the last id ?2 algorithm version ?3 processed before
STANDING = f"""
SELECT videos.* FROM videos
WHERE videos.id > ?1 AND videos.status IN ('approved', 'flagged') AND videos.fingerprint_id IS NOT NULL
  AND videos.algorithm_version = ?2 AND videos.processed_at < ?3
ORDER BY videos.id LIMIT {PAGE // 2}
"""
DISTINCT_SEGMENTS = "SELECT COUNT(*) AS n FROM (SELECT DISTINCT vector_id FROM segment_vectors) AS vectors"


def ownerless(table: str) -> str:
    """Ids after ?1, of videos that are gone and not being purged, with rows in segment_vectors or sound_terms."""
    return f"""
SELECT DISTINCT video_id FROM {table} AS kept
WHERE video_id > ?1
  AND NOT EXISTS (SELECT 1 FROM videos WHERE videos.id = kept.video_id)
  AND NOT EXISTS (SELECT 1 FROM purges WHERE purges.video_id = kept.video_id)
ORDER BY video_id LIMIT {PAGE}
"""


# --- mending: each names what it relies on ---------------------------------------------------------------------------

NOTE_OBJECT_GONE = "UPDATE videos SET object_deleted_at = ?2 WHERE id = ?1 AND object_deleted_at IS NULL"
FORGET_FINGERPRINT = """
UPDATE videos SET fingerprint_id = NULL, algorithm_version = NULL
WHERE id = ?1 AND fingerprint_id = ?2 AND status IN ('duplicate', 'rejected')
"""
FORGET_MADE_RENDITION = "DELETE FROM renditions WHERE video_id = ?1 AND status = 'completed'"
FORGET_LOST_FINGERPRINT = """
UPDATE videos SET fingerprint_id = NULL, algorithm_version = NULL WHERE id = ?1 AND status = 'rejected'
"""
USER = "SELECT id FROM users WHERE id = ?1 OR email = ?1 OR username = ?1"
# ?1 id ?2 key ?3 user ?4 uploaded_at ?5 bytes ?6 mime type ?7 sha256
ADOPT_VIDEO = """
INSERT INTO videos (id, r2_key, user_id, status, uploaded_at, file_size, mime_type, content_sha256)
SELECT ?1, ?2, ?3, 'processing', ?4, ?5, ?6, ?7
WHERE NOT EXISTS (SELECT 1 FROM purges WHERE video_id = ?1)
ON CONFLICT DO NOTHING
"""
ADOPT_JOB = """
INSERT INTO processing_jobs (id, video_id, status, created_at)
SELECT ?2, id, 'pending', ?3 FROM videos WHERE id = ?1 AND status = 'processing'
ON CONFLICT DO NOTHING
"""

# --- duties ----------------------------------------------------------------------------------------------------------

TAKE_DUTY = "UPDATE duties SET due_at = ?3 WHERE name = ?1 AND due_at <= ?2"
DUTY_DONE = "UPDATE duties SET done_at = ?2, result = ?3 WHERE name = ?1"
DUTY = "SELECT done_at, result FROM duties WHERE name = ?1"
