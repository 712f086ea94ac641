"""Time: which stretch of one video runs along which stretch of another, at which speed.

Every pair of samples has a similarity; a copy is a straight line through that matrix. It is found by shearing the
matrix until lines of one speed are columns; in each column the run that stands out most is taken (Kadane's maximum
subarray).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

STEP = 0.5
"""Seconds between the samples of every timeline that is compared."""

FINE_STEP = 0.25
"""Seconds between the pictures that a closer look reads: a cut copy's samples fall between those of its original."""

UNRELATED = 0.3
"""Similarity that two unrelated samples reach with ease; a run lives on what is above it."""

SPEEDS = (1.0, 0.8, 0.85, 0.9, 0.94, 0.97, 1.03, 1.06, 1.1, 1.15, 1.2, 1.25)
"""Speeds that are tried. Between them the fine search finds its way."""

BACKWARDS = -1.0
"""The speed of what plays backwards."""


@dataclass(frozen=True, slots=True)
class Line:
    """Query samples first..last (inclusive) run along the reference: ref seconds = speed * query seconds + offset.
    A negative speed runs backwards.

    mass: sum over the run of similarity above UNRELATED. mean: mean similarity of the run.
    """

    speed: float
    offset: float
    first: int
    last: int
    mass: float
    mean: float

    @property
    def samples(self) -> int:
        return self.last - self.first + 1


def on_grid(times: NDArray[np.float32], duration: float, step: float = STEP) -> NDArray[np.intp]:
    """Index of the sample shown at each multiple of step: the nearest in time. Empty when there are no samples."""
    if len(times) == 0:
        return np.zeros(0, np.intp)
    wanted = np.arange(0.0, max(duration, float(times[-1]) + step / 2, step / 2), step)
    wanted = wanted[wanted <= times[-1] + STEP]
    after = np.clip(np.searchsorted(times, wanted), 0, len(times) - 1)
    before = np.maximum(after - 1, 0)
    nearer = np.abs(times[before] - wanted) <= np.abs(times[after] - wanted)
    return np.asarray(np.where(nearer, before, after), dtype=np.intp)


@dataclass(frozen=True, slots=True)
class Strides:
    """Every how many samples of the query and of the reference a matrix has a row and a column."""

    query: int = 1
    reference: int = 1


def best_lines(
    similarity: NDArray[np.float32], speeds: Sequence[float] = SPEEDS, most: int = 3, strides: Strides = Strides()
) -> list[Line]:
    """The lines of most mass, best first; of lines that cross the same samples only the best.

    similarity: float32 [n, m], query by reference. The work is that of the shorter side times the sum of both.
    """
    if 0 in similarity.shape:
        return []
    flipped = similarity.shape[0] > similarity.shape[1]
    matrix = similarity.T if flipped else similarity
    row_stride, column_stride = strides.query, strides.reference
    if flipped:
        row_stride, column_stride = column_stride, row_stride
    between = np.empty((matrix.shape[0], 2 * matrix.shape[1] - 1), np.float32)
    between[:, ::2] = matrix
    between[:, 1::2] = (matrix[:, 1:] + matrix[:, :-1]) / 2
    found: list[Line] = []
    for speed in speeds:
        slope = 1 / speed if flipped else speed
        runs = _runs(between, slope * row_stride / column_stride, most)
        found.extend(_line(run, speed, flipped, row_stride, column_stride) for run in runs)
    found.sort(key=lambda line: line.mass, reverse=True)
    kept: list[Line] = []
    for line in found:
        if len(kept) < most and not any(_same_path(line, other) for other in kept):
            kept.append(line)
    return kept


@dataclass(frozen=True, slots=True)
class _Run:
    """Rows first..last of a matrix along a line that starts at column `start` (in half columns) of row 0."""

    start: int
    first: int
    last: int
    mass: float


def _runs(between: NDArray[np.float32], slope: float, most: int) -> list[_Run]:
    rows, columns = between.shape
    shift = np.round(2 * slope * np.arange(rows)).astype(np.intp)
    starts = np.arange(-int(max(shift[-1], 0)), columns - int(min(shift[-1], 0)))
    at = shift[:, None] + starts[None, :]
    inside = (at >= 0) & (at < columns)
    gain = np.take_along_axis(between, np.clip(at, 0, columns - 1), axis=1) - np.float32(UNRELATED)
    gain[~inside] = -1.0
    total = np.vstack([np.zeros((1, gain.shape[1]), np.float32), np.cumsum(gain, axis=0)])
    rise = total[1:] - np.minimum.accumulate(total[:-1], axis=0)
    mass = rise.max(axis=0)
    found = []
    for column in np.argsort(-mass)[: 4 * most]:
        if mass[column] <= 0:
            break
        last = int(rise[:, column].argmax())
        first = int(total[: last + 1, column].argmin())
        found.append(_Run(int(starts[column]), first, last, float(mass[column])))
    return found


def _line(run: _Run, speed: float, flipped: bool, row_stride: int, column_stride: int) -> Line:
    offset = run.start * STEP * column_stride / 2
    first, last = run.first * row_stride, (run.last + 1) * row_stride - 1
    mean = run.mass / (run.last - run.first + 1) + UNRELATED
    if flipped:
        along = sorted((row * STEP / speed + offset) / STEP for row in (first, last))
        first, last, offset = max(round(along[0]), 0), max(round(along[1]), 0), -offset * speed
    return Line(speed, offset, first, last, run.mass, mean)


def _same_path(one: Line, other: Line) -> bool:
    """Both lines run close to each other where they overlap."""
    first, last = max(one.first, other.first), min(one.last, other.last)
    if first > last:
        return False
    middle = (first + last) / 2 * STEP
    apart = (one.speed - other.speed) * middle + one.offset - other.offset
    return abs(apart) < 1.5
