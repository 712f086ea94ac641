"""What the boxes of an MP4 or MOV tell while it streams by: whether all of it came, and whether it has a picture.

ISO/IEC 14496-12, 4.2 (boxes) and 8.4.3 (handler reference). Nothing is decoded and at most MOVIE_BYTES are kept; where
the boxes make no sense the walk stops without an opinion, and the processor will tell.
"""

from __future__ import annotations

from typing import Literal

MOVIE_BYTES = 16 * 1024 * 1024
"""As much of the moov box is looked at."""

MISSING_SHARE = 0.25
"""A file is cut when more than this share of what its boxes announce is missing."""

MOST_BOXES = 500_000
"""So many are walked over at the top of a file, then the walk stops: walking over empty ones costs time and tells
nothing. A day in fragments of a second each has fewer."""

_LONG_HEADER = 16
_SHORT_HEADER = 8
_HANDLER_AT = 12
"""From the name of a hdlr box to the type of its handler: name, version and flags, one reserved number."""

Fault = Literal["truncated", "no_video"]


class BoxWalk:
    """Feed it the file from its first byte, then ask for its fault."""

    def __init__(self) -> None:
        self._header = bytearray()
        self._left = 0
        self._to_the_end = False
        self._is_lost = False
        self._is_movie = False
        self._has_movie = False
        self._movie = bytearray()
        self._size = 0
        self._boxes = 0

    @property
    def held_bytes(self) -> int:
        return len(self._movie)

    def feed(self, data: memoryview) -> None:
        self._size += len(data)
        at = 0
        while at < len(data) and not (self._is_lost or self._to_the_end):
            if self._left == 0:
                at += self._read_header(data[at : at + _LONG_HEADER])
                continue
            step = min(self._left, len(data) - at)
            self._keep(data[at : at + step])
            self._left -= step
            at += step
        if self._to_the_end:
            self._keep(data[at:])

    def fault(self) -> Fault | None:
        """What is wrong with the whole file, as far as its boxes tell; None when nothing."""
        if self._is_lost:
            return None
        if not self._has_movie or self._left > MISSING_SHARE * (self._size + self._left):
            return "truncated"
        is_whole = len(self._movie) < MOVIE_BYTES and not (self._is_movie and self._left)
        return "no_video" if is_whole and _handlers(bytes(self._movie)).isdisjoint({None, b"vide"}) else None

    def _read_header(self, data: memoryview) -> int:
        """Take what the header still wants of `data`; returns how much that was."""
        wanted = _SHORT_HEADER
        if len(self._header) >= _SHORT_HEADER and int.from_bytes(self._header[:4], "big") == 1:
            wanted = _LONG_HEADER
        taken = data[: wanted - len(self._header)]
        self._header += taken
        if len(self._header) == wanted and not (wanted == _SHORT_HEADER and self._header[:4] == b"\0\0\0\1"):
            self._open()
        return len(taken)

    def _open(self) -> None:
        header, self._header = bytes(self._header), bytearray()
        size = int.from_bytes(header[:4] if len(header) == _SHORT_HEADER else header[8:], "big")
        self._is_movie = header[4:8] == b"moov"
        self._has_movie = self._has_movie or header[4:8] in (b"moov", b"moof")
        self._to_the_end = size == 0
        self._left = max(0, size - len(header))
        self._boxes += 1
        self._is_lost = 0 < size < len(header) or self._boxes > MOST_BOXES

    def _keep(self, data: memoryview) -> None:
        if self._is_movie:
            self._movie += data[: MOVIE_BYTES - len(self._movie)]


def _handlers(movie: bytes) -> set[bytes | None]:
    """Handler types of the moov box's tracks; None stands for a moov that names none (a compressed one)."""
    found: set[bytes | None] = set()
    at = movie.find(b"hdlr")
    while at >= 0:
        found.add(movie[at + _HANDLER_AT : at + _HANDLER_AT + 4])
        at = movie.find(b"hdlr", at + 4)
    return found or {None}
