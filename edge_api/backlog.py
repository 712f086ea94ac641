"""Back-pressure: who brings more work while very much waits is asked to come again later."""

from __future__ import annotations

from edge_api import queries
from edge_api.deadlines import deadline
from edge_api.env import Env
from edge_api.errors import ApiError
from edge_api.settings import Settings


async def check_backlog(env: Env, settings: Settings) -> None:
    """Raises ApiError TOO_BUSY when MAX_PENDING_JOBS videos wait for their verdict, and BindingError."""
    most = settings.max_pending_jobs
    if not most:
        return
    async with deadline(settings.binding_timeout_seconds, "DB"):
        waiting = await env.db.prepare(queries.PENDING_JOBS).bind(most).first("n")
    if int(waiting) >= most:
        raise ApiError("TOO_BUSY", "Very many videos wait for their verdict; try again in a while.")
