"""POST /api/fingerprints: a video that is fetched from a URL. Nothing is fetched here."""

from __future__ import annotations

from typing import Any

import structlog
from starlette.responses import JSONResponse

from edge_api import queries
from edge_api.addresses import check_url
from edge_api.auth import User
from edge_api.backlog import check_backlog
from edge_api.bodies import choice_of, invalid, json_object, refuse_unknown, seconds_of, text_of
from edge_api.catalogue import wake
from edge_api.deadlines import deadline
from edge_api.errors import request_id_of
from edge_api.filenames import columns_of, filename_of_url
from edge_api.keys import new_id, timestamp, video_key
from edge_api.quotas import quota_of
from edge_api.settings import Settings
from edge_api.state import Request
from wire.addresses import LONGEST_URL
from wire.jobs import PRIORITIES, Job, priority_of
from wire.processing import TIERS
from wrangler_compat.errors import D1ConstraintError

FIELDS = ("video_url", "priority", "start", "stop", "tier")


async def fingerprint_url(request: Request, user: User) -> JSONResponse:
    state = request.state
    env, settings = state["env"], state["settings"]
    body = await json_object(request)
    refuse_unknown(body, FIELDS)
    url = str(text_of(body, "video_url", longest=LONGEST_URL, required=True))
    priority = priority_of(choice_of(body, "priority", PRIORITIES, "normal"))
    tier = choice_of(body, "tier", TIERS, "standard")
    start, stop = _range(body, settings)
    quota = quota_of(user, settings)
    await quota.room(env.db, settings.binding_timeout_seconds)
    await check_url(url, settings.allowed_url_hosts, state["resolve"])
    await check_backlog(env, settings)
    video_id, now, request_id = new_id(), timestamp(), request_id_of(request)
    # No object is ever stored under this key; the column wants one, and the thumbnail is kept beside it.
    key, filename = video_key(video_id, now, "url"), filename_of_url(url)
    statements = [
        env.db.prepare(queries.INSERT_REMOTE).bind(
            video_id, key, user.id, now, priority, tier, url, start, stop, request_id, *columns_of(filename)
        ),
        env.db.prepare(queries.INSERT_JOB).bind(video_id, new_id(), now),
        *([quota.guard(env.db)] if quota.is_set else []),
    ]
    structlog.contextvars.bind_contextvars(video_id=video_id)
    try:
        async with deadline(settings.binding_timeout_seconds, "DB"):
            await env.db.batch(statements)
    except D1ConstraintError:
        await quota.room(env.db, settings.binding_timeout_seconds)
        raise
    await wake(env, Job(video_id, request_id=request_id), priority, settings.binding_timeout_seconds)
    address = f"/api/videos/{video_id}"
    answer = {"video_id": video_id, "status": "processing", "status_url": address}
    return JSONResponse(answer, 202, {"Location": address})


def _range(body: dict[str, Any], settings: Settings) -> tuple[float | None, float | None]:
    start, stop = seconds_of(body, "start"), seconds_of(body, "stop")
    if stop is not None and stop <= (start or 0):
        raise invalid("stop", "stop must be greater than start.")
    if stop is not None and stop - (start or 0) > settings.max_duration:
        raise invalid("stop", f"The range is longer than {settings.max_duration} seconds.")
    return start, stop
