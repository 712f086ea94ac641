"""Boxes and elements within one another, pointing at themselves, cut, flipped, and of untrue size."""

from __future__ import annotations

import random
import struct
from dataclasses import replace

from tests.processor.hostile import ebml
from tests.processor.hostile.boxes import (
    SECOND,
    Track,
    box,
    ftyp,
    full,
    movie,
    picture_entry,
    table,
    u32,
)
from tests.processor.hostile.cases import FINGERPRINT, Hostile, reel


def _nested(depth: int, *, innermost: bytes = b"") -> bytes:
    """Boxes in boxes, all of them ones that are looked into."""
    sizes = [8 * (depth - at) + len(innermost) for at in range(depth)]
    return (
        b"".join(struct.pack(">I4s", size, b"moov" if at == 0 else b"trak") for at, size in enumerate(sizes))
        + innermost
    )


def _nested_webm(depth: int) -> bytes:
    """Tags in tags, of unknown size."""
    tag = ebml.element(bytes.fromhex("67c8"), size=ebml.UNKNOWN)
    return ebml.header() + ebml.segment(
        ebml.element(bytes.fromhex("1254c367"), ebml.element(bytes.fromhex("7373"), tag * depth))
    )


def _fragmented(*fragments: bytes, before: bytes = b"", after: bytes = b"") -> bytes:
    """A movie whose samples are all in fragments."""
    trex = box(b"mvex", full(b"trex", u32(1, 1, 40, 0, 0)))
    empty = Track(samples=[], entry=picture_entry(320, 240), durations=[])
    return movie(empty, brand=b"isom", extra=trex) + before + b"".join(fragments) + after


def _fragment(offset: int, count: int, *, size: int, base: int = 0) -> bytes:
    """count samples of one size each, from offset of the file on. Their number may be a lie."""
    tfhd = full(b"tfhd", u32(1), struct.pack(">Q", offset), u32(40, size), flags=0x1 | 0x8 | 0x10)
    tfdt = full(b"tfdt", struct.pack(">Q", base), version=1)
    return box(b"moof", full(b"mfhd", u32(1)), box(b"traf", tfhd, tfdt, full(b"trun", u32(count, 0), flags=0x1)))


def _sidx(offset: int) -> bytes:
    """A segment index whose one entry is an index, so far away: itself."""
    return full(
        b"sidx", u32(1, SECOND, 0), struct.pack(">i", offset), struct.pack(">HH", 0, 1), u32(1 << 31 | 44, SECOND, 0)
    )


def _mfra(moof: int) -> bytes:
    """A random access index with one entry at moof; and it says that it begins where it ends."""
    tfra = full(b"tfra", u32(1, 0, 1, 0, moof), b"\1\1\1")
    return box(b"mfra", tfra, full(b"mfro", u32(8 + len(tfra) + 16)))


def _looped() -> bytes:
    fragment = _fragment(0, 10, size=100)
    start = len(_fragmented())
    return _fragmented(fragment, after=_mfra(start) * 3)


def _lying(size: int) -> bytes:
    tracks = ebml.element(ebml.TRACKS, ebml.picture_track())
    return ebml.header() + ebml.segment(
        ebml.info(1000.0), tracks, ebml.cluster(ebml.block(bytes(100), size=size), size=size + 100)
    )


def _flipped(data: bytes, bits: int) -> bytes:
    """Bits flipped in the second half, away from the headers at the front."""
    chance, flipped = random.Random(4), bytearray(data)
    for _ in range(bits):
        flipped[chance.randrange(len(data) // 4, len(data) * 3 // 4)] ^= 1 << chance.randrange(8)
    return bytes(flipped)


STRUCTURES = (
    Hostile("nested.mp4", lambda _: ftyp() + _nested(100_000), "NO_VIDEO_STREAM"),
    Hostile("nested-with-a-movie.mp4", lambda bait: ftyp() + _nested(5_000, innermost=bait.mp4), "NO_VIDEO_STREAM"),
    Hostile("nested.webm", lambda _: _nested_webm(100_000), "UNDECODABLE"),
    Hostile("endless-box.mp4", lambda bait: bait.mp4 + box(b"mdat", b"x", size=(1 << 63) - 1), FINGERPRINT),
    Hostile("endless-box-first.mp4", lambda bait: ftyp() + box(b"mdat", bait.mp4, size=(1 << 63) - 1), "UNDECODABLE"),
    Hostile("box-of-all-bits.mp4", lambda bait: ftyp() + box(b"free", bait.mp4, size=(1 << 64) - 1), "UNDECODABLE"),
    Hostile("a-million-boxes.mp4", lambda bait: ftyp() + box(b"free") * 1_000_000 + bait.mp4, "UNDECODABLE"),
    Hostile("a-thousand-tracks.mov", lambda _: movie(*[reel(0.2)] * 1000), "TOO_DEMANDING"),
    Hostile("index-to-itself.mp4", lambda _: _fragmented(before=_sidx(-44) * 50), "UNDECODABLE"),
    Hostile("access-to-itself.mp4", lambda _: _looped(), "UNDECODABLE"),
    Hostile("fragment-of-itself.mp4", lambda _: _fragmented(*[_fragment(0, 1000, size=100)] * 3), "UNDECODABLE"),
    Hostile("fragment-of-milliards.mp4", lambda _: _fragmented(_fragment(0, 0xFFFFFFF0, size=1)), "UNDECODABLE"),
    Hostile("fragment-elsewhere.mp4", lambda _: _fragmented(_fragment(1 << 62, 10, size=1 << 30)), "UNDECODABLE"),
    Hostile("block-of-all-bits.webm", lambda _: _lying(1 << 55), "UNDECODABLE"),
    Hostile(
        "cluster-for-ever.webm",
        lambda bait: bait.webm + ebml.element(ebml.CLUSTER, size=ebml.UNKNOWN) * 1000,
        FINGERPRINT,
    ),
    Hostile(
        "void-of-a-terabyte.webm",
        lambda bait: bait.webm[:4096] + ebml.element(ebml.VOID, size=1 << 40) + bait.webm[4096:],
        "TRUNCATED",
    ),
    Hostile("index-to-itself-at-the-end.mp4", lambda bait: bait.mp4 + _sidx(-44) * 50, "UNDECODABLE"),
    Hostile("access-to-itself-at-the-end.mp4", lambda bait: bait.mp4 + _mfra(0) * 3, FINGERPRINT),
    Hostile("half.webm", lambda bait: bait.webm[: len(bait.webm) // 2], "TRUNCATED"),
    Hostile("half.mp4", lambda bait: bait.mp4[: len(bait.mp4) // 2], "UNDECODABLE"),
    Hostile("head.mp4", lambda bait: bait.mp4[:40], "UNDECODABLE"),
    Hostile("flipped.mp4", lambda bait: _flipped(bait.mp4, 40), FINGERPRINT),
    Hostile("flipped.webm", lambda bait: _flipped(bait.webm, 40), FINGERPRINT),
    Hostile("no-table.mov", lambda _: movie(replace(reel(), tables=table(b"stsc", count=0xFFFFFFFF))), "UNDECODABLE"),
    Hostile(
        "long-title.mov",
        lambda _: movie(reel(), extra=box(b"udta", box(b"\xa9nam", struct.pack(">HH", 65535, 0), b"A" * 65535) * 30)),
        FINGERPRINT,
    ),
)
