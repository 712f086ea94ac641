"""One object of R2, written while its bytes arrive: equal parts, a few on their way at once, hashed as they pass.

Memory holds the part being filled, the parts in flight, and nothing else, however long the object becomes.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable

import structlog

from edge_api.deadlines import deadline
from wrangler_compat.errors import BindingError
from wrangler_compat.r2.types import R2Bucket, R2HttpMetadata, R2MultipartUpload, R2UploadedPart

log = structlog.get_logger("edge_api")

_CLEANUP_SECONDS = 30.0

_SMALL_BYTES = 4096
"""Pieces smaller than that are copied together: a view takes more memory than they do."""


class ObjectWriter:
    """write() as often as there are bytes, then finish(); or discard(), after which nothing is left in the bucket.

    part_bytes: size of every part but the last; an object shorter than that takes a single put.
    """

    def __init__(
        self, bucket: R2Bucket, key: str, mime_type: str, *, part_bytes: int, in_flight: int, timeout_seconds: float
    ) -> None:
        self.size = 0
        self._bucket, self._key, self._metadata = bucket, key, R2HttpMetadata(content_type=mime_type)
        self._part_bytes, self._in_flight, self._timeout = part_bytes, in_flight, timeout_seconds
        self._pieces: list[memoryview | bytearray] = []
        self._filled = 0
        self._digest = hashlib.sha256()
        self._hashing: asyncio.Task[None] | None = None
        self._upload: R2MultipartUpload | None = None
        self._sending: set[asyncio.Task[R2UploadedPart]] = set()
        self._sent: list[R2UploadedPart] = []
        self._is_put = False

    async def write(self, data: memoryview) -> None:
        """Raises BindingError. Waits while enough parts are on their way."""
        self.size += len(data)
        while len(data) >= self._part_bytes - self._filled:
            room = self._part_bytes - self._filled
            self._keep(data[:room])
            data = data[room:]
            await self._ship(self._take())
        if len(data):
            self._keep(data)
            self._filled += len(data)

    @property
    def filled(self) -> int:
        """Bytes of the part being filled: they wait in memory for the others."""
        return self._filled

    async def finish(self) -> str:
        """Complete the object; the SHA-256 of its bytes, hex. Raises BindingError."""
        if self._upload is None:
            await self._put(self._take())
        else:
            if self._filled:
                await self._ship(self._take())
            await self._settle(0)
            async with deadline(self._timeout, "VIDEO_BUCKET"):
                self._is_put = True
                await self._upload.complete(sorted(self._sent, key=lambda part: part.part_number))
        if self._hashing is not None:
            await self._hashing
        return self._digest.hexdigest()

    async def discard(self) -> None:
        """Undo everything, even when the caller is being cancelled. Never raises: what fails is logged."""
        await asyncio.shield(asyncio.ensure_future(self._discard()))

    def _keep(self, data: memoryview) -> None:
        if len(data) >= _SMALL_BYTES:
            self._pieces.append(data)
        elif self._pieces and isinstance(last := self._pieces[-1], bytearray):
            last += data
        else:
            self._pieces.append(bytearray(data))

    def _take(self) -> bytes:
        whole = b"".join(self._pieces)
        self._pieces, self._filled = [], 0
        return whole

    async def _put(self, whole: bytes) -> None:
        await self._hash(whole)
        async with deadline(self._timeout, "VIDEO_BUCKET"):
            self._is_put = True
            await self._bucket.put(self._key, whole, http_metadata=self._metadata)

    async def _ship(self, part: bytes) -> None:
        await self._hash(part)
        if self._upload is None:
            async with deadline(self._timeout, "VIDEO_BUCKET"):
                self._upload = await self._bucket.create_multipart_upload(self._key, http_metadata=self._metadata)
        await self._settle(self._in_flight - 1)
        number = len(self._sent) + len(self._sending) + 1
        self._sending.add(asyncio.create_task(self._send(self._upload, number, part)))

    async def _hash(self, part: bytes) -> None:
        """Hash in a thread, in order, beside the sending."""
        if self._hashing is not None:
            await self._hashing
        self._hashing = asyncio.create_task(asyncio.to_thread(self._digest.update, part))

    async def _send(self, upload: R2MultipartUpload, number: int, part: bytes) -> R2UploadedPart:
        async with deadline(self._timeout, "VIDEO_BUCKET"):
            return await upload.upload_part(number, part)

    async def _settle(self, at_most: int) -> None:
        """Wait until at most so many parts are on their way. Raises what a part raised."""
        while len(self._sending) > at_most:
            done, self._sending = await asyncio.wait(self._sending, return_when=asyncio.FIRST_COMPLETED)
            self._sent += [task.result() for task in done]

    async def _discard(self) -> None:
        self._pieces = []
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, *filter(None, [self._hashing]), return_exceptions=True)
        if self._upload is not None:
            await self._attempt("abort of the upload", self._upload.abort())
        if self._is_put:
            await self._attempt("delete of the object", self._bucket.delete(self._key))

    async def _attempt(self, what: str, call: Awaitable[None]) -> None:
        try:
            async with deadline(_CLEANUP_SECONDS, "VIDEO_BUCKET"):
                await call
        except BindingError as error:
            log.warning("cleanup failed", what=what, key=self._key, code=error.code, message=error.message)
