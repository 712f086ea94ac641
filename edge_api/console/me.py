"""Who am I, what may I do, how much of it is left."""

from __future__ import annotations

from starlette.responses import Response

from edge_api import queries
from edge_api.auth import User
from edge_api.console.pages import page
from edge_api.deadlines import deadline
from edge_api.quotas import quota_of
from edge_api.scopes import MEANINGS, SCOPES, SCOPES_OF_ROLE
from edge_api.state import Request


async def me(request: Request, user: User) -> Response:
    db, settings = request.state["env"].db, request.state["settings"]
    async with deadline(settings.binding_timeout_seconds, "DB"):
        used = await db.prepare(queries.USAGE_OF_USER).bind(user.id).first()
        token = await db.prepare(queries.TOKEN).bind(user.token_id).first()
    return await page(
        request,
        user,
        "me.html",
        scopes=[
            {"name": scope, "meaning": MEANINGS[scope], "is_held": scope in user.scopes}
            for scope in SCOPES
            if scope in SCOPES_OF_ROLE[user.role]
        ],
        used=used,
        token=token,
        quota=quota_of(user, settings),
        limits={
            "requests": settings.requests_per_minute,
            "uploads": settings.uploads_per_minute,
            "bytes": settings.upload_bytes_per_minute,
        },
        max_file_size=settings.max_file_size,
        session_seconds=settings.session_seconds,
    )
