"""The inset: a smaller video shown within the picture of another, found by its straight, lasting edges.

Picture-in-picture, a reaction to a film, a film on a set: the edge of the inner picture stays where it is while what
lies on either side of it changes. Averaged over time, edges within a moving picture blur into one another; this one is
left as a sharp line, and four such lines close to a rectangle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from processor.phash import Box

LEAST_AREA, MOST_AREA = 0.12, 0.85
"""Share of the picture: what is smaller is a logo, what is larger the picture itself between its bars."""

_LEAST_SIDE = 0.2
_MOMENTS = 48
_LINES = 14
"""Looked at in each direction, the longest and sharpest."""

_LEAST_SHARPNESS = {4: 0.45, 3: 0.55}
"""By how many sides are seen: one may lie at the edge of the picture. Of 68 films without an inset none has four sides
of more than 0.42 around so large a part, one has three (a table's edges); of 31 films with an inset 30 have at least
0.54."""

_WORTH_KEEPING = 0.3
"""The same of one range, which is a short look at the whole."""

_APART = 4
"""Pixels from a line at which the picture is taken to be without it."""

_LEVEL = 1.0
"""Of 0..255: steps smaller than this are no edge."""

_STEEPEST = 1.0
_SHALLOWEST = -0.5
_BREAK = 0.2
"""Sharpness under which a line is interrupted."""

_LEAST_CHANGE = 1.0
"""Mean square change from one moment to the next, in levels of 0..255, under which nothing moves in it."""


def inset_of(details: NDArray[np.uint8]) -> Box | None:
    """Where another video is shown within this one, else None. details: uint8 [n, s, s], samples in order."""
    return _found(details, _LEAST_SHARPNESS)


def may_have_inset(details: NDArray[np.uint8]) -> bool:
    """Whether a video with these samples, and others, may show an inset."""
    return _found(details, dict.fromkeys(_LEAST_SHARPNESS, _WORTH_KEEPING)) is not None


def within(details: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    """uint8 [n, a, b]: the whole pixels of the part."""
    top, bottom, left, right = box
    side = details.shape[1]
    rows = slice(int(np.ceil(top * side)), int(np.floor((1 - bottom) * side)))
    columns = slice(int(np.ceil(left * side)), int(np.floor((1 - right) * side)))
    return details[:, rows, columns]


def _found(details: NDArray[np.uint8], least: dict[int, float]) -> Box | None:
    if len(details) < 2:
        return None
    moments = details[np.linspace(0, len(details) - 1, min(len(details), _MOMENTS)).astype(np.intp)].astype(np.float32)
    upright, level = _Lines.of(_sharpness(moments)), _Lines.of(_sharpness(moments.transpose(0, 2, 1)))
    change = np.square(np.diff(moments, axis=0)).mean(axis=0, dtype=np.float64)
    boxes = (_sharpest(upright, level, change, sides, least[sides]) for sides in sorted(least, reverse=True))
    return next((box for box in boxes if box is not None), None)


def _sharpness(moments: NDArray[np.float32]) -> NDArray[np.float32]:
    """float32 [s, s - 2]: how much steeper the picture is from left to right at [y, x + 1] than a little beside it,
    as a logarithm of the mean steps over time. moments: float32 [n, s, s]."""
    steps = np.abs(moments[:, :, 2:] - moments[:, :, :-2]).mean(axis=0) + _LEVEL
    around = np.pad(steps, ((0, 0), (_APART, _APART)), mode="edge")
    width = steps.shape[1]
    before = np.maximum(around[:, :width], around[:, 1 : width + 1])
    after = np.maximum(around[:, -width:], around[:, 2 * _APART - 1 : 2 * _APART - 1 + width])
    ratio = np.log(steps / ((before + after) / 2))
    return np.asarray(np.clip(ratio, _SHALLOWEST, _STEEPEST), dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class _Lines:
    """The sharpest lines of one direction, in order, between both edges of the picture.

    at: intp [k], the pixel that each runs through; -1 and s are the edges. sums: float32 [s + 1, k], the sharpness up
    to each pixel along the line; the edges have none.
    """

    at: NDArray[np.intp]
    sums: NDArray[np.float32]

    @classmethod
    def of(cls, sharpness: NDArray[np.float32]) -> _Lines:
        """sharpness: float32 [s, s - 2], of the steps across lines that run along its first axis."""
        best = _longest_run(sharpness)
        around = np.pad(best, 3)
        peaks = best >= np.max([around[shift : shift + len(best)] for shift in range(7)], axis=0)
        kept = np.sort(np.argsort(-(best * peaks), kind="stable")[:_LINES])
        sums = np.pad(np.cumsum(sharpness[:, kept], axis=0), ((1, 0), (1, 1)))
        return cls(np.concatenate([[-1], kept + 1, [len(sharpness)]]), np.asarray(sums, dtype=np.float32))

    def between(self, first: NDArray[np.intp], last: NDArray[np.intp]) -> NDArray[np.float32]:
        """float32 [m, k]: mean sharpness of every line from pixel to pixel, intp [m] each; infinite at the edges."""
        means = (self.sums[last] - self.sums[first]) / np.maximum(last - first, 1)[:, None]
        means[:, [0, -1]] = np.inf
        return np.asarray(means, dtype=np.float32)


def _longest_run(sharpness: NDArray[np.float32]) -> NDArray[np.float32]:
    """float32 [s - 2]: of each line the most that any stretch of it adds up to above _BREAK (Kadane's algorithm)."""
    run = best = np.zeros(sharpness.shape[1], np.float32)
    for row in sharpness:
        run = np.maximum(run + row - _BREAK, 0.0)
        best = np.maximum(best, run)
    return best


def _sharpest(upright: _Lines, level: _Lines, change: NDArray[np.float64], sides: int, least: float) -> Box | None:
    """Of the rectangles in which something moves the one whose least sharp side is sharpest, when that is sharp enough;
    as many of its sides as said are seen, the others lie at the edge of the picture. change: float64 [s, s]."""
    side = len(change)
    left, right = np.triu_indices(len(upright.at), 1)
    top, bottom = np.triu_indices(len(level.at), 1)
    lefts, rights = upright.at[left] + 1, upright.at[right]
    tops, bottoms = level.at[top] + 1, level.at[bottom]
    of_upright, of_level = upright.between(tops, bottoms), level.between(lefts, rights)
    sharpness = np.minimum(
        np.minimum(of_upright[:, left], of_upright[:, right]), np.minimum(of_level[:, top], of_level[:, bottom]).T
    )
    heights, widths = (bottoms - tops)[:, None] / side, (rights - lefts)[None, :] / side
    seen = _seen(top, bottom, len(level.at))[:, None] + _seen(left, right, len(upright.at))[None, :]
    fits = (seen == sides) & (np.minimum(heights, widths) >= _LEAST_SIDE)
    fits &= (heights * widths >= LEAST_AREA) & (heights * widths <= MOST_AREA)
    up_to = np.pad(change.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    rows = up_to[bottoms] - up_to[tops]
    fits &= rows[:, rights] - rows[:, lefts] >= _LEAST_CHANGE * side**2 * heights * widths
    sharpness = np.where(fits, sharpness, -np.inf)
    row, column = np.unravel_index(int(sharpness.argmax()), sharpness.shape)
    if sharpness[row, column] < least:
        return None
    return (
        float(tops[row]) / side,
        1.0 - float(bottoms[row]) / side,
        float(lefts[column]) / side,
        1.0 - float(rights[column]) / side,
    )


def _seen(first: NDArray[np.intp], last: NDArray[np.intp], lines: int) -> NDArray[np.intp]:
    """How many of the two lines lie within the picture."""
    return np.asarray((first > 0).astype(np.intp) + (last < lines - 1), dtype=np.intp)
