"""Reading and deleting videos."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from starlette.responses import JSONResponse

from edge_api import queries
from edge_api.audit import audit
from edge_api.auth import User
from edge_api.bodies import FURTHEST, invalid, whole_number
from edge_api.catalogue import wake
from edge_api.deadlines import deadline
from edge_api.errors import ApiError, request_id_of
from edge_api.filenames import lowered
from edge_api.keys import fingerprint_key, is_id, preview_key, processed_key, thumbnail_key, timestamp
from edge_api.presentation import expected_seconds, matrices_of, video_json
from edge_api.state import Request
from wire.jobs import Job
from wire.verdicts import VIDEO_STATUSES
from wrangler_compat.d1.types import Row
from wrangler_compat.errors import BindingError

log = structlog.get_logger("edge_api")

LARGEST_PAGE = 100
DEFAULT_PAGE = 20
LONGEST_TEXT = 200
TEXT = r"^[^\x00-\x1f\x7f-\x9f]*$"
"""What is searched for: all but control characters."""


async def get_video(request: Request, user: User) -> JSONResponse:
    row = await visible_row(request, user)
    return JSONResponse(await shown(request, user, row))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which videos a list is to hold. status, text: None for all."""

    status: str | None = None
    text: str | None = None
    limit: int = DEFAULT_PAGE
    offset: int = 0


def wanted_of(query: Mapping[str, str]) -> Wanted:
    """What a query string asks for. Raises ApiError INVALID_FIELD."""
    status, text = query.get("status"), query.get("q", "")
    if status is not None and status not in VIDEO_STATUSES:
        raise invalid("status", f"status must be one of {', '.join(VIDEO_STATUSES)}.")
    if len(text) > LONGEST_TEXT or not re.fullmatch(TEXT, text):
        raise invalid("q", f"q must be text of at most {LONGEST_TEXT} characters without control characters.")
    limit = whole_number(query.get("limit"), "limit", default=DEFAULT_PAGE, lowest=1, highest=LARGEST_PAGE)
    offset = whole_number(query.get("offset"), "offset", default=0, lowest=0, highest=FURTHEST)
    return Wanted(status, text.strip() or None, limit, offset)


async def list_videos(request: Request, user: User) -> JSONResponse:
    return JSONResponse(await listed(request, user, wanted_of(request.query_params)))


async def listed(request: Request, user: User, wanted: Wanted, *, with_files: bool = True) -> dict[str, Any]:
    """A page of the videos that this user may see, newest first: what GET /api/videos answers.

    with_files: each video's r2_url and preview too, which are null otherwise.
    """
    state, text = request.state, wanted.text
    asked = [value for value in (user.sees_only, wanted.status, text and lowered(text)) if value is not None]
    page, total = queries.list_videos(
        of_user=user.sees_only is not None, of_status=wanted.status is not None, of_text=text is not None
    )
    limit, offset, db = wanted.limit, wanted.offset, state["env"].db
    async with deadline(state["settings"].binding_timeout_seconds, "DB"):
        rows = (await db.prepare(page).bind(*asked, limit, offset).all()).results
        count = await db.prepare(total).bind(*asked).first("total")
    expected = await _expected(request, rows)
    link_seconds = state["settings"].link_seconds
    videos = [
        await video_json(
            row,
            user,
            state["env"],
            link_seconds=link_seconds,
            expected=expected,
            with_matches=False,
            with_file=with_files,
        )
        for row in rows
    ]
    return {"videos": videos, "total": count, "limit": limit, "offset": offset}


async def delete_video(request: Request, user: User) -> JSONResponse:
    video_id = request.path_params["video_id"]
    await delete(request, user, video_id)
    return JSONResponse({"message": "The video has been deleted.", "video_id": video_id})


async def delete(request: Request, user: User, video_id: str) -> None:
    """The rows go first, in one transaction with a purges row; what is left behind by a crash, the consumer removes.

    Raises ApiError VIDEO_NOT_FOUND.
    """
    row = await video_row(request, user, video_id)
    env, settings = request.state["env"], request.state["settings"]
    keys = _keys_of(row)
    dependents = await _delete_rows(request, user, row, keys)
    log.info("deleted", video_id=video_id, decided_again=len(dependents))
    try:
        async with deadline(settings.transfer_timeout_seconds, "VIDEO_BUCKET"):
            await env.video_bucket.delete(keys)
    except BindingError as error:
        log.warning("objects left to the purge", video_id=video_id, code=error.code, message=error.message)
    request_id, timeout = request_id_of(request), settings.binding_timeout_seconds
    await wake(env, Job(video_id, "purge", request_id), "normal", timeout)
    for dependent in dependents:
        await wake(env, Job(dependent["id"], request_id=request_id), dependent["priority"], timeout)


async def visible_row(request: Request, user: User) -> Row:
    """The video that the path names. Raises ApiError VIDEO_NOT_FOUND when there is none that this user may see."""
    return await video_row(request, user, request.path_params["video_id"])


async def video_row(request: Request, user: User, video_id: str) -> Row:
    """The same of an id that came otherwise."""
    state = request.state
    if not is_id(video_id):
        raise ApiError("VIDEO_NOT_FOUND")
    async with deadline(state["settings"].binding_timeout_seconds, "DB"):
        row: Row | None = await state["env"].db.prepare(queries.VIDEO).bind(video_id, user.sees_only).first()
    if row is None:
        raise ApiError("VIDEO_NOT_FOUND")
    return row


async def shown(request: Request, user: User, row: Row) -> dict[str, Any]:
    """The row as GET /api/videos/{id} answers it."""
    expected = await _expected(request, [row])
    settings, env = request.state["settings"], request.state["env"]
    sees = await seen_among(request, user, matrices_of(row))
    return await video_json(row, user, env, link_seconds=settings.link_seconds, expected=expected, sees=sees)


async def seen_among(request: Request, user: User, ids: Collection[str]) -> frozenset[str]:
    """Which of these are ids of videos that this user may see. Of none nobody is asked."""
    if not ids:
        return frozenset()
    asked = request.state["env"].db.prepare(queries.visible_videos(len(ids))).bind(user.sees_only, *sorted(ids))
    async with deadline(request.state["settings"].binding_timeout_seconds, "DB"):
        return frozenset(found["id"] for found in (await asked.all()).results)


async def _expected(request: Request, rows: list[Row]) -> float:
    """Seconds from upload to verdict; looked up only when a row needs it."""
    if not any(row["status"] == "processing" for row in rows):
        return 0.0
    async with deadline(request.state["settings"].binding_timeout_seconds, "DB"):
        recent = await request.state["env"].db.prepare(queries.RECENT_TIMES).all()
    return expected_seconds(recent.results)


async def _delete_rows(request: Request, user: User, row: Row, keys: list[str]) -> list[Row]:
    """The videos that were duplicates of the deleted one, oldest first. Raises ApiError when somebody was faster."""
    db, video_id, now = request.state["env"].db, row["id"], timestamp()
    was = {"user": row["user_id"], "status": row["status"], "r2_key": row["r2_key"]}
    statements = [
        db.prepare(queries.DEPENDENTS).bind(video_id),
        db.prepare(queries.INSERT_PURGE).bind(video_id, json.dumps(keys), now),
        db.prepare(queries.RESET_JOBS_OF_DEPENDENTS).bind(video_id),
        db.prepare(queries.RESET_DEPENDENTS).bind(video_id),
        *(db.prepare(sql).bind(video_id) for sql in queries.DELETE_VIDEO),
        db.prepare(queries.BUMP_CATALOGUE),
        audit(db, f"user:{user.id}", "video.delete", video_id, was, now),
    ]
    async with deadline(request.state["settings"].binding_timeout_seconds, "DB"):
        results = await db.batch(statements)
    if results[1].meta.changes == 0:
        raise ApiError("VIDEO_NOT_FOUND")
    return results[0].results


def _keys_of(row: Row) -> list[str]:
    """Every object there may be of a video."""
    video_id, r2_key = row["id"], row["r2_key"]
    shown = [thumbnail_key(video_id, r2_key), preview_key(video_id, r2_key)]
    derived = [r2_key, *shown, fingerprint_key(video_id, r2_key), processed_key(video_id)]
    named = [row[name] for name in ("thumbnail_key", "preview_key", "fingerprint_id") if row[name] is not None]
    return list(dict.fromkeys([*derived, *named, *matrices_of(row).values()]))
