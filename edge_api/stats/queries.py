"""The SQL of the statistics, in the common subset of SQLite and PostgreSQL; each is read from an index alone.

?1, ?2 ... are bound in order. Reads, one by one: a batch would take the lock of the one writer.
"""

from __future__ import annotations

# bytes: of the objects that are still there.
VIDEOS_BY_VERDICT = """
SELECT status, reason, COUNT(*) AS videos,
       COALESCE(SUM(CASE WHEN object_deleted_at IS NULL THEN file_size END), 0) AS bytes
FROM videos GROUP BY status, reason
"""

# ?1 the first day
UPLOADS_BY_DAY = """
SELECT SUBSTR(uploaded_at, 1, 10) AS day, COUNT(*) AS videos, COALESCE(SUM(file_size), 0) AS bytes
FROM videos WHERE uploaded_at >= ?1 GROUP BY SUBSTR(uploaded_at, 1, 10)
"""

JOBS_WAITING = """
SELECT status, COUNT(*) AS jobs, MIN(created_at) AS oldest_at
FROM processing_jobs WHERE status IN ('pending', 'processing') GROUP BY status
"""

# Byte-equal copies are decided with their upload and were never processed. ?1 the first day ?2 how many
LAST_RUNS = """
SELECT started_at AS begun_at, completed_at AS ended_at FROM processing_jobs
WHERE status = 'completed' AND completed_at >= ?1 AND started_at IS NOT NULL
ORDER BY completed_at DESC LIMIT ?2
"""

LAST_VERDICTS = """
SELECT uploaded_at AS begun_at, processed_at AS ended_at FROM videos
WHERE uploaded_at >= ?1 AND processed_at > uploaded_at
ORDER BY uploaded_at DESC LIMIT ?2
"""

# Attempts that failed and will be made again. ?1 how many
TROUBLES = """
SELECT video_id, filename, error_message AS error, attempt_count AS attempts, started_at AS tried_at, next_attempt_at
FROM processing_jobs JOIN videos ON videos.id = video_id
WHERE processing_jobs.status = 'pending' AND error_message IS NOT NULL
ORDER BY started_at DESC LIMIT ?1
"""

OPEN_UPLOADS = """
SELECT COUNT(*) AS objects, COALESCE(SUM(upload_offset), 0) AS bytes FROM tus_uploads WHERE finished_at IS NULL
"""

# --- operations -----------------------------------------------------------------------------------------------------

ADD_CALLS = """
INSERT INTO operation_counts (day, operation, calls) VALUES (?1, ?2, ?3)
ON CONFLICT (day, operation) DO UPDATE SET calls = operation_counts.calls + excluded.calls
"""

# ?1 the first day
CALLS = """
SELECT operation, SUM(calls) AS calls, MIN(day) AS first_day FROM operation_counts WHERE day >= ?1 GROUP BY operation
"""

FORGET_CALLS = "DELETE FROM operation_counts WHERE day < ?1"

# --- what is stored: one gateway looks, all tell --------------------------------------------------------------------

TAKE_DUTY = "UPDATE duties SET due_at = ?2 WHERE name = 'storage' AND due_at <= ?1"

DUTY_DONE = "UPDATE duties SET done_at = ?1, result = ?2, due_at = ?3 WHERE name = 'storage'"

DUTY = "SELECT done_at, result FROM duties WHERE name = 'storage'"
