"""POST /api/videos/{id}/review/undo: for a minute a review can be taken back, and what followed from it.

The video and the copies that shared its fate are again as they were. What was decided because of the review goes back
to processing, as after a delete. Nobody has been told of the review: its notification is held until it is final.
"""

from __future__ import annotations

from starlette.responses import JSONResponse

from edge_api import queries as rows_of_videos
from edge_api.audit import audit
from edge_api.auth import User
from edge_api.deadlines import deadline
from edge_api.errors import ApiError
from edge_api.keys import new_id, timestamp
from edge_api.moderation import queries
from edge_api.moderation.reviews import deciding_again, wake_all
from edge_api.state import Request
from edge_api.videos import shown, video_row, visible_row
from wrangler_compat.d1.types import Row
from wrangler_compat.errors import D1ConstraintError


async def undo_review(request: Request, user: User) -> JSONResponse:
    row = await visible_row(request, user)
    return JSONResponse(await shown(request, user, await undo(request, user, row)))


async def undo(request: Request, user: User, row: Row) -> Row:
    """The row with the verdict that was. Raises ApiError NOTHING_TO_UNDO."""
    db, now, settings = request.state["env"].db, timestamp(), request.state["settings"]
    async with deadline(settings.binding_timeout_seconds, "DB"):
        taken_back = await db.prepare(queries.UNDOABLE).bind(row["id"], now).first()
    if taken_back is None:
        raise ApiError("NOTHING_TO_UNDO")
    again = await _write(request, user, row, taken_back, now)
    await wake_all(request, again)
    return await video_row(request, user, row["id"])


async def _write(request: Request, user: User, row: Row, taken_back: Row, now: str) -> list[Row]:
    """The videos that have to be decided again."""
    db, video_id, review_id = request.state["env"].db, row["id"], taken_back["id"]
    detail = {"decision": taken_back["decision"], "was": row["status"]}
    statements = [
        db.prepare(queries.UNDO).bind(review_id, now),
        db.prepare(rows_of_videos.BUMP_CATALOGUE),
        db.prepare(queries.NOTE_UNDONE).bind(video_id, review_id, taken_back["reviewed_at"]),
        db.prepare(queries.RESTORE).bind(review_id),
        audit(db, f"user:{user.id}", "video.review.undo", video_id, detail, now),
        db.prepare(queries.CORRECT_NOTIFICATION).bind(video_id, new_id(), now, review_id),
        db.prepare(queries.FORGET_NOTIFICATION).bind(review_id),
        *deciding_again(request, review_id, "undone"),
    ]
    try:
        async with deadline(request.state["settings"].binding_timeout_seconds, "DB"):
            results = await db.batch(statements)
    except D1ConstraintError as error:
        raise ApiError("NOTHING_TO_UNDO") from error
    return results[-1].results
