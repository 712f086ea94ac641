"""Registration: how the picture of one video lies on the picture of the other, and where they agree.

The query's picture, point by point, is a place in the reference's: an affine map. It is refined by least squares on the
whitened pictures (Lucas and Kanade 1981; coarse to fine, damped), with more weight where the pictures already agree, so
that a logo, a caption or a frame pulls at nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter, uniform_filter1d
from scipy.sparse import csr_array

from consumer.similarity.pictures import ALL_DETAIL, BAND, GRID, Detail, Pictures, Window, whitened

Affine = NDArray[np.float64]
"""[2, 3]: (x, y, 1) of the query -> (x, y) of the reference; both pictures span -1..1."""

_CELL = 7
"""Side of the neighbourhood in which agreement is measured, in pixels."""

_AROUND = 7
"""Moments around one (itself included) from which it may differ."""

_DAMPING = 0.02
_COARSE_BAND = 5

ROUGHLY, THOROUGHLY = (3, 3), (6, 5)
"""Rounds of refining, of coarse pictures and of fine ones. The former, half the work, are enough to tell what is worth
the latter."""

_LEAST_INSIDE = 0.1
"""Share of the query's picture that must lie on the reference's to be fitted further."""

_STILLEST = 0.3
"""Share of the picture that is taken to stand still when something moves."""


@dataclass(frozen=True, slots=True, eq=False)
class Registered:
    """still: correlation of the pictures where they agree. -1..1.

    moving: correlation of their changes from moment to moment, there, most where most changes. -1..1.
    motion: mean square of the change over time, of the weaker of both, as a share of the picture's own.
    variety: how many independent things change, of the weaker of both (participation ratio of the principal
    components): what moves along one line only agrees easily. extent: the like for the still picture, in pixels.
    area: share of the query's picture that agrees with the reference. affine: the map.
    """

    still: float
    moving: float
    motion: float
    variety: float
    extent: float
    area: float
    affine: Affine


def of_window(window: Window) -> Affine:
    """The map that puts the whole query onto a window of the reference."""
    top, bottom, left, right = window
    return np.array([[right - left, 0.0, left + right - 1.0], [0.0, bottom - top, top + bottom - 1.0]])


def refine(
    query: Pictures,
    reference: Pictures,
    start: Affine,
    shown: Detail = ALL_DETAIL,
    rounds: tuple[int, int] = THOROUGHLY,
) -> Affine:
    """A better map than `start`, or `start` itself. query, reference: float32 [k, 32, 32], of the same moments.

    shown: the detail that the query can show of the reference. rounds: at most, of coarse pictures and of fine ones.
    """
    own, other = whitened(query, _COARSE_BAND, detail_under(start)), whitened(reference, _COARSE_BAND, shown)
    coarse = _least_squares(_Fitting.of(own, other), [start], rounds[0])
    own, other = whitened(query, BAND, detail_under(coarse)), whitened(reference, BAND, shown)
    return _least_squares(_Fitting.of(own, other), [coarse, start], rounds[1])


def detail_under(affine: Affine) -> Detail:
    """The detail of the query that the reference can show: less where the query enlarges it, in whole frequencies."""
    across, down = (float(np.hypot(*affine[:, axis])) for axis in (0, 1))
    return (_whole_frequencies(down), _whole_frequencies(across))


def _whole_frequencies(scale: float) -> float:
    return min(1.0, float(np.ceil(scale * BAND + 0.2)) / BAND)


def measure(query: Pictures, reference: Pictures, affine: Affine, shown: Detail = ALL_DETAIL) -> Registered:
    """How well the pictures agree under a map, on the part of the query's picture where they do."""
    seen, inside = warp(whitened(reference, BAND, shown), affine)
    own = whitened(query, BAND, detail_under(affine))
    agreement = _agreement(own, seen) * inside
    weights = np.clip((agreement - 0.2) / 0.4, 0.0, 1.0)
    change_own, change_seen = _changes(own), _changes(seen)
    if weights.sum() < 1.0:
        return Registered(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, affine)
    still = _correlation(own, seen, weights)
    energy = _energy(own, weights), _energy(seen, weights)
    changes = _energy(change_own, weights), _energy(change_seen, weights)
    motion = min(changes[0] / max(energy[0], 1e-9), changes[1] / max(energy[1], 1e-9))
    moving = _correlation(change_own, change_seen, weights * _where_it_moves(change_own, change_seen, inside))
    variety = min(_variety(change_own, weights), _variety(change_seen, weights))
    extent = min(_extent(own, weights), _extent(seen, weights))
    return Registered(still, moving, motion, variety, extent, float(weights.mean()), affine)


def _changes(pictures: Pictures) -> Pictures:
    """float32 [k, 32, 32]: how each moment differs from those around it. A drift over the whole stretch, which two
    videos share easily, is left out."""
    if len(pictures) < _AROUND:
        return np.asarray(pictures - pictures.mean(axis=0), dtype=np.float32)
    return np.asarray(pictures - uniform_filter1d(pictures, _AROUND, axis=0, mode="nearest"), dtype=np.float32)


def _where_it_moves(own: Pictures, seen: Pictures, inside: NDArray[np.float32]) -> NDArray[np.float32]:
    """float32 [32, 32], 0..1: less where both change no more than their stillest parts do, by coding and rounding: a
    speaker's mouth counts, the wall behind does not."""
    each = [uniform_filter(np.einsum("kij,kij->ij", one, one), 3, mode="nearest") for one in (own, seen)]
    power = np.sqrt(each[0] * each[1])
    floor = float(np.quantile(power[inside > 0], _STILLEST)) if inside.any() else 0.0
    return np.asarray((power / np.maximum(power + floor, 1e-9)) ** 2, dtype=np.float32)


def warp(pictures: Pictures, affine: Affine) -> tuple[Pictures, NDArray[np.float32]]:
    """The reference as the query would show it, float32 [k, 32, 32], and float32 [32, 32]: 1 inside its edges."""
    at_x, at_y = _places(affine)
    seen = _reading(at_x, at_y) @ _pixels_first(pictures)
    return np.ascontiguousarray(seen.T).reshape(pictures.shape), _inside(at_x, at_y)


def _least_squares(fitting: _Fitting, tried: Sequence[Affine], rounds: int) -> Affine:
    """The best map on the way from the best of those tried."""
    laid = max((fitting.laid(affine) for affine in tried), key=lambda each: each.quality)
    best = laid
    for _ in range(rounds):
        if laid.inside.mean() < _LEAST_INSIDE:
            break
        step = laid.step()
        laid = fitting.laid(laid.affine + np.clip(step, -0.15, 0.15))
        best = max(best, laid, key=lambda each: each.quality)
        if np.abs(step).max() < 1e-3:
            break
    return best.affine


@dataclass(frozen=True, slots=True, eq=False)
class _Fitting:
    """Two videos' pictures with pixels first, which makes reading them at other places cheap.

    own: float32 [1024, k]. fields: float32 [1024, 3 k], the reference and its slopes along x and y.
    """

    own: NDArray[np.float32]
    fields: NDArray[np.float32]

    @classmethod
    def of(cls, own: Pictures, reference: Pictures) -> _Fitting:
        slopes = [np.gradient(reference, 2.0 / GRID, axis=axis) for axis in (2, 1)]
        return cls(_pixels_first(own), np.hstack([_pixels_first(each) for each in (reference, *slopes)]))

    def laid(self, affine: Affine) -> _Laid:
        at_x, at_y = _places(affine)
        inside = _inside(at_x, at_y).reshape(-1)
        seen, along_x, along_y = np.hsplit(_reading(at_x, at_y) @ self.fields, 3)
        return _Laid(affine, inside, self.own, seen, (along_x, along_y))


class _Laid:
    """The reference under one map; what is summed over the moments is kept for each pixel."""

    def __init__(
        self,
        affine: Affine,
        inside: NDArray[np.float32],
        own: NDArray[np.float32],
        seen: NDArray[np.float32],
        slopes: tuple[NDArray[np.float32], NDArray[np.float32]],
    ) -> None:
        self.affine, self.inside = affine, inside
        self._own, self._seen, self._slopes = own, seen, slopes
        self._sums = _over_moments(own, seen), _over_moments(own, own), _over_moments(seen, seen)
        both, mine, theirs = (float(sums @ (inside + 1e-6)) for sums in self._sums)
        overlap = min(1.0, 4.0 * float(inside.mean()))
        self.quality = both / float(np.sqrt(max(mine * theirs, 1e-12))) * overlap
        """Correlation where the pictures overlap; less where they hardly do."""

    def step(self) -> Affine:
        """The damped normal equations of the six numbers of the map, solved."""
        both, mine, theirs = (sums.reshape(GRID, GRID) for sums in self._sums)
        weights = self.inside * np.clip(_local_correlation(both, mine, theirs), 0.02, 1.0).reshape(-1)
        scale = float(np.clip((self._sums[0] @ weights) / max(float(self._sums[1] @ weights), 1e-9), 0.3, 3.0))
        error = self._own * scale - self._seen
        ramp = _ramp()
        x, y = self._slopes
        products = ((x, x), (x, y), (y, y))
        pairs = [(ramp * (_over_moments(one, other) * weights)) @ ramp.T for one, other in products]
        normal = np.block([[pairs[0], pairs[1]], [pairs[1].T, pairs[2]]])
        right = np.concatenate([ramp @ (_over_moments(along, error) * weights) for along in (x, y)])
        size = float(np.trace(normal)) / 6
        damping = _DAMPING * size + 1e-6
        return np.asarray(np.linalg.solve(normal + damping * np.eye(6), right).reshape(2, 3), dtype=np.float64)


def _over_moments(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """float32 [1024]: of two fields [1024, k] the sum of products, pixel by pixel."""
    return np.asarray(np.einsum("pk,pk->p", one, other))


def _pixels_first(pictures: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    return np.ascontiguousarray(pictures.reshape(len(pictures), -1).T, dtype=np.float32)


def _agreement(own: Pictures, seen: Pictures) -> NDArray[np.float32]:
    """float32 [32, 32]: correlation of both around each pixel, over all moments."""
    pairs = ((own, seen), (own, own), (seen, seen))
    return _local_correlation(*(np.einsum("kij,kij->ij", one, other) for one, other in pairs))


def _local_correlation(
    both: NDArray[np.float32], mine: NDArray[np.float32], theirs: NDArray[np.float32]
) -> NDArray[np.float32]:
    """float32 [32, 32]: of the sums of products of each pixel, float32 [32, 32] each."""
    sums = [uniform_filter(each, _CELL, mode="nearest") for each in (both, mine, theirs)]
    return np.asarray(sums[0] / np.sqrt(np.maximum(sums[1] * sums[2], 1e-9)), dtype=np.float32)


def _correlation(one: Pictures, other: Pictures, weights: NDArray[np.float32]) -> float:
    product = float((one * other * weights).sum())
    return product / float(np.sqrt(max((one * one * weights).sum() * (other * other * weights).sum(), 1e-12)))


def _energy(pictures: Pictures, weights: NDArray[np.float32]) -> float:
    return float((pictures * pictures * weights).sum())


def _variety(changes: Pictures, weights: NDArray[np.float32]) -> float:
    rows = (changes * np.sqrt(weights)).reshape(len(changes), -1)
    spread = rows @ rows.T
    return float(np.trace(spread) ** 2 / max(float((spread * spread).sum()), 1e-12))


def _extent(pictures: Pictures, weights: NDArray[np.float32]) -> float:
    energy = np.einsum("kij,kij->ij", pictures, pictures) * weights
    return float(energy.sum() ** 2 / max(float((energy * energy).sum()), 1e-12))


def _places(affine: Affine) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    x, y = _grid()
    return (
        np.asarray(affine[0, 0] * x + affine[0, 1] * y + affine[0, 2], dtype=np.float32),
        np.asarray(affine[1, 0] * x + affine[1, 1] * y + affine[1, 2], dtype=np.float32),
    )


def _inside(at_x: NDArray[np.float32], at_y: NDArray[np.float32]) -> NDArray[np.float32]:
    return ((np.abs(at_x) <= 1.0) & (np.abs(at_y) <= 1.0)).astype(np.float32)


def _reading(at_x: NDArray[np.float32], at_y: NDArray[np.float32]) -> csr_array:
    """[1024, 1024]: a row reads a picture (pixels first) bilinearly at one of the places given, edges repeated."""
    x = np.clip((at_x + 1) * GRID / 2 - 0.5, 0, GRID - 1).reshape(-1)
    y = np.clip((at_y + 1) * GRID / 2 - 0.5, 0, GRID - 1).reshape(-1)
    left, top = np.minimum(x.astype(np.int32), GRID - 2), np.minimum(y.astype(np.int32), GRID - 2)
    along, down = x - left, y - top
    weights = np.stack([(1 - down) * (1 - along), (1 - down) * along, down * (1 - along), down * along], axis=1)
    corners = (top * GRID + left)[:, None] + np.array([0, 1, GRID, GRID + 1], np.int32)
    starts = np.arange(0, corners.size + 1, 4, dtype=np.int32)
    return csr_array((weights.reshape(-1), corners.reshape(-1), starts), shape=(GRID * GRID, GRID * GRID))


@lru_cache(maxsize=1)
def _grid() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    at = ((np.arange(GRID) + 0.5) * 2 / GRID - 1).astype(np.float32)
    y, x = np.meshgrid(at, at, indexing="ij")
    return x, y


@lru_cache(maxsize=1)
def _ramp() -> NDArray[np.float32]:
    """float32 [3, 1024]: x, y and 1 of each pixel."""
    x, y = _grid()
    return np.stack([x, y, np.ones_like(x)]).reshape(3, -1)
