"""POST /api/videos/{id}/review: a moderator settles a flagged video. Audited, and a verdict like any other."""

from __future__ import annotations

from starlette.responses import JSONResponse

from edge_api import queries
from edge_api.audit import audit
from edge_api.auth import User
from edge_api.bodies import choice_of, json_object, refuse_unknown, text_of
from edge_api.catalogue import wake
from edge_api.deadlines import deadline
from edge_api.errors import ApiError, request_id_of
from edge_api.keys import new_id, timestamp
from edge_api.state import Request
from edge_api.videos import shown, visible_row
from wire.jobs import Job
from wrangler_compat.d1.types import D1PreparedStatement, Row
from wrangler_compat.errors import D1ConstraintError

DECISIONS = ("approve", "reject", "duplicate")
_SETTLE = {
    "approve": queries.SETTLE_APPROVED,
    "reject": queries.SETTLE_REJECTED,
    "duplicate": queries.SETTLE_DUPLICATE,
}
LONGEST_NOTE = 2000


async def review(request: Request, user: User) -> JSONResponse:
    row = await visible_row(request, user)
    body = await json_object(request)
    refuse_unknown(body, ("decision", "note"))
    decision = choice_of(body, "decision", DECISIONS, None)
    if decision is None:
        raise ApiError("INVALID_FIELD", f"decision must be one of {', '.join(DECISIONS)}.", field="decision")
    note = text_of(body, "note", longest=LONGEST_NOTE)
    if row["status"] != "flagged":
        raise ApiError("NOT_FLAGGED")
    if decision == "duplicate" and row["duplicate_of"] is None:
        raise ApiError("NO_SUSPECT")
    again = await _settle(request, user, row, decision, note)
    settled = await visible_row(request, user)
    request.state["metrics"].verdicts.labels(settled["status"], "review").inc()
    settings = request.state["settings"]
    for dependent in again:
        job = Job(dependent["id"], request_id=request_id_of(request))
        await wake(request.state["env"], job, dependent["priority"], settings.binding_timeout_seconds)
    return JSONResponse(await shown(request, user, settled))


async def _settle(request: Request, user: User, row: Row, decision: str, note: str | None) -> list[Row]:
    """The videos that have to be decided again. Raises ApiError NOT_FLAGGED when somebody settled it meanwhile."""
    db, now, actor, video_id = request.state["env"].db, timestamp(), f"user:{user.id}", row["id"]
    was = {name: row[name] for name in ("status", "reason", "duplicate_of", "similarity_score")}
    detail = {"decision": decision, "note": note, "was": was}
    statements = [
        db.prepare(_SETTLE[decision]).bind(video_id, new_id()),
        db.prepare(queries.INSERT_REVIEW_VERDICT).bind(video_id, actor, now),
        db.prepare(queries.INSERT_VERDICT_NOTIFICATION).bind(video_id, new_id(), now),
        audit(db, actor, "video.review", video_id, detail, now),
        db.prepare(queries.BUMP_CATALOGUE),
        *_consequences(request, video_id, decision),
    ]
    try:
        async with deadline(request.state["settings"].binding_timeout_seconds, "DB"):
            results = await db.batch(statements)
    except D1ConstraintError as error:
        raise ApiError("NOT_FLAGGED") from error
    return results[-3].results if decision == "reject" else []


def _consequences(request: Request, video_id: str, decision: str) -> list[D1PreparedStatement]:
    """What becomes of the duplicates of the settled video. With "reject", the last but two gives those to run again."""
    db = request.state["env"].db
    if decision == "duplicate":
        return [db.prepare(queries.REROOT_DEPENDENTS).bind(video_id)]
    if decision == "reject":
        return [
            db.prepare(queries.REJECT_EQUAL_BYTES).bind(video_id),
            db.prepare(queries.DEPENDENTS).bind(video_id),
            db.prepare(queries.RESET_JOBS_OF_DEPENDENTS).bind(video_id),
            db.prepare(queries.RESET_DEPENDENTS).bind(video_id),
        ]
    return []
