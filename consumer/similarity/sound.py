"""Sound: which stretch of one video sounds like which stretch of another.

Chromaprint gives one 32-bit code each 0.124 s. Two recordings of one sound differ in few bits when laid at the right
offset, and in half of them elsewhere. The offset is voted for by codes whose top bits are equal (as AcoustID's matcher
does), then every code along it is compared: the bit error rate decides, on a stretch that is long and varied enough.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wire.fingerprints import CODE_SECONDS

LEAST_CODES = 24
"""Fewer codes than this (3 s) are no sound to compare."""

LEAST_VARIETY = 0.2
"""Share of codes that must differ from the one before by more than two bits; music and speech have 0.5 and more."""

_VOTING_BITS = 14
_COMMON = 12
_OFFSETS = 6
_WINDOW = 17
_ALIKE = 0.32


@dataclass(frozen=True, slots=True)
class Heard:
    """One stretch of sound in both videos, seconds of each.

    bit_error_rate: 0..0.5 over the stretch. variety: share of codes that differ from their predecessor by more than
    two bits, of the less varied side: a hum has little. score: 1 for equal codes, 0.25 at a bit error rate of 0.5.
    """

    start: float
    end: float
    ref_start: float
    ref_end: float
    bit_error_rate: float
    variety: float

    @property
    def seconds(self) -> float:
        return self.end - self.start

    @property
    def score(self) -> float:
        return float(np.clip(1.0 - 1.5 * self.bit_error_rate, 0.0, 1.0))


def best_stretch(query: NDArray[np.uint32], reference: NDArray[np.uint32]) -> Heard | None:
    """The stretch with most agreement; None when either has too few codes or nothing lines up.

    query, reference: uint32, one code every CODE_SECONDS.
    """
    if not (is_sound(query) and is_sound(reference)):
        return None
    found = [_along(query, reference, offset) for offset in _offsets(query, reference)]
    stretches = [stretch for stretch in found if stretch is not None]
    return max(stretches, key=lambda stretch: stretch.seconds * (0.5 - stretch.bit_error_rate), default=None)


def is_sound(codes: NDArray[np.uint32]) -> bool:
    """Long and varied enough to be compared: silence and a steady hum are not."""
    return len(codes) >= LEAST_CODES and _variety(codes) >= LEAST_VARIETY


def _offsets(query: NDArray[np.uint32], reference: NDArray[np.uint32]) -> list[int]:
    """Offsets (reference index minus query index) with most votes, and 0."""
    shift = 32 - _VOTING_BITS
    own, other = query >> shift, reference >> shift
    order = np.argsort(other, kind="stable")
    ranked = other[order]
    low, high = np.searchsorted(ranked, own, "left"), np.searchsorted(ranked, own, "right")
    counts = high - low
    counts[counts > _COMMON] = 0
    total = int(counts.sum())
    if total == 0:
        return [0]
    rows = np.repeat(np.arange(len(own)), counts)
    within = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
    votes = order[np.repeat(low, counts) + within] - rows + len(own)
    histogram = np.bincount(votes, minlength=len(own) + len(other))
    broad = np.convolve(histogram, np.ones(3), mode="same")
    best = np.argsort(-broad, kind="stable")[: 3 * _OFFSETS]
    around = {int(place) + step for place in best for step in (-1, 0, 1)}
    ranked_offsets = sorted(around, key=lambda place: -broad[min(max(place, 0), len(broad) - 1)])
    return [0, *(place - len(own) for place in ranked_offsets[: 3 * _OFFSETS])]


def _along(query: NDArray[np.uint32], reference: NDArray[np.uint32], offset: int) -> Heard | None:
    """The longest stretch along one offset whose smoothed bit error rate stays low."""
    first, last = max(0, -offset), min(len(query), len(reference) - offset)
    if last - first < LEAST_CODES:
        return None
    own, other = query[first:last], reference[first + offset : last + offset]
    errors = np.bitwise_count(own ^ other).astype(np.float64) / 32
    window = min(_WINDOW, len(errors))
    padded = np.pad(errors, (window // 2, window - 1 - window // 2), mode="edge")
    smooth = np.convolve(padded, np.ones(window) / window, "valid")
    start, stop = _longest(smooth < _ALIKE)
    if stop - start < LEAST_CODES:
        return None
    variety = min(_variety(own[start:stop]), _variety(other[start:stop]))
    begin, end = first + start, first + stop
    return Heard(
        begin * CODE_SECONDS,
        end * CODE_SECONDS,
        (begin + offset) * CODE_SECONDS,
        (end + offset) * CODE_SECONDS,
        float(errors[start:stop].mean()),
        variety,
    )


def _variety(codes: NDArray[np.uint32]) -> float:
    return float((np.bitwise_count(codes[1:] ^ codes[:-1]) > 2).mean())


def _longest(flags: NDArray[np.bool_]) -> tuple[int, int]:
    """Start and stop of the longest run of True."""
    edges = np.diff(np.concatenate([[0], flags.astype(np.int8), [0]]))
    starts, stops = np.nonzero(edges == 1)[0], np.nonzero(edges == -1)[0]
    if len(starts) == 0:
        return 0, 0
    longest = int((stops - starts).argmax())
    return int(starts[longest]), int(stops[longest])
