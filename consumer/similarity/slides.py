"""Slides: videos that show one picture for a while, then another: slideshows, GIFs of few pictures, frozen streams.

Each picture is one moment of the video it was taken from, and stands where others move. So it counts once, and that
moment is looked for within the time for which it stands.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from consumer.similarity.pictures import Pictures

_SAME = 2e-4
"""Mean square of the change, as a share of the picture's own, up to which two samples show one picture: what coding
adds. A scene that merely hardly moves changes more."""

_MOSTLY = 0.6
"""Share of the samples that show what the one before showed, from which a video is made of slides."""


def slides_of(pictures: Pictures) -> NDArray[np.intp]:
    """intp [n], ascending from 0: which slide each sample shows. Where pictures move, each sample is its own.

    pictures: float32 [n, 32, 32], n >= 1.
    """
    change = np.square(np.diff(pictures, axis=0)).mean(axis=(1, 2))
    own = pictures[1:].var(axis=(1, 2))
    stands = change <= _SAME * own
    if not stands.any() or stands.mean() < _MOSTLY:
        return np.arange(len(pictures))
    return np.concatenate([[0], np.cumsum(~stands)]).astype(np.intp)
