"""All SQL of the gateway, in the common subset of SQLite and PostgreSQL. ?1, ?2 ... are bound in order."""

from __future__ import annotations

# --- accounts -------------------------------------------------------------------------------------------------------

USER_OF_TOKEN = """
SELECT users.id AS id, users.username AS username, users.role AS role, users.quota_videos AS quota_videos,
       users.quota_bytes AS quota_bytes, api_tokens.id AS token_id, api_tokens.scopes AS scopes,
       api_tokens.token_hash AS token_hash, api_tokens.expires_at AS expires_at, api_tokens.revoked_at AS revoked_at
FROM api_tokens JOIN users ON users.id = api_tokens.user_id
WHERE api_tokens.token_hash = ?1
"""

INSERT_USER = "INSERT INTO users (id, email, username, role, created_at) VALUES (?1, ?2, ?3, ?4, ?5)"

LIST_USERS = """
SELECT id, email, username, role, created_at, quota_videos, quota_bytes FROM users ORDER BY created_at, id
"""

# ?2 role ?3 quota_videos ?4 quota_bytes: NULL leaves what is there, a negative quota makes it NULL. ?5 now
UPDATE_USER = """
UPDATE users
SET role = COALESCE(?2, role), updated_at = ?5,
    quota_videos = CASE WHEN ?3 IS NULL THEN quota_videos WHEN ?3 >= 0 THEN ?3 END,
    quota_bytes = CASE WHEN ?4 IS NULL THEN quota_bytes WHEN ?4 >= 0 THEN ?4 END
WHERE id = ?1
"""

ANY_USER = "SELECT 1 AS one FROM users LIMIT 1"

# Of several processes that start at once, one: the others find a user. ?1 id ?2 email ?3 username ?4 now
INSERT_FIRST_ADMIN = """
INSERT INTO users (id, email, username, role, created_at)
SELECT ?1, ?2, ?3, 'admin', ?4 FROM (SELECT 1 AS one) AS always WHERE NOT EXISTS (SELECT 1 FROM users)
"""

# ?1 id ?2 user_id ?3 token_hash ?4 name ?5 now
INSERT_FIRST_TOKEN = """
INSERT INTO api_tokens (id, user_id, token_hash, name, created_at)
SELECT ?1, id, ?3, ?4, ?5 FROM users WHERE id = ?2
"""

# ?1 id ?2 actor ?3 action ?4 user ?5 detail ?6 now
INSERT_AUDIT_IF_USER = """
INSERT INTO audit_log (id, actor, action, subject, detail, at) SELECT ?1, ?2, ?3, id, ?5, ?6 FROM users WHERE id = ?4
"""

USER_BY_NAME = """
SELECT id, email, username, role, quota_videos, quota_bytes FROM users
WHERE id = ?1 OR email = ?1 OR username = ?1
"""

FIRST_ADMIN = "SELECT id, email, username, role FROM users WHERE role = 'admin' ORDER BY created_at, id LIMIT 1"

INSERT_TOKEN = """
INSERT INTO api_tokens (id, user_id, token_hash, name, created_at, expires_at, scopes)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
"""

LIST_TOKENS = """
SELECT api_tokens.id AS id, users.username AS username, users.email AS email, users.role AS role,
       api_tokens.name AS name, api_tokens.scopes AS scopes,
       api_tokens.created_at AS created_at, api_tokens.expires_at AS expires_at, api_tokens.revoked_at AS revoked_at
FROM api_tokens JOIN users ON users.id = api_tokens.user_id
ORDER BY api_tokens.created_at, api_tokens.id
"""

REVOKE_TOKEN = "UPDATE api_tokens SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL"

# ?1 id ?2 actor ?3 token ?4 the moment at which it was revoked
INSERT_AUDIT_OF_REVOCATION = """
INSERT INTO audit_log (id, actor, action, subject, detail, at)
SELECT ?1, ?2, 'token.revoke', id, '{"user":"' || user_id || '"}', ?4 FROM api_tokens WHERE id = ?3 AND revoked_at = ?4
"""

AUDIT_ROWS = """
SELECT at, actor, action, subject, detail FROM audit_log
WHERE (?1 IS NULL OR subject = ?1) AND (?2 IS NULL OR actor = ?2) AND (?3 IS NULL OR action = ?3)
ORDER BY at DESC, id DESC LIMIT ?4
"""

# --- the console's sessions -----------------------------------------------------------------------------------------

USER_OF_SESSION = """
SELECT users.id AS id, users.username AS username, users.role AS role, users.quota_videos AS quota_videos,
       users.quota_bytes AS quota_bytes, api_tokens.id AS token_id, api_tokens.scopes AS scopes,
       api_tokens.expires_at AS expires_at, api_tokens.revoked_at AS revoked_at,
       sessions.id_hash AS id_hash, sessions.csrf_secret AS csrf_secret,
       sessions.expires_at AS session_expires_at, sessions.flash AS flash
FROM console_sessions AS sessions
JOIN api_tokens ON api_tokens.id = sessions.token_id
JOIN users ON users.id = api_tokens.user_id
WHERE sessions.id_hash = ?1
"""

# ?1 id_hash ?2 token_id ?3 csrf_secret ?4 now ?5 expires_at
INSERT_SESSION = """
INSERT INTO console_sessions (id_hash, token_id, csrf_secret, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)
"""

DELETE_SESSION = "DELETE FROM console_sessions WHERE id_hash = ?1"

DELETE_ENDED_SESSIONS = "DELETE FROM console_sessions WHERE expires_at <= ?1"

SET_FLASH = "UPDATE console_sessions SET flash = ?2 WHERE id_hash = ?1"

TOKEN = "SELECT name, created_at, expires_at FROM api_tokens WHERE id = ?1"

# --- a new video ----------------------------------------------------------------------------------------------------

# The twin has the very same bytes. `root` is what a duplicate of it is a duplicate of.
# ?1 id ?2 r2_key ?3 user_id ?4 uploaded_at ?5 file_size ?6 mime_type ?7 priority ?8 content_sha256 ?9 request_id
# ?10 verdict id, should there be a verdict at once ?11 filename ?12 filename_lower
INSERT_UPLOAD = """
INSERT INTO videos (id, r2_key, user_id, uploaded_at, file_size, mime_type, priority, content_sha256, request_id,
                    filename, filename_lower, status, duplicate_of, similarity_score, confidence, reason, duration,
                    duration_seconds, media, plays, processed_at, verdict_id)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?11, ?12,
       CASE WHEN twin.id IS NULL THEN 'processing' WHEN twin.root IS NULL THEN 'rejected' ELSE 'duplicate' END,
       twin.root,
       CASE WHEN twin.root IS NOT NULL THEN 1.0 END,
       CASE WHEN twin.root IS NOT NULL THEN 'high' END,
       twin.reason, twin.duration, twin.duration_seconds, twin.media, twin.plays,
       CASE WHEN twin.id IS NOT NULL THEN ?4 END,
       CASE WHEN twin.id IS NOT NULL THEN ?10 END
FROM (SELECT 1 AS one) AS always
LEFT JOIN (
    SELECT id, duration, duration_seconds, media, plays,
           CASE status WHEN 'duplicate' THEN duplicate_of WHEN 'rejected' THEN NULL ELSE id END AS root,
           CASE status WHEN 'rejected' THEN reason END AS reason
    FROM videos
    WHERE content_sha256 = ?8 AND range_start IS NULL AND range_stop IS NULL
      AND (status <> 'duplicate' OR duplicate_of IS NOT NULL)
    ORDER BY CASE status WHEN 'approved' THEN 0 WHEN 'flagged' THEN 1 WHEN 'processing' THEN 2
                         WHEN 'duplicate' THEN 3 ELSE 4 END, uploaded_at, id
    LIMIT 1
) AS twin ON 1 = 1
"""

# A byte-equal copy shows the whole of its original.
DESCRIBE_EQUAL_BYTES = """
UPDATE videos SET matches =
    '[{"video_id":"' || duplicate_of || '","kind":"video","similarity_score":1.0,"video_score":1.0,"audio_score":null,'
    || '"coverage":1.0,"ref_coverage":1.0,"mirrored":false,"speed":1.0,"pitch_semitones":0.0,"area":1.0,"segments":['
    || CASE WHEN duration_seconds IS NULL THEN '' ELSE
         '{"start":0.0,"end":' || duration_seconds || ',"ref_start":0.0,"ref_end":' || duration_seconds
         || ',"score":1.0,"speed":1.0,"mirrored":false}' END
    || ']}]'
WHERE id = ?1 AND status = 'duplicate'
"""

INSERT_JOB = """
INSERT INTO processing_jobs (id, video_id, status, created_at, completed_at, progress)
SELECT ?2, id, CASE status WHEN 'processing' THEN 'pending' ELSE 'completed' END, ?3, processed_at,
       CASE status WHEN 'processing' THEN 0 ELSE 1 END
FROM videos WHERE id = ?1
"""

INSERT_EQUAL_BYTES_VERDICT = """
INSERT INTO verdicts (id, video_id, status, reason, confidence, duplicate_of, similarity_score, matches,
                      policy_version, thresholds, decided_by, decided_at)
SELECT verdict_id, id, status, reason, confidence, duplicate_of, similarity_score, COALESCE(matches, '[]'),
       0, '{}', 'content_sha256', processed_at
FROM videos WHERE id = ?1 AND verdict_id IS NOT NULL
"""

INSERT_EQUAL_BYTES_DETECTION = """
INSERT INTO duplicate_detections (id, video_id, matched_video_id, similarity_score, audio_match, decision, detected_at)
SELECT ?2, id, duplicate_of, 1.0, 1, 'auto_reject', processed_at FROM videos WHERE id = ?1 AND status = 'duplicate'
"""

# The payload of a verdict, the same whoever decided.
INSERT_VERDICT_NOTIFICATION = """
INSERT INTO notifications (id, video_id, kind, payload, created_at)
SELECT ?2, id,
       CASE status WHEN 'duplicate' THEN 'video.duplicate_detected' ELSE 'video.' || status END,
       '{"video_id":"' || id || '","status":"' || status || '"'
       || CASE WHEN duplicate_of IS NULL THEN '' ELSE ',"duplicate_of":"' || duplicate_of || '"' END
       || CASE WHEN similarity_score IS NULL THEN '' ELSE ',"similarity_score":' || similarity_score END
       || CASE WHEN reason IS NULL THEN '' ELSE ',"reason":"' || reason || '"' END || '}',
       ?3
FROM videos WHERE id = ?1 AND verdict_id IS NOT NULL
"""

USAGE_OF_USER = """
SELECT COUNT(*) AS videos, COALESCE(SUM(CASE WHEN object_deleted_at IS NULL THEN file_size END), 0) AS bytes
FROM videos WHERE user_id = ?1
"""

# After the insert: over the quota, NOT NULL says no and the whole batch is rolled back. ?2 videos ?3 bytes, 0: no limit
GUARD_QUOTA = """
UPDATE users SET created_at = CASE
    WHEN (?2 = 0 OR (SELECT COUNT(*) FROM videos WHERE user_id = ?1) <= ?2)
     AND (?3 = 0 OR (SELECT COALESCE(SUM(CASE WHEN object_deleted_at IS NULL THEN file_size END), 0)
                     FROM videos WHERE user_id = ?1) <= ?3)
    THEN created_at END
WHERE id = ?1
"""

BUMP_CATALOGUE = "UPDATE catalogue SET version = version + 1 WHERE id = 1"

BUMP_CATALOGUE_IF_DECIDED = """
UPDATE catalogue SET version = version + 1
WHERE id = 1 AND EXISTS (SELECT 1 FROM videos WHERE id = ?1 AND verdict_id IS NOT NULL)
"""

STATUS_OF = "SELECT status, uploaded_at FROM videos WHERE id = ?1"

RETRACT_UPLOAD = (
    "DELETE FROM processing_jobs WHERE video_id = ?1",
    "DELETE FROM verdicts WHERE video_id = ?1",
    "DELETE FROM duplicate_detections WHERE video_id = ?1",
    "DELETE FROM notifications WHERE video_id = ?1",
    "DELETE FROM videos WHERE id = ?1",
)


def known_videos(count: int) -> str:
    """Which of so many ids are videos."""
    return f"SELECT id FROM videos WHERE id IN ({', '.join(f'?{number}' for number in range(1, count + 1))})"


def visible_videos(count: int) -> str:
    """Which of so many ids are videos that ?1 may see; NULL: anybody's. The ids are bound after it."""
    ids = ", ".join(f"?{number}" for number in range(2, count + 2))
    return f"SELECT id FROM videos WHERE id IN ({ids}) AND (?1 IS NULL OR user_id = ?1)"


INSERT_REMOTE = """
INSERT INTO videos (id, r2_key, user_id, status, uploaded_at, priority, tier, source_url, range_start, range_stop,
                    request_id, filename, filename_lower)
VALUES (?1, ?2, ?3, 'processing', ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
"""

# --- reading --------------------------------------------------------------------------------------------------------

_VIDEO = """
SELECT videos.id, videos.r2_key, videos.user_id, videos.status, videos.duplicate_of, videos.similarity_score,
       videos.duration, videos.duration_seconds, videos.filename, videos.file_size, videos.mime_type,
       videos.uploaded_at, videos.processed_at, videos.priority, videos.source_url, videos.thumbnail_key,
       videos.object_deleted_at, videos.preview_key, videos.preview_layout, videos.plays,
       renditions.status AS rendition_status, renditions.r2_key AS rendition_key,
       renditions.progress AS rendition_progress, renditions.error_message AS rendition_error,
       videos.reason, videos.confidence, videos.similar_to, videos.matches, videos.fingerprint_id,
       jobs.status AS job_status, jobs.attempt_count, jobs.error_message, jobs.progress, jobs.stage,
       owners.username AS username,
       originals.uploaded_at AS original_uploaded_at, uploaders.username AS original_uploader{columns}
FROM videos
LEFT JOIN processing_jobs AS jobs ON jobs.video_id = videos.id
LEFT JOIN renditions ON renditions.video_id = videos.id
LEFT JOIN users AS owners ON owners.id = videos.user_id
LEFT JOIN videos AS originals ON originals.id = videos.duplicate_of
LEFT JOIN users AS uploaders ON uploaders.id = originals.user_id
{join}
"""
_VIDEO_COLUMNS = _VIDEO.format(columns="", join="")
_VERDICT_TOO = _VIDEO.format(
    columns=", videos.matrices, verdicts.decided_by, verdicts.policy_version, verdicts.why",
    join="LEFT JOIN verdicts ON verdicts.id = videos.verdict_id",
)

# ?2 is whose video it must be; NULL: anybody's.
VIDEO = _VERDICT_TOO + "WHERE videos.id = ?1 AND (?2 IS NULL OR videos.user_id = ?2)"


# D1 takes no LIKE pattern of more than 50 bytes. What holds the text is other without it. Each video is looked at, in
# an index, when few or none fit; so what is quickly said comes first: ids are of 0 to f, and few lie between the text
# and the text with a g behind it.
_SEARCHED = """((videos.id >= ?{n} AND videos.id < ?{n} || 'g' AND substr(videos.id, 1, length(?{n})) = ?{n})
 OR videos.user_id IN (
  SELECT users.id FROM users WHERE REPLACE(LOWER(users.username), ?{n}, '') <> LOWER(users.username))
 OR REPLACE(videos.filename_lower, ?{n}, '') <> videos.filename_lower
 OR REPLACE(LOWER(videos.source_url), ?{n}, '') <> LOWER(videos.source_url))"""


def list_videos(*, of_user: bool, of_status: bool, of_text: bool = False) -> tuple[str, str]:
    """The page and the total. Bound in this order: the user, the status, the text (those asked for), limit, offset.

    The text is as lowered() gives it and not empty. Which videos are on the page is read from an index alone.
    """
    asked = [
        condition
        for condition, wanted in (
            ("videos.user_id = ?{n}", of_user),
            # A text is looked for in the same index whatever the status; no index knows the second condition.
            ("COALESCE(videos.status, '') = ?{n}" if of_text else "videos.status = ?{n}", of_status),
            (_SEARCHED, of_text),
        )
        if wanted
    ]
    where = " AND ".join(condition.format(n=number) for number, condition in enumerate(asked, 1))
    condition = f"WHERE {where} " if where else ""
    limit, offset = len(asked) + 1, len(asked) + 2
    order = "ORDER BY videos.uploaded_at DESC, videos.id DESC"
    ids = f"SELECT videos.id FROM videos {condition}{order} LIMIT ?{limit} OFFSET ?{offset}"
    page = f"{_VIDEO_COLUMNS} WHERE videos.id IN ({ids}) {order}"
    return page, f"SELECT COUNT(*) AS total FROM videos {condition}"


# How long the last uploads took from acceptance to verdict.
RECENT_TIMES = """
SELECT uploaded_at, processed_at FROM (
    SELECT uploaded_at, processed_at, verdict_id FROM videos ORDER BY uploaded_at DESC LIMIT 100
) AS recent
WHERE processed_at IS NOT NULL AND processed_at > uploaded_at
"""

PROGRESS = """
SELECT videos.status, jobs.status AS job_status, jobs.stage, jobs.progress, jobs.error_message, jobs.attempt_count
FROM videos LEFT JOIN processing_jobs AS jobs ON jobs.video_id = videos.id
WHERE videos.id = ?1 AND (?2 IS NULL OR videos.user_id = ?2)
"""

# --- deleting and deciding again ------------------------------------------------------------------------------------

_DEPENDENTS = "SELECT id FROM videos WHERE duplicate_of = ?1 AND status IN ('duplicate', 'flagged')"

DEPENDENTS = """
SELECT id, priority FROM videos WHERE duplicate_of = ?1 AND status IN ('duplicate', 'flagged') ORDER BY uploaded_at, id
"""

RESET_JOB = """
UPDATE processing_jobs
SET status = 'pending', attempt_count = 0, error_message = NULL, started_at = NULL, completed_at = NULL, stage = NULL,
    progress = 0, lease_owner = NULL, lease_until = NULL, next_attempt_at = NULL, worker_deaths = 0, is_suspect = 0,
    quarantined_at = NULL, outage_since = NULL, interruptions = 0
"""

RESET_JOBS_OF_DEPENDENTS = f"{RESET_JOB} WHERE video_id IN ({_DEPENDENTS})"

RESET_VIDEO = """
UPDATE videos
SET status = 'processing', duplicate_of = NULL, similarity_score = NULL, confidence = NULL, reason = NULL,
    similar_to = NULL, matches = NULL, verdict_id = NULL, processed_at = NULL
"""

RESET_DEPENDENTS = f"{RESET_VIDEO} WHERE duplicate_of = ?1 AND status IN ('duplicate', 'flagged')"

# ?1 id ?2 r2 keys (JSON) ?3 now
INSERT_PURGE = "INSERT INTO purges (video_id, r2_keys, created_at) SELECT id, ?2, ?3 FROM videos WHERE id = ?1"

# segment_vectors stay: they name the vectors that the consumer's purge has to delete.
DELETE_VIDEO = (
    "UPDATE videos SET duplicate_of = NULL WHERE duplicate_of = ?1",
    "UPDATE videos SET similar_to = NULL, similarity_score = NULL WHERE similar_to = ?1",
    "DELETE FROM processing_jobs WHERE video_id = ?1",
    "DELETE FROM renditions WHERE video_id = ?1",
    "DELETE FROM sound_terms WHERE video_id = ?1",
    "DELETE FROM verdicts WHERE video_id = ?1",
    "DELETE FROM duplicate_detections WHERE video_id = ?1",
    "DELETE FROM notifications WHERE video_id = ?1",
    "DELETE FROM review_claims WHERE video_id = ?1",
    "DELETE FROM review_changes WHERE video_id = ?1",
    "DELETE FROM parted_pairs WHERE first_id = ?1 OR second_id = ?1",
    "DELETE FROM videos WHERE id = ?1",
)

# At most ?1 + 1 rows are counted: it is asked with each upload.
PENDING_JOBS = """
SELECT COUNT(*) AS n FROM
    (SELECT 1 FROM processing_jobs WHERE status IN ('pending', 'processing')
     UNION ALL SELECT 1 FROM searches WHERE status IN ('pending', 'processing') LIMIT ?1 + 1) AS waiting
"""

_FAILED = """
FROM processing_jobs AS jobs JOIN videos ON videos.id = jobs.video_id
WHERE jobs.status = 'failed' AND videos.status = 'processing'
"""

FAILED_JOBS = f"""
SELECT videos.id AS video_id, videos.user_id, videos.filename, jobs.error_message AS reason,
       jobs.attempt_count AS attempts, jobs.worker_deaths, jobs.quarantined_at, jobs.completed_at AS failed_at,
       videos.uploaded_at
{_FAILED} ORDER BY jobs.completed_at DESC, videos.id DESC LIMIT ?1 OFFSET ?2
"""

FAILED_TOTAL = f"SELECT COUNT(*) AS total {_FAILED}"

# ?2 the fingerprint's key ?3 algorithm version ?4 duration, whole seconds ?5 duration, seconds ?6 thumbnail's key
# ?7 preview's key ?8 its layout (JSON) ?9 what the file is made of (JSON) ?10 whether browsers play it
KEEP_FINGERPRINT = """
UPDATE videos
SET fingerprint_id = ?2, algorithm_version = ?3, duration = ?4, duration_seconds = ?5,
    thumbnail_key = COALESCE(?6, thumbnail_key), preview_key = COALESCE(?7, preview_key),
    preview_layout = COALESCE(?8, preview_layout), media = COALESCE(?9, media), plays = COALESCE(?10, plays)
WHERE id = ?1 AND status = 'processing'
"""

RESET_JOB_IF_UNDECIDED = f"""{RESET_JOB}
WHERE video_id = ?1 AND EXISTS (SELECT 1 FROM videos WHERE id = ?1 AND status = 'processing')
"""

INSERT_AUDIT = "INSERT INTO audit_log (id, actor, action, subject, detail, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"

# --- webhooks, which the consumers send -----------------------------------------------------------------------------

WEBHOOKS = """
SELECT id, url, kinds, created_at, disabled_reason FROM webhook_targets ORDER BY created_at, id LIMIT ?1 OFFSET ?2
"""

WEBHOOKS_TOTAL = "SELECT COUNT(*) AS total FROM webhook_targets"

WEBHOOK = "SELECT id, url, kinds, created_at, disabled_reason FROM webhook_targets WHERE id = ?1"

INSERT_WEBHOOK = "INSERT INTO webhook_targets (id, url, kinds, created_at) VALUES (?1, ?2, ?3, ?4)"

INSERT_WEBHOOK_SECRET = "INSERT INTO webhook_secrets (id, target_id, secret, created_at) VALUES (?1, ?2, ?3, ?4)"

EXPIRE_WEBHOOK_SECRETS = "UPDATE webhook_secrets SET expires_at = ?2 WHERE target_id = ?1 AND expires_at IS NULL"

FORGET_EXPIRED_WEBHOOK_SECRETS = "DELETE FROM webhook_secrets WHERE target_id = ?1 AND expires_at <= ?2"

DELETE_WEBHOOK = (
    "DELETE FROM webhook_deliveries WHERE target_id = ?1",
    "DELETE FROM webhook_secrets WHERE target_id = ?1",
    "DELETE FROM webhook_targets WHERE id = ?1",
)

_OF_WEBHOOK = "FROM webhook_deliveries WHERE target_id = ?1 AND status = COALESCE(?2, status)"

# ?2 status: NULL for all
WEBHOOK_DELIVERIES = f"""
SELECT id, notification_id, video_id, kind, status, attempts, told_at, next_attempt_at, sent_at, last_error
{_OF_WEBHOOK} ORDER BY told_at DESC, id DESC LIMIT ?3 OFFSET ?4
"""

WEBHOOK_DELIVERIES_TOTAL = f"SELECT COUNT(*) AS total {_OF_WEBHOOK}"

# --- searches -------------------------------------------------------------------------------------------------------

INSERT_SEARCH = """
INSERT INTO searches (id, user_id, kind, r2_key, source_url, content_sha256, file_size, mime_type, reference_key,
                      reference_id, request_id, created_at, status)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 'pending')
"""

SEARCH = "SELECT * FROM searches WHERE id = ?1 AND user_id = ?2"

DELETE_SEARCH = "DELETE FROM searches WHERE id = ?1"

# What a verdict says of the video that it calls the original.
ORIGINAL = """
SELECT videos.uploaded_at, users.username AS uploader
FROM videos LEFT JOIN users ON users.id = videos.user_id WHERE videos.id = ?1
"""


def known_searches(count: int) -> str:
    """Which of so many ids are searches."""
    return f"SELECT id FROM searches WHERE id IN ({', '.join(f'?{number}' for number in range(1, count + 1))})"
