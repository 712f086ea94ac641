"""Files that are small, and large when they are opened."""

from __future__ import annotations

import io
import zlib

import av
import numpy as np
from av.video.frame import VideoFrame

from tests.processor.hostile import ebml
from tests.processor.hostile.boxes import (
    Track,
    box,
    ftyp,
    full,
    movie,
    picture_entry,
    png,
    u32,
)
from tests.processor.hostile.cases import FINGERPRINT, Hostile, one_block, reel


def _of_size(width: int, height: int, data: bytes | None = None) -> Track:
    return Track(samples=[data or png(320, 240)], entry=picture_entry(width, height), repeat=5)


def _raw(width: int, height: int) -> Track:
    return Track(samples=[bytes(64)], entry=picture_entry(width, height, b"avc1"), repeat=5)


def _bomb(side: int, count: int) -> Track:
    """Every picture is the same sample: four megabytes each when unpacked, 5 kB in the file."""
    return Track(samples=[png(side, side)], entry=picture_entry(side, side), durations=[(count, 40)], repeat=count)


def _h264_bomb(width: int, height: int, count: int) -> Track:
    """Every picture is the same keyframe: 50 megabytes when decoded."""
    made = io.BytesIO()
    with av.open(made, "w", format="mp4") as file:
        stream = file.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"preset": "ultrafast", "crf": "51", "x264-params": "cabac=1:threads=1:sync-lookahead=0"}
        black = VideoFrame.from_ndarray(np.zeros((height * 3 // 2, width), np.uint8), format="yuv420p")
        for packet in [*stream.encode(black), *stream.encode(None)]:
            file.mux(packet)
    made.seek(0)
    with av.open(made, "r") as file:
        stored = file.streams.video[0]
        keyframe = bytes(next(file.demux(stored)))
        entry = picture_entry(width, height, b"avc1", box(b"avcC", stored.codec_context.extradata or b""))
    return Track(samples=[keyframe], entry=entry, repeat=count)


def _packed_header(content: bytes, told: int | None = None) -> bytes:
    """A moov box that is packed (cmov); content: a moov, unpacked. told: the size that it says."""
    packed = zlib.compress(content, 9)
    size = u32(len(content) if told is None else told)
    return box(b"moov", box(b"cmov", box(b"dcom", b"zlib"), box(b"cmvd", size, packed)))


def _packed_blocks() -> bytes:
    """Each block unpacks to 64 MB."""
    packing = ebml.element(
        b"\x6d\x80",
        ebml.element(
            b"\x62\x40",
            ebml.number(b"\x50\x31", 0),
            ebml.number(b"\x50\x32", 1),
            ebml.element(b"\x50\x34", ebml.number(b"\x42\x54", 0)),
        ),
    )
    tracks = ebml.element(ebml.TRACKS, ebml.picture_track(extra=packing))
    packed = zlib.compress(bytes(64 << 20), 9)
    return ebml.header() + ebml.segment(
        ebml.info(1000.0), tracks, ebml.cluster(*(ebml.block(packed, time) for time in range(20)))
    )


def _cover(data: bytes, size: int | None = None) -> bytes:
    told = None if size is None else size + 16
    picture = box(b"data", u32(14, 0), data, size=told)
    return box(
        b"udta", full(b"meta", full(b"hdlr", u32(0), b"mdir", bytes(12), b"\0"), box(b"ilst", box(b"covr", picture)))
    )


def _attached(webm: bytes, size: int) -> bytes:
    data = ebml.element(b"\x46\x5c", size=size)
    attached = ebml.element(
        b"\x61\xa7", ebml.element(b"\x46\x6e", b"x.png"), ebml.element(b"\x46\x60", b"image/png"), data, size=size + 100
    )
    tracks = ebml.element(ebml.TRACKS, ebml.picture_track())
    return ebml.header() + ebml.segment(
        ebml.info(1000.0), ebml.element(ebml.ATTACHMENTS, attached, size=size + 200), tracks
    )


SIZES = (
    Hostile("30000x30000.mov", lambda _: movie(_raw(30000, 30000)), "UNDECODABLE"),
    Hostile("6000x6000.mov", lambda _: movie(_of_size(6000, 6000, png(6000, 6000))), "BAD_DIMENSIONS"),
    Hostile("30000x30000-it-says.mov", lambda _: movie(_of_size(30000, 30000)), FINGERPRINT),
    Hostile(
        "30000x30000-within.mov",
        lambda _: movie(_of_size(320, 240, png(30000, 30000, chunk_pixels=30000))),
        "UNDECODABLE",
    ),
    Hostile("vp8-within.webm", lambda _: one_block(ebml.vp8_keyframe(16383, 16383)), "UNDECODABLE"),
    Hostile("30000x30000.webm", lambda _: one_block(ebml.vp8_keyframe(320, 240), 30000, 30000), "UNDECODABLE"),
    Hostile("320x1.mov", lambda _: movie(_of_size(320, 1, png(320, 1))), "BAD_DIMENSIONS"),
    Hostile("bomb-of-pictures.mov", lambda _: movie(_bomb(5792, 20_000)), "TOO_DEMANDING"),
    Hostile("bomb-of-h264.mov", lambda _: movie(_h264_bomb(8192, 4096, 20_000)), "TOO_DEMANDING"),
    Hostile("bomb-packed-header.mov", lambda _: ftyp(b"qt  ") + _packed_header(bytes(64 << 20)), "NO_VIDEO_STREAM"),
    Hostile(
        "bomb-packed-header-lies.mov", lambda _: ftyp(b"qt  ") + _packed_header(b"", told=0xFFFFFFF0), "TOO_DEMANDING"
    ),
    Hostile("bomb-packed-blocks.webm", lambda _: _packed_blocks(), "UNDECODABLE"),
    Hostile("cover-only.mov", lambda _: movie(extra=_cover(png(64, 64))), "NO_VIDEO_STREAM"),
    Hostile(
        "cover-30000x30000.mov",
        lambda _: movie(reel(), extra=_cover(png(30000, 30000, chunk_pixels=30000))),
        FINGERPRINT,
    ),
    Hostile("cover-of-2-gigabytes.mov", lambda _: movie(reel(), extra=_cover(b"\x89PNG", size=1 << 31)), FINGERPRINT),
    Hostile("attachment-of-2-gigabytes.webm", lambda bait: _attached(bait.webm, 1 << 31), "UNDECODABLE"),
)
