"""Picture: which stretches of one video show what another shows, and how surely.

Two things must agree. *Still*: the whitened pictures look alike. *Moving*: what changes over time changes alike. The
same set on another day looks alike and moves differently; a logo, a bar or a frame stands still and so takes no part in
what moves. A copy has both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from consumer.similarity.pictures import BAND, Pictures, whitened
from consumer.similarity.reel import Reel
from consumer.similarity.registration import Registered, measure, of_window, refine, warp
from consumer.similarity.search import LEAST_SAMPLES, Hypothesis, inset_proposals, proposals
from consumer.similarity.timeline import STEP, Line
from consumer.similarity.timing import exact_course
from consumer.similarity.views import Seen

_MOMENTS = 24
_MOST_PIECES = 4
_LOOKED_AT = 3
_SURE = 8.0
_BLOCK = 512
_CLOSE, _CLEARLY = 0.25, 0.1
_LONG = 8
_SLIDE_SECONDS = 1.0
"""A slide is evidence for so long, however long it stands."""

_MUCH_EXTENT, _MUCH_VARIETY = 180.0, 1.5
_STRENGTHS = (-14.0, 1.2, 2.4, 3.6, 13.0)
_SCORES = (0.0, 0.70, 0.85, 0.95, 1.0)
_MOVING = (0.0, 0.3, 0.55, 0.56)
_MOST_STRENGTH = (0.0, 0.9, 13.0, 99.0)
COUNTS = 0.70
"""Score from which a stretch is evidence at all."""


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """One stretch of the query along one of the reference, measured. Times in seconds of each video.

    area: share of the query's picture that agrees. strength: log-odds-like weight of the evidence (`strength_of`);
    score: the same on the scale of verdicts, 0..1.
    """

    start: float
    end: float
    ref_start: float
    ref_end: float
    speed: float
    mirrored: bool
    quarter_turns: int
    registered: Registered
    area: float
    strength: float
    score: float
    rows: NDArray[np.bool_]
    ref_rows: NDArray[np.bool_]


def stretches(query: Seen, reference: Seen) -> list[Stretch]:
    """Where the query shows what the reference shows, in the order they were found, surest first.

    Pieces are looked for until none is left that counts, so that a compilation that takes several gives each.
    """
    free = query.telling.copy()
    found: list[Stretch] = []
    while len(found) < _MOST_PIECES and free.sum() >= LEAST_SAMPLES:
        best = _best(query, reference, proposals(query, reference, free))
        if not found and (best is None or best.score < COUNTS):
            inset = _best(query, reference, inset_proposals(query, reference, free))
            best = max((each for each in (best, inset) if each), key=lambda each: each.strength, default=None)
        if best is None or (found and best.score < COUNTS):
            break
        found.append(best)
        if best.score < COUNTS:
            break
        free &= ~best.rows
    return found


def _best(query: Seen, reference: Seen, proposed: list[Hypothesis]) -> Stretch | None:
    """The strongest of the most promising; what is sure is not looked beyond."""
    best: Stretch | None = None
    for each in proposed[:_LOOKED_AT]:
        measured = _measured(query, reference, each)
        best = measured if best is None or measured.strength > best.strength else best
        if best.strength >= _SURE:
            break
    return best


def strength_of(registered: Registered, seconds: float) -> float:
    """How much the measurements speak for a copy: a weighted sum of log-like terms, about 0 for the likeliest accident.

    The weights were fitted (logistic regression) on altered copies against unrelated pairs and rounded; see
    docs/policy.md. Correlations enter by Fisher's z; short, small or one-dimensional agreement counts for less: two
    stick figures on black are alike, and two things that go to and fro move alike. Length and variety say how much
    could have agreed, not that it did: what does not move alike has a ceiling.
    """
    strength = (
        2.0 * _fisher(registered.still) * _share_of(registered.extent, _MUCH_EXTENT)
        + 6.5 * _fisher(registered.moving) * _share_of(registered.variety, _MUCH_VARIETY)
        + 3.5 * float(np.log(registered.variety + 0.5))
        + 1.5 * float(np.log(registered.area + 0.01))
        + 2.4 * float(np.log(max(seconds, STEP)))
        - 12.7
    )
    return min(strength, float(np.interp(registered.moving, _MOVING, _MOST_STRENGTH)))


def score_of(strength: float) -> float:
    """The strength on the scale of verdicts: unrelated under 0.70, plain copies from 0.95."""
    return float(np.interp(strength, _STRENGTHS, _SCORES))


def _share_of(value: float, much: float) -> float:
    return float(np.clip(value / much, 0.5, 1.0))


def _fisher(correlation: float) -> float:
    return float(np.arctanh(np.clip(correlation, -0.5, 0.985)))


def _measured(query: Seen, reference: Seen, found: Hypothesis) -> Stretch:
    line, shown = found.line, found.query.detail
    own = query.pictures(found.query)
    other = reference.reel(found.reference.with_bars)
    moments = _moments(query, line.first, line.last)

    def alongside(speed: float, offset: float) -> Pictures:
        return other.at(speed * moments * STEP + offset)

    affine = refine(own[moments], alongside(line.speed, line.offset), of_window(found.reference.window), shown)
    speed, offset = exact_course(own, other, moments, affine, (line.speed, line.offset))
    affine = refine(own[moments], alongside(speed, offset), affine, shown)
    first, last = _extent_in_time(query, own, other, affine, (speed, offset), line)
    moments = _moments(query, *_well_within(first, last))
    nearest = _nearest(own, other, affine, (speed, offset), moments, _reaches(query, moments, speed))
    registered = measure(own[moments], other.at(nearest), affine, shown)
    return _stretch(query, reference, found, registered, (speed, offset), (first, last))


def _moments(query: Seen, first: int, last: int) -> NDArray[np.intp]:
    """At most _MOMENTS of the samples first..last that show something, one of each slide, evenly spread; `first` itself
    when none does."""
    rows = np.arange(first, last + 1)
    telling = rows[query.telling[rows]]
    if len(telling) == 0:
        return rows[:1]
    telling = _middles(telling, query.slides[telling])
    chosen = np.linspace(0, len(telling) - 1, min(_MOMENTS, len(telling))).astype(np.intp)
    return np.asarray(telling[chosen], dtype=np.intp)


def _middles(rows: NDArray[np.intp], slides: NDArray[np.intp]) -> NDArray[np.intp]:
    """Of each slide's rows the one in the middle. slides: of each row, ascending."""
    _, starts, counts = np.unique(slides, return_index=True, return_counts=True)
    return np.asarray(rows[starts + counts // 2], dtype=np.intp)


def _reaches(query: Seen, moments: NDArray[np.intp], speed: float) -> NDArray[np.float64]:
    """float64 [k], seconds of the reference: how far from its course a moment is looked for, which is as far as its
    slide stands."""
    stands = np.bincount(query.slides)[query.slides[moments]] - 1
    return np.asarray(_CLOSE + stands * STEP * abs(speed) / 2, dtype=np.float64)


def _nearest(
    own: Pictures,
    other: Reel,
    affine: NDArray[np.float64],
    course: tuple[float, float],
    moments: NDArray[np.intp],
    reaches: NDArray[np.float64],
) -> NDArray[np.float64]:
    """When the reference shows each moment, float64 [k], seconds: on its course, or where a picture within reach agrees
    clearly better, at cuts and of slides."""
    seconds = course[0] * moments * STEP + course[1]
    wide = int(reaches.max() / _CLOSE)
    shifts = np.arange(-wide, wide + 1) * _CLOSE
    likeness = np.stack([_agreement(own[moments], other.at(seconds + shift), affine) for shift in shifts])
    likeness[wide] += np.where(reaches > _CLOSE, 0.0, _CLEARLY)
    likeness[np.abs(shifts)[:, None] > reaches[None, :]] = -np.inf
    return np.asarray(seconds + shifts[likeness.argmax(axis=0)], dtype=np.float64)


def _well_within(first: int, last: int) -> tuple[int, int]:
    """Without the outermost samples, which may show what comes before or after: nothing changes as much as a cut."""
    edge = 1 if last - first >= _LONG else 0
    return first + edge, last - edge


def _stretch(
    query: Seen,
    reference: Seen,
    found: Hypothesis,
    registered: Registered,
    course: tuple[float, float],
    span: tuple[int, int],
) -> Stretch:
    speed, offset = course
    start, end = span[0] * STEP, min((span[1] + 1) * STEP, query.fingerprint.duration)
    ref_start, ref_end = sorted(speed * at + offset for at in (start, end))
    ref_start, ref_end = max(ref_start, 0.0), min(ref_end, reference.fingerprint.duration)
    rows = np.zeros(len(query.telling), np.bool_)
    rows[span[0] : span[1] + 1] = True
    ref_rows = np.zeros(len(reference.telling), np.bool_)
    ref_rows[round(ref_start / STEP) : max(round(ref_end / STEP), round(ref_start / STEP) + 1)] = True
    slides = int(query.slides[span[1]] - query.slides[span[0]]) + 1
    strength = strength_of(registered, min(end - start, slides * _SLIDE_SECONDS))
    return Stretch(
        start, end, ref_start, ref_end, speed, found.query.mirrored, found.query.quarter_turns,
        registered, registered.area * found.query.share, strength, score_of(strength), rows, ref_rows,
    )  # fmt: skip


def _extent_in_time(
    query: Seen,
    own: Pictures,
    other: Reel,
    affine: NDArray[np.float64],
    course: tuple[float, float],
    line: Line,
) -> tuple[int, int]:
    """First and last query sample, around the line's run, that agree with the reference's; both inclusive."""
    speed, offset = course
    at = speed * np.arange(len(own)) * STEP + offset
    within = (at >= -STEP / 2) & (at <= other.last_second + STEP / 2)
    agreement = _agreement_throughout(query, own, other, affine, course)
    inner = agreement[line.first : line.last + 1][query.telling[line.first : line.last + 1]]
    least = 0.5 * float(np.median(inner)) if len(inner) else 0.0
    smooth = np.convolve(np.pad(agreement, 1, mode="edge"), np.ones(3) / 3, mode="valid")
    good = within & ((smooth >= least) | (agreement >= least) | ~query.telling)
    middle = (line.first + line.last) // 2
    first, last = middle, middle
    while first > 0 and good[first - 1]:
        first -= 1
    while last < len(good) - 1 and good[last + 1]:
        last += 1
    while first < last and not query.telling[first]:
        first += 1
    while last > first and not query.telling[last]:
        last -= 1
    return first, last


def _agreement_throughout(
    query: Seen, own: Pictures, other: Reel, affine: NDArray[np.float64], course: tuple[float, float]
) -> NDArray[np.float32]:
    """float32 [n]: of each sample with what the reference shows on its course; of a slide where it agrees best."""
    moments = _middles(np.arange(len(own)), query.slides)
    seconds = course[0] * moments * STEP + course[1]
    if len(moments) < len(own):
        seconds = _nearest(own, other, affine, course, moments, _reaches(query, moments, course[0]))
    blocks = [slice(start, start + _BLOCK) for start in range(0, len(moments), _BLOCK)]
    agreement = [_agreement(own[moments[block]], other.at(seconds[block]), affine) for block in blocks]
    return np.asarray(np.concatenate(agreement)[query.slides], dtype=np.float32)


def _agreement(own: Pictures, shown: Pictures, affine: NDArray[np.float64]) -> NDArray[np.float32]:
    """float32 [n]: correlation of the whitened pictures, moment by moment."""
    seen, inside = warp(whitened(shown, BAND), affine)
    mine = whitened(own, BAND) * inside
    norm = np.sqrt((mine**2).sum(axis=(1, 2)) * ((seen * inside) ** 2).sum(axis=(1, 2)))
    return np.asarray((mine * seen).sum(axis=(1, 2)) / np.maximum(norm, 1e-9), dtype=np.float32)
