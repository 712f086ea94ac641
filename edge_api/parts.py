"""The parts of one multipart upload: the one being filled, and those on their way to R2, a few at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from edge_api.deadlines import deadline
from wrangler_compat.r2 import codes
from wrangler_compat.r2.types import R2MultipartUpload, R2UploadedPart

LOST = {codes.NO_SUCH_UPLOAD.code, codes.INVALID_PART.code}
"""What R2Error.code says when the store has not kept a multipart upload, or a part of it."""

_SMALL_BYTES = 4096
"""Pieces smaller than that are copied together: a view takes more memory than they do."""


class PartBuffer:
    """The part being filled. size: of its bytes, which wait in memory for the others."""

    def __init__(self) -> None:
        self.size = 0
        self._pieces: list[memoryview | bytearray] = []

    def __bytes__(self) -> bytes:
        return b"".join(self._pieces)

    def add(self, data: memoryview) -> None:
        self.size += len(data)
        if len(data) >= _SMALL_BYTES:
            self._pieces.append(data)
        elif self._pieces and isinstance(last := self._pieces[-1], bytearray):
            last += data
        elif len(data):
            self._pieces.append(bytearray(data))

    def take(self) -> bytes:
        """All of them; none stays."""
        whole = bytes(self)
        self.clear()
        return whole

    def clear(self) -> None:
        self.size, self._pieces = 0, []


class PartSender:
    """arrived: part number -> what R2 answered. in_flight: parts on their way at once."""

    def __init__(self, upload: R2MultipartUpload, *, in_flight: int, timeout_seconds: float) -> None:
        self.upload = upload
        self.arrived: dict[int, R2UploadedPart] = {}
        self._in_flight, self._timeout = in_flight, timeout_seconds
        self._sending: set[asyncio.Task[R2UploadedPart]] = set()

    async def send(self, number: int, part: bytes) -> None:
        """Waits while enough parts are on their way. Raises BindingError when one of those before failed."""
        await self.settle(self._in_flight - 1)
        self._sending.add(asyncio.create_task(self._send(number, part)))

    async def settle(self, at_most: int = 0) -> None:
        """Wait until at most so many parts are on their way. Raises what a part raised."""
        while len(self._sending) > at_most:
            done, _ = await asyncio.wait(self._sending, return_when=asyncio.FIRST_COMPLETED)
            self.harvest()
            for failed in done & self._sending:
                self._sending.remove(failed)
                failed.result()

    def harvest(self) -> None:
        """Note those that have arrived by now, without waiting. What a part raised stays for settle() to raise."""
        done = {task for task in self._sending if task.done() and not task.cancelled() and task.exception() is None}
        self._sending -= done
        self._note(task.result() for task in done)

    async def end(self) -> None:
        """Wait for those on their way, whatever becomes of them. Raises nothing of theirs."""
        results = await asyncio.gather(*self._sending, return_exceptions=True)
        self._sending = set()
        self._note(result for result in results if not isinstance(result, BaseException))

    async def cancel(self) -> None:
        """Call back those on their way."""
        for task in self._sending:
            task.cancel()
        await self.end()

    def _note(self, parts: Iterable[R2UploadedPart]) -> None:
        self.arrived.update((part.part_number, part) for part in parts)

    def in_order(self) -> list[R2UploadedPart]:
        return [self.arrived[number] for number in sorted(self.arrived)]

    async def _send(self, number: int, part: bytes) -> R2UploadedPart:
        async with deadline(self._timeout, "VIDEO_BUCKET"):
            return await self.upload.upload_part(number, part)
