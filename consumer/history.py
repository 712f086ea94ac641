"""What the rows say of decided videos: who decided, from what, and which may be decided again.

Read only, but for `reopen`, which puts many videos back to pending in one transaction.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from consumer import queries
from consumer.records import Video
from wire.jobs import Job, Priority, priority_of
from wrangler_compat.d1.types import D1Database, D1PreparedStatement

_DECIDED = """
SELECT videos.*, verdicts.decided_by FROM videos LEFT JOIN verdicts ON verdicts.id = videos.verdict_id
"""
_SOME = f"{_DECIDED} WHERE videos.id = ?1"
_NEXT = f"""{_DECIDED}
WHERE videos.uploaded_at > ?1 OR (videos.uploaded_at = ?1 AND videos.id > ?2)
ORDER BY videos.uploaded_at, videos.id LIMIT ?3
"""
_DETECTED = "SELECT id, video_id, matched_video_id FROM duplicate_detections WHERE id > ?1 ORDER BY id LIMIT ?2"

# What a person decided is not put back, unless ?1 says so (1).
_REOPENABLE = """
EXISTS (SELECT 1 FROM processing_jobs WHERE video_id = videos.id AND status IN ('completed', 'failed'))
AND (?1 = 1 OR NOT EXISTS (SELECT 1 FROM verdicts
                           WHERE verdicts.id = videos.verdict_id AND verdicts.decided_by LIKE 'user:%'))
"""

REVIEWED = "decided by a moderator"
PROCESSING = "being processed"
REJECTED = "rejected, never compared"
EQUAL_BYTES = "equal to another to the byte"
NOT_KEPT = "without a kept fingerprint"
OTHER_VERSION = "with a fingerprint of another algorithm version"


@dataclass(frozen=True, slots=True)
class Past:
    """A video and the verdict in force. decided_by: `policy`, `content_sha256`, `user:...`; None when undecided.

    matched: the videos that the verdict names.
    """

    video: Video
    status: str
    reason: str | None
    duplicate_of: str | None
    similar_to: str | None
    similarity_score: float | None
    decided_by: str | None
    matched: frozenset[str]

    @property
    def is_reviewed(self) -> bool:
        return self.decided_by is not None and self.decided_by.startswith("user:")

    @property
    def can_be_compared(self) -> bool:
        return self.video.has_current_fingerprint


@dataclass(frozen=True, slots=True)
class Selection:
    """chosen: those whose verdict the policy made and can make again, oldest first. left_out: why -> how many."""

    chosen: tuple[Past, ...]
    left_out: Mapping[str, int]


def select(videos: Sequence[Past], *, reviewed_too: bool = False) -> Selection:
    reasons = [(past, _why_left_out(past, reviewed_too)) for past in videos]
    chosen = sorted((past for past, why in reasons if why is None), key=lambda past: past.video.order)
    return Selection(tuple(chosen), Counter(why for _, why in reasons if why is not None))


def _why_left_out(past: Past, reviewed_too: bool) -> str | None:
    if past.is_reviewed and not reviewed_too:
        return REVIEWED
    if past.status == "processing":
        return PROCESSING
    if past.status == "rejected" and not past.is_reviewed:
        return REJECTED
    if past.decided_by == "content_sha256":
        return EQUAL_BYTES
    if past.video.fingerprint_key is None:
        return NOT_KEPT
    return None if past.can_be_compared else OTHER_VERSION


@dataclass(frozen=True, slots=True)
class History:
    """page: rows read with one statement. actor: who reopens, for the audit."""

    db: D1Database
    page: int = 500
    actor: str = "consumer"

    async def video(self, video_id: str) -> Past | None:
        row = await self.db.prepare(_SOME).bind(video_id).first()
        return None if row is None else _past(row)

    async def videos(self) -> list[Past]:
        """All, oldest first."""
        found: list[Past] = []
        at = ("", "")
        while True:
            page = (await self.db.prepare(_NEXT).bind(*at, self.page).all()).results
            found += map(_past, page)
            if len(page) < self.page:
                return found
            at = found[-1].video.order

    async def links(self, videos: Sequence[Past]) -> set[tuple[str, str]]:
        """Pairs of ids, the lower first, that any verdict has ever linked: what it was made from, or named."""
        found = {pair for past in videos for other in past.matched for pair in _pair(past.video.id, other)}
        after = ""
        while True:
            page = (await self.db.prepare(_DETECTED).bind(after, self.page).all()).results
            found |= {pair for row in page for pair in _pair(row["video_id"], row["matched_video_id"])}
            if len(page) < self.page:
                return found
            after = page[-1]["id"]

    async def parted(self) -> set[tuple[str, str]]:
        """Pairs of ids, the lower first, that moderators never want compared again."""
        rows = (await self.db.prepare("SELECT first_id, second_id FROM parted_pairs").all()).results
        return {(row["first_id"], row["second_id"]) for row in rows}

    async def reopen(self, video_ids: Sequence[str], at: str, *, reviewed_too: bool) -> list[tuple[Priority, Job]]:
        """Put these back to pending, all at the same instant; what to send, and where, oldest first.

        All at once, so that none is decided anew while a later one still stands against it. Those that were taken up,
        deleted or reviewed meanwhile are left as they are. at: the moment, for the audit.
        """
        statements: list[D1PreparedStatement] = []
        for some in queries.chunks(video_ids, min(self.page, queries.MAX_BOUND)):
            statements += self._reopening(some, at, reviewed_too)
        results = await self.db.batch([*statements, self.db.prepare(queries.BUMP)])
        rows = [row for result in results[:-1:4] for row in result.results]
        rows.sort(key=lambda row: (row["uploaded_at"], row["id"]))
        return [(priority_of(row["priority"]), Job(row["id"], "decide", str(row["request_id"] or ""))) for row in rows]

    def _reopening(self, some: Sequence[str], at: str, reviewed_too: bool) -> Iterator[D1PreparedStatement]:
        """Four statements, the first of which gives the rows. The job's state is what says whether a video may be
        reopened, so it changes last."""
        which = f"videos.id IN ({queries.marks(len(some), first=5)}) AND {_REOPENABLE}"
        for sql in (
            f"SELECT id, uploaded_at, priority, request_id FROM videos WHERE {which}",
            "INSERT INTO audit_log (id, actor, action, subject, detail, at) "
            f"SELECT ?2 || id, ?4, 'redecide', id, '{{\"was\": \"' || status || '\"}}', ?3 FROM videos WHERE {which}",
            f"{_without_where(queries.REOPEN_VIDEO)} WHERE {which}",
            f"{_without_where(queries.REOPEN_JOB)} WHERE video_id IN (SELECT id FROM videos WHERE {which})",
        ):
            yield self.db.prepare(sql).bind(int(reviewed_too), f"{uuid.uuid4().hex}-", at, self.actor, *some)


def _without_where(sql: str) -> str:
    return sql.rpartition("WHERE")[0]


def _past(row: Mapping[str, Any]) -> Past:
    named = {row["duplicate_of"], row["similar_to"]} | {
        match["video_id"] for match in json.loads(row["matches"] or "[]")
    }
    return Past(
        video=Video.from_row(row),
        status=row["status"],
        reason=row["reason"],
        duplicate_of=row["duplicate_of"],
        similar_to=row["similar_to"],
        similarity_score=row["similarity_score"],
        decided_by=row["decided_by"],
        matched=frozenset(named - {None}),
    )


def _pair(one: str, other: str) -> Iterator[tuple[str, str]]:
    """Nothing for a video and itself."""
    if one != other:
        yield (one, other) if one < other else (other, one)
