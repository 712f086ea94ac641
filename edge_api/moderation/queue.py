"""The queue of flagged videos as one moderator sees it, and how often moderators overturn what was flagged."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.responses import JSONResponse

from edge_api.auth import User
from edge_api.deadlines import deadline
from edge_api.errors import ApiError
from edge_api.keys import moment_of, timestamp
from edge_api.moderation import queries
from edge_api.state import Request
from edge_api.videos import shown, video_row
from wrangler_compat.d1.types import Row

BAR_SECONDS = 60
"""For so long a parted pair is offered to be compared again, as a review is to be taken back."""


async def show_queue(request: Request, user: User) -> JSONResponse:
    return JSONResponse(await queue_json(request, user))


async def queue_json(request: Request, user: User) -> dict[str, Any]:
    """waiting: flagged videos; open_elsewhere: those of them that other moderators have open. open: the one that this
    user has. undoable: what this user did last, while it can be taken back."""
    db, now = request.state["env"].db, datetime.now(UTC)
    async with deadline(request.state["settings"].binding_timeout_seconds, "DB"):
        counts, claims, reviews, pairs = await db.batch(
            [
                db.prepare(queries.WAITING).bind(user.id, timestamp(now)),
                db.prepare(queries.CLAIM_OF).bind(user.id),
                db.prepare(queries.LATEST_UNDOABLE).bind(user.id, timestamp(now)),
                db.prepare(queries.LATEST_PARTED).bind(user.id, timestamp(now - timedelta(seconds=BAR_SECONDS))),
            ]
        )
    opened = [await _open(request, user, kept) for kept in claims.results]
    undoable = _undoable(reviews.results, pairs.results)
    return {**counts.results[0], "open": opened[0] if opened else None, "undoable": undoable}


async def _open(request: Request, user: User, kept: Row) -> dict[str, Any] | None:
    """None when somebody has settled or deleted it meanwhile."""
    try:
        row = await video_row(request, user, kept["video_id"])
    except ApiError as gone:
        if gone.code != "VIDEO_NOT_FOUND":
            raise
        return None
    if row["status"] != "flagged":
        return None
    return {"video": await shown(request, user, row), "expires_at": kept["expires_at"]}


def _undoable(reviews: list[Row], pairs: list[Row]) -> dict[str, Any] | None:
    """The later of the two."""
    found = []
    for row in reviews:
        told = {"kind": "review", "video_id": row["video_id"], "decision": row["decision"], "other_id": None}
        told |= {"filename": row["filename"], "until": row["undo_until"]}
        found.append((row["reviewed_at"], told))
    for row in pairs:
        until = timestamp(moment_of(row["parted_at"]) + timedelta(seconds=BAR_SECONDS))
        told = {"kind": "pair", "video_id": row["first_id"], "decision": None, "other_id": row["second_id"]}
        found.append((row["parted_at"], told | {"filename": row["filename"], "until": until}))
    return max(found, key=lambda pair: pair[0])[1] if found else None


async def show_statistics(request: Request, user: User) -> JSONResponse:
    return JSONResponse(await statistics(request))


async def statistics(request: Request) -> dict[str, Any]:
    """How many flagged videos were settled, and how many of them approved: the flag was overturned. By reason too."""
    async with deadline(request.state["settings"].binding_timeout_seconds, "DB"):
        rows = (await request.state["env"].db.prepare(queries.STATISTICS).all()).results
    every = {name: sum(row[name] for row in rows) for name in ("reviewed", "overturned")}
    return _rated(every) | {"by_reason": [{"reason": row["reason"]} | _rated(row) for row in rows]}


def _rated(counts: Mapping[str, Any]) -> dict[str, Any]:
    reviewed, overturned = counts["reviewed"], counts["overturned"]
    rate = overturned / reviewed if reviewed else None
    return {"reviewed": reviewed, "overturned": overturned, "overturned_rate": rate}
