"""Tone codes: 24 bits for two seconds of tones, which another recording of the same sound has as well.

A patch of 16 rows by 36 bands is projected on cosines along the bands, under a bump and under a step in time; each bit
is the sign of one such projection (as in a perceptual hash of a picture). The projections that came out near 0 are
those whose bits flip, so a query asks for the codes with those flipped too (multi-probe: Lv et al., "Multi-Probe LSH",
VLDB 2007). Codes are kept where the least sure bits are surest, which is at the same moments in every copy.

Pitch and tempo are not in the code: a query is read at each of some pitches and tempos, the catalogue only as it is.
Between two of them the code holds. (Panako, ISMIR 2014, has pitch and tempo cancel within each triplet of peaks
instead, which leaves it fewer bits and, of so short a clip as are most here, fewer hits.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from consumer.similarity.tones import BANDS_PER_SEMITONE, CENTRE, at_tempo, evened
from wire.fingerprints import TONES

TEMPOS = (0.865, 0.93, 1.0, 1.075, 1.155)
PITCHES = tuple(half / 2 for half in range(-6, 7))
"""Semitones. With TEMPOS: as which changes of the original a query is read."""

ROWS = 16
BITS = 24
MIDDLE = ROWS / 2 - 0.5 + CENTRE
"""Rows from the start of a patch to its middle."""

_EDGE = 3
_BANDS = TONES - 2 * _EDGE
_ORDERS = BITS // 2
_UNSURE = 4
_ODDS = np.float32(5.5)
_LEAST_CHANGE = 0.15
_AS_IT_IS = PITCHES.index(0.0)
_VALUES = 1 << np.arange(BITS)


@dataclass(frozen=True, slots=True)
class Patches:
    """Patches of a sound, each read at one pitch. projections: float32 [n, BITS], in their usual sizes.

    rows: intp [n], the first row of each. pitches: intp [n], index in PITCHES. sureness: float32 [n], how far the
    least sure projections are from 0.
    """

    projections: NDArray[np.float32]
    rows: NDArray[np.intp]
    pitches: NDArray[np.intp]
    sureness: NDArray[np.float32]

    @property
    def codes(self) -> NDArray[np.int64]:
        """int64 [n]."""
        return np.asarray((self.projections > 0) @ _VALUES, np.int64)

    def probes(self, flips: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """int64 [n, 2**flips]: the codes with any of their least sure bits flipped; and how unlikely each is, float32.

        Unlikely: the negative logarithm of the probability that another recording of the patch has just this code, each
        bit being the other one with the odds exp(-_ODDS * |projection|).
        """
        sureness = np.abs(self.projections)
        unsure = np.argpartition(sureness, flips, axis=1)[:, :flips]
        chosen = (np.arange(2**flips)[None, :] >> np.arange(flips)[:, None]) & 1
        flipped = self.codes[:, None] ^ (_VALUES[unsure] @ chosen)
        odds = _ODDS * np.take_along_axis(sureness, unsure, axis=1) @ chosen.astype(np.float32)
        as_they_are = np.logaddexp(0, -_ODDS * sureness).sum(axis=1)
        return flipped, np.asarray(as_they_are[:, None] + odds, np.float32)


def as_it_is(tones: NDArray[np.uint8], apart: int) -> Patches:
    """The patches of a sound at its own pitch and tempo that stand out among the `apart` before and after them."""
    return _patches(evened(tones), slice(_AS_IT_IS, _AS_IT_IS + 1), apart)


def at_tempos(
    tones: NDArray[np.uint8], apart: int, tempos: Sequence[float] = TEMPOS
) -> Iterator[tuple[float, Patches]]:
    """The tempo, and the patches at it at all PITCHES. Rows are on the clock that the original then has."""
    for tempo in tempos:
        yield tempo, _patches(evened(at_tempo(tones, tempo)), slice(None), apart)


def _patches(rows: NDArray[np.float32], pitches: slice, apart: int) -> Patches:
    projections = _projected(rows, pitches)
    changes = np.einsum("npk,npk->np", projections, projections) > BITS * _LEAST_CHANGE**2
    sure = np.partition(np.abs(projections), _UNSURE - 1, axis=2)[:, :, :_UNSURE].mean(axis=2)
    row, pitch = np.nonzero(changes & _stands_out(sure, apart))
    return Patches(projections[row, pitch], row, pitch + (pitches.start or 0), sure[row, pitch])


def _projected(rows: NDArray[np.float32], pitches: slice) -> NDArray[np.float32]:
    """float32 [patches, pitches, BITS]."""
    count = max(0, len(rows) - ROWS + 1)
    over_time = np.zeros((2, count, TONES), np.float32)
    for step in range(ROWS):
        over_time += _SHAPES[:, step, None, None] * rows[None, step : step + count]
    waves = _WAVES[:, pitches]
    both = (over_time @ waves.reshape(TONES, -1)).reshape(2, count, waves.shape[1], _ORDERS)
    return np.concatenate([both[0], both[1]], axis=2)


def _stands_out(values: NDArray[np.float32], apart: int) -> NDArray[np.bool_]:
    """Where no value is larger among the `apart` before and after it, in each column."""
    largest = np.ones(values.shape, np.bool_)
    for step in range(1, apart + 1):
        largest[step:] &= values[step:] >= values[:-step]
        largest[:-step] &= values[:-step] > values[step:]
    return largest


def _shapes() -> NDArray[np.float32]:
    """[2, ROWS]: a step and a bump over the rows of a patch, each of mean 0 and norm 1."""
    time = (np.arange(ROWS) + 0.5) / ROWS - 0.5
    fade = np.hanning(ROWS + 2)[1:-1]
    shapes = []
    for wave in (np.sin, np.cos):
        shape = fade * wave(2 * np.pi * time / 1.5)
        shape -= fade * shape.sum() / fade.sum()
        shapes.append(shape / np.linalg.norm(shape))
    return np.array(shapes, np.float32)


def _waves() -> NDArray[np.float32]:
    """[TONES, pitches, _ORDERS]: cosines of orders 1..12 over the patch's bands, where those lie at each pitch.

    Scaled by what natural sound has of each order, so that projections are compared by how unusual they are.
    """
    place = (np.arange(_BANDS) + 0.5) / _BANDS
    orders = np.arange(1, _ORDERS + 1)
    waves = np.cos(np.pi * orders * place[:, None])
    waves /= np.linalg.norm(waves, axis=0) * _USUAL * (1 + 1 / orders)
    moved = np.zeros((TONES, len(PITCHES), _ORDERS))
    for column, semitones in enumerate(PITCHES):
        shift = semitones * BANDS_PER_SEMITONE
        whole = int(np.floor(shift))
        first = _EDGE + whole
        moved[first : first + _BANDS, column] += waves * (1 - shift + whole)
        moved[first + 1 : first + 1 + _BANDS, column] += waves * (shift - whole)
    return moved.astype(np.float32)


_USUAL = 1.5 / np.sqrt(TONES)

_SHAPES = _shapes()
_WAVES = _waves()
