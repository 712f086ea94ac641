"""The page from which files are sent; its scripts speak to the public API."""

from __future__ import annotations

from starlette.responses import Response

from edge_api.auth import User
from edge_api.console.pages import page
from edge_api.console.sentences import LABELS, STAGES
from edge_api.state import Request


async def upload(request: Request, user: User) -> Response:
    settings = request.state["settings"]
    return await page(
        request,
        user,
        "upload.html",
        max_file_size=settings.max_file_size,
        formats=settings.allowed_formats,
        words={"stages": {word or "": said for word, said in STAGES.items()}, "labels": dict(LABELS)},
        address=str(request.base_url).rstrip("/"),
    )
