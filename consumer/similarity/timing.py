"""Timing: when the reference shows what the query shows, once it is known how the one picture lies on the other.

Where a picture hardly changes, samples are alike at any time, and a line through their similarities says little about
when and how fast. What moves does: so the changes of both are laid side by side at every offset within reach, and the
best course is then made exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from consumer.similarity.pictures import BAND, Pictures, whitened
from consumer.similarity.reel import Reel
from consumer.similarity.registration import Affine, warp
from consumer.similarity.timeline import SPEEDS, STEP

_REACH_SECONDS = 10.0
_BESIDE_SECONDS = 1.5
_SPEED_MARGIN = 0.008
_MOST_CLIMBS = 3
_FIRST, _LAST = (0.12, 0.015), (0.03, 0.005)
"""Steps of the search for the exact course: seconds of offset, speed."""

_STANDS = 1e-7
"""Share of the pictures' energy up to which what changes of them is rounding."""

_NONE = 1e-18
"""Energy, squared, of pictures that show nothing: they agree with none."""

Course = tuple[float, float]
"""speed, offset: reference seconds = speed * query seconds + offset."""


def exact_course(own: Pictures, other: Reel, moments: NDArray[np.intp], affine: Affine, rough: Course) -> Course:
    """Speed and offset at which pictures and changes agree best; speed 1 unless another is clearly better. What runs
    backwards keeps doing so.

    own: float32 [n, 32, 32], a sample each STEP. moments: the samples looked at, ascending. rough: where to look.
    """
    at = np.asarray(moments * STEP, dtype=np.float64)
    around, beside = _around(moments, len(own))
    reel, inside = _warped(other, rough[0] * at + rough[1], affine)
    seen = whitened(own[around], BAND) * inside
    changes = _Changes.of(seen[beside], reel, at)
    even = float(np.copysign(1.0, rough[0]))
    others = {*(even * speed for speed in SPEEDS), rough[0]} - {even}
    steadily, otherwise = (_by_movement(changes, rough, speeds) for speeds in ((even,), others))
    pictures = SideBySide.of(seen[beside[:, beside.shape[1] // 2]], reel, at)
    steady = (even, rough[1] + (rough[0] - even) * float(at.mean()))
    best = pictures.searched([rough, otherwise], (_FIRST, _LAST))
    unchanged = pictures.searched([steady, steadily], ((_FIRST[0], 0.0), (_LAST[0], 0.0)))
    return best[1] if best[0] > unchanged[0] + _SPEED_MARGIN else unchanged[1]


def _around(moments: NDArray[np.intp], count: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The samples at and beside the moments, ascending, and for each moment which lie around it, intp [k, 7].

    None before the first or after the last, where those are far enough from each other: what the query shows there may
    be something else, and nothing changes as much as a cut.
    """
    wide = round(_BESIDE_SECONDS / STEP)
    first, last = (moments[0], moments[-1]) if moments[-1] - moments[0] > 2 * wide else (0, count - 1)
    wanted = np.clip(moments[:, None] + np.arange(-wide, wide + 1), first, last)
    samples, which = np.unique(wanted, return_inverse=True)
    return samples, which.reshape(wanted.shape)


def _warped(other: Reel, seconds: NDArray[np.float64], affine: Affine) -> tuple[Reel, NDArray[np.float32]]:
    """What lies within reach, whitened and laid as the query shows it; and where it lies, float32 [32, 32]."""
    nearby = other.around(seconds, _REACH_SECONDS)
    seen, inside = warp(whitened(nearby.pictures, BAND), affine)
    return replace(nearby, pictures=seen * inside), inside


@dataclass(frozen=True, slots=True, eq=False)
class SideBySide:
    """The query at k moments and the n pictures of a reel, as the products of which any blend of those is compared.

    products, changes: float32 [k, n], of the query's pictures, and of what is left of them without their mean, with
    those of the reel. sizes: of the former and of the latter. reel_energy, changes_energy: float32 [n, 2], of each of
    the reel's pictures with itself and with the next; the second without their mean, as `rest` (float32 [n, 1024]) is.
    at: seconds of the moments.
    """

    products: NDArray[np.float32]
    changes: NDArray[np.float32]
    sizes: tuple[float, float]
    reel_energy: NDArray[np.float32]
    changes_energy: NDArray[np.float32]
    rest: NDArray[np.float32]
    reel: Reel
    at: NDArray[np.float64]

    @classmethod
    def of(cls, mine: Pictures, reel: Reel, at: NDArray[np.float64]) -> SideBySide:
        """mine: float32 [k, 32, 32]."""
        own, theirs = mine.reshape(len(mine), -1), reel.pictures.reshape(len(reel.pictures), -1)
        change, rest = own - own.mean(axis=0), theirs - theirs.mean(axis=0)
        sizes = float(np.vdot(own, own)), float(np.vdot(change, change))
        return cls(own @ theirs.T, change @ rest.T, sizes, _with_the_next(theirs), _with_the_next(rest), rest, reel, at)

    def agreements(self, courses: Sequence[Course]) -> list[float]:
        """Of each course the correlation of the pictures, and that of what is left of them without their mean."""
        line = np.asarray(courses)
        before, after, share = self.reel.between(line[:, :1] * self.at + line[:, 1:])
        blend = (1 - share, share)
        moments = np.arange(len(self.at))

        def of_both(products: NDArray[np.float32]) -> NDArray[np.float64]:
            both = blend[0] * products[moments, before] + blend[1] * products[moments, after]
            return np.asarray(both.sum(axis=1, dtype=np.float64))

        def of_the_reel(energy: NDArray[np.float32]) -> NDArray[np.float64]:
            ends = blend[0] ** 2 * energy[before, 0] + blend[1] ** 2 * energy[after, 0]
            return np.asarray((ends + 2 * blend[0] * blend[1] * energy[before, 1]).sum(axis=1, dtype=np.float64))

        weights = np.zeros((len(line), len(self.rest)), np.float32)
        for places, part in zip((before, after), blend, strict=True):
            np.add.at(weights, (np.arange(len(line))[:, None], places), part)
        looked_at = weights.any(axis=0)
        total = weights[:, looked_at] @ self.rest[looked_at]
        energy, change = of_the_reel(self.reel_energy), of_the_reel(self.changes_energy)
        left = change - np.einsum("cp,cp->c", total, total, dtype=np.float64) / len(self.at)
        stands = left <= _STANDS * energy
        moving = np.where(
            stands, 0.0, of_both(self.changes) / np.sqrt(np.where(stands, 1.0, left * self.sizes[1]) + _NONE)
        )
        still = of_both(self.products) / np.sqrt(energy * self.sizes[0] + _NONE)
        return [float(value) for value in still + moving]

    def searched(self, courses: Iterable[Course], steps: Iterable[tuple[float, float]]) -> tuple[float, Course]:
        """The best course near the best of those given, and how well it agrees."""
        best = self._best(list(courses))
        for width, speed_width in steps:
            for _ in range(_MOST_CLIMBS if speed_width else 1):
                around = self._best(list(self._around(best[1], width, speed_width)))
                if around[0] <= best[0]:
                    break
                best = around
        return best

    def _best(self, courses: Sequence[Course]) -> tuple[float, Course]:
        return max(zip(self.agreements(courses), courses, strict=True))

    def _around(self, course: Course, width: float, speed_width: float) -> Iterator[Course]:
        speed0, offset0 = course
        for speed in dict.fromkeys((speed0 - speed_width, speed0, speed0 + speed_width)):
            turned = offset0 + (speed0 - speed) * float(self.at.mean())
            yield from ((speed, turned + shift * width) for shift in range(-4, 5))


def _with_the_next(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """float32 [n, 2]: the products of each row with itself, and with the next one; the last one's own once more."""
    following = np.concatenate([rows[1:], rows[-1:]])
    return np.stack([np.einsum("np,np->n", rows, other) for other in (rows, following)], axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class _Changes:
    """How each picture differs from those within a second and a half of it, of the query at k moments and of a reel.

    product: float32 [k, n], of both. energies: float32 [k] and [n]. at: seconds of the moments.
    """

    product: NDArray[np.float32]
    energies: tuple[NDArray[np.float32], NDArray[np.float32]]
    reel: Reel
    at: NDArray[np.float64]

    @classmethod
    def of(cls, beside: NDArray[np.float32], reel: Reel, at: NDArray[np.float64]) -> _Changes:
        """beside: float32 [k, 7, 32, 32], the pictures around each moment."""
        mine = (beside[:, beside.shape[1] // 2] - beside.mean(axis=1)).reshape(len(beside), -1)
        width = 2 * round(_BESIDE_SECONDS / reel.step) + 1
        theirs = reel.pictures - uniform_filter1d(reel.pictures, width, axis=0, mode="nearest")
        theirs = theirs.reshape(len(theirs), -1)
        energies = np.einsum("kp,kp->k", mine, mine), np.einsum("np,np->n", theirs, theirs)
        return cls(mine @ theirs.T, energies, reel, at)

    def likeness(self, speed: float, offsets: NDArray[np.float64]) -> NDArray[np.float64]:
        """Correlation along each course; less where the reel shows only some of the moments."""
        places = np.round((speed * self.at + offsets[:, None]) / self.reel.step).astype(np.intp)
        rows = np.clip(np.searchsorted(self.reel.places, places), 0, len(self.reel.places) - 1)
        there = self.reel.places[rows] == places
        both = (self.product[np.arange(len(self.at)), rows] * there).sum(axis=1)
        size = (self.energies[0] * there).sum(axis=1) * (self.energies[1][rows] * there).sum(axis=1)
        return np.asarray(both / np.sqrt(np.maximum(size, 1e-12)) * np.sqrt(there.mean(axis=1)), dtype=np.float64)


def _by_movement(changes: _Changes, rough: Course, speeds: Iterable[float]) -> Course:
    """The course, at one of these speeds, along which most moves alike."""
    shifts = np.arange(-_REACH_SECONDS, _REACH_SECONDS + changes.reel.step / 2, changes.reel.step)
    found: list[tuple[float, Course]] = []
    for speed in speeds:
        offsets = rough[1] + (rough[0] - speed) * float(changes.at.mean()) + shifts
        likeness = changes.likeness(speed, offsets)
        best = int(likeness.argmax())
        found.append((float(likeness[best]), (speed, float(offsets[best]))))
    return max(found)[1]
