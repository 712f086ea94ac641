"""A remote video as a seekable, read-only file: only the byte ranges that the demuxer asks for are fetched.

Blocks of 64 kB are kept in a small LRU. A read that continues where an earlier one ended grows that run's read-ahead
(two runs, sound and picture far apart in the file, grow on their own), a jump starts anew with one block. Memory is
bounded by the LRU and does not grow with the file.
"""

from __future__ import annotations

import io
from collections import OrderedDict
from types import TracebackType
from typing import Self

from processor.transport import RangeClient

BLOCK_BYTES = 64 * 1024
MAX_AHEAD_BLOCKS = 32
KEPT_BLOCKS = 96
MAX_RUNS = 4


class RemoteFile(io.RawIOBase):
    """Reads through client, and closes it. Raises what client raises."""

    def __init__(self, client: RangeClient) -> None:
        super().__init__()
        self._client = client
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._runs: OrderedDict[int, int] = OrderedDict()
        self._at = 0
        try:
            self._fetch(0, 1)
        except BaseException:
            self._client.close()
            raise

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._client.size}[whence]
        if base + offset < 0:
            raise ValueError("a position in a file cannot be negative")
        self._at = base + offset
        return self._at

    def read(self, size: int = -1) -> bytes:
        """At most size bytes; fewer where more would have to be fetched; b"" at the end of the file."""
        if self._at >= self._client.size or size == 0:
            return b""
        wanted = self._client.size - self._at if size < 0 else size
        pieces: list[bytes] = []
        while wanted > 0 and self._at < self._client.size:
            index, within = divmod(self._at, BLOCK_BYTES)
            piece = self._block(index)[within : within + wanted]
            pieces.append(piece)
            self._at += len(piece)
            wanted -= len(piece)
            if size > 0 and index + 1 not in self._blocks:
                break
        return b"".join(pieces)

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._client.close()
            self._blocks.clear()
        super().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()

    def _block(self, index: int) -> bytes:
        if index not in self._blocks:
            ahead = min(self._runs.pop(index, 0) * 2 or 1, MAX_AHEAD_BLOCKS)
            self._fetch(index, ahead)
            self._runs[index + ahead] = ahead
            while len(self._runs) > MAX_RUNS:
                self._runs.popitem(last=False)
        self._blocks.move_to_end(index)
        return self._blocks[index]

    def _fetch(self, first: int, count: int) -> None:
        start = first * BLOCK_BYTES
        stop = start + count * BLOCK_BYTES
        if self._client.size >= 0:
            stop = min(stop, self._client.size)
        data = self._client.get(start, stop)
        for number in range(count):
            block = data[number * BLOCK_BYTES : (number + 1) * BLOCK_BYTES]
            if block:
                self._blocks[first + number] = block
        while len(self._blocks) > KEPT_BLOCKS:
            self._blocks.popitem(last=False)
