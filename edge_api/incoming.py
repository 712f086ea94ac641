"""A form with videos on its way in: read from the socket, each file recognised, counted, and handed on to R2."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

from edge_api.boxes import BoxWalk
from edge_api.errors import ApiError
from edge_api.form import FILE_FIELD, OVERHEAD_BYTES, UploadForm
from edge_api.formats import HEAD_BYTES, Container
from edge_api.inspection import check_whole, container_of, too_large
from edge_api.objects import ObjectWriter
from edge_api.quotas import Quota
from edge_api.settings import Settings
from edge_api.state import Request
from edge_api.streams import Meter, Patience, announced_bytes
from edge_api.turns import Turn
from wire.jobs import JobFormatError, Priority, priority_of
from wrangler_compat.r2.types import R2Bucket


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

    async def finish(self) -> Stored:
        """The object is complete. Raises ApiError on a file that is empty, cut, or not a picture we take."""
        if self._size == 0:
            raise ApiError("EMPTY_FILE")
        writer = self._writer or await self._begin()
        assert self._container is not None
        check_whole(self._container.mime_type, self._boxes)
        sha256 = await writer.finish()
        return Stored(self._key, self._size, self._container.mime_type, sha256)

    def keep(self) -> None:
        self._is_kept = True

    async def close(self) -> None:
        if self._writer is not None and not self._is_kept:
            await self._writer.discard()

    async def _begin(self) -> ObjectWriter:
        settings = self._settings
        self._container = container_of(self._head, settings)
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


async def receive(
    request: Request, form: UploadForm, files: Mapping[str, Incoming], meter: Meter, turn: Turn, settings: Settings
) -> Priority:
    """Read the body to its end, and have a turn then. files: by their field, of which `video` must come. Raises
    ApiError, ClientDisconnect, BindingError."""
    received, priority = 0, None
    async with aclosing(request.stream()) as body:
        async for chunk in Patience(turn, settings.upload_idle_seconds).chunks(body):
            received += len(chunk)
            if received > _most_bytes(settings, len(files)):
                raise too_large(settings)
            await meter.take(len(chunk))
            for name, data in form.feed(chunk):
                await files[name].take(data)
            turn.hold(sum(file.held for file in files.values()))
            priority = priority or _priority(form)
    if not form.is_complete:
        raise ApiError("UPLOAD_INCOMPLETE")
    if FILE_FIELD not in form.files:
        raise ApiError("MISSING_FIELD")
    await turn.take()
    return priority or "normal"


def announced_size(request: Request, settings: Settings, *, files: int = 1) -> int | None:
    """Bytes of the body, where the client says. files: how many it may hold. Raises ApiError."""
    announced = announced_bytes(request)
    if announced is not None and announced > _most_bytes(settings, files):
        raise too_large(settings)
    return announced


def _most_bytes(settings: Settings, files: int) -> int:
    return settings.max_file_size * files + OVERHEAD_BYTES


def _priority(form: UploadForm) -> Priority | None:
    """None while the form has not named one. Raises ApiError on an unknown one, before more of the file is taken."""
    named = form.fields.get("priority")
    try:
        return None if named is None else priority_of(named)
    except JobFormatError as error:
        raise ApiError("INVALID_FIELD", f"{error}.", field="priority") from error
