"""Who has which flagged video open.

A claim is a row: taken in one statement, renewed while the page is open, taken over when it has run out; so it holds
between any number of gateways.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from starlette.responses import JSONResponse

from edge_api.auth import User
from edge_api.bodies import invalid, whole_number
from edge_api.deadlines import deadline
from edge_api.errors import ApiError
from edge_api.keys import is_id, timestamp
from edge_api.moderation import queries
from edge_api.moderation.queue import queue_json
from edge_api.state import Request
from edge_api.videos import visible_row
from wrangler_compat.d1.types import D1PreparedStatement, D1Result, Row
from wrangler_compat.errors import D1ConstraintError

CLAIM_SECONDS = 120


async def take_next_video(request: Request, user: User) -> JSONResponse:
    order, skip = request.query_params.get("order", queries.ORDERS[0]), request.query_params.get("skip")
    if order not in queries.ORDERS:
        raise invalid("order", f"order must be one of {', '.join(queries.ORDERS)}.")
    if skip is not None and not is_id(skip):
        raise invalid("skip", "skip must be the id of a video.")
    await take_next(request, user, order, skip)
    return JSONResponse(await queue_json(request, user))


async def take_next(request: Request, user: User, order: str, skip: str | None = None) -> None:
    """Open a video, if one is free. Whoever has one open keeps it, unless it is the one to skip."""
    prepare, (now, until) = request.state["env"].db.prepare, _span(CLAIM_SECONDS)
    bound = (user.id, now, until) if skip is None else (user.id, now, until, skip)
    try:
        await _batch(
            request,
            prepare(queries.FORGET_CLAIMS).bind(user.id, skip),
            prepare(queries.RENEW_CLAIM).bind(user.id, until),
            prepare(queries.take_next(order, skips=skip is not None)).bind(*bound),
        )
    except D1ConstraintError:
        # The same user's other request was faster, and has opened one.
        return


async def claim(request: Request, user: User) -> JSONResponse:
    row = await visible_row(request, user)
    seconds = whole_number(
        request.query_params.get("for"), "for", default=CLAIM_SECONDS, lowest=1, highest=CLAIM_SECONDS
    )
    return JSONResponse({"video_id": row["id"], "expires_at": await take(request, user, row, seconds)})


async def take(request: Request, user: User, row: Row, seconds: int = CLAIM_SECONDS) -> str:
    """Open this video or keep it open; until when. Raises ApiError NOT_FLAGGED or CLAIMED."""
    if row["status"] != "flagged":
        raise ApiError("NOT_FLAGGED")
    prepare, (now, until) = request.state["env"].db.prepare, _span(seconds)
    try:
        *_, mine = await _batch(
            request,
            prepare(queries.FORGET_EXPIRED_CLAIMS).bind(user.id, now, row["id"]),
            prepare(queries.TAKE).bind(user.id, now, until, row["id"]),
            prepare(queries.CLAIM_OF).bind(user.id),
        )
    except D1ConstraintError as error:
        raise ApiError("CLAIMED") from error
    if not mine.results or mine.results[0]["video_id"] != row["id"]:
        raise ApiError("CLAIMED")
    return str(mine.results[0]["expires_at"])


async def release_video(request: Request, user: User) -> JSONResponse:
    row = await visible_row(request, user)
    await release(request, user, row["id"])
    return JSONResponse({"message": "The video is not open with you.", "video_id": row["id"]})


async def release(request: Request, user: User, video_id: str) -> None:
    await _batch(request, request.state["env"].db.prepare(queries.RELEASE).bind(video_id, user.id))


async def require_free(request: Request, user: User, video_id: str) -> None:
    """Raises ApiError CLAIMED when somebody else has it open."""
    asked = request.state["env"].db.prepare(queries.IS_OPEN_ELSEWHERE).bind(video_id, user.id, timestamp())
    (found,) = await _batch(request, asked)
    if found.results:
        raise ApiError("CLAIMED")


async def _batch(request: Request, *statements: D1PreparedStatement) -> list[D1Result]:
    async with deadline(request.state["settings"].binding_timeout_seconds, "DB"):
        return list(await request.state["env"].db.batch(list(statements)))


def _span(seconds: int) -> tuple[str, str]:
    now = datetime.now(UTC)
    return timestamp(now), timestamp(now + timedelta(seconds=seconds))
