"""One video: its verdict, and what speaks for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from edge_api import queries
from edge_api.auth import User
from edge_api.console.pages import page
from edge_api.console.sentences import verdict, whole
from edge_api.deadlines import deadline
from edge_api.state import Request
from edge_api.videos import shown, visible_row


async def video(request: Request, user: User) -> Response:
    """Raises ApiError VIDEO_NOT_FOUND."""
    row = await visible_row(request, user)
    body = whole(await shown(request, user, row))
    return await page(
        request,
        user,
        "video.html",
        media=[body["r2_url"], body["thumbnail"]],
        video=body,
        sentence=verdict(body),
        reachable=await reachable(request, user, body),
        may_delete="fingerprint:delete" in user.scopes,
    )


async def reachable(request: Request, user: User, body: Mapping[str, Any]) -> frozenset[str]:
    """Of the videos that this one is compared with, those that this user may look at."""
    ids = {match["video_id"] for match in body["matches"] or () if match["video_id"]}
    ids |= {body[name] for name in ("duplicate_of", "similar_to", "reference_id") if body.get(name)}
    if not ids:
        return frozenset()
    asked = request.state["env"].db.prepare(queries.visible_videos(len(ids))).bind(user.sees_only, *sorted(ids))
    async with deadline(request.state["settings"].binding_timeout_seconds, "DB"):
        return frozenset(found["id"] for found in (await asked.all()).results)
