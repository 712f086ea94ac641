"""One video: its verdict, and what speaks for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import Response

from edge_api.auth import User
from edge_api.console.matrix import matrix_of
from edge_api.console.pages import page
from edge_api.console.ribbon import ribbons
from edge_api.console.sentences import not_played, reasons, verdict, whole
from edge_api.errors import ApiError
from edge_api.state import Request
from edge_api.videos import seen_among, shown, video_row, visible_row


async def video(request: Request, user: User) -> Response:
    """The query's `with`: the other video of the match that is drawn; the first without. Raises ApiError
    VIDEO_NOT_FOUND."""
    row = await visible_row(request, user)
    body = whole(await shown(request, user, row))
    match = _chosen(body["matches"] or (), request.query_params.get("with"))
    other = await _other(request, user, match)
    matrix = matrix_of(match, body["duration"], other["duration"] if other else None)
    links = [video[name] for video in (body, other) if video for name in ("playback_url", "thumbnail")]
    return await page(
        request,
        user,
        "video.html",
        media=[*links, matrix.url if matrix else None],
        video=body,
        sentence=verdict(body),
        reasons=reasons(body),
        reachable=await reachable(request, user, body),
        may_delete="fingerprint:delete" in user.scopes,
        match=match,
        other=other,
        ribbons=ribbons(match, body["duration"], other["duration"] if other else None) if match else (),
        matrix=matrix,
        why_not_played=not_played(body),
        why_other_is_not_played=not_played(other, sees_all=user.sees_only is None),
    )


def _chosen(matches: Sequence[Mapping[str, Any]], wanted: str | None) -> Mapping[str, Any] | None:
    return next((match for match in matches if match["video_id"] == wanted), matches[0] if matches else None)


async def _other(request: Request, user: User, match: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What the API answers this user about it; None when that is 404."""
    if match is None:
        return None
    try:
        return whole(await shown(request, user, await video_row(request, user, match["video_id"])))
    except ApiError:
        return None


async def reachable(request: Request, user: User, body: Mapping[str, Any]) -> frozenset[str]:
    """Of the videos that this one is compared with, those that this user may look at."""
    ids = {match["video_id"] for match in body["matches"] or () if match["video_id"]}
    ids |= {body[name] for name in ("duplicate_of", "similar_to", "reference_id") if body.get(name)}
    return await seen_among(request, user, ids)
