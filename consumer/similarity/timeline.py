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
    return best_lines_of_each(similarity[None], speeds, most, strides)[0]


def best_lines_of_each(
    similarities: NDArray[np.float32],
    speeds: Sequence[float] = SPEEDS,
    most: int = 3,
    strides: Strides = Strides(),
    least_mass: float = 0.0,
) -> list[list[Line]]:
    """`best_lines` of each of k matrices, without those of less mass. similarities: float32 [k, n, m]."""
    if 0 in similarities.shape:
        return [[] for _ in similarities]
    flipped = similarities.shape[1] > similarities.shape[2]
    matrices = similarities.transpose(0, 2, 1) if flipped else similarities
    row_stride, column_stride = strides.query, strides.reference
    if flipped:
        row_stride, column_stride = column_stride, row_stride
    slopes = [(1 / speed if flipped else speed) * row_stride / column_stride for speed in speeds]
    sheared = _Sheared.of(matrices, max(abs(slope) for slope in slopes))
    found: list[list[Line]] = [[] for _ in similarities]
    for speed, slope in zip(speeds, slopes, strict=True):
        runs_of_each = sheared.runs(slope, 1 if most == 1 else 4 * most, least_mass)
        for lines, runs in zip(found, runs_of_each, strict=True):
            lines.extend(_line(run, speed, flipped, row_stride, column_stride) for run in runs)
    return [_apart(lines, most) for lines in found]


def _apart(lines: list[Line], most: int) -> list[Line]:
    """The best of them, best first, that run along paths of their own."""
    kept: list[Line] = []
    for line in sorted(lines, key=lambda line: line.mass, reverse=True):
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


@dataclass(frozen=True, slots=True, eq=False)
class _Sheared:
    """Matrices of one size side by side, so that a row of all of them is one step of the sum along their lines.

    gains: float32 [k, rows, edge + columns + edge], what each half column adds to a run; outside, where no run goes on,
    -1.
    """

    gains: NDArray[np.float32]
    edge: int

    @classmethod
    def of(cls, matrices: NDArray[np.float32], steepest: float) -> _Sheared:
        """matrices: float32 [k, rows, n]. steepest: of the slopes that will be asked for."""
        count, rows, columns = matrices.shape[0], matrices.shape[1], 2 * matrices.shape[2] - 1
        edge = int(np.round(2 * steepest * (rows - 1)))
        gains = np.full((count, rows, edge + columns + edge), -1.0, np.float32)
        between = gains[:, :, edge : edge + columns]
        between[:, :, ::2] = matrices
        between[:, :, 1::2] = (matrices[:, :, 1:] + matrices[:, :, :-1]) / 2
        between -= np.float32(UNRELATED)
        return cls(gains, edge)

    def runs(self, slope: float, most: int, least_mass: float) -> list[list[_Run]]:
        """Of each matrix the runs of most mass, best first, one of each line."""
        count, rows, width = self.gains.shape
        shift = np.round(2 * slope * np.arange(rows)).astype(np.intp)
        first_start = -int(max(shift[-1], 0))
        starts = width - 2 * self.edge + abs(int(shift[-1]))
        at = self.edge + first_start + shift
        total, lowest = np.zeros((2, count, starts), np.float32)
        mass = np.full((count, starts), -np.inf, np.float32)
        for row, begin in enumerate(at.tolist()):
            np.minimum(lowest, total, out=lowest)
            total += self.gains[:, row, begin : begin + starts]
            np.maximum(mass, total - lowest, out=mass)
        found: list[list[_Run]] = []
        for gains, masses in zip(self.gains, mass, strict=True):
            best = np.argsort(-masses)[:most].tolist() if masses.max() >= least_mass else []
            chosen = [column for column in best if masses[column] > 0 and masses[column] >= least_mass]
            found.append([_run(gains[np.arange(rows), at + column], first_start + column) for column in chosen])
        return found


def _run(gain: NDArray[np.float32], start: int) -> _Run:
    """The one that stands out most. gain: float32 [rows], along one line."""
    total = np.concatenate([np.zeros(1, np.float32), np.cumsum(gain)])
    rise = total[1:] - np.minimum.accumulate(total[:-1])
    last = int(rise.argmax())
    return _Run(start, int(total[: last + 1].argmin()), last, float(rise[last]))


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
