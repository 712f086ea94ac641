"""The bytes of a PATCH on their way to R2, as equal parts of one multipart upload.

Only whole parts are sent as parts, so that every part but the last has the same size wherever the upload was cut. What
follows the last whole part when a request ends, however it ends, is the upload's tail: an object of its own, read back
by the request that goes on. The row moves only over what is in the store.
"""

from __future__ import annotations

import asyncio

import structlog

from edge_api.deadlines import deadline
from edge_api.env import Env
from edge_api.formats import HEAD_BYTES, Container
from edge_api.inspection import container_of
from edge_api.keys import new_id, timestamp, video_key
from edge_api.parts import PartBuffer, PartSender
from edge_api.settings import Settings
from edge_api.tus.passes import Look, Looks
from edge_api.tus.records import Ledger, OpenUpload
from edge_api.tus.stored import forget, read_tail, told_lost
from wrangler_compat.errors import BindingError
from wrangler_compat.r2.types import R2HttpMetadata, R2UploadedPart

log = structlog.get_logger("edge_api")

_RECORD_SECONDS = 1.0
"""The row follows the parts at this pace: as much is sent again after a kill."""


class Receiver:
    """begin(), take() as often as there are bytes, then end(); upload: as its row is by then.

    Each raises ApiError UNSUPPORTED_FORMAT, BindingError, StoreLossError, and UPLOAD_LOCKED when the lock is lost.
    """

    def __init__(self, env: Env, settings: Settings, looks: Looks, ledger: Ledger, upload: OpenUpload) -> None:
        self.upload = upload
        self._env, self._settings, self._looks, self._ledger = env, settings, looks, ledger
        self._position = upload.offset
        self._part = PartBuffer()
        self._looked = 0
        self._look: Look | None = None
        self._container: Container | None = None
        self._sender: PartSender | None = None
        self._recording = asyncio.Lock()
        self._recorded_parts = upload.whole_parts
        self._sent_parts = upload.whole_parts
        self._recorded_at = asyncio.get_running_loop().time()

    @property
    def held(self) -> int:
        """Bytes that wait in memory for others to come."""
        return self._part.size

    async def begin(self) -> None:
        upload = self.upload
        tail = await read_tail(self._env, self._settings, upload)
        self._part.add(memoryview(tail))
        self._look = self._looks.take(upload.id, upload.offset)
        if self._look is not None:
            self._looked = len(tail)
        elif upload.whole_parts == 0:
            self._look = Look()

    async def take(self, data: memoryview) -> None:
        """Waits while enough parts are on their way. data: not beyond the length of the upload."""
        self._position += len(data)
        part_bytes = self.upload.part_bytes
        while len(data) >= part_bytes - self._part.size:
            room = part_bytes - self._part.size
            self._part.add(data[:room])
            data = data[room:]
            await self._ship(await self._taken())
        self._part.add(data)
        if self._container is None and self.upload.key is None and self._part.size >= HEAD_BYTES:
            self._recognise(bytes(self._part))

    async def record(self) -> None:
        """The row follows as far as parts have arrived without a gap. May be called while the others are."""
        async with self._recording:
            self._recorded_at = asyncio.get_running_loop().time()
            if self._sender is None:
                return
            self._sender.harvest()
            new: list[R2UploadedPart] = []
            while (part := self._sender.arrived.get(self._recorded_parts + len(new) + 1)) is not None:
                new.append(part)
            if not new:
                return
            old_tail, parts = self.upload.tail_key, self._recorded_parts + len(new)
            offset = min(parts * self.upload.part_bytes, self.upload.length)
            self.upload = await self._ledger.advance(self.upload, offset, new, None)
            self._recorded_parts = parts
        await forget(self._env, self._settings, old_tail)

    async def end(self) -> None:
        """Bring all that was taken into the store, and the row after it."""
        if self._position == self.upload.length and self._part.size:
            await self._ship(await self._taken())
        if self._sender is not None:
            with told_lost():
                await self._sender.settle()
        await self.record()
        if self._part.size and self._position > self.upload.offset:
            await self._keep_tail()
        if self._look is not None:
            await self._look.settle()
            if self._look.size == self.upload.offset:
                self._looks.keep(self.upload.id, self._look)

    async def salvage(self) -> None:
        """After a failure: what did arrive is not lost. Raises nothing of R2's."""
        if self._sender is not None:
            await self._sender.end()
        try:
            await self.record()
        except BindingError as error:
            log.warning("not recorded", upload_id=self.upload.id, code=error.code, message=error.message)

    async def cancel(self) -> None:
        """Call back what is on its way."""
        if self._sender is not None:
            await self._sender.cancel()

    def _recognise(self, head: bytes) -> Container:
        self._container = container_of(head, self._settings)
        return self._container

    async def _taken(self) -> bytes:
        """All that waits, looked at."""
        whole = self._part.take()
        if self._look is not None:
            await self._look.at(whole[self._looked :])
        self._looked = 0
        return whole

    async def _ship(self, part: bytes) -> None:
        """part: whole, or the last."""
        if self._sender is None:
            self._sender = await self._begin_sending(part)
        with told_lost():
            await self._sender.send(self._sent_parts + 1, part)
        self._sent_parts += 1
        if asyncio.get_running_loop().time() - self._recorded_at > _RECORD_SECONDS:
            await self.record()

    async def _begin_sending(self, part: bytes) -> PartSender:
        settings, bucket = self._settings, self._env.video_bucket
        if self.upload.key is None or self.upload.r2_upload_id is None:
            container = self._container or self._recognise(part)
            key = video_key(self.upload.video_id, timestamp(), container.name)
            async with deadline(settings.transfer_timeout_seconds, "VIDEO_BUCKET"):
                multipart = await bucket.create_multipart_upload(
                    key, http_metadata=R2HttpMetadata(content_type=container.mime_type)
                )
            self.upload = await self._ledger.begin_object(self.upload, key, container.mime_type, multipart.upload_id)
        else:
            multipart = bucket.resume_multipart_upload(self.upload.key, self.upload.r2_upload_id)
        return PartSender(
            multipart,
            in_flight=settings.upload_parts_in_flight,
            timeout_seconds=settings.transfer_timeout_seconds,
        )

    async def _keep_tail(self) -> None:
        tail, old_tail = await self._taken(), self.upload.tail_key
        key = f"{self.upload.folder}{self._position}-{new_id()}"
        async with deadline(self._settings.transfer_timeout_seconds, "VIDEO_BUCKET"):
            await self._env.video_bucket.put(key, tail)
        self.upload = await self._ledger.advance(self.upload, self._position, [], key)
        await forget(self._env, self._settings, old_tail)
