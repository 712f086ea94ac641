"""Bars: the flat borders that letterboxing, pillarboxing and framing put around a picture.

A bar is flat in nearly all samples, its edge stays where it is, and it has a twin on the other side; a dark scene is
flat in some, and the flat wall beside a moving figure has another width in each. So each sample reports its own
margins, and the box of the video is what nearly all samples have, most have exactly, and both sides have alike.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FULL = 65535
"""A margin of the whole height or width."""

MAX_MARGIN = 0.42
"""No side loses more than this share; what would lose more is not a bar but an empty picture."""

_AGREEMENT = 0.1
_EDGE = 0.012
_EXACT = 0.5
_UNLIKE = 0.3
_FLAT_DEVIATION = 3.5
_FLAT_DRIFT = 6.0


def margins(luma: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Bars of one picture.

    luma: uint8 [h, w], full range. Returns uint16 [4]: top, bottom, left, right in 1/65535 of the height or width. A
    picture that is flat all over has margins of FULL.

    A line belongs to a bar when its luma deviates by less than 3.5 (RMS) from its mean and its mean by less than 6 from
    that of the outermost line.
    """
    pixels = luma.astype(np.float32)
    top, bottom = _flat_lines(pixels)
    left, right = _flat_lines(pixels.T)
    height, width = luma.shape
    shares = np.array([top / height, bottom / height, left / width, right / width])
    return np.round(shares * FULL).astype(np.uint16)


def box_of(margins_of_samples: NDArray[np.uint16]) -> tuple[float, float, float, float]:
    """The bars of a video: margins that nine tenths of its samples have, half of them exactly, in pairs of like width.

    margins_of_samples: uint16 [n, 4]. Returns shares (top, bottom, left, right), each 0..MAX_MARGIN. Samples that are
    flat all over have no say. A side that would lose more than MAX_MARGIN loses nothing.
    """
    telling = margins_of_samples[~(margins_of_samples == FULL).any(axis=1)]
    if len(telling) == 0:
        return (0.0, 0.0, 0.0, 0.0)
    shares = telling.astype(np.float64) / FULL
    agreed = np.quantile(shares, _AGREEMENT, axis=0, method="lower")
    exact = (np.abs(shares - agreed) < _EDGE).mean(axis=0)
    agreed[(agreed > MAX_MARGIN) | (exact < _EXACT)] = 0.0
    for pair in (slice(0, 2), slice(2, 4)):
        if np.ptp(agreed[pair]) > _UNLIKE * agreed[pair].max() + _EDGE:
            agreed[pair] = 0.0
    top, bottom, left, right = (float(side) for side in agreed)
    return (top, bottom, left, right)


def _flat_lines(pixels: NDArray[np.float32]) -> tuple[int, int]:
    """How many lines (rows) at the start and at the end are flat and of one level."""
    means = pixels.mean(axis=1)
    flat = np.einsum("ij,ij->i", pixels, pixels) / pixels.shape[1] - means**2 < _FLAT_DEVIATION**2
    from_start = flat & (np.abs(means - means[0]) < _FLAT_DRIFT)
    from_end = flat & (np.abs(means - means[-1]) < _FLAT_DRIFT)
    return _leading(from_start), _leading(from_end[::-1])


def _leading(flags: NDArray[np.bool_]) -> int:
    return len(flags) if flags.all() else int(np.argmin(flags))
