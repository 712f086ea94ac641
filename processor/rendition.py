"""What a rendition is like: its size, which pictures it takes, and where its sound goes. Pure."""

from __future__ import annotations

import math

MOST_LINES = 720
MOST_RATE = 60.0
"""Pictures in a second; of more, some are left out."""
USUAL_RATE = 25.0
SOUND_RATE = 48_000
_GAP_SECONDS = 0.1
"""Sound that is this far from where the sound before it ended is put where it says; less is taken for rounding."""


def fitted(width: int, height: int) -> tuple[int, int]:
    """The size of the rendition of a video that is shown so large: of the same shape, even, at most MOST_LINES high and
    not enlarged."""
    scale = min(1.0, MOST_LINES / height)
    return _even(width * scale), _even(height * scale)


def rate_of(announced: float) -> float:
    """Pictures in a second that the encoder reckons with: no fewer than usual, or it shows the last one for long."""
    return max(USUAL_RATE, min(MOST_RATE, announced))


class Pace:
    """Which pictures are taken: later than the one before, and no more than MOST_RATE in a second."""

    def __init__(self) -> None:
        self._last = -1

    def takes(self, time: float) -> bool:
        """time: seconds from the first picture."""
        # Times are rounded, and a rate of MOST_RATE has to pass whole.
        nearest = math.floor(time * MOST_RATE + 0.5)
        if nearest <= self._last:
            return False
        self._last = nearest
        return True


class SoundPlace:
    """Where pieces of sound go, so that nothing of them overlaps and gaps are filled with silence. Counted in samples
    of SOUND_RATE from the first picture, up to the end of the video (seconds)."""

    def __init__(self, end: float) -> None:
        self._last = math.ceil(end * SOUND_RATE)
        self.position = 0

    def place(self, time: float, count: int) -> tuple[int, int, int]:
        """(samples of silence before it, first and last + 1 of the samples that are taken) of a piece of count samples
        that begins at this time; nan: right after the one before."""
        at = self.position if math.isnan(time) else round(max(-1e6, min(time, 1e6)) * SOUND_RATE)
        if abs(at - self.position) < _GAP_SECONDS * SOUND_RATE:
            at = self.position
        first = min(count, max(0, self.position - at))
        silence = max(0, min(at, self._last) - self.position)
        stop = max(first, min(count, self._last - at))
        if stop == first:
            silence = 0
        self.position += silence + stop - first
        return silence, first, stop


def _even(length: float) -> int:
    return max(2, int(length + 1e-6) // 2 * 2)
