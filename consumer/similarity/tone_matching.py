"""Which stretch of one track of tones sounds like which of another, at whatever pitch and tempo.

Patches with the same code propose: their offsets are voted for, for each pitch and tempo at which the query is read. A
proposal becomes a line (reference = tempo * query + offset, and a pitch), which is laid exactly where both tracks
correlate best. Along it the stretch that stands out most is taken (Kadane's maximum subarray), and its correlation
decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from consumer.similarity.ordering import ascending
from consumer.similarity.repetition import varied
from consumer.similarity.tone_codes import MIDDLE, PITCHES, TEMPOS, as_it_is, at_tempos
from consumer.similarity.tones import CENTRE, at_pitch, at_rows, evened

LEAST_ROWS = 24
"""A shorter stretch (3 s) is none."""

UNRELATED = 0.35
"""Correlation on what is above which a stretch lives; unrelated sounds reach it for moments."""

_TEMPOS = (0.805, *TEMPOS, 1.242)
"""One more to each side than the index is asked at: here it costs little."""

_ALIKE = 0.45
_MOST_STRETCHES = 6
_MOST_PROPOSALS = 12
_LEAST_VOTES = 2
_BIN_ROWS = 8.0
_MOST_PROBES = 2_000_000
_FLIPS = 6
_COMMON = 12
_FINE_ROWS = 480
_STEPS = ((3.0, 1.0, 0.5), (1.5, 0.5, 0.25), (0.6, 0.25, 0.12))
"""Of the search for the exact line: rows of drift over its length, rows of offset, semitones."""

_CHANGED = 0.1
_FADE_ROWS = 9


@dataclass(frozen=True, slots=True)
class ToneStretch:
    """Rows [start, stop) of the query sound like rows [ref_start, ref_stop) of the reference.

    tempo: how many rows of the reference one of the query plays. semitones: how much higher the query sounds.
    correlation: of both along the stretch, -1..1. variety: how little of it stays the same or comes again, 0..1, of the
    less varied side. rows: of the reference that count; silence on both sides is part of a stretch but does not count.
    """

    start: float
    stop: float
    ref_start: float
    ref_stop: float
    tempo: float
    semitones: float
    correlation: float
    variety: float
    rows: int


class ToneQuery:
    """Tones to be looked for in others; what that needs of them is made once, when it is first needed."""

    def __init__(self, tones: NDArray[np.uint8]) -> None:
        """tones: uint8 [n, TONES]."""
        self.tones = tones

    @cached_property
    def evened(self) -> NDArray[np.float32]:
        return evened(self.tones)

    @cached_property
    def probes(self) -> _Probes:
        return _Probes.of(self.tones)


def tone_stretches(query: ToneQuery, reference: NDArray[np.uint8]) -> list[ToneStretch]:
    """The stretches that both have in common, surest first; each part of the query is in one at most.

    reference: uint8 [n, TONES].
    """
    votes = _votes(query.probes, reference)
    found: list[ToneStretch] = []
    if len(votes.tempo) < _LEAST_VOTES:
        return found
    own, other = query.evened, evened(reference)
    for _ in range(_MOST_PROPOSALS):
        proposal = votes.best()
        if proposal is None or len(found) >= _MOST_STRETCHES:
            break
        line = _laid(own, other, votes.fitted(proposal), votes.span(proposal))
        stretch = _stretch(own, other, line)
        if stretch is not None and not any(_overlap(stretch, known) for known in found):
            found.append(stretch)
            votes = votes.without(votes.along(line, stretch) | proposal)
        else:
            votes = votes.without(proposal)
    return sorted(found, key=lambda each: -each.rows * each.correlation)


@dataclass(frozen=True, slots=True)
class _Line:
    """Middles of rows: reference = tempo * query + offset."""

    tempo: float
    offset: float
    semitones: float


@dataclass(frozen=True, slots=True)
class _Votes:
    """Pairs of patches with one code. tempo, pitch: index of the reading. query, reference: their middles, in rows."""

    tempo: NDArray[np.intp]
    pitch: NDArray[np.intp]
    query: NDArray[np.float64]
    reference: NDArray[np.float64]

    def without(self, gone: NDArray[np.bool_]) -> _Votes:
        return _Votes(self.tempo[~gone], self.pitch[~gone], self.query[~gone], self.reference[~gone])

    def best(self) -> NDArray[np.bool_] | None:
        """The votes for the offset with most voters (moments of the query) at one pitch and tempo."""
        offsets = self.reference - np.asarray(_TEMPOS)[self.tempo] * self.query
        best, most = None, _LEAST_VOTES - 1
        for half in (0.0, 0.5):
            bins = np.floor(offsets / _BIN_ROWS + half).astype(np.intp)
            cells = np.stack([self.tempo, self.pitch, bins], axis=1)
            moments = np.unique(np.column_stack([cells, np.round(self.query).astype(np.intp)]), axis=0)
            distinct, counts = np.unique(moments[:, :3], axis=0, return_counts=True)
            if len(counts) and counts.max() > most:
                most = int(counts.max())
                best = (cells == distinct[counts.argmax()]).all(axis=1)
        return best

    def span(self, chosen: NDArray[np.bool_]) -> tuple[float, float]:
        """First and last row of the query that was voted with."""
        return float(self.query[chosen].min()), float(self.query[chosen].max())

    def fitted(self, chosen: NDArray[np.bool_]) -> _Line:
        """A line through these votes, and through those of neighbouring readings along it, farther and farther out."""
        tempo, pitch = _TEMPOS[self.tempo[chosen][0]], int(self.pitch[chosen][0])
        offset = float(np.median(self.reference[chosen] - tempo * self.query[chosen]))
        near = np.abs(self.pitch - pitch) <= 1
        low, high = self.span(chosen)
        tolerance = 6.0
        for _ in range(8):
            reach = max(high - low, 160) / 2
            around = (self.query > low - reach) & (self.query < high + reach)
            along = near & around & (np.abs(self.reference - tempo * self.query - offset) < tolerance)
            if along.sum() < _LEAST_VOTES:
                break
            tempo = _slope(self.query[along], self.reference[along], tempo)
            offset = float(np.median(self.reference[along] - tempo * self.query[along]))
            low, high = self.span(along)
            tolerance = max(2.5, tolerance * 0.7)
        return _Line(tempo, offset, PITCHES[pitch])

    def along(self, line: _Line, stretch: ToneStretch) -> NDArray[np.bool_]:
        """The votes for a line within a stretch of it, at any pitch: also those of its echoes."""
        within = (self.query > stretch.start) & (self.query < stretch.stop)
        return within & (np.abs(self.reference - line.tempo * self.query - line.offset) < 2 * _BIN_ROWS)


@dataclass(frozen=True, slots=True, eq=False)
class _Probes:
    """The codes that a query is looked for by, ascending.

    codes: int64 [n]. patches: intp [n], of which patch each is. readings: float64 [patches, 3], index in _TEMPOS, index
    in PITCHES, and middle (row).
    """

    codes: NDArray[np.int64]
    patches: NDArray[np.intp]
    readings: NDArray[np.float64]

    @classmethod
    def of(cls, tones: NDArray[np.uint8]) -> _Probes:
        codes, readings = [np.zeros(0, np.int64)], [np.zeros((0, 3))]
        often = [np.zeros(0, np.intp)]
        for index, (tempo, patches) in enumerate(at_tempos(tones, 1, _TEMPOS)):
            flips = int(np.clip(np.log2(_MOST_PROBES / len(_TEMPOS) / max(len(patches.rows), 1)), 0, _FLIPS))
            probes, _ = patches.probes(flips)
            middles = (patches.rows + MIDDLE) / tempo
            codes.append(probes.ravel())
            often.append(np.full(len(middles), probes.shape[1]))
            readings.append(np.column_stack([np.full(len(middles), index), patches.pitches, middles]))
        every, table = np.concatenate(codes), np.concatenate(readings)
        order = ascending(every)
        return cls(every[order], np.repeat(np.arange(len(table)), np.concatenate(often))[order], table)


def _votes(probes: _Probes, reference: NDArray[np.uint8]) -> _Votes:
    known = as_it_is(reference, 0)
    codes, which, repeats = np.unique(known.codes, return_inverse=True, return_counts=True)
    first = np.searchsorted(probes.codes, codes, "left")
    count = np.searchsorted(probes.codes, codes, "right") - first
    count[repeats > _COMMON] = 0
    first, count = first[which], count[which]
    places = np.repeat(first - np.cumsum(count) + count, count) + np.arange(int(count.sum()))
    table = np.column_stack([probes.readings[probes.patches[places]], np.repeat(known.rows + MIDDLE, count)])
    table = np.unique(table, axis=0)
    return _Votes(table[:, 0].astype(np.intp), table[:, 1].astype(np.intp), table[:, 2], table[:, 3])


def _slope(x: NDArray[np.float64], y: NDArray[np.float64], usual: float) -> float:
    """Least squares, drawn to the usual slope (known to 2 %) as far as the points leave it open (1.2 rows each)."""
    spread = float(((x - x.mean()) ** 2).sum())
    free = float(((x - x.mean()) * (y - y.mean())).sum())
    weight = 1.5 / (0.02 * usual) ** 2
    return float(np.clip((free + weight * usual) / (spread + weight), 0.76, 1.3))


def _laid(own: NDArray[np.float32], other: NDArray[np.float32], line: _Line, span: tuple[float, float]) -> _Line:
    """The line near this one along which both correlate best around the span: hill climbing in ever finer steps."""
    middle = sum(span) / 2
    low, high = max(span[0] - 16, middle - _FINE_ROWS / 2), min(span[1] + 16, middle + _FINE_ROWS / 2)
    first = max(0, int(line.tempo * low + line.offset - CENTRE))
    last = min(len(other), int(line.tempo * high + line.offset - CENTRE) + 1)
    rows = np.arange(first, last)
    if len(rows) < LEAST_ROWS:
        return line

    def worth(tried: _Line) -> float:
        mine, theirs, _ = _side_by_side(own, other, tried, rows)
        return _correlation(mine, theirs) * float(np.sqrt(len(mine) / len(rows))) if len(mine) else -1.0

    best, value = line, worth(line)
    for drift, shift, semitones in _STEPS:
        for _ in range(8):
            tried = list(_neighbours(best, drift / max(span[1] - span[0], high - low), shift, semitones, middle))
            values = [worth(each) for each in tried]
            if max(values) <= value:
                break
            best, value = tried[int(np.argmax(values))], max(values)
    return best


def _neighbours(line: _Line, drift: float, shift: float, semitones: float, middle: float) -> Iterator[_Line]:
    for sign in (1, -1):
        yield replace(line, offset=line.offset + sign * shift)
        yield replace(line, tempo=line.tempo + sign * drift, offset=line.offset - sign * drift * middle)
        yield replace(line, semitones=line.semitones + sign * semitones)


def _side_by_side(
    own: NDArray[np.float32], other: NDArray[np.float32], line: _Line, rows: NDArray[np.intp]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.intp]]:
    """The query as the line lays it on these rows of the reference, the reference, and those rows that both have."""
    places = (rows + CENTRE - line.offset) / line.tempo - CENTRE
    inside = (places >= 0) & (places <= len(own) - 1)
    rows = rows[inside]
    return at_pitch(at_rows(own, places[inside]), line.semitones), other[rows], rows


def _correlation(mine: NDArray[np.float32], theirs: NDArray[np.float32]) -> float:
    size = float(np.sqrt(np.vdot(mine, mine) * np.vdot(theirs, theirs)))
    return float(np.vdot(mine, theirs)) / size if size > 0 else 0.0


def _stretch(own: NDArray[np.float32], other: NDArray[np.float32], line: _Line) -> ToneStretch | None:
    mine, theirs, rows = _side_by_side(own, other, line, np.arange(len(other)))
    if len(rows) < LEAST_ROWS:
        return None
    energies = np.einsum("nb,nb->n", mine, mine), np.einsum("nb,nb->n", theirs, theirs)
    gain = np.einsum("nb,nb->n", mine, theirs) - UNRELATED * (energies[0] + energies[1]) / 2
    total = np.concatenate([[0.0], np.cumsum(gain)])
    last = int((total[1:] - np.minimum.accumulate(total[:-1])).argmax())
    first = int(total[: last + 1].argmin())
    within = slice(first, last + 1)
    correlation = _correlation(mine[within], theirs[within])
    heard = (energies[0][within] > 0) & (energies[1][within] > 0)
    if heard.sum() < LEAST_ROWS or correlation < _ALIKE:
        return None
    variety = min(_variety(mine[within]), _variety(theirs[within]))
    silent = np.convolve((energies[0] == 0) & (energies[1] == 0), np.ones(_FADE_ROWS), "same") > 0
    first -= _leading(silent[:first][::-1])
    last += _leading(silent[last + 1 :])
    ends = np.array([rows[first], rows[last] + 1])
    start, stop = (ends + CENTRE - line.offset) / line.tempo - CENTRE
    return ToneStretch(
        float(start),
        float(stop),
        float(ends[0]),
        float(ends[1]),
        line.tempo,
        line.semitones,
        correlation,
        variety,
        int(heard.sum()),
    )


def _variety(rows: NDArray[np.float32]) -> float:
    changing = np.einsum("nb,nb->n", rows, rows) > _CHANGED

    def likeness(lag: int) -> float:
        return _correlation(rows[lag:], rows[:-lag])

    return min(float(changing.mean()), varied(likeness, len(rows)))


def _leading(flags: NDArray[np.bool_]) -> int:
    """How many are set before the first that is not."""
    return len(flags) if flags.all() else int(flags.argmin())


def _overlap(one: ToneStretch, other: ToneStretch) -> bool:
    """More than half of the shorter one is in the other."""
    common = min(one.stop, other.stop) - max(one.start, other.start)
    return common > min(one.stop - one.start, other.stop - other.start) / 2
