"""SQL of the review queue, in the common subset of SQLite and PostgreSQL."""

from __future__ import annotations

from edge_api.queries import INSERT_VERDICT_NOTIFICATION, RESET_JOB, RESET_VIDEO

# --- claims: ?1 user ?2 now ?3 until ---------------------------------------------------------------------------------

FORGET_CLAIMS = """
DELETE FROM review_claims
WHERE user_id = ?1
  AND (video_id = ?2 OR NOT EXISTS (SELECT 1 FROM videos
                                    WHERE videos.id = review_claims.video_id AND videos.status = 'flagged'))
"""

RENEW_CLAIM = "UPDATE review_claims SET expires_at = ?2 WHERE user_id = ?1"

_SURENESS = "COALESCE({table}.similarity_score, -1)"
_LATER = "(videos.uploaded_at > {0}.uploaded_at OR (videos.uploaded_at = {0}.uploaded_at AND videos.id > {0}.id))"
_ORDERS = {
    "oldest": ("videos.uploaded_at, videos.id", _LATER.format("skipped")),
    "surest": (
        f"{_SURENESS.format(table='videos')} DESC, videos.uploaded_at, videos.id",
        f"({_SURENESS.format(table='videos')} < {_SURENESS.format(table='skipped')}"
        f" OR ({_SURENESS.format(table='videos')} = {_SURENESS.format(table='skipped')}"
        f" AND {_LATER.format('skipped')}))",
    ),
}
ORDERS = tuple(_ORDERS)

_TAKE_OVER = """
ON CONFLICT (video_id) DO UPDATE
SET user_id = excluded.user_id, claimed_at = excluded.claimed_at, expires_at = excluded.expires_at
WHERE review_claims.expires_at <= excluded.claimed_at OR review_claims.user_id = excluded.user_id
"""


def take_next(order: str, *, skips: bool) -> str:
    """The first video in this order that nobody has open, unless the user has one. skips: ?4 is passed over: what comes
    after it in the order first, then the order from its beginning."""
    by, is_after = _ORDERS[order]
    first = f"CASE WHEN skipped.id IS NULL OR {is_after} THEN 0 ELSE 1 END, " if skips else ""
    return f"""
INSERT INTO review_claims (video_id, user_id, claimed_at, expires_at)
SELECT videos.id, ?1, ?2, ?3
FROM videos LEFT JOIN review_claims AS claims ON claims.video_id = videos.id
{"LEFT JOIN videos AS skipped ON skipped.id = ?4" if skips else ""}
WHERE videos.status = 'flagged' AND (claims.video_id IS NULL OR claims.expires_at <= ?2)
  AND NOT EXISTS (SELECT 1 FROM review_claims AS mine WHERE mine.user_id = ?1)
ORDER BY {first}{by} LIMIT 1
{_TAKE_OVER}
"""


FORGET_EXPIRED_CLAIMS = "DELETE FROM review_claims WHERE user_id = ?1 AND expires_at <= ?2 AND video_id <> ?3"

# ?4 the video: taken when it is flagged, nobody else has it open, and the user has no other one.
TAKE = f"""
INSERT INTO review_claims (video_id, user_id, claimed_at, expires_at)
SELECT videos.id, ?1, ?2, ?3 FROM videos
WHERE videos.id = ?4 AND videos.status = 'flagged'
  AND NOT EXISTS (SELECT 1 FROM review_claims AS mine WHERE mine.user_id = ?1 AND mine.video_id <> ?4)
{_TAKE_OVER}
"""

CLAIM_OF = "SELECT video_id, expires_at FROM review_claims WHERE user_id = ?1"

RELEASE = "DELETE FROM review_claims WHERE video_id = ?1 AND user_id = ?2"

# ?1 video ?2 user ?3 now
IS_OPEN_ELSEWHERE = "SELECT 1 AS one FROM review_claims WHERE video_id = ?1 AND user_id <> ?2 AND expires_at > ?3"

FORGET_CLAIM_OF_VIDEO = "DELETE FROM review_claims WHERE video_id = ?1"

# ?1 user ?2 now
WAITING = """
SELECT COUNT(*) AS waiting,
       COALESCE(SUM(CASE WHEN claims.user_id <> ?1 AND claims.expires_at > ?2 THEN 1 ELSE 0 END), 0) AS open_elsewhere
FROM videos LEFT JOIN review_claims AS claims ON claims.video_id = videos.id WHERE videos.status = 'flagged'
"""

# --- settling --------------------------------------------------------------------------------------------------------

# Not flagged, open elsewhere, or a duplicate of nothing: NOT NULL says no and the whole batch is rolled back.
# processed_at stays: it says when the processing ended. ?1 id ?2 verdict id ?3 user ?4 now
_SETTLE = """
UPDATE videos
SET status = CASE WHEN status = 'flagged' AND NOT EXISTS (
        SELECT 1 FROM review_claims AS claims
        WHERE claims.video_id = videos.id AND claims.user_id <> ?3 AND claims.expires_at > ?4){condition}
    THEN '{status}' END, verdict_id = ?2, {rest}
WHERE id = ?1
"""

SETTLE_APPROVED = _SETTLE.format(
    condition="",
    status="approved",
    rest="similar_to = duplicate_of, duplicate_of = NULL, reason = NULL, confidence = NULL",
)
SETTLE_REJECTED = _SETTLE.format(
    condition="",
    status="rejected",
    rest="duplicate_of = NULL, reason = 'rejected_by_moderator', confidence = NULL",
)

# ?5 the original ?6 its score. What is a duplicate itself stands for its own original; one that is rejected, or is this
# video's duplicate, is no original.
_ROOT = """(SELECT CASE originals.status WHEN 'duplicate' THEN originals.duplicate_of ELSE originals.id END
            FROM videos AS originals WHERE originals.id = ?5 AND originals.status <> 'rejected')"""
SETTLE_DUPLICATE = _SETTLE.format(
    condition=f" AND {_ROOT} <> ?1",
    status="duplicate",
    rest=f"reason = NULL, confidence = 'high', similarity_score = ?6, duplicate_of = {_ROOT}",
)

# ?1 id ?2 decided_by ?3 now: the policy and thresholds are those of the verdict under review.
INSERT_REVIEW_VERDICT = """
INSERT INTO verdicts (id, video_id, status, reason, confidence, duplicate_of, similar_to, similarity_score, matches,
                      policy_version, thresholds, decided_by, decided_at)
SELECT videos.verdict_id, videos.id, videos.status, videos.reason, videos.confidence, videos.duplicate_of,
       videos.similar_to, videos.similarity_score, COALESCE(videos.matches, '[]'),
       COALESCE(reviewed.policy_version, 0), COALESCE(reviewed.thresholds, '{}'), ?2, ?3
FROM videos
LEFT JOIN (
    SELECT video_id, policy_version, thresholds FROM verdicts WHERE video_id = ?1 ORDER BY decided_at DESC LIMIT 1
) AS reviewed ON reviewed.video_id = videos.id
WHERE videos.id = ?1
"""

# ?1 id ?2 review ?3 user ?4 decision ?5 now ?6 until
INSERT_REVIEW = """
INSERT INTO reviews (id, video_id, user_id, decision, reason, reviewed_at, undo_until)
SELECT ?2, id, ?3, ?4, reason, ?5, ?6 FROM videos WHERE id = ?1
"""

_EQUAL_BYTES = "content_sha256 = (SELECT content_sha256 FROM videos WHERE id = ?1)"
_EQUAL_COPY = f"duplicate_of = ?1 AND status = 'duplicate' AND {_EQUAL_BYTES}"


def _noted(part: str, which: str) -> str:
    return f"""
INSERT INTO review_changes (review_id, video_id, part, status, reason, confidence, duplicate_of, similar_to,
                            similarity_score, matches, verdict_id)
SELECT ?2, videos.id, '{part}', videos.status, videos.reason, videos.confidence, videos.duplicate_of,
       videos.similar_to, videos.similarity_score, videos.matches, videos.verdict_id
FROM videos WHERE {which}
"""


NOTE_SETTLED = _noted("settled", "videos.id = ?1")
NOTE_EQUAL_BYTES = _noted("followed", _EQUAL_COPY)
NOTE_DUPLICATES = _noted("followed", "duplicate_of = ?1 AND status = 'duplicate'")
NOTE_DEPENDENTS = _noted("again", f"duplicate_of = ?1 AND status IN ('duplicate', 'flagged') AND NOT ({_EQUAL_COPY})")
"""?1 id ?2 review: how the videos that a decision will change are before it."""

# Byte-equal copies share the fate of what they are copies of.
REJECT_EQUAL_BYTES = f"""
UPDATE videos SET status = 'rejected', reason = 'rejected_by_moderator', duplicate_of = NULL, similarity_score = NULL,
    confidence = NULL, matches = NULL
WHERE {_EQUAL_COPY}
"""

REROOT_DEPENDENTS = """
UPDATE videos SET duplicate_of = (SELECT duplicate_of FROM videos WHERE id = ?1)
WHERE duplicate_of = ?1 AND status = 'duplicate'
"""

# ?1 notification ?2 not before
HOLD_NOTIFICATION = "UPDATE notifications SET next_attempt_at = ?2 WHERE id = ?1"

# ?1 review ?2 part
_OF_PART = "SELECT video_id FROM review_changes WHERE review_id = ?1 AND part = ?2"
RESET_JOBS = f"{RESET_JOB} WHERE video_id IN ({_OF_PART})"
RESET_VIDEOS = f"{RESET_VIDEO} WHERE id IN ({_OF_PART})"
TO_WAKE = f"SELECT id, priority FROM videos WHERE id IN ({_OF_PART}) ORDER BY uploaded_at, id"

# --- taking a review back --------------------------------------------------------------------------------------------

# ?2 now
UNDOABLE = """
SELECT id, decision, reviewed_at FROM reviews
WHERE video_id = ?1 AND undone_at IS NULL AND undo_until > ?2 ORDER BY reviewed_at DESC LIMIT 1
"""

# NOT NULL says no when it is too late, or the video has another verdict by now. ?1 review ?2 now
UNDO = """
UPDATE reviews
SET undone_at = ?2, undo_until = CASE WHEN undone_at IS NULL AND undo_until > ?2 AND EXISTS (
        SELECT 1 FROM videos
        WHERE videos.id = reviews.video_id AND videos.verdict_id = reviews.id AND videos.status <> 'processing')
    THEN ?2 END
WHERE id = ?1
"""

# What came about since the review, and because of it: what it sent back, what the policy found to be like the video as
# it then was, and uploads of its very bytes. What a moderator decided meanwhile stays.
# ?1 video ?2 review ?3 reviewed_at
NOTE_UNDONE = _noted(
    "undone",
    f"""videos.id <> ?1
  AND (EXISTS (SELECT 1 FROM review_changes AS sent
               WHERE sent.review_id = ?2 AND sent.video_id = videos.id AND sent.part = 'again')
       OR (videos.duplicate_of = ?1 AND videos.status IN ('duplicate', 'flagged')
           AND EXISTS (SELECT 1 FROM verdicts WHERE verdicts.id = videos.verdict_id
                         AND verdicts.decided_by = 'policy' AND verdicts.decided_at >= ?3))
       OR (videos.status IN ('duplicate', 'rejected') AND COALESCE(videos.duplicate_of, '') <> ?1
           AND videos.uploaded_at >= ?3 AND {_EQUAL_BYTES}))
  AND NOT EXISTS (SELECT 1 FROM verdicts
                  WHERE verdicts.id = videos.verdict_id AND verdicts.decided_by LIKE 'user:%')""",
)

# Each as it was, if it is still as the review left it; an original that is gone meanwhile is none. ?1 review
RESTORE = """
UPDATE videos
SET (status, reason, confidence, duplicate_of, similar_to, similarity_score, matches, verdict_id, catalogue_version) = (
    SELECT was.status, was.reason, was.confidence,
           (SELECT originals.id FROM videos AS originals WHERE originals.id = was.duplicate_of),
           (SELECT kin.id FROM videos AS kin WHERE kin.id = was.similar_to),
           was.similarity_score, was.matches, was.verdict_id, (SELECT version FROM catalogue WHERE id = 1)
    FROM review_changes AS was
    WHERE was.review_id = ?1 AND was.video_id = videos.id AND was.part IN ('settled', 'followed'))
WHERE EXISTS (
    SELECT 1 FROM review_changes AS was
    WHERE was.review_id = ?1 AND was.video_id = videos.id AND videos.status <> 'processing'
      AND ((was.part = 'settled' AND videos.verdict_id = ?1)
           OR (was.part = 'followed' AND COALESCE(videos.verdict_id, '') = COALESCE(was.verdict_id, ''))))
"""

_WAS_TOLD = "(told.sent_at IS NOT NULL OR told.attempts > 0)"
# A notification that has left all the same is followed by another; one that is still held is not told. ?4 the review
CORRECT_NOTIFICATION = f"""{INSERT_VERDICT_NOTIFICATION}
  AND EXISTS (SELECT 1 FROM notifications AS told WHERE told.id = ?4 AND {_WAS_TOLD})
"""
FORGET_NOTIFICATION = "DELETE FROM notifications WHERE id = ?1 AND sent_at IS NULL AND attempts = 0"

# ?1 user ?2 now
LATEST_UNDOABLE = """
SELECT reviews.video_id, videos.filename, reviews.decision, reviews.undo_until, reviews.reviewed_at
FROM reviews JOIN videos ON videos.id = reviews.video_id AND videos.verdict_id = reviews.id
WHERE reviews.user_id = ?1 AND reviews.undone_at IS NULL AND reviews.undo_until > ?2 AND videos.status <> 'processing'
ORDER BY reviews.reviewed_at DESC LIMIT 1
"""

# ?1 user ?2 not before
LATEST_PARTED = """
SELECT first_id, second_id, parted_at, (SELECT filename FROM videos WHERE id = first_id) AS filename
FROM parted_pairs WHERE user_id = ?1 AND parted_at > ?2
ORDER BY parted_at DESC LIMIT 1
"""

STATISTICS = """
SELECT reason, COUNT(*) AS reviewed, SUM(CASE WHEN decision = 'approve' THEN 1 ELSE 0 END) AS overturned
FROM reviews WHERE undone_at IS NULL GROUP BY reason ORDER BY COUNT(*) DESC, reason
"""

# --- pairs that are not compared: ?1 and ?2 the two, the lesser first -------------------------------------------------

# ?3 user ?4 now. Of a pair that is parted already nothing is changed, and nothing else of the batch.
PART = "INSERT INTO parted_pairs (first_id, second_id, user_id, parted_at) VALUES (?1, ?2, ?3, ?4)"

PARTED_AT = "SELECT parted_at FROM parted_pairs WHERE first_id = ?1 AND second_id = ?2"

JOIN = "DELETE FROM parted_pairs WHERE first_id = ?1 AND second_id = ?2"

PARTED_FROM = """
SELECT CASE first_id WHEN ?1 THEN second_id ELSE first_id END AS other_id, parted_at
FROM parted_pairs WHERE first_id = ?1 OR second_id = ?1 ORDER BY parted_at DESC LIMIT 100
"""

_BY_POLICY = "verdicts.id = videos.verdict_id AND verdicts.decided_by = 'policy'"
_REST_ON_EACH_OTHER = f"""
SELECT videos.id FROM videos JOIN verdicts ON {_BY_POLICY}
WHERE videos.id IN (?1, ?2) AND videos.status IN ('flagged', 'duplicate')
  AND (videos.duplicate_of IN (?1, ?2)
       OR videos.matches LIKE '%"' || CASE videos.id WHEN ?1 THEN ?2 ELSE ?1 END || '"%')
"""
_DECIDED_SINCE = f"""
SELECT videos.id FROM videos JOIN verdicts ON {_BY_POLICY} AND verdicts.decided_at >= ?3
WHERE videos.id IN (?1, ?2) AND videos.status <> 'processing' AND videos.fingerprint_id IS NOT NULL
"""


def _decided_again(which: str) -> tuple[str, str, str]:
    """Who, their jobs, they themselves. The rows say who only until they are reset."""
    return (
        f"SELECT id, priority FROM videos WHERE id IN ({which}) ORDER BY uploaded_at, id",
        f"{RESET_JOB} WHERE video_id IN ({which})",
        f"{RESET_VIDEO} WHERE id IN ({which})",
    )


DECIDE_PARTED_AGAIN = _decided_again(_REST_ON_EACH_OTHER)
DECIDE_JOINED_AGAIN = _decided_again(_DECIDED_SINCE)
"""?3: when the pair was parted."""

# A verdict under way, which has not seen the one because of the other, has to look again.
STIR_PAIR = "UPDATE videos SET catalogue_version = (SELECT version FROM catalogue WHERE id = 1) WHERE id IN (?1, ?2)"
