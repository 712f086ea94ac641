"""POST /api/search, POST /api/compare: the bytes go to R2, then a row, then the queue; nothing enters the catalogue.

As with an upload, whatever goes wrong before the row is written leaves nothing behind.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

import structlog
from starlette.responses import JSONResponse

from edge_api import queries
from edge_api.addresses import check_url
from edge_api.auth import User
from edge_api.backlog import check_backlog
from edge_api.bodies import invalid, is_json, json_object, refuse_unknown, text_of
from edge_api.catalogue import wake
from edge_api.deadlines import deadline
from edge_api.env import Env
from edge_api.errors import ApiError, request_id_of
from edge_api.form import FILE_FIELD, UploadForm, boundary_of
from edge_api.incoming import Incoming, Stored, announced_size, incoming_file, receive
from edge_api.keys import new_id, search_key, timestamp
from edge_api.quotas import quota_of
from edge_api.state import Request
from edge_api.streams import Meter
from edge_api.videos import video_row
from wire.addresses import LONGEST_URL
from wire.jobs import Job
from wrangler_compat.errors import BindingError

log = structlog.get_logger("edge_api")

REFERENCE_FIELD = "reference"
REFERENCE_ID_FIELD = "reference_id"


@dataclass(frozen=True, slots=True)
class Question:
    """What a row of searches says. r2_key: of the video, or where it would be, had it not been given by URL."""

    search_id: str
    kind: str
    r2_key: str
    created_at: str
    stored: Stored | None = None
    source_url: str | None = None
    reference_key: str | None = None
    reference_id: str | None = None


async def search(request: Request, user: User) -> JSONResponse:
    """Whether the catalogue holds the video: a file, or a URL in a JSON object."""
    if is_json(request):
        return await _search_url(request, user)
    return await _receive(request, user, "search", (FILE_FIELD,))


async def compare(request: Request, user: User) -> JSONResponse:
    """Two files with one another, or one with a video of the catalogue that the user may see."""
    return await _receive(request, user, "compare", (FILE_FIELD, REFERENCE_FIELD))


async def _search_url(request: Request, user: User) -> JSONResponse:
    settings, body = request.state["settings"], await json_object(request)
    refuse_unknown(body, ("video_url",))
    url = str(text_of(body, "video_url", longest=LONGEST_URL, required=True))
    await check_url(url, settings.allowed_url_hosts, request.state["resolve"])
    await check_backlog(request.state["env"], settings)
    search_id = new_id()
    key = search_key(search_id, FILE_FIELD, "url")
    question = Question(search_id, "search", key, timestamp(), source_url=url)
    await _insert(request, user, question)
    return await _accepted(request, question)


async def _receive(request: Request, user: User, kind: str, fields: tuple[str, ...]) -> JSONResponse:
    settings, env = request.state["settings"], request.state["env"]
    form = UploadForm(boundary_of(request.headers.get("content-type")), fields)
    announced = announced_size(request, settings, files=len(fields))
    meter, search_id = Meter(request, user, announced), new_id()
    await check_backlog(env, settings)
    await meter.begin()
    async with request.state["turns"].upload() as turn, AsyncExitStack() as stack:
        files: dict[str, Incoming] = {}
        for name in fields:
            key_of = partial(search_key, search_id, name)
            opened = incoming_file(env.video_bucket, settings, quota_of(user, settings), None, key_of)
            files[name] = await stack.enter_async_context(opened)
        await receive(request, form, files, meter, turn, settings)
        reference_id = await _reference_id(request, user, form) if kind == "compare" else None
        stored = await files[FILE_FIELD].finish()
        other = await files[REFERENCE_FIELD].finish() if REFERENCE_FIELD in form.files else None
        question = Question(
            search_id,
            kind,
            stored.key,
            timestamp(),
            stored=stored,
            reference_key=None if other is None else other.key,
            reference_id=reference_id,
        )
        await _insert(request, user, question)
        for name in form.files:
            files[name].keep()
    return await _accepted(request, question)


async def _reference_id(request: Request, user: User, form: UploadForm) -> str | None:
    """The video of the catalogue to compare with; None: a file is. Raises ApiError."""
    named = form.fields.get(REFERENCE_ID_FIELD)
    if (named is None) == (REFERENCE_FIELD not in form.files):
        raise invalid(
            REFERENCE_FIELD,
            "Send what to compare with: a file in the field `reference`, or a video's id in `reference_id`; not both.",
        )
    if named is None:
        return None
    row = await video_row(request, user, named)
    if row["fingerprint_id"] is None:
        raise invalid(REFERENCE_ID_FIELD, "This video has no fingerprint to compare with; wait for it, or send a file.")
    return str(row["id"])


async def _insert(request: Request, user: User, question: Question) -> None:
    """Write the row. From here on the answer is a promise. Raises ApiError UNAVAILABLE; no row stays then."""
    env, settings = request.state["env"], request.state["settings"]
    search_id, stored = question.search_id, question.stored
    structlog.contextvars.bind_contextvars(search_id=search_id)
    row = env.db.prepare(queries.INSERT_SEARCH).bind(
        search_id,
        user.id,
        question.kind,
        question.r2_key,
        question.source_url,
        None if stored is None else stored.sha256,
        None if stored is None else stored.size,
        None if stored is None else stored.mime_type,
        question.reference_key,
        question.reference_id,
        request_id_of(request),
        question.created_at,
    )
    try:
        async with deadline(settings.binding_timeout_seconds, "DB"):
            await row.run()
    except BaseException as error:
        await asyncio.shield(_retract(env, search_id, settings.binding_timeout_seconds))
        if isinstance(error, BindingError):
            raise ApiError("UNAVAILABLE") from error
        raise
    log.info("search", kind=question.kind, bytes=None if stored is None else stored.size)


async def _accepted(request: Request, question: Question) -> JSONResponse:
    """Wake a consumer, and say where the answer will be."""
    job = Job(question.search_id, "search", request_id_of(request))
    await wake(request.state["env"], job, "normal", request.state["settings"].binding_timeout_seconds)
    address = f"/api/searches/{question.search_id}"
    answer = {"search_id": question.search_id, "status": "processing", "status_url": address}
    return JSONResponse(answer, 202, {"Location": address})


async def _retract(env: Env, search_id: str, timeout_seconds: float) -> None:
    """Remove a row that may or may not have been written. Never raises: what fails is logged."""
    try:
        async with deadline(timeout_seconds, "DB"):
            await env.db.prepare(queries.DELETE_SEARCH).bind(search_id).run()
    except BindingError as error:
        log.error("a row may be left behind", search_id=search_id, code=error.code, message=error.message)
