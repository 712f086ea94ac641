"""The review queue as a page: one flagged video beside what it is like, and what can be done with it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from edge_api.auth import User
from edge_api.bodies import form_fields
from edge_api.console.matrix import matrix_of
from edge_api.console.pages import go_to, page, with_query
from edge_api.console.ribbon import ribbons
from edge_api.console.sentences import LABELS, reasons, verdict, whole
from edge_api.errors import ApiError
from edge_api.keys import is_id, moment_of
from edge_api.moderation import claims, pairs
from edge_api.moderation.queries import ORDERS
from edge_api.moderation.queue import queue_json, statistics
from edge_api.moderation.reviews import LONGEST_NOTE, decision_of, settle
from edge_api.moderation.undoing import undo
from edge_api.sessions import set_flash
from edge_api.state import Request
from edge_api.videos import shown, video_row, visible_row

PATH = "/review"
DONE: Mapping[str, str] = {"approve": "Approved", "reject": "Rejected", "duplicate": "Settled as a duplicate"}
_LATE = ("NOT_FLAGGED", "CLAIMED", "NO_SUSPECT", "NOT_A_MATCH", "NOTHING_TO_UNDO")
"""What may have become of a video since the page was loaded."""


async def review(request: Request, user: User) -> Response:
    """Shows what this moderator has open; opening is a POST. `against`: the match that is shown beside it."""
    queue = await queue_json(request, user)
    opened = None if queue["open"] is None else whole(queue["open"]["video"])
    other = None if opened is None else await _other(request, user, opened)
    match = _match(opened, other)
    lengths: list[float | None] = [video["duration"] if video else None for video in (opened, other)]
    matrix = matrix_of(match, *lengths)
    links = [video[name] for video in (opened, other) if video for name in ("playback_url", "thumbnail")]
    return await page(
        request,
        user,
        "review.html",
        media=[*links, matrix.url if matrix else None],
        queue=queue,
        video=opened,
        other=other,
        match=match,
        ribbons=ribbons(match, *lengths) if match else (),
        matrix=matrix,
        reasons=reasons(opened) if opened else (),
        reviewing=True,
        sentence=verdict(opened) if opened else "",
        reachable=frozenset(_matched(opened)) if opened else frozenset(),
        parted=await pairs.parted_from(request, opened["video_id"]) if opened else [],
        stats=await statistics(request),
        order=_order(request.query_params),
        orders=ORDERS,
        undo_seconds=_seconds_left(queue["undoable"]),
        done=DONE,
        labels=LABELS,
        longest_note=LONGEST_NOTE,
    )


async def take_next(request: Request, user: User) -> Response:
    """skip: the video that is passed over. release: one that is given back, so that the order begins anew."""
    fields = await _fields(request)
    skip, released = (fields.get(name) if is_id(fields.get(name)) else None for name in ("skip", "release"))
    if released:
        await claims.release(request, user, released)
    order = _order(fields)
    await claims.take_next(request, user, order, skip)
    return _back(order)


async def decide(request: Request, user: User) -> Response:
    """Settles the video and opens the next. Raises ApiError INVALID_FIELD."""
    row, fields = await visible_row(request, user), await _fields(request)
    given = {name: fields[name] for name in ("decision", "duplicate_of", "note") if fields.get(name, "").strip()}
    if given.get("decision") != "duplicate":
        given.pop("duplicate_of", None)
    try:
        await settle(request, user, row, decision_of(given))
    except ApiError as refused:
        await _tell(request, refused)
    await claims.take_next(request, user, _order(fields))
    return _back(_order(fields))


async def take_back(request: Request, user: User) -> Response:
    """The video is open again, before the one that was."""
    row, fields = await visible_row(request, user), await _fields(request)
    try:
        row = await undo(request, user, row)
        await _open(request, user, row["id"])
    except ApiError as refused:
        await _tell(request, refused)
    return _back(_order(fields))


async def part(request: Request, user: User) -> Response:
    """Never compare these two again; the next is opened when the video is decided again."""
    fields = await _fields(request)
    try:
        await pairs.part(request, user, request.path_params["video_id"], request.path_params["other_id"])
    except ApiError as refused:
        await _tell(request, refused)
    await claims.take_next(request, user, _order(fields))
    return _back(_order(fields))


async def join(request: Request, user: User) -> Response:
    fields = await _fields(request)
    try:
        done = await pairs.join(request, user, request.path_params["video_id"], request.path_params["other_id"])
        again = " What was decided since is decided again." if done["decided_again"] else ""
        await set_flash(request, "good", f"The two are compared again.{again}")
    except ApiError as refused:
        await _tell(request, refused)
    return _back(_order(fields))


async def leave(request: Request, user: User) -> Response:
    row = await visible_row(request, user)
    await claims.release(request, user, row["id"])
    return go_to(PATH)


async def _open(request: Request, user: User, video_id: str) -> None:
    queue = await queue_json(request, user)
    if queue["open"] is not None:
        await claims.release(request, user, queue["open"]["video"]["video_id"])
    await claims.take(request, user, await video_row(request, user, video_id))


async def _tell(request: Request, refused: ApiError) -> None:
    """What came too late is said on the next page; the rest is an error."""
    if refused.code not in _LATE:
        raise refused
    await set_flash(request, "bad", refused.message)


async def _other(request: Request, user: User, video: Mapping[str, Any]) -> dict[str, Any] | None:
    """The match that is asked for, else the suspect, else the best match that is still there."""
    known = _matched(video)
    asked = request.query_params.get("against")
    for video_id in [asked, *known] if asked in known else known:
        try:
            return whole(await shown(request, user, await video_row(request, user, str(video_id))))
        except ApiError as gone:
            if gone.code != "VIDEO_NOT_FOUND":
                raise
    return None


def _matched(video: Mapping[str, Any]) -> list[str]:
    """The suspect first."""
    named = [video["duplicate_of"], *(match["video_id"] for match in video["matches"] or ())]
    return list(dict.fromkeys(video_id for video_id in named if video_id))


def _match(video: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The evidence against the other; the best, when that is gone."""
    found = (video or {}).get("matches") or ()
    return next((match for match in found if other is None or match["video_id"] == other["video_id"]), None)


async def _fields(request: Request) -> dict[str, str]:
    return {name: values[0] for name, values in (await form_fields(request)).items()}


def _order(given: Mapping[str, str]) -> str:
    return given["order"] if given.get("order") in ORDERS else ORDERS[0]


def _back(order: str) -> Response:
    return go_to(with_query(PATH, order=order if order != ORDERS[0] else None))


def _seconds_left(undoable: Mapping[str, Any] | None) -> int:
    return int((moment_of(undoable["until"]) - datetime.now(UTC)).total_seconds()) if undoable else 0
