"""POST /api/videos/{id}/review: a moderator settles a flagged video. Audited, and a verdict like any other.

For UNDO_SECONDS it can be taken back (undoing.py). Until then nobody is told, and the sweep leaves the video's vectors
and bytes alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.responses import JSONResponse

from edge_api import queries as rows_of_videos
from edge_api.audit import audit
from edge_api.auth import User
from edge_api.bodies import choice_of, invalid, json_object, refuse_unknown, text_of
from edge_api.catalogue import wake
from edge_api.deadlines import deadline
from edge_api.errors import ApiError, request_id_of
from edge_api.keys import is_id, new_id, timestamp
from edge_api.moderation import queries
from edge_api.moderation.claims import require_free
from edge_api.state import Request
from edge_api.videos import shown, video_row, visible_row
from wire.jobs import Job
from wrangler_compat.d1.types import D1PreparedStatement, Row
from wrangler_compat.errors import D1ConstraintError

DECISIONS = ("approve", "reject", "duplicate")
LONGEST_NOTE = 2000
UNDO_SECONDS = 60
_HELD_SECONDS = UNDO_SECONDS + 5
"""A notification waits a little longer: clocks differ."""


@dataclass(frozen=True, slots=True)
class Decision:
    """duplicate_of: the suspect when None."""

    decision: str
    duplicate_of: str | None = None
    note: str | None = None


async def review(request: Request, user: User) -> JSONResponse:
    row = await visible_row(request, user)
    decision = decision_of(await json_object(request))
    return JSONResponse(await shown(request, user, await settle(request, user, row, decision)))


def decision_of(body: Mapping[str, Any]) -> Decision:
    """Raises ApiError INVALID_FIELD."""
    refuse_unknown(body, ("decision", "duplicate_of", "note"))
    decision = choice_of(body, "decision", DECISIONS, None)
    if decision is None:
        raise invalid("decision", f"decision must be one of {', '.join(DECISIONS)}.")
    duplicate_of = body.get("duplicate_of")
    if duplicate_of is not None and (decision != "duplicate" or not is_id(duplicate_of)):
        raise invalid("duplicate_of", "duplicate_of must be a video's id, and goes with the decision duplicate.")
    return Decision(decision, duplicate_of, text_of(body, "note", longest=LONGEST_NOTE))


async def settle(request: Request, user: User, row: Row, decision: Decision) -> Row:
    """The row with the new verdict. Raises ApiError NOT_FLAGGED, CLAIMED, NO_SUSPECT or NOT_A_MATCH."""
    if row["status"] != "flagged":
        raise ApiError("NOT_FLAGGED")
    await require_free(request, user, row["id"])
    original = _original(row, decision) if decision.decision == "duplicate" else None
    again = await _write(request, user, row, decision, original)
    settled = await video_row(request, user, row["id"])
    request.state["metrics"].verdicts.labels(settled["status"], "review").inc()
    await wake_all(request, again)
    return settled


def _original(row: Row, decision: Decision) -> tuple[str, float | None]:
    """What it is to be a duplicate of, and their score."""
    suspect = row["duplicate_of"]
    if decision.duplicate_of is None:
        if suspect is None:
            raise ApiError("NO_SUSPECT")
        return suspect, row["similarity_score"]
    matches = {match["video_id"]: match["similarity_score"] for match in json.loads(row["matches"] or "[]")}
    if decision.duplicate_of == suspect:
        return suspect, row["similarity_score"]
    if decision.duplicate_of not in matches:
        raise ApiError("NOT_A_MATCH")
    return decision.duplicate_of, matches[decision.duplicate_of]


async def _write(
    request: Request, user: User, row: Row, decision: Decision, original: tuple[str, float | None] | None
) -> list[Row]:
    """The videos that have to be decided again."""
    db, video_id, review_id, actor = request.state["env"].db, row["id"], new_id(), f"user:{user.id}"
    at = datetime.now(UTC)
    now = timestamp(at)
    until, held = (timestamp(at + timedelta(seconds=seconds)) for seconds in (UNDO_SECONDS, _HELD_SECONDS))
    was = {name: row[name] for name in ("status", "reason", "duplicate_of", "similarity_score")}
    detail = {"decision": decision.decision, "note": decision.note, "was": was}
    if original is not None:
        detail["duplicate_of"] = original[0]
    before, settling, after = _changes(decision.decision)
    bound = (video_id, review_id, user.id, now, *(original or ()))
    statements = [
        db.prepare(queries.INSERT_REVIEW).bind(video_id, review_id, user.id, decision.decision, now, until),
        *(db.prepare(sql).bind(video_id, review_id) for sql in (queries.NOTE_SETTLED, *before)),
        db.prepare(settling).bind(*bound),
        db.prepare(queries.INSERT_REVIEW_VERDICT).bind(video_id, actor, now),
        db.prepare(rows_of_videos.INSERT_VERDICT_NOTIFICATION).bind(video_id, review_id, now),
        db.prepare(queries.HOLD_NOTIFICATION).bind(review_id, held),
        audit(db, actor, "video.review", video_id, detail, now),
        db.prepare(rows_of_videos.BUMP_CATALOGUE),
        *(db.prepare(sql).bind(video_id) for sql in after),
        db.prepare(queries.FORGET_CLAIM_OF_VIDEO).bind(video_id),
        *deciding_again(request, review_id, "again"),
    ]
    try:
        async with deadline(request.state["settings"].binding_timeout_seconds, "DB"):
            results = await db.batch(statements)
    except D1ConstraintError as error:
        raise await _why_not(request, user, video_id) from error
    return results[-1].results


def _changes(decision: str) -> tuple[tuple[str, ...], str, tuple[str, ...]]:
    """What is noted down before it, the statement that settles the video, and what becomes of its duplicates."""
    if decision == "reject":
        return (
            (queries.NOTE_EQUAL_BYTES, queries.NOTE_DEPENDENTS),
            queries.SETTLE_REJECTED,
            (queries.REJECT_EQUAL_BYTES,),
        )
    if decision == "duplicate":
        return (queries.NOTE_DUPLICATES,), queries.SETTLE_DUPLICATE, (queries.REROOT_DEPENDENTS,)
    return (), queries.SETTLE_APPROVED, ()


def deciding_again(request: Request, review_id: str, part: str) -> Iterable[D1PreparedStatement]:
    """Send this part of a review's videos back to processing; the last statement gives their rows."""
    db = request.state["env"].db
    return [
        db.prepare(sql).bind(review_id, part) for sql in (queries.RESET_JOBS, queries.RESET_VIDEOS, queries.TO_WAKE)
    ]


async def wake_all(request: Request, rows: Iterable[Row]) -> None:
    env, timeout = request.state["env"], request.state["settings"].binding_timeout_seconds
    for row in rows:
        await wake(env, Job(row["id"], request_id=request_id_of(request)), row["priority"], timeout)


async def _why_not(request: Request, user: User, video_id: str) -> ApiError:
    """Somebody was faster, or the original is none any more."""
    row = await video_row(request, user, video_id)
    if row["status"] != "flagged":
        return ApiError("NOT_FLAGGED")
    await require_free(request, user, video_id)
    return ApiError("NOT_A_MATCH")
