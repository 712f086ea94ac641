"""What a hostile file is, and the harmless tracks that the liars sit beside."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from tests.processor.hostile import ebml
from tests.processor.hostile.boxes import (
    Track,
    picture_entry,
    png,
    sound_entry,
)

FINGERPRINT = "FINGERPRINT"


@dataclass(frozen=True)
class Bait:
    """What a file may refer to: another URL, and good videos on this machine. movie: the path of one that has its
    samples where elsewhere() has none. mp4, webm: good videos' bytes.

    Following a reference would be seen: by a request for the URL, and by a fingerprint of the good video.
    """

    url: str
    path: str
    movie: str
    mp4: bytes
    webm: bytes


@dataclass(frozen=True)
class Hostile:
    """name: of the file; what it is called says nothing about what it holds. answer: to /extract-fingerprint."""

    name: str
    write: Callable[[Bait], bytes]
    answer: str


def reel(seconds: float = 1.0) -> Track:
    """25 pictures a second of 320 x 240, all black."""
    count = max(1, round(seconds * 25))
    return Track(samples=[png(320, 240)], entry=picture_entry(320, 240), repeat=count)


def noise(rate: int, channels: int, packets: int = 345) -> Track:
    """512 samples a packet. More than two channels hear the same packet again and again."""
    chance, size = random.Random(rate ^ channels), 1024 * min(64, max(1, channels))
    repeat = 1 if channels <= 2 else packets
    return Track(
        samples=[chance.randbytes(size) for _ in range(packets // repeat)],
        kind=b"soun",
        entry=sound_entry(rate, channels),
        durations=[(packets, 512)],
        timescale=max(1, rate),
        repeat=repeat,
    )


def one_block(data: bytes, width: int = 320, height: int = 240) -> bytes:
    tracks = ebml.element(ebml.TRACKS, ebml.picture_track(width, height))
    return ebml.header() + ebml.segment(ebml.info(), tracks, ebml.cluster(ebml.block(data)))
