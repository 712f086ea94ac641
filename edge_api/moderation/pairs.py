"""Pairs of videos that are not compared any more: a moderator has said that they are not the same, for good.

A verdict that rests on such a pair is made again without it; and once more with it when the pair is compared again.
Bytes that are equal stay equal: an upload of the very bytes of another is found before anything is compared.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse

from edge_api import queries as rows_of_videos
from edge_api.audit import audit
from edge_api.auth import User
from edge_api.bodies import invalid
from edge_api.deadlines import deadline
from edge_api.keys import timestamp
from edge_api.moderation import queries
from edge_api.moderation.claims import require_free
from edge_api.moderation.reviews import wake_all
from edge_api.state import Request
from edge_api.videos import video_row, visible_row
from wrangler_compat.d1.types import D1PreparedStatement
from wrangler_compat.errors import D1ConstraintError


async def list_parted(request: Request, user: User) -> JSONResponse:
    row = await visible_row(request, user)
    return JSONResponse({"pairs": await parted_from(request, row["id"])})


async def parted_from(request: Request, video_id: str) -> list[dict[str, Any]]:
    """The videos that this one is not compared with, the latest first, a hundred at most."""
    async with deadline(request.state["settings"].binding_timeout_seconds, "DB"):
        found = await request.state["env"].db.prepare(queries.PARTED_FROM).bind(video_id).all()
    return [dict(row) for row in found.results]


async def part_pair(request: Request, user: User) -> JSONResponse:
    return JSONResponse(await part(request, user, *_named(request)))


async def join_pair(request: Request, user: User) -> JSONResponse:
    return JSONResponse(await join(request, user, *_named(request)))


async def part(request: Request, user: User, video_id: str, other_id: str) -> dict[str, Any]:
    """Doing it twice changes nothing. decided_again: those of the two whose verdict rested on the other.

    Raises ApiError VIDEO_NOT_FOUND, INVALID_FIELD, or CLAIMED when somebody else has one of them open.
    """
    first, second = await _pair(request, user, video_id, other_id)
    db, now = request.state["env"].db, timestamp()
    statements = [db.prepare(queries.PART).bind(first, second, user.id, now)]
    statements += [db.prepare(sql).bind(first, second) for sql in queries.DECIDE_PARTED_AGAIN]
    again = await _change(request, user, "video.part", (video_id, other_id), statements)
    return {"video_id": video_id, "other_id": other_id, "decided_again": again}


async def join(request: Request, user: User, video_id: str, other_id: str) -> dict[str, Any]:
    """Compare them again; those of the two that the policy has decided since are decided again. Raises as part()."""
    first, second = await _pair(request, user, video_id, other_id)
    db = request.state["env"].db
    async with deadline(request.state["settings"].binding_timeout_seconds, "DB"):
        parted_at = await db.prepare(queries.PARTED_AT).bind(first, second).first("parted_at")
    again: list[str] = []
    if parted_at is not None:
        statements = [db.prepare(queries.JOIN).bind(first, second)]
        statements += [db.prepare(sql).bind(first, second, parted_at) for sql in queries.DECIDE_JOINED_AGAIN]
        again = await _change(request, user, "video.join", (video_id, other_id), statements)
    return {"video_id": video_id, "other_id": other_id, "decided_again": again}


async def _change(
    request: Request, user: User, action: str, pair: tuple[str, str], statements: list[D1PreparedStatement]
) -> list[str]:
    """The second of the statements gives the videos that have to be decided again; their ids."""
    db, (video_id, other_id) = request.state["env"].db, pair
    first, second = sorted(pair)
    statements = [
        *statements,
        db.prepare(rows_of_videos.BUMP_CATALOGUE),
        db.prepare(queries.STIR_PAIR).bind(first, second),
        audit(db, f"user:{user.id}", action, video_id, {"other": other_id}),
    ]
    try:
        async with deadline(request.state["settings"].binding_timeout_seconds, "DB"):
            results = await db.batch(statements)
    except D1ConstraintError:
        # They are parted already.
        return []
    await wake_all(request, results[1].results)
    return [row["id"] for row in results[1].results]


def _named(request: Request) -> tuple[str, str]:
    return request.path_params["video_id"], request.path_params["other_id"]


async def _pair(request: Request, user: User, video_id: str, other_id: str) -> tuple[str, str]:
    """The lesser id first."""
    if video_id == other_id:
        raise invalid("other_id", "Name two different videos: a video is not compared with itself.")
    for each in (video_id, other_id):
        await video_row(request, user, each)
        await require_free(request, user, each)
    first, second = sorted((video_id, other_id))
    return first, second
