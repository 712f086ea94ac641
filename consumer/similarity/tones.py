"""Tones: the spectrum of a sound as its pitch and tempo move it.

On the tones' scale another pitch is a shift along the bands and another tempo a stretch along the rows, so both are
undone by reading the same numbers elsewhere. What stays the same for seconds (hum, the room, an equaliser) and what is
the same in all bands (loudness) says nothing about a recording: only what is left is compared.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from wire.fingerprints import CODE_SECONDS, TONE_DECIBELS, TONE_WINDOW_SECONDS, TONES, TONES_PER_OCTAVE

CENTRE = TONE_WINDOW_SECONDS / 2 / CODE_SECONDS
"""Rows from the start of a row to the middle of what it hears. Tempo stretches time around the middles."""

BANDS_PER_SEMITONE = TONES_PER_OCTAVE / 12

_MEAN_SECONDS = 3.0
_FLOOR_DECIBELS = 3.0
"""Rows that change less than this in their bands are not blown up to the size of the others."""


def evened(tones: NDArray[np.uint8] | NDArray[np.float32]) -> NDArray[np.float32]:
    """float32 [n, TONES]: each band less its mean over 3 s, each row less its mean, and scaled to a norm of about 1.

    tones: [n, TONES], levels. Rows of silence become 0 and do not count in the means of their neighbours.
    """
    heard = (tones.max(axis=1, initial=0) >= 1).astype(np.float32)[:, None]
    levels = np.asarray(tones, np.float32) * (TONE_DECIBELS * heard)
    rows = round(_MEAN_SECONDS / CODE_SECONDS) | 1
    around = uniform_filter1d(levels, rows, axis=0, mode="constant")
    share = uniform_filter1d(heard, rows, axis=0, mode="constant")
    change = levels - heard * around / np.maximum(share, 1e-6)
    change -= change.mean(axis=1, keepdims=True)
    energy = np.einsum("nb,nb->n", change, change)[:, None]
    return np.asarray(change / np.sqrt(energy + TONES * _FLOOR_DECIBELS**2), np.float32)


def at_tempo(tones: NDArray[np.uint8], tempo: float) -> NDArray[np.float32]:
    """float32 [m, TONES]: the rows that a sound which plays `tempo` times too fast has on the original's clock."""
    count = int((len(tones) - 1) * tempo) + 1 if len(tones) else 0
    return at_rows(np.asarray(tones, np.float32), (np.arange(count) + CENTRE) / tempo - CENTRE)


def at_rows(rows: NDArray[np.float32], places: NDArray[np.floating]) -> NDArray[np.float32]:
    """float32 [len(places), TONES]: between two rows the mean of both, weighted; outside the nearest one."""
    places = np.clip(places, 0, max(len(rows) - 1, 0))
    before = np.minimum(places.astype(np.intp), max(len(rows) - 2, 0))
    share = (places - before).astype(np.float32)[:, None]
    after = np.minimum(before + 1, len(rows) - 1)
    return np.asarray(rows[before] * (1 - share) + rows[after] * share, np.float32)


def at_pitch(rows: NDArray[np.float32], semitones: float) -> NDArray[np.float32]:
    """float32 [n, TONES]: the bands that a sound which is so many semitones too high has at the original's pitch.

    Bands for which nothing was heard are 0.
    """
    shift = semitones * BANDS_PER_SEMITONE
    whole = int(np.floor(shift))
    share = np.float32(shift - whole)
    moved = np.zeros_like(rows)
    for step, weight in ((whole, 1 - share), (whole + 1, share)):
        low, high = max(0, step), min(TONES, TONES + step)
        if low < high:
            moved[:, low - step : high - step] += weight * rows[:, low:high]
    return moved
