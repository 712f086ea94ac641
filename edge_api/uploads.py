"""POST /api/upload: from the socket to R2 part by part, then the rows, then the queue.

Whatever goes wrong before the rows are written leaves nothing behind: no object, no open multipart upload, no row.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import structlog
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse

from edge_api.auth import User
from edge_api.backlog import check_backlog
from edge_api.boxes import BoxWalk
from edge_api.catalogue import Upload, announce, insert_upload, retract_upload
from edge_api.errors import ApiError, request_id_of
from edge_api.form import OVERHEAD_BYTES, UploadForm, boundary_of
from edge_api.formats import HEAD_BYTES, Container
from edge_api.inspection import check_whole, container_of, too_large
from edge_api.keys import new_id, timestamp, video_key
from edge_api.objects import ObjectWriter
from edge_api.quotas import Quota, quota_of
from edge_api.settings import Settings
from edge_api.state import Request
from edge_api.streams import Meter, Patience, announced_bytes
from edge_api.turns import Turn
from wire.jobs import JobFormatError, Priority, priority_of
from wrangler_compat.errors import BindingError
from wrangler_compat.r2.types import R2Bucket


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
    announced, quota = _announced_size(request, settings), quota_of(user, settings)
    meter = Meter(request, user, announced)
    room = await quota.room(
        env.db, settings.binding_timeout_seconds, wanted_bytes=max(0, (announced or 0) - OVERHEAD_BYTES)
    )
    await check_backlog(env, settings)
    await meter.begin()
    async with (
        request.state["turns"].upload() as turn,
        _incoming(env.video_bucket, settings, quota, room) as incoming,
    ):
        priority = await _receive(request, form, incoming, meter, turn, settings)
        await turn.take()
        uploaded = await incoming.finish(user, priority, request_id_of(request))
        structlog.contextvars.bind_contextvars(video_id=uploaded.video_id)
        try:
            status = await insert_upload(env, uploaded, quota, settings.binding_timeout_seconds)
        except BaseException as error:
            if not await asyncio.shield(retract_upload(env, uploaded.video_id, settings.binding_timeout_seconds)):
                incoming.keep()
            if isinstance(error, BindingError):
                raise ApiError("UNAVAILABLE") from error
            raise
        incoming.keep()
    await announce(env, request.state["metrics"], uploaded, status, settings.binding_timeout_seconds)
    body = {"video_id": uploaded.video_id, "status": status, "uploaded_at": uploaded.uploaded_at}
    return JSONResponse(body, headers={"Location": f"/api/videos/{uploaded.video_id}"})


class _Incoming:
    """The file of one upload: recognised from its first bytes, counted, and handed on to R2."""

    def __init__(self, bucket: R2Bucket, settings: Settings, quota: Quota, room: int | None) -> None:
        """room: bytes that the quota leaves; None: any number."""
        self._bucket, self._settings = bucket, settings
        self._quota, self._room = quota, room
        self._video_id = new_id()
        self._head = bytearray()
        self._size = 0
        self._container: Container | None = None
        self._key = ""
        self._writer: ObjectWriter | None = None
        self._is_kept = False
        self._boxes = BoxWalk()

    @property
    def held(self) -> int:
        """Bytes that wait in memory for others to come."""
        return len(self._head) + (self._writer.filled if self._writer is not None else 0)

    async def take(self, data: memoryview) -> None:
        """Raises ApiError on a file too large or of another format, BindingError when R2 fails."""
        self._size += len(data)
        if self._size > self._settings.max_file_size:
            raise too_large(self._settings)
        if self._room is not None and self._size > self._room:
            raise self._quota.too_large(self._quota.size - self._room)
        self._boxes.feed(data)
        if self._writer is not None:
            await self._writer.write(data)
            return
        self._head += data
        if len(self._head) >= HEAD_BYTES:
            await self._begin()

    async def finish(self, user: User, priority: Priority, request_id: str) -> Upload:
        """The object is complete. Raises ApiError on a file that is empty, cut, or not a picture we take."""
        if self._size == 0:
            raise ApiError("EMPTY_FILE")
        writer = self._writer or await self._begin()
        assert self._container is not None
        check_whole(self._container.mime_type, self._boxes)
        sha256 = await writer.finish()
        return Upload(
            video_id=self._video_id,
            r2_key=self._key,
            user_id=user.id,
            uploaded_at=timestamp(),
            file_size=self._size,
            mime_type=self._container.mime_type,
            priority=priority,
            content_sha256=sha256,
            request_id=request_id,
        )

    def keep(self) -> None:
        self._is_kept = True

    async def close(self) -> None:
        if self._writer is not None and not self._is_kept:
            await self._writer.discard()

    async def _begin(self) -> ObjectWriter:
        settings = self._settings
        self._container = container_of(self._head, settings)
        self._key = video_key(self._video_id, timestamp(), self._container.name)
        self._writer = ObjectWriter(
            self._bucket,
            self._key,
            self._container.mime_type,
            part_bytes=settings.upload_part_size,
            in_flight=settings.upload_parts_in_flight,
            timeout_seconds=settings.transfer_timeout_seconds,
        )
        head, self._head = self._head, bytearray()
        await self._writer.write(memoryview(head))
        return self._writer


@asynccontextmanager
async def _incoming(bucket: R2Bucket, settings: Settings, quota: Quota, room: int | None) -> AsyncIterator[_Incoming]:
    incoming = _Incoming(bucket, settings, quota, room)
    try:
        yield incoming
    finally:
        await incoming.close()


async def _receive(
    request: Request, form: UploadForm, incoming: _Incoming, meter: Meter, turn: Turn, settings: Settings
) -> Priority:
    """Read the body to its end. Raises ApiError, ClientDisconnect, BindingError."""
    received, priority = 0, None
    async with aclosing(request.stream()) as body:
        async for chunk in Patience(turn, settings.upload_idle_seconds).chunks(body):
            received += len(chunk)
            if received > settings.max_file_size + OVERHEAD_BYTES:
                raise too_large(settings)
            await meter.take(len(chunk))
            for data in form.feed(chunk):
                await incoming.take(data)
            turn.hold(incoming.held)
            priority = priority or _priority(form)
    if not form.is_complete:
        raise ApiError("UPLOAD_INCOMPLETE")
    if not form.has_file:
        raise ApiError("MISSING_FIELD")
    return priority or "normal"


def _priority(form: UploadForm) -> Priority | None:
    """None while the form has not named one. Raises ApiError on an unknown one, before more of the file is taken."""
    named = form.fields.get("priority")
    try:
        return None if named is None else priority_of(named)
    except JobFormatError as error:
        raise ApiError("INVALID_FIELD", f"{error}.", field="priority") from error


def _announced_size(request: Request, settings: Settings) -> int | None:
    """Bytes of the body, where the client says. Raises ApiError."""
    announced = announced_bytes(request)
    if announced is not None and announced > settings.max_file_size + OVERHEAD_BYTES:
        raise too_large(settings)
    return announced
