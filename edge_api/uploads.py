"""POST /api/upload: from the socket to R2 part by part, then the rows, then the queue.

Whatever goes wrong before the rows are written leaves nothing behind: no object, no open multipart upload, no row.
"""

from __future__ import annotations

import asyncio
from functools import partial

import structlog
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse

from edge_api.auth import User
from edge_api.backlog import check_backlog
from edge_api.catalogue import Upload, announce, insert_upload, retract_upload
from edge_api.errors import ApiError, request_id_of
from edge_api.filenames import filename_of
from edge_api.form import FILE_FIELD, OVERHEAD_BYTES, UploadForm, boundary_of
from edge_api.incoming import announced_size, incoming_file, receive
from edge_api.keys import new_id, timestamp, video_key
from edge_api.quotas import quota_of
from edge_api.state import Request
from edge_api.streams import Meter
from wrangler_compat.errors import BindingError


async def upload(request: Request, user: User) -> JSONResponse:
    metrics = request.state["metrics"]
    try:
        return await _upload(request, user)
    except (ApiError, BindingError, ClientDisconnect) as error:
        code = error.code if isinstance(error, ApiError) else type(error).__name__
        metrics.uploads.labels(code.lower()).inc()
        raise


async def _upload(request: Request, user: User) -> JSONResponse:
    settings, env = request.state["settings"], request.state["env"]
    form = UploadForm(boundary_of(request.headers.get("content-type")))
    announced, quota = announced_size(request, settings), quota_of(user, settings)
    meter, video_id = Meter(request, user, announced), new_id()
    room = await quota.room(
        env.db, settings.binding_timeout_seconds, wanted_bytes=max(0, (announced or 0) - OVERHEAD_BYTES)
    )
    await check_backlog(env, settings)
    await meter.begin()
    key_of = partial(video_key, video_id, timestamp())
    async with (
        request.state["turns"].upload() as turn,
        incoming_file(env.video_bucket, settings, quota, room, key_of) as incoming,
    ):
        priority = await receive(request, form, {FILE_FIELD: incoming}, meter, turn, settings)
        stored = await incoming.finish()
        uploaded = Upload(
            video_id=video_id,
            r2_key=stored.key,
            user_id=user.id,
            uploaded_at=timestamp(),
            file_size=stored.size,
            mime_type=stored.mime_type,
            priority=priority,
            content_sha256=stored.sha256,
            request_id=request_id_of(request),
            filename=filename_of(form.filenames.get(FILE_FIELD)),
        )
        structlog.contextvars.bind_contextvars(video_id=video_id)
        try:
            status = await insert_upload(env, uploaded, quota, settings.binding_timeout_seconds)
        except BaseException as error:
            if not await asyncio.shield(retract_upload(env, video_id, settings.binding_timeout_seconds)):
                incoming.keep()
            if isinstance(error, BindingError):
                raise ApiError("UNAVAILABLE") from error
            raise
        incoming.keep()
    await announce(env, request.state["metrics"], uploaded, status, settings.binding_timeout_seconds)
    body = {"video_id": video_id, "status": status, "uploaded_at": uploaded.uploaded_at}
    return JSONResponse(body, headers={"Location": f"/api/videos/{video_id}"})
