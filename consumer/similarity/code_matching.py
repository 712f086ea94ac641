"""Which stretch of one sound is the very recording that a stretch of another is, by their Chromaprint codes.

Chromaprint gives one 32-bit code each 0.124 s. Two encodings of one recording differ in few bits when laid at the right
offset, and in half of them elsewhere. The offset is voted for by codes whose top bits are equal (as AcoustID's matcher
does), then every code along it is compared: the bit error rate decides, beside the one that chance would give. A bit
that is nearly always 0 in both, as most are in noise and hum, says nothing when it is equal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from consumer.similarity.repetition import varied

LEAST_CODES = 19
"""Fewer codes than this, those of 5 s, are no sound to compare."""

LEAST_VARIETY = 0.2
"""Share of codes that must differ from the one before by more than two bits; music and speech have 0.5 and more."""

_VOTING_BITS = 14
_COMMON = 12
_OFFSETS = 6
_WINDOW = 17
_ALIKE = 0.32
_LEAST_CHANCE = 0.1
"""Codes that differ less than this by chance are silence and hum: the less they differ, the less it means."""

_MOST_STRETCHES = 6


@dataclass(frozen=True, slots=True)
class CodeStretch:
    """Codes [start, stop) of the query are codes [start + offset, stop + offset) of the reference.

    bit_error_rate: over the stretch. chance: the rate that the same codes would have in any other order. variety: how
    little of the sound stays the same or comes again, 0..1, of the less varied side. from_first, to_last: there is no
    earlier, or later, code on one side or the other.
    """

    start: int
    stop: int
    offset: int
    bit_error_rate: float
    chance: float
    variety: float
    from_first: bool
    to_last: bool

    @property
    def score(self) -> float:
        """1 for equal codes, 0.25 and less for those that are no more alike than by chance."""
        if self.chance == 0:
            return 0.25
        beyond = (1.0 - self.bit_error_rate / self.chance) * min(1.0, self.chance / _LEAST_CHANCE)
        return max(0.0, 0.25 + 0.75 * beyond)

    @property
    def mass(self) -> float:
        """What speaks for the stretch: length, and bits right beyond chance."""
        return (self.stop - self.start) * (self.chance - self.bit_error_rate)


def code_stretches(query: NDArray[np.uint32], reference: NDArray[np.uint32]) -> list[CodeStretch]:
    """The stretches that both have in common, surest first; each part of the query is in one at most.

    query, reference: uint32, one code every CODE_SECONDS. None when either has too few codes or too little variety.
    """
    if not (is_sound(query) and is_sound(reference)):
        return []
    offsets = dict.fromkeys(_offsets(query, reference))
    found = [stretch for offset in offsets for stretch in _along(query, reference, offset)]
    kept: list[CodeStretch] = []
    for stretch in sorted(found, key=lambda each: -each.mass):
        if len(kept) < _MOST_STRETCHES and not any(_overlap(stretch, known) for known in kept):
            kept.append(stretch)
    return kept


def is_sound(codes: NDArray[np.uint32]) -> bool:
    """Long and varied enough to be compared: silence and a steady hum are not."""
    return len(codes) >= LEAST_CODES and _changes(codes) >= LEAST_VARIETY


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


def _along(query: NDArray[np.uint32], reference: NDArray[np.uint32], offset: int) -> Iterator[CodeStretch]:
    """The stretches along one offset whose smoothed bit error rate stays low."""
    first, last = max(0, -offset), min(len(query), len(reference) - offset)
    if last - first < LEAST_CODES:
        return
    own, other = query[first:last], reference[first + offset : last + offset]
    errors = np.bitwise_count(own ^ other).astype(np.float64) / 32
    window = min(_WINDOW, len(errors))
    padded = np.pad(errors, (window // 2, window - 1 - window // 2), mode="edge")
    smooth = np.convolve(padded, np.ones(window) / window, "valid")
    for start, stop in _runs(smooth < _ALIKE):
        if stop - start >= LEAST_CODES:
            mine, theirs = own[start:stop], other[start:stop]
            yield CodeStretch(
                start=first + start,
                stop=first + stop,
                offset=offset,
                bit_error_rate=float(errors[start:stop].mean()),
                chance=_chance(mine, theirs),
                variety=min(_variety(mine), _variety(theirs)),
                from_first=start == 0,
                to_last=first + stop == last,
            )


def _chance(own: NDArray[np.uint32], other: NDArray[np.uint32]) -> float:
    """The bit error rate to expect of these codes laid side by side in any order."""
    mine, theirs = _shares(own), _shares(other)
    return float((mine * (1 - theirs) + theirs * (1 - mine)).mean())


def _shares(codes: NDArray[np.uint32]) -> NDArray[np.float64]:
    """float64 [32]: in which share of the codes each bit is set."""
    return np.asarray(((codes[:, None] >> np.arange(32, dtype=np.uint32)) & 1).mean(axis=0), np.float64)


def _variety(codes: NDArray[np.uint32]) -> float:
    chance = _chance(codes, codes)
    if chance == 0:
        return 0.0

    def likeness(lag: int) -> float:
        return 1.0 - float(np.bitwise_count(codes[lag:] ^ codes[:-lag]).mean()) / 32 / chance

    return min(_changes(codes), varied(likeness, len(codes)))


def _changes(codes: NDArray[np.uint32]) -> float:
    return float((np.bitwise_count(codes[1:] ^ codes[:-1]) > 2).mean())


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Start and stop of each run of True."""
    edges = np.diff(np.concatenate([[0], flags.astype(np.int8), [0]]))
    starts, stops = np.nonzero(edges == 1)[0], np.nonzero(edges == -1)[0]
    return [(int(start), int(stop)) for start, stop in zip(starts, stops, strict=True)]


def _overlap(one: CodeStretch, other: CodeStretch) -> bool:
    """More than half of the shorter one is in the other."""
    common = min(one.stop, other.stop) - max(one.start, other.start)
    return 2 * common > min(one.stop - one.start, other.stop - other.start)
