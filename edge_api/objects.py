"""One object of R2, written while its bytes arrive: equal parts, a few on their way at once, hashed as they pass.

Memory holds the part being filled, the parts in flight, and nothing else, however long the object becomes.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager

import structlog

from edge_api.deadlines import deadline
from edge_api.parts import LOST, PartBuffer, PartSender
from wrangler_compat.errors import BindingError, R2Error
from wrangler_compat.r2.types import R2Bucket, R2HttpMetadata

log = structlog.get_logger("edge_api")

_CLEANUP_SECONDS = 30.0


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
        self._part = PartBuffer()
        self._digest = hashlib.sha256()
        self._hashing: asyncio.Task[None] | None = None
        self._sender: PartSender | None = None
        self._parts = 0
        self._is_put = False

    async def write(self, data: memoryview) -> None:
        """Raises BindingError. Waits while enough parts are on their way."""
        self.size += len(data)
        while len(data) >= self._part_bytes - self._part.size:
            room = self._part_bytes - self._part.size
            self._part.add(data[:room])
            data = data[room:]
            await self._ship(self._part.take())
        self._part.add(data)

    @property
    def filled(self) -> int:
        """Bytes of the part being filled: they wait in memory for the others."""
        return self._part.size

    async def finish(self) -> str:
        """Complete the object; the SHA-256 of its bytes, hex. Raises BindingError."""
        if self._sender is None:
            await self._put(self._part.take())
        else:
            if self._part.size:
                await self._ship(self._part.take())
            with _retryable_loss():
                await self._sender.settle()
                async with deadline(self._timeout, "VIDEO_BUCKET"):
                    self._is_put = True
                    await self._sender.upload.complete(self._sender.in_order())
        if self._hashing is not None:
            await self._hashing
        return self._digest.hexdigest()

    async def discard(self) -> None:
        """Undo everything, even when the caller is being cancelled. Never raises: what fails is logged."""
        await asyncio.shield(asyncio.ensure_future(self._discard()))

    async def _put(self, whole: bytes) -> None:
        await self._hash(whole)
        async with deadline(self._timeout, "VIDEO_BUCKET"):
            self._is_put = True
            await self._bucket.put(self._key, whole, http_metadata=self._metadata)

    async def _ship(self, part: bytes) -> None:
        await self._hash(part)
        if self._sender is None:
            async with deadline(self._timeout, "VIDEO_BUCKET"):
                upload = await self._bucket.create_multipart_upload(self._key, http_metadata=self._metadata)
            self._sender = PartSender(upload, in_flight=self._in_flight, timeout_seconds=self._timeout)
        self._parts += 1
        with _retryable_loss():
            await self._sender.send(self._parts, part)

    async def _hash(self, part: bytes) -> None:
        """Hash in a thread, in order, beside the sending."""
        if self._hashing is not None:
            await self._hashing
        self._hashing = asyncio.create_task(asyncio.to_thread(self._digest.update, part))

    async def _discard(self) -> None:
        self._part.clear()
        if self._sender is not None:
            await self._sender.cancel()
        await asyncio.gather(*filter(None, [self._hashing]), return_exceptions=True)
        if self._sender is not None:
            await self._attempt("abort of the upload", self._sender.upload.abort())
        if self._is_put:
            await self._attempt("delete of the object", self._bucket.delete(self._key))

    async def _attempt(self, what: str, call: Awaitable[None]) -> None:
        try:
            async with deadline(_CLEANUP_SECONDS, "VIDEO_BUCKET"):
                await call
        except BindingError as error:
            log.warning("cleanup failed", what=what, key=self._key, code=error.code, message=error.message)


@contextmanager
def _retryable_loss() -> Iterator[None]:
    """A store that lost the upload, in a restart or for want of room, takes one that is sent anew."""
    try:
        yield
    except R2Error as error:
        if error.code in LOST:
            raise R2Error(error.message, code=error.code, retryable=True) from error
        raise
