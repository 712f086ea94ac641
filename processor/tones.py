"""Sound -> tones: how loud each band of the spectrum is, eight times a second.

Chromaprint's codes say whether two recordings are the same and break at the slightest change of pitch or tempo. The
tones keep what such a change only moves: on a logarithmic scale of frequencies another pitch is a shift along the
bands, another tempo a stretch along the rows (as in Six and Leman, "Panako", ISMIR 2014).

A row sees 4096 samples, as each of Chromaprint's frames does, through a Hann window. Its bands are triangles, a ninth
of an octave apart, each from the centre of the one below to the centre of the one above. A level is a whole number of
steps of 2 dB. Nothing is carried from row to row, and no sum depends on how many rows are worked out at once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wire.fingerprints import TONE_DECIBELS, TONES, TONES_PER_OCTAVE

RATE = 11025
HOP = 1365
FRAME = 4096

_LOWEST_HZ = 200.0
_SILENCE_DECIBELS = -112.0
"""Level 0, of a sine of full scale: below the steps of 16-bit sound."""

_MOST_LEVEL = 63
_ROWS_AT_ONCE = 32

_WINDOW = np.hanning(FRAME + 1)[:-1].astype(np.float32) / np.float32(32768 * FRAME / 8)


def _triangles() -> tuple[NDArray[np.intp], NDArray[np.float32], NDArray[np.float32]]:
    """first, rising, falling: where the bins between two centres begin; the share of each in the band above and below.

    The shares of one band sum up to 1.
    """
    centres = _LOWEST_HZ * 2.0 ** (np.arange(-1, TONES + 1) / TONES_PER_OCTAVE)
    bins = np.arange(FRAME // 2 + 1) * RATE / FRAME
    first = np.searchsorted(bins, centres)
    below = np.clip(np.searchsorted(centres, bins, "right") - 1, 0, TONES)
    rising = np.clip((bins - centres[below]) / (centres[below + 1] - centres[below]), 0.0, 1.0)
    totals = np.add.reduceat(rising, first)[:-2] + np.add.reduceat(1 - rising, first)[1:-1]
    above_total = np.concatenate([totals, [1.0]])[below]
    below_total = np.concatenate([[1.0], totals])[below]
    return first, (rising / above_total).astype(np.float32), ((1 - rising) / below_total).astype(np.float32)


_FIRST, _RISING, _FALLING = _triangles()

_EDGES = (10 ** ((_SILENCE_DECIBELS + TONE_DECIBELS * (np.arange(_MOST_LEVEL) + 0.5)) / 10)).astype(np.float32)
"""Power from which a level counts as one higher."""


def tones(pcm: NDArray[np.int16]) -> NDArray[np.uint8]:
    """uint8 [rows, TONES]: row k is of pcm[k * HOP : k * HOP + FRAME]. pcm: int16 [n], 11,025 Hz mono."""
    if len(pcm) < FRAME:
        return np.zeros((0, TONES), np.uint8)
    frames = np.lib.stride_tricks.sliding_window_view(pcm, FRAME)[::HOP]
    spectrum = np.fft.rfft(frames * _WINDOW)
    power = spectrum.real**2 + spectrum.imag**2
    rising = np.add.reduceat(power * _RISING, _FIRST, axis=1)[:, :-2]
    falling = np.add.reduceat(power * _FALLING, _FIRST, axis=1)[:, 1:-1]
    return np.searchsorted(_EDGES, rising + falling, "right").astype(np.uint8)


class ToneTrack:
    """Takes sound in pieces of any length, one after another, and gives the rows of all of it."""

    def __init__(self) -> None:
        self._waiting: list[NDArray[np.int16]] = []
        self._samples = 0
        self._rows: list[NDArray[np.uint8]] = []

    def feed(self, pcm: NDArray[np.int16]) -> None:
        """pcm: int16 [n], 11,025 Hz mono."""
        self._waiting.append(pcm)
        self._samples += len(pcm)
        if self._samples >= FRAME + _ROWS_AT_ONCE * HOP:
            self._work_out()

    def finish(self) -> NDArray[np.uint8]:
        """uint8 [rows, TONES]: of every window that the sound fills."""
        self._work_out()
        return np.concatenate([np.zeros((0, TONES), np.uint8), *self._rows])

    def _work_out(self) -> None:
        pcm = np.concatenate([np.zeros(0, np.int16), *self._waiting])
        rows = tones(pcm)
        self._rows.append(rows)
        self._waiting = [pcm[len(rows) * HOP :]]
        self._samples = len(self._waiting[0])
