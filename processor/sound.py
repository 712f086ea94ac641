"""Sound -> Chromaprint codes and tones, over the whole length.

The sound of a video is cut into blocks of a minute, and every block is decoded anew: fresh decoder, fresh resampler,
fresh Chromaprint, fed from a fixed time a little before its first code. So what a block gives depends on nothing but
the packets around it, and a range gives the very codes and tones that the whole gives, although AAC decoders carry a
noise generator along, MP3 a bit reservoir and resamplers a phase. The price is a few seconds decoded twice each minute.

Code k and row k of the tones begin at the same time. A code sees 20 rows; so there are 19 rows more than codes, and
those belong to the block that has the last code.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import chromaprint
import numpy as np
from numpy.typing import NDArray

from processor.tones import FRAME, HOP, RATE, ToneTrack
from wire.fingerprints import CODE_SECONDS

FRAMES = 20
WINDOW = FRAME + (FRAMES - 1) * HOP
"""Samples that one code sees: 20 overlapping frames of 4096."""

BLOCK_SECONDS = 60
PREROLL_SECONDS = 0.5
"""Decoded before a block's first code, for the decoder to settle: 80 ms for Opus, some frames of bit reservoir."""

DEAD_ZONE = 3
"""Samples of at most this size (of 32768) count as silence: dither is not sound."""


@dataclass(frozen=True, slots=True)
class Block:
    """Codes [first_code, stop_code), counted from the start of the video; origin: the code where its minute starts.

    is_last: nothing of the video comes after it.
    """

    origin: int
    first_code: int
    stop_code: int
    is_last: bool = False

    @property
    def opens_at(self) -> float:
        """Packets from this time on are decoded. Seconds."""
        return -math.inf if self.origin == 0 else self.origin * CODE_SECONDS - PREROLL_SECONDS

    @property
    def closes_at(self) -> float:
        """Packets from this time on are of no use. Seconds."""
        return self.end / RATE + PREROLL_SECONDS

    @property
    def end(self) -> int:
        """Samples from this one on (counted from the start of the video) are not seen by any code of the block."""
        return (self.stop_code - 1) * HOP + WINDOW

    @property
    def stop_tone(self) -> int:
        """The rows of tones are [first_code, stop_tone)."""
        return self.stop_code + (FRAMES - 1 if self.is_last else 0)


def first_code_at(seconds: float) -> int:
    """Index of the first code that starts at this time or later."""
    return math.ceil(seconds / CODE_SECONDS - 1e-9)


def code_count(duration: float) -> int:
    """How many codes a video of so many seconds has: those that see nothing beyond its end."""
    return max(0, (int(duration * RATE) - WINDOW) // HOP + 1)


def blocks_of(start: float, stop: float, duration: float) -> list[Block]:
    """The blocks whose codes make up those of [start, stop). Seconds."""
    count = code_count(duration)
    first, end = first_code_at(start), min(first_code_at(stop), count)
    blocks = []
    minute = int(start // BLOCK_SECONDS)
    while (origin := first_code_at(minute * BLOCK_SECONDS)) < end:
        following = first_code_at((minute + 1) * BLOCK_SECONDS)
        stop_code = min(end, following)
        if max(first, origin) < stop_code:
            blocks.append(Block(origin, max(first, origin), stop_code, stop_code == count))
        minute += 1
    return blocks


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """What a block gives. codes: uint32 [stop_code - first_code]. tones: uint8 [stop_tone - first_code, TONES]."""

    codes: NDArray[np.uint32]
    tones: NDArray[np.uint8]


class BlockSound:
    """Collects the sound of one block, in any pieces in order of time, and gives its codes and tones."""

    def __init__(self, block: Block) -> None:
        self._block = block
        self._at = block.origin * HOP
        # A printer weighs near a megabyte: it is there from the first sound to the last, not for every minute at once.
        self._printer: Any = None
        self._tones = ToneTrack()
        self._heard: Heard | None = None

    def feed(self, position: int, pcm: NDArray[np.int16]) -> None:
        """pcm: int16 [n], 11,025 Hz mono, its first sample at position (of the whole video, from 0).

        A gap becomes silence; what overlaps earlier sound or lies outside the block is left out.
        """
        pcm = pcm[max(0, self._at - position) : max(0, self._block.end - position)]
        if len(pcm) == 0 or self._heard is not None:
            return
        self._silence_until(position)
        self._give(pcm)

    def finish(self) -> Heard:
        """Sound that is missing at the end counts as silence. May be asked twice."""
        if self._heard is None:
            self._silence_until(self._block.end)
            origin, first = self._block.origin, self._block.first_code
            codes, _ = chromaprint.decode_fingerprint(self._printer.finish())
            tones = self._tones.finish()[first - origin : self._block.stop_tone - origin]
            self._heard = Heard(np.array(codes[first - origin :], np.uint32), tones)
            self._printer, self._tones = None, ToneTrack()
        return self._heard

    def _silence_until(self, position: int) -> None:
        while self._at < position:
            self._give(np.zeros(min(position - self._at, RATE), np.int16))

    def _give(self, pcm: NDArray[np.int16]) -> None:
        if self._printer is None:
            self._printer = chromaprint.Fingerprinter()
            self._printer.start(RATE, 1)
        loud = np.where(np.abs(pcm.astype(np.int32)) > DEAD_ZONE, pcm, 0).astype("<i2")
        self._printer.feed(loud.tobytes())
        self._tones.feed(loud)
        self._at += len(pcm)


def without_silence(codes: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The codes of a whole video; none when they are all the same, as those of silence (and of one steady tone) are."""
    if len(codes) == 0 or (codes == codes[0]).all():
        return np.zeros(0, np.uint32)
    return codes


def without_quiet(tones: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The tones of a whole video; none when nothing is to be heard in any row."""
    return tones if tones.any() else tones[:0]


def audio_hash(codes: NDArray[np.uint32]) -> str | None:
    """8 hex digits: each bit as in the majority of the codes, 0 when even. None without codes."""
    if len(codes) == 0:
        return None
    ones = ((codes[:, None] >> np.arange(32, dtype=np.uint32)) & 1).sum(axis=0)
    return f"{sum(1 << bit for bit in range(32) if 2 * ones[bit] > len(codes)):08x}"
