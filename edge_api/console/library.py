"""The list of videos, and deleting several of them."""

from __future__ import annotations

from dataclasses import replace

from starlette.responses import Response

from edge_api.auth import User
from edge_api.bodies import form_fields, invalid
from edge_api.console.navigation import HOME
from edge_api.console.pages import go_to, page
from edge_api.console.sentences import whole
from edge_api.console.sign_in import is_local
from edge_api.errors import ApiError
from edge_api.keys import is_id
from edge_api.sessions import set_flash
from edge_api.state import Request
from edge_api.videos import LARGEST_PAGE, delete, listed, wanted_of
from wire.verdicts import VIDEO_STATUSES


async def library(request: Request, user: User) -> Response:
    """Filters and the place in the list are in the address; a field left empty asks for nothing.

    Raises ApiError INVALID_FIELD.
    """
    wanted = wanted_of({name: value for name, value in request.query_params.items() if value})
    found = await listed(request, user, wanted, with_files=False)
    if not found["videos"] and 0 < found["total"] <= wanted.offset:
        # What was on this page is gone: the last one that there is.
        wanted = replace(wanted, offset=(found["total"] - 1) // wanted.limit * wanted.limit)
        found = await listed(request, user, wanted, with_files=False)
    return await page(
        request,
        user,
        "library.html",
        media=[video.get("thumbnail") for video in found["videos"]],
        videos=[whole(video) for video in found["videos"]],
        total=found["total"],
        wanted=wanted,
        statuses=VIDEO_STATUSES,
        back=_address(request),
    )


async def delete_videos(request: Request, user: User) -> Response:
    """Asks whether it is meant, unless the form says so. Raises ApiError INVALID_FIELD."""
    fields = await form_fields(request)
    chosen = list(dict.fromkeys(fields.get("video_id", [])))
    back = fields.get("back", [HOME])[0]
    back = back if is_local(back) else HOME
    if not chosen:
        await set_flash(request, "bad", "No video is chosen.")
        return go_to(back)
    if len(chosen) > LARGEST_PAGE or not all(map(is_id, chosen)):
        raise invalid("video_id", f"video_id must be the ids of at most {LARGEST_PAGE} videos.")
    if fields.get("confirmed", [""])[0] != "yes":
        return await page(request, user, "delete.html", chosen=chosen, back=back)
    deleted = sum([await _is_deleted(request, user, video_id) for video_id in chosen])
    await set_flash(request, *_said(deleted, len(chosen)))
    return go_to(back)


async def _is_deleted(request: Request, user: User, video_id: str) -> bool:
    """False when somebody was faster, or it is not theirs."""
    try:
        await delete(request, user, video_id)
    except ApiError as error:
        if error.code != "VIDEO_NOT_FOUND":
            raise
        return False
    return True


def _said(deleted: int, chosen: int) -> tuple[str, str]:
    if deleted == chosen:
        return "good", "The video is deleted." if deleted == 1 else f"{deleted} videos are deleted."
    return "bad", f"{deleted} of {chosen} videos are deleted; the others were gone already."


def _address(request: Request) -> str:
    return f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
