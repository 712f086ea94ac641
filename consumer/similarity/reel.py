"""A reel: the pictures of a video at an even pace, which can be looked at between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from consumer.similarity.pictures import Pictures

Seconds = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Reel:
    """pictures: float32 [n, 32, 32], taken at `places` (ascending) times `step` seconds. n >= 1."""

    pictures: Pictures
    places: NDArray[np.intp]
    step: float

    @classmethod
    def whole(cls, pictures: Pictures, step: float) -> Reel:
        return cls(pictures, np.arange(len(pictures)), step)

    @property
    def last_second(self) -> float:
        return float(self.places[-1] * self.step)

    def at(self, seconds: Seconds) -> Pictures:
        """float32 [k, 32, 32]: blended between the two nearest pictures; beyond the ends, the end's."""
        before, after, share = self.between(seconds)
        share = share[:, None, None]
        return np.asarray((1 - share) * self.pictures[before] + share * self.pictures[after], dtype=np.float32)

    def between(self, seconds: Seconds) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
        """Between which two pictures, each the other's neighbour, these times lie, intp, and how far from the first to
        the second, float32 0..1; all of the shape of `seconds`. Of a single picture both are it."""
        where = np.clip(np.asarray(seconds) / self.step, self.places[0], self.places[-1])
        after = np.searchsorted(self.places, where, side="right")
        after = np.clip(after, min(1, len(self.places) - 1), len(self.places) - 1)
        before = np.maximum(after - 1, 0)
        gap = np.maximum(self.places[after] - self.places[before], 1)
        return before, after, ((where - self.places[before]) / gap).astype(np.float32)

    def around(self, seconds: Seconds, reach: float) -> Reel:
        """Only what lies within reach (seconds) of these times."""
        middle = np.round(np.asarray(seconds) / self.step).astype(np.intp)
        wide = int(np.ceil(reach / self.step))
        wanted = (middle[:, None] + np.arange(-wide, wide + 1)[None, :]).reshape(-1)
        kept = np.unique(np.clip(wanted, self.places[0], self.places[-1]))
        rows = np.searchsorted(self.places, kept)
        return Reel(self.pictures[rows], self.places[rows], self.step)
