"""Where the boxes of an MP4 or MOV, the elements of a WebM and the chunks of an AVI begin and end.

Knows just enough to cut them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

_PARENTS = frozenset(
    {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"dinf", b"edts", b"udta", b"mvex", b"moof", b"traf", b"mfra"}
)
_EBML_PARENTS = frozenset(
    bytes.fromhex(name)
    for name in (
        "18538067",
        "1549a966",
        "1654ae6b",
        "ae",
        "e0",
        "e1",
        "1f43b675",
        "1c53bb6b",
        "bb",
        "b7",
        "114d9b74",
        "a0",
    )
)


@dataclass(frozen=True, slots=True)
class Part:
    """data[start:stop] is one box, element or chunk, its content begins at content. size_at: where its size is written,
    in size_bytes bytes."""

    start: int
    content: int
    stop: int
    size_at: int
    size_bytes: int


def parts_of(data: bytes) -> list[Part]:
    """Every box, element or chunk of a good file, the outer before the inner."""
    walk = {b"\x1a\x45\xdf\xa3": _elements, b"RIFF": _chunks}.get(data[:4], _boxes)
    return list(walk(data, 0, len(data)))


def _boxes(data: bytes, at: int, end: int) -> Iterator[Part]:
    while at + 8 <= end:
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        head = 8
        if size == 1:
            size, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        if size < head or at + size > end:
            return
        yield Part(at, at + head, at + size, at if head == 8 else at + 8, 4 if head == 8 else 8)
        if kind in _PARENTS:
            yield from _boxes(data, at + head, at + size)
        at += size


def _elements(data: bytes, at: int, end: int) -> Iterator[Part]:
    while at < end and data[at]:
        name_bytes = 9 - data[at].bit_length()
        size_at = at + name_bytes
        if size_at >= end or data[size_at] == 0:
            return
        size_bytes = 9 - data[size_at].bit_length()
        content = size_at + size_bytes
        size = int.from_bytes(data[size_at:content], "big") & ((1 << 7 * size_bytes) - 1)
        stop = end if size == (1 << 7 * size_bytes) - 1 else content + size
        if stop > end:
            return
        yield Part(at, content, stop, size_at, size_bytes)
        if data[at:size_at] in _EBML_PARENTS:
            yield from _elements(data, content, stop)
        at = stop


def _chunks(data: bytes, at: int, end: int) -> Iterator[Part]:
    while at + 8 <= end:
        stop = at + 8 + int.from_bytes(data[at + 4 : at + 8], "little")
        if stop > end:
            return
        yield Part(at, at + 8, stop, at + 4, 4)
        if data[at : at + 4] in (b"RIFF", b"LIST"):
            yield from _chunks(data, at + 12, stop)
        at = stop + stop % 2
