"""SQL of resumable uploads, in the common subset of SQLite and PostgreSQL. ?1, ?2 ... are bound in order.

Whatever a request changes names the lock by which it may: who lost it changes nothing any more.
"""

from __future__ import annotations

# ?1 id ?2 user_id ?3 video_id ?4 upload_length ?5 upload_metadata ?6 priority ?7 part_bytes ?8 now ?9 expires_at
INSERT = """
INSERT INTO tus_uploads (id, user_id, video_id, upload_length, upload_metadata, priority, part_bytes, created_at,
                         expires_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
"""

UPLOAD = "SELECT * FROM tus_uploads WHERE id = ?1"

# Bytes that a user has in uploads that are no videos yet.
OPEN_BYTES = """
SELECT COALESCE(SUM(upload_offset), 0) AS bytes FROM tus_uploads WHERE user_id = ?1 AND finished_at IS NULL
"""

PARTS = "SELECT part_number, etag FROM tus_parts WHERE upload_id = ?1 ORDER BY part_number"

# --- the lock -------------------------------------------------------------------------------------------------------

# ?2 owner ?3 until ?4 now
LOCK = """
UPDATE tus_uploads SET lock_owner = ?2, lock_until = ?3, lock_wanted_at = NULL
WHERE id = ?1 AND (lock_owner IS NULL OR lock_until <= ?4)
"""
WANT_LOCK = "UPDATE tus_uploads SET lock_wanted_at = ?2 WHERE id = ?1 AND lock_wanted_at IS NULL"
RENEW_LOCK = "UPDATE tus_uploads SET lock_until = ?3 WHERE id = ?1 AND lock_owner = ?2"
LOCK_STATE = "SELECT lock_owner, lock_until, lock_wanted_at FROM tus_uploads WHERE id = ?1"
UNLOCK = """
UPDATE tus_uploads SET lock_owner = NULL, lock_until = NULL, lock_wanted_at = NULL WHERE id = ?1 AND lock_owner = ?2
"""

# --- what the holder of the lock writes: ?1 id ?2 owner -------------------------------------------------------------

_OURS = "EXISTS (SELECT 1 FROM tus_uploads WHERE id = ?1 AND lock_owner = ?2)"

# ?3 r2_key ?4 mime_type ?5 r2_upload_id
BEGIN_OBJECT = """
UPDATE tus_uploads SET r2_key = ?3, mime_type = ?4, r2_upload_id = ?5 WHERE id = ?1 AND lock_owner = ?2
"""

# ?3 part_number ?4 etag
INSERT_PART = f"""
INSERT INTO tus_parts (upload_id, part_number, etag) SELECT ?1, ?3, ?4 FROM (SELECT 1 AS one) AS always WHERE {_OURS}
ON CONFLICT (upload_id, part_number) DO UPDATE SET etag = excluded.etag
"""

# ?3 upload_offset ?4 tail_key
ADVANCE = "UPDATE tus_uploads SET upload_offset = ?3, tail_key = ?4 WHERE id = ?1 AND lock_owner = ?2"

# Begin again: nothing of it is in the store any more.
RESET = (
    f"DELETE FROM tus_parts WHERE upload_id = ?1 AND {_OURS}",
    """
UPDATE tus_uploads SET upload_offset = 0, tail_key = NULL, r2_key = NULL, mime_type = NULL, r2_upload_id = NULL
WHERE id = ?1 AND lock_owner = ?2
""",
)

# ?3 now: nobody goes on with it.
GIVE_UP = "UPDATE tus_uploads SET expires_at = ?3 WHERE id = ?1 AND lock_owner = ?2 AND finished_at IS NULL"

REMOVE = (
    f"DELETE FROM tus_parts WHERE upload_id = ?1 AND {_OURS}",
    "DELETE FROM tus_uploads WHERE id = ?1 AND lock_owner = ?2",
)

# In the transaction that inserts the video, whose id is ?3: without the lock, or a second time, NOT NULL says no and
# all of it is rolled back.
GUARD_FINISH = """
UPDATE videos SET uploaded_at = CASE
    WHEN EXISTS (SELECT 1 FROM tus_uploads WHERE id = ?1 AND lock_owner = ?2 AND finished_at IS NULL) THEN uploaded_at
    END
WHERE id = ?3
"""
# ?3 now
FINISH = (
    "UPDATE tus_uploads SET finished_at = ?3, tail_key = NULL, r2_upload_id = NULL WHERE id = ?1 AND lock_owner = ?2"
)
FORGET_PARTS = f"DELETE FROM tus_parts WHERE upload_id = ?1 AND {_OURS}"

# --- what is left behind --------------------------------------------------------------------------------------------

# ?1 now ?2 how many
EXPIRED = "SELECT id FROM tus_uploads WHERE expires_at <= ?1 ORDER BY expires_at, id LIMIT ?2"


def known(column: str, count: int) -> str:
    """Which of so many values are those of uploads that are no videos yet. column: id, video_id or r2_upload_id."""
    among = ", ".join(f"?{number}" for number in range(1, count + 1))
    return f"SELECT {column} AS known FROM tus_uploads WHERE {column} IN ({among}) AND finished_at IS NULL"
