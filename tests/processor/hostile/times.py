"""Times, lengths, numbers of pictures and rates of sound that no camera knows."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace

from tests.processor.hostile import ebml
from tests.processor.hostile.boxes import (
    Track,
    edits,
    full,
    movie,
    picture_entry,
    png,
    u32,
)
from tests.processor.hostile.cases import FINGERPRINT, Bait, Hostile, noise, reel


def _listing(count: int, *, size: int) -> Track:
    """One sample, and an index that says there are so many."""
    sizes = full(b"stsz", u32(size, count)) if size else full(b"stsz", u32(0, count), bytes(4 * 1000))
    return Track(
        samples=[png(320, 240)],
        entry=picture_entry(320, 240),
        durations=[(count, 1)],
        sizes=sizes,
        per_chunk=count,
    )


def _two(gap: int) -> Track:
    return Track(samples=[png(320, 240)], entry=picture_entry(320, 240), durations=[(1, gap), (1, 40)], repeat=2)


def _offsets(by: int) -> bytes:
    return full(b"ctts", u32(1), struct.pack(">Ii", 25, by), version=1)


def _webm_of(info: bytes, time: int) -> bytes:
    blocks = [ebml.block(ebml.vp8_keyframe(320, 240), time + at) for at in range(0, 40, 10)]
    return ebml.header() + ebml.segment(info, ebml.element(ebml.TRACKS, ebml.picture_track()), ebml.cluster(*blocks))


TIMES = (
    Hostile("2-milliard-pictures.mov", lambda _: movie(_listing(1 << 31, size=1)), "UNDECODABLE"),
    Hostile("40-million-pictures.mov", lambda _: movie(_listing(40_000_000, size=1)), "UNDECODABLE"),
    Hostile("10-million-pictures.mov", lambda _: movie(_listing(10_000_000, size=1)), "TOO_DEMANDING"),
    Hostile("million-pictures.mov", lambda _: movie(_listing(1_000_000, size=len(png(320, 240)))), "TRUNCATED"),
    Hostile("million-empty-pictures.mov", lambda _: movie(_listing(1_000_000, size=0)), "UNDECODABLE"),
    Hostile("an-hour-between-two.mov", lambda _: movie(_two(3_500_000)), FINGERPRINT),
    Hostile("a-hundred-hours-between-two.mov", lambda _: movie(_two(360_000_000)), "TOO_LONG"),
    Hostile("longest-durations.mov", lambda _: movie(_two(0xFFFFFFFF)), FINGERPRINT),
    Hostile("zero-durations.mov", lambda _: movie(replace(reel(), durations=[(25, 0)])), "UNDECODABLE"),
    Hostile("zero-timescale.mov", lambda _: movie(replace(reel(), timescale=0)), FINGERPRINT),
    Hostile("longest-timescale.mov", lambda _: movie(replace(reel(), timescale=0xFFFFFFFF)), FINGERPRINT),
    Hostile("announces-an-hour.mov", lambda _: movie(replace(reel(), media_duration=3_500_000)), FINGERPRINT),
    Hostile("negative-times.mov", lambda _: movie(replace(reel(), tables=_offsets(-5000))), FINGERPRINT),
    Hostile("lowest-times.mov", lambda _: movie(replace(reel(), tables=_offsets(-(1 << 31)))), FINGERPRINT),
    Hostile("highest-times.mov", lambda _: movie(replace(reel(), tables=_offsets((1 << 31) - 1))), FINGERPRINT),
    Hostile("negative-times.webm", lambda _: _webm_of(ebml.info(1000.0), -32768), "UNDECODABLE"),
    Hostile("endless-duration.webm", lambda _: _webm_of(ebml.info(float("inf")), 0), FINGERPRINT),
    Hostile("no-number-duration.webm", lambda _: _webm_of(ebml.info(float("nan")), 0), FINGERPRINT),
    Hostile("edit-far-away.mov", lambda _: movie(replace(reel(), extra=edits((1000, 1 << 62)))), "UNDECODABLE"),
    Hostile("edit-for-ever.mov", lambda _: movie(replace(reel(), extra=edits(((1 << 63) - 1, 0)))), "UNDECODABLE"),
    Hostile(
        "edit-begins-late.mov", lambda _: movie(replace(reel(), extra=edits((1 << 40, -1), (1000, 0)))), FINGERPRINT
    ),
    Hostile(
        "edits-by-the-thousand.mov",
        lambda _: movie(replace(reel(40.0), extra=edits(*[(1000, 0)] * 20_000))),
        "TOO_LONG",
    ),
    Hostile(
        "edits-of-one-picture.mov",
        lambda _: movie(replace(reel(40.0), extra=edits(*[(40, 0)] * 80_000))),
        "TOO_DEMANDING",
    ),
    Hostile(
        "edits-of-the-whole.mov",
        lambda _: movie(replace(reel(900.0), extra=edits(*[(40, 0), (40, 899_000)] * 2_000))),
        FINGERPRINT,
    ),
)


def _sounding(rate: int, channels: int) -> Callable[[Bait], bytes]:
    return lambda _: movie(reel(4.0), noise(rate, channels))


def _loud(rate: float, channels: int) -> bytes:
    tracks = ebml.element(ebml.TRACKS, ebml.picture_track(), ebml.sound_track(rate, channels))
    blocks = [ebml.block(ebml.vp8_keyframe(320, 240), at) for at in range(0, 40, 10)]
    heard = [ebml.block(bytes(512), at, track=2) for at in range(0, 40, 10)]
    return ebml.header() + ebml.segment(ebml.info(), tracks, ebml.cluster(*blocks, *heard))


SOUNDS = tuple(
    Hostile(f"sound-{rate}-{channels}.mov", _sounding(rate, channels), answer)
    for rate, channels, answer in (
        (0, 1, FINGERPRINT),
        (1, 1, FINGERPRINT),
        (999, 2, FINGERPRINT),
        (2_147_483_647, 2, FINGERPRINT),
        (4_000_000_000, 1, "UNDECODABLE"),
        (44_100, 0, FINGERPRINT),
        (44_100, 2, FINGERPRINT),
        (44_100, 24, FINGERPRINT),
        (44_100, 65_535, FINGERPRINT),
    )
)
WEBM_SOUND = Hostile("sound-of-rate-1e30.webm", lambda _: _loud(1e30, 2), FINGERPRINT)
