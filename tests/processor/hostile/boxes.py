"""MP4 and MOV by hand (ISO/IEC 14496-12, QuickTime File Format): boxes that no muxer would write."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

UNITY = struct.pack(">9I", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
SECOND = 1000
"""All times here count thousandths of a second, but for sound, which counts its own samples."""


def box(kind: bytes, *content: bytes, size: int | None = None) -> bytes:
    """size: what the box says of itself, when that is not the truth; of 2^32 or more it is written in 64 bits."""
    body = b"".join(content)
    told = 8 + len(body) if size is None else size
    if told < 1 << 32:
        return struct.pack(">I4s", told, kind) + body
    return struct.pack(">I4sQ", 1, kind, told) + body


def full(kind: bytes, *content: bytes, version: int = 0, flags: int = 0) -> bytes:
    return box(kind, struct.pack(">I", version << 24 | flags), *content)


def u32(*numbers: int) -> bytes:
    return struct.pack(f">{len(numbers)}I", *numbers)


def table(kind: bytes, *rows: Sequence[int], count: int | None = None) -> bytes:
    """A full box of a count and rows of numbers. count: what it says, when that is not the truth."""
    return full(kind, u32(len(rows) if count is None else count), *(u32(*row) for row in rows))


def ftyp(brand: bytes = b"isom") -> bytes:
    return box(b"ftyp", brand, u32(512), brand, b"mp41")


def png(width: int, height: int, *, chunk_pixels: int | None = None) -> bytes:
    """A black picture, 1 bit a pixel, which packs a thousandfold. chunk_pixels: those that are really there."""
    rows = (chunk_pixels or width * height) // width
    packer = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    packed = b"".join(packer.compress(row) for _ in range(rows)) + packer.flush()

    def chunk(kind: bytes, content: bytes) -> bytes:
        return u32(len(content)) + kind + content + u32(zlib.crc32(kind + content))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


SELF_CONTAINED = full(b"dref", u32(1), full(b"url ", flags=1))


@dataclass(frozen=True)
class Track:
    """One track, and every lie about it.

    durations: rows of stts, (count, duration). sizes: the stsz box, when the true one is not wanted. extra: boxes
    within the track. tables: more boxes of the sample table. repeat: the samples are listed so many times, all at their
    one place. per_chunk: how many samples follow each place.
    """

    samples: Sequence[bytes] = ()
    kind: bytes = b"vide"
    entry: bytes = b""
    durations: Sequence[Sequence[int]] | None = None
    timescale: int = SECOND
    media_duration: int | None = None
    sizes: bytes | None = None
    extra: bytes = b""
    tables: bytes = b""
    references: bytes = SELF_CONTAINED
    repeat: int = 1
    per_chunk: int = 1

    def listed(self) -> int:
        return len(self.samples) * self.repeat


def picture_entry(width: int, height: int, codec: bytes = b"png ", extra: bytes = b"") -> bytes:
    head = bytes(6) + struct.pack(">H", 1) + bytes(16) + struct.pack(">HH", width, height)
    return box(
        codec, head, u32(72 << 16, 72 << 16, 0), struct.pack(">H", 1), bytes(32), struct.pack(">Hh", 24, -1), extra
    )


def sound_entry(rate: int, channels: int, codec: bytes = b"sowt", bits: int = 16) -> bytes:
    """Version 2 of QuickTime's, which can say any rate."""
    head = bytes(6) + struct.pack(">H", 1) + struct.pack(">HHI", 2, 0, 0) + struct.pack(">HHhHI", 3, 16, -2, 0, 65536)
    rest = struct.pack(
        ">IdIIIIII", 72, float(rate), channels, 0x7F000000, bits, 12, bits // 8 * min(channels, 1 << 16), 1
    )
    return box(codec, head, rest)


def track_box(track: Track, number: int, offsets: Sequence[int]) -> bytes:
    count = track.listed()
    durations = track.durations if track.durations is not None else [(count, 40)]
    length = sum(row[0] * row[1] for row in durations) & 0xFFFFFFFF
    if track.media_duration is not None:
        length = track.media_duration
    sizes = track.sizes or full(b"stsz", u32(0, count), u32(*map(len, track.samples)) * track.repeat)
    stbl = box(
        b"stbl",
        full(b"stsd", u32(1), track.entry),
        table(b"stts", *durations),
        table(b"stsc", (1, track.per_chunk, 1)),
        sizes,
        table(b"stco", *((offset,) for offset in list(offsets) * track.repeat)),
        track.tables,
    )
    media_head = full(b"vmhd", bytes(8), flags=1) if track.kind == b"vide" else full(b"smhd", bytes(4))
    minf = box(b"minf", media_head, box(b"dinf", track.references), stbl)
    mdhd = full(b"mdhd", u32(0, 0, track.timescale, length, 0))
    hdlr = full(b"hdlr", u32(0), track.kind, bytes(12), b"\0")
    tkhd = full(b"tkhd", u32(0, 0, number, 0, length), bytes(8), bytes(8), UNITY, u32(320 << 16, 240 << 16), flags=3)
    return box(b"trak", tkhd, track.extra, box(b"mdia", mdhd, hdlr, minf))


def movie(*tracks: Track, brand: bytes = b"qt  ", extra: bytes = b"", before: bytes = b"") -> bytes:
    """ftyp, mdat with every sample once, moov. extra: within moov. before: boxes between ftyp and mdat."""
    head = ftyp(brand) + before
    offsets, data = [], b""
    for track in tracks:
        offsets.append(
            [len(head) + 8 + len(data) + sum(map(len, track.samples[:at])) for at in range(len(track.samples))]
        )
        data += b"".join(track.samples)
    mvhd = full(b"mvhd", u32(0, 0, SECOND, 0, 1 << 16, 1 << 24), bytes(8), UNITY, bytes(24), u32(len(tracks) + 1))
    made = [track_box(track, number + 1, offsets[number]) for number, track in enumerate(tracks)]
    return head + box(b"mdat", data) + box(b"moov", mvhd, *made, extra)


def edits(*rows: tuple[int, int]) -> bytes:
    """Edit list of (duration, media time), 64 bits each."""
    content = b"".join(struct.pack(">QqHH", duration & (1 << 64) - 1, start, 1, 0) for duration, start in rows)
    return box(b"edts", full(b"elst", u32(len(rows)), content, version=1))
