"""An overlay: the pictures of one video over those of another, along a course in time and under a map of the picture.

How well they agree is seen moment by moment: to tell where a stretch ends, and to find the very moment where the course
alone is not exact enough, at cuts and for slides.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from consumer.similarity.pictures import BAND, Pictures, whitened
from consumer.similarity.reel import Reel, Seconds
from consumer.similarity.registration import Affine, warp
from consumer.similarity.slides import middles
from consumer.similarity.timeline import STEP

_CLOSE, _CLEARLY = 0.25, 0.1
_FARTHEST = 8.0
_BLOCK = 512


@dataclass(frozen=True, eq=False)
class Overlay:
    """own: float32 [n, 32, 32], the query, a picture each STEP. course: speed, offset: reference seconds = speed *
    query seconds + offset. slides: intp [n], which slide each of own shows (`slides_of`).
    """

    own: Pictures
    other: Reel
    affine: Affine
    course: tuple[float, float]
    slides: NDArray[np.intp]

    def nearest(self, moments: NDArray[np.intp]) -> NDArray[np.float64]:
        """When the reference shows each moment, float64 [k], seconds: on the course, or where a picture within reach
        agrees clearly better, at cuts and of slides. A slide is looked for as far as it stands."""
        seconds, reaches = self._on_course(moments), self._reaches[self.slides[moments]]
        wide = int(reaches.max() / _CLOSE)
        shifts = np.arange(-wide, wide + 1) * _CLOSE
        own = whitened(self.own[moments], BAND)
        likeness = np.stack([self._likeness(own, seconds + shift) for shift in shifts])
        likeness[wide] += np.where(reaches > _CLOSE, 0.0, _CLEARLY)
        likeness[np.abs(shifts)[:, None] > reaches[None, :]] = -np.inf
        return np.asarray(seconds + shifts[likeness.argmax(axis=0)], dtype=np.float64)

    def agreement(self) -> NDArray[np.float32]:
        """float32 [n]: of each sample with what the reference shows on its course; of a slide where it agrees best."""
        moments = middles(np.arange(len(self.own)), self.slides)
        seconds = self.nearest(moments) if len(moments) < len(self.own) else self._on_course(moments)
        blocks = [slice(start, start + _BLOCK) for start in range(0, len(moments), _BLOCK)]
        found = [self._likeness(whitened(self.own[moments[block]], BAND), seconds[block]) for block in blocks]
        return np.asarray(np.concatenate(found)[self.slides], dtype=np.float32)

    @cached_property
    def _reaches(self) -> NDArray[np.float64]:
        """Of each slide, seconds of the reference."""
        stands = np.bincount(self.slides) - 1
        return np.asarray(np.minimum(_CLOSE + stands * STEP * abs(self.course[0]) / 2, _FARTHEST), dtype=np.float64)

    def _on_course(self, moments: NDArray[np.intp]) -> NDArray[np.float64]:
        return np.asarray(self.course[0] * moments * STEP + self.course[1], dtype=np.float64)

    def _likeness(self, own: Pictures, seconds: Seconds) -> NDArray[np.float32]:
        """float32 [k]: correlation of the whitened pictures `own` with the reference's at these times."""
        seen, inside = warp(whitened(self.other.at(seconds), BAND), self.affine)
        mine = own * inside
        norm = np.sqrt((mine**2).sum(axis=(1, 2)) * ((seen * inside) ** 2).sum(axis=(1, 2)))
        return np.asarray((mine * seen).sum(axis=(1, 2)) / np.maximum(norm, 1e-9), dtype=np.float32)
