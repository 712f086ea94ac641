"""GET /api/videos/{id}/events: server-sent events from upload to verdict.

The row is the only source: whichever process moves a video, its watchers see it. One look is one read by primary key.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

from starlette.responses import Response, StreamingResponse

from edge_api import queries
from edge_api.auth import User, user_of
from edge_api.deadlines import deadline
from edge_api.errors import ApiError
from edge_api.state import Request
from edge_api.turns import Turns
from edge_api.videos import shown, visible_row
from wrangler_compat.d1.types import Row
from wrangler_compat.errors import BindingError

RECONNECT_MILLISECONDS = 2000

Event = tuple[str, dict[str, Any]]
"""Its name and its data."""


async def events(request: Request, user: User) -> Response:
    await visible_row(request, user)
    turns, settings = request.state["turns"], request.state["settings"]
    if turns.event_streams >= settings.event_streams:
        raise ApiError("TOO_BUSY", "Too many event streams are open; ask GET /api/videos/{id} instead.")
    return _EventResponse(_stream(request, user), turns)


class _EventResponse(StreamingResponse):
    """Counts itself among the open streams for exactly as long as it is being sent."""

    def __init__(self, content: AsyncIterator[str], turns: Turns) -> None:
        super().__init__(content, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
        self._turns = turns

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self._turns.event_streams += 1
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._turns.event_streams -= 1


def _event(name: str, data: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"


async def _stream(request: Request, user: User) -> AsyncIterator[str]:
    """Until the verdict, the failure, the deletion, or the stream's longest life; clients then connect again.

    Before each heartbeat the token is looked at again: one that was revoked, or ran out, ends the stream.
    """
    settings, video_id = request.state["settings"], request.path_params["video_id"]
    yield f"retry: {RECONNECT_MILLISECONDS}\n\n"
    started = spoken = time.monotonic()
    last: Event | None = None
    while time.monotonic() - started < settings.event_stream_seconds:
        event = await _look_again(request, user, video_id, last)
        if event is not None and event != last:
            yield _event(*event)
            last, spoken = event, time.monotonic()
            if event[0] in ("verdict", "failed", "deleted"):
                return
        elif time.monotonic() - spoken >= settings.event_heartbeat_seconds:
            if not await _still_may(request, user):
                return
            yield ": still here\n\n"
            spoken = time.monotonic()
        await asyncio.sleep(settings.event_poll_seconds)


async def _still_may(request: Request, user: User) -> bool:
    """Whether the token still says the same; a database that does not answer says nothing."""
    try:
        return await user_of(request) == user
    except ApiError:
        return False
    except BindingError:
        return True


async def _look_again(request: Request, user: User, video_id: str, last: Event | None) -> Event | None:
    """What was said last when the row cannot be read now: the next look may succeed."""
    try:
        return await _look(request, user, video_id)
    except (BindingError, ApiError):
        return last


async def _look(request: Request, user: User, video_id: str) -> Event:
    """The event that tells how things are now. Raises BindingError."""
    async with deadline(request.state["settings"].binding_timeout_seconds, "DB"):
        row: Row | None = await request.state["env"].db.prepare(queries.PROGRESS).bind(video_id, user.sees_only).first()
    if row is None:
        return "deleted", {"video_id": video_id}
    if row["status"] != "processing":
        return "verdict", await shown(request, user, await visible_row(request, user))
    if row["job_status"] == "failed":
        last_error = row["error_message"]
        return "failed", {"video_id": video_id, "last_error": last_error, "attempts": row["attempt_count"]}
    if row["job_status"] == "pending" and not row["progress"]:
        return "queued", {"video_id": video_id, "attempts": row["attempt_count"] or 0}
    return "progress", {"video_id": video_id, "progress": row["progress"] or 0.0, "stage": row["stage"]}
