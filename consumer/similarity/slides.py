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
adds. A thin figure that hardly moves changes no more, so that what looks like slides may be none."""

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


def middles(rows: NDArray[np.intp], slides: NDArray[np.intp]) -> NDArray[np.intp]:
    """Of each slide's rows the one in the middle, intp [k]. slides: which one each row shows, intp [n], ascending."""
    _, starts, counts = np.unique(slides, return_index=True, return_counts=True)
    return np.asarray(rows[starts + counts // 2], dtype=np.intp)
