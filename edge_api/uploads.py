"""POST /api/upload: from the socket to R2 part by part, then the rows, then the queue.

Whatever goes wrong before the rows are written leaves nothing behind: no object, no open multipart upload, no row.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import partial

import structlog
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse

from edge_api.auth import User
from edge_api.backlog import check_backlog
from edge_api.boxes import BoxWalk
from edge_api.catalogue import Upload, insert_upload, retract_upload, wake
from edge_api.errors import ApiError, request_id_of
from edge_api.form import FILE_FIELD, OVERHEAD_BYTES, UploadForm, boundary_of
from edge_api.formats import HEAD_BYTES, WEBM, Container, recognise
from edge_api.keys import new_id, timestamp, video_key
from edge_api.objects import ObjectWriter
from edge_api.quotas import Quota, quota_of
from edge_api.settings import SMALLEST_PART_BYTES, Settings
from edge_api.state import Request
from wire.jobs import Job, JobFormatError, Priority, priority_of
from wrangler_compat.errors import BindingError
from wrangler_compat.r2.types import R2Bucket

log = structlog.get_logger("edge_api")


async def upload(request: Request, user: User) -> JSONResponse:
    metrics = request.state["metrics"]
    try:
        response, outcome, size = await _upload(request, user)
    except (ApiError, BindingError, ClientDisconnect) as error:
        code = error.code if isinstance(error, ApiError) else type(error).__name__
        metrics.uploads.labels(code.lower()).inc()
        raise
    metrics.uploads.labels("accepted" if outcome == "processing" else outcome).inc()
    metrics.upload_bytes.inc(size)
    if outcome != "processing":
        metrics.verdicts.labels(outcome, "content_sha256").inc()
    return response


async def _upload(request: Request, user: User) -> tuple[JSONResponse, str, int]:
    settings, env = request.state["settings"], request.state["env"]
    form = UploadForm(boundary_of(request.headers.get("content-type")))
    announced, quota = announced_size(request.headers.get("content-length"), settings), quota_of(user, settings)
    meter, video_id = Meter(request, user, announced), new_id()
    room = await quota.room(
        env.db, settings.binding_timeout_seconds, wanted_bytes=max(0, (announced or 0) - OVERHEAD_BYTES)
    )
    await check_backlog(env, settings)
    await meter.begin()
    async with (
        request.state["turns"].upload(settings.upload_wait_seconds),
        incoming_file(env.video_bucket, settings, quota, room, partial(video_key, video_id, timestamp())) as incoming,
    ):
        priority = await receive(request, form, {FILE_FIELD: incoming}, meter, settings)
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
        )
        structlog.contextvars.bind_contextvars(video_id=video_id)
        try:
            status = await insert_upload(env, uploaded, quota, settings.binding_timeout_seconds)
        except BaseException as error:
            if not await asyncio.shield(retract_upload(env, uploaded.video_id, settings.binding_timeout_seconds)):
                incoming.keep()
            if isinstance(error, BindingError):
                raise ApiError("UNAVAILABLE") from error
            raise
        incoming.keep()
    log.info("uploaded", status=status, bytes=uploaded.file_size, mime_type=uploaded.mime_type)
    if status == "processing":
        job = Job(uploaded.video_id, request_id=uploaded.request_id)
        await wake(env, job, priority, settings.binding_timeout_seconds)
    body = {"video_id": uploaded.video_id, "status": status, "uploaded_at": uploaded.uploaded_at}
    response = JSONResponse(body, headers={"Location": f"/api/videos/{uploaded.video_id}"})
    return response, status, uploaded.file_size


@dataclass(frozen=True, slots=True)
class Stored:
    """A file that is complete in R2. size: bytes. sha256: hex."""

    key: str
    size: int
    mime_type: str
    sha256: str


class Incoming:
    """The file of one upload: recognised from its first bytes, counted, and handed on to R2."""

    def __init__(
        self, bucket: R2Bucket, settings: Settings, quota: Quota, room: int | None, key_of: Callable[[str], str]
    ) -> None:
        """room: bytes that the quota leaves; None: any number. key_of: gives the object's key for an extension."""
        self._bucket, self._settings = bucket, settings
        self._quota, self._room = quota, room
        self._key_of = key_of
        self._head = bytearray()
        self._size = 0
        self._container: Container | None = None
        self._key = ""
        self._writer: ObjectWriter | None = None
        self._is_kept = False
        self._boxes = BoxWalk()

    async def take(self, data: memoryview) -> None:
        """Raises ApiError on a file too large or of another format, BindingError when R2 fails."""
        self._size += len(data)
        if self._size > self._settings.max_file_size:
            raise _too_large(self._settings)
        if self._room is not None and self._size > self._room:
            raise self._quota.too_large(self._quota.size - self._room)
        self._boxes.feed(data)
        if self._writer is not None:
            await self._writer.write(data)
            return
        self._head += data
        if len(self._head) >= HEAD_BYTES:
            await self._begin()

    async def finish(self) -> Stored:
        """The object is complete. Raises ApiError on a file that is empty, cut, or not a picture we take."""
        if self._size == 0:
            raise ApiError("EMPTY_FILE")
        writer = self._writer or await self._begin()
        fault = None if self._container is WEBM else self._boxes.fault()
        if fault is not None:
            raise ApiError("TRUNCATED_FILE" if fault == "truncated" else "NO_VIDEO_TRACK")
        sha256 = await writer.finish()
        assert self._container is not None
        return Stored(self._key, self._size, self._container.mime_type, sha256)

    def keep(self) -> None:
        self._is_kept = True

    async def close(self) -> None:
        if self._writer is not None and not self._is_kept:
            await self._writer.discard()

    async def _begin(self) -> ObjectWriter:
        settings = self._settings
        self._container = recognise(bytes(self._head[:HEAD_BYTES]))
        if self._container is None or self._container.name not in settings.allowed_formats:
            raise ApiError("UNSUPPORTED_FORMAT", supported_formats=list(settings.allowed_formats))
        self._key = self._key_of(self._container.name)
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
async def incoming_file(
    bucket: R2Bucket, settings: Settings, quota: Quota, room: int | None, key_of: Callable[[str], str]
) -> AsyncIterator[Incoming]:
    """On leaving, an object that was not told to be kept is removed."""
    incoming = Incoming(bucket, settings, quota, room, key_of)
    try:
        yield incoming
    finally:
        await incoming.close()


class Meter:
    """Counts the bytes of one upload against the token's limit: all at once where their number is announced, else as
    they arrive, part by part."""

    def __init__(self, request: Request, user: User, announced: int | None) -> None:
        self._request, self._key, self._announced = request, user.token_id, announced
        self._waiting = 0

    async def begin(self) -> None:
        """Raises ApiError RATE_LIMITED."""
        await self._count(self._announced or 0)

    async def take(self, size: int) -> None:
        """Raises ApiError RATE_LIMITED."""
        self._waiting += size
        if self._announced is None and self._waiting >= SMALLEST_PART_BYTES:
            size, self._waiting = self._waiting, 0
            await self._count(size)

    async def _count(self, size: int) -> None:
        await self._request.state["limiting"].count(self._request.scope, "upload-bytes", self._key, size)


async def receive(
    request: Request, form: UploadForm, files: Mapping[str, Incoming], meter: Meter, settings: Settings
) -> Priority:
    """Read the body to its end. files: by their field, of which `video` must come. Raises ApiError, ClientDisconnect,
    BindingError."""
    received, priority = 0, None
    async with aclosing(request.stream()) as body:
        async for chunk in _unless_silent(body, settings.upload_idle_seconds):
            received += len(chunk)
            if received > settings.max_file_size * len(files) + OVERHEAD_BYTES:
                raise _too_large(settings)
            await meter.take(len(chunk))
            for name, data in form.feed(chunk):
                await files[name].take(data)
            priority = priority or _priority(form)
    if not form.is_complete:
        raise ApiError("UPLOAD_INCOMPLETE")
    if FILE_FIELD not in form.files:
        raise ApiError("MISSING_FIELD")
    return priority or "normal"


def _priority(form: UploadForm) -> Priority | None:
    """None while the form has not named one. Raises ApiError on an unknown one, before more of the file is taken."""
    named = form.fields.get("priority")
    try:
        return None if named is None else priority_of(named)
    except JobFormatError as error:
        raise ApiError("INVALID_FIELD", f"{error}.", field="priority") from error


async def _unless_silent(body: AsyncGenerator[bytes, None], idle_seconds: float) -> AsyncIterator[bytes]:
    while True:
        try:
            async with asyncio.timeout(idle_seconds):
                chunk = await anext(body, None)
        except TimeoutError:
            raise ApiError("UPLOAD_STALLED") from None
        if chunk is None:
            return
        if chunk:
            yield chunk


def announced_size(content_length: str | None, settings: Settings, *, files: int = 1) -> int | None:
    """Bytes of the body, where the client says. files: how many it may hold. Raises ApiError."""
    if content_length is None:
        return None
    if not content_length.isascii() or not content_length.isdigit():
        raise ApiError("BAD_REQUEST", "The Content-Length is not a number.")
    announced = int(content_length[:20])
    if announced > settings.max_file_size * files + OVERHEAD_BYTES:
        raise _too_large(settings)
    return announced


def _too_large(settings: Settings) -> ApiError:
    limit = settings.max_file_size
    return ApiError("FILE_TOO_LARGE", f"The file is larger than {limit} bytes.", max_size=limit)
