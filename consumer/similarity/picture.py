"""Picture: which stretches of one video show what another shows, and how surely.

Two things must agree. *Still*: the whitened pictures look alike. *Moving*: what changes over time changes alike. The
same set on another day looks alike and moves differently; a logo, a bar or a frame stands still and so takes no part in
what moves. A copy has both.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from consumer.similarity.overlay import Overlay
from consumer.similarity.pictures import Pictures
from consumer.similarity.registration import ROUGHLY, Registered, measure, of_window, refine
from consumer.similarity.search import LEAST_SAMPLES, Hypothesis, inset_proposals, proposals
from consumer.similarity.slides import middles
from consumer.similarity.timeline import STEP, Line
from consumer.similarity.timing import Course, exact_course
from consumer.similarity.views import Seen

_MOMENTS = 24
_MOST_PIECES = 4
_LOOKED_AT = 3
_SURE = 8.0
_HOPELESS, _HOPELESS_ON_COURSE = -5.0, -2.0
"""Strength at the first laying up to which the exact course mends nothing, and on that course up to which a thorough
laying mends nothing. Of 346 layings of 300 altered copies on their originals, all found, the least were -4.3 and 0.8;
of 715 layings of unrelated videos half are under the former, nine in ten under either."""
_LONG = 8
_FADED = 0.5
"""Share of the usual contrast of a stretch under which its pictures are fading: an overlay does not fade with them, so
that they are looked at without those too, if that leaves half of them."""

_ODD_SHARE, _ODD_SPEED = 0.5, 0.03
_TOO_ODD, _TOO_ODD_DOUBT = 3, 1.5
"""Less than half of either picture, mirrored or turned, backwards, another speed: among so many ways to lie on each
other some agree by chance, and copies that are three of these are rare."""

_SLIDE_SECONDS = 1.0
"""A slide is evidence for so long, however long it stands."""

_MUCH_EXTENT, _MUCH_VARIETY = 180.0, 1.5
_STRENGTHS = (-14.0, 1.2, 2.4, 3.6, 13.0)
_SCORES = (0.0, 0.70, 0.85, 0.95, 1.0)
_MOVING = (0.0, 0.3, 0.55, 0.56)
_MOST_STRENGTH = (0.0, 0.9, 13.0, 99.0)
_FOCUS_MOVING = (0.0, 0.55, 0.8, 0.81)
_FOCUS_DOUBT = 1.5
"""Where only what moves was compared: figures that walk are alike, whoever they are."""
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
    """Where the query shows what the reference shows, surest first.

    A video that either shows within its picture is compared as one of its own, unless the whole pictures are sure.
    """
    found = _of_whole(query, reference)
    if not _is_sure(found) and query.inset is not None:
        share = query.inset_share
        within = [replace(piece, area=piece.area * share) for piece in _of_whole(query.inset, reference)]
        found = _surer(found, within)
    if not _is_sure(found) and reference.inset is not None:
        found = _surer(found, _of_whole(query, reference.inset))
    return found


def _is_sure(found: list[Stretch]) -> bool:
    return bool(found) and found[0].strength >= _SURE


def _surer(found: list[Stretch], others: list[Stretch]) -> list[Stretch]:
    return max(found, others, key=lambda pieces: pieces[0].strength if pieces else -np.inf)


def _of_whole(query: Seen, reference: Seen) -> list[Stretch]:
    """Where little of both moves, and the whole pictures are not sure, what moves is compared alone: it is surer, or
    counts twice: pictures that agree where nothing moves are only alike."""
    found = _pieces(query, reference)
    if query.focus is None or reference.focus is None or _is_sure(found):
        return found
    size = query.focus_share / max(reference.focus_share, 1e-6)
    closer = [_of_focus(piece, size) for piece in _pieces(query.focus, reference.focus)]
    if not (found and closer):
        return closer or found
    if closer[0].strength >= found[0].strength:
        return closer
    return [_as_strong(piece, (piece.strength + 2 * closer[0].strength) / 3) for piece in found]


def _of_focus(piece: Stretch, size: float) -> Stretch:
    """size: of the query's focus, beside the reference's: 1 when both show it as large."""
    most = float(np.interp(piece.registered.moving, _FOCUS_MOVING, _MOST_STRENGTH))
    return replace(_as_strong(piece, min(piece.strength, most) - _FOCUS_DOUBT), area=piece.area * min(1.0, size))


def _as_strong(piece: Stretch, strength: float) -> Stretch:
    return replace(piece, strength=strength, score=score_of(strength))


def _pieces(query: Seen, reference: Seen) -> list[Stretch]:
    """Pieces are looked for until none is left that counts, so that a compilation that takes several gives each."""
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
    return sorted(found, key=lambda each: -each.strength)


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
    """As what moves and, where the query may be made of slides, as those: whichever is surer."""
    each = np.arange(len(query.telling))
    taken = [each] if np.array_equal(query.slides, each) else [query.slides, each]
    return max((_measured_as(query, reference, found, slides) for slides in taken), key=lambda one: one.strength)


def _measured_as(query: Seen, reference: Seen, found: Hypothesis, slides: NDArray[np.intp]) -> Stretch:
    """slides: which one each sample shows, intp [n] (`slides_of`)."""
    line, shown = found.line, found.query.detail
    own = query.pictures(found.query)
    other = reference.reel(found.reference.with_bars)
    moments = _moments(query, slides, line.first, line.last)
    mine = own[moments]

    def alongside(course: Course) -> Pictures:
        return other.at(course[0] * moments * STEP + course[1])

    def given_up(registered: Registered, course: Course) -> Stretch:
        overlay = Overlay(own, other, registered.affine, course, slides)
        return _stretch(query, reference, found, registered, overlay, (line.first, line.last))

    rough = line.speed, line.offset
    affine = refine(mine, alongside(rough), of_window(found.reference.window), shown, ROUGHLY)
    registered = measure(mine, alongside(rough), affine, shown)
    if strength_of(registered, line.samples * STEP) < _HOPELESS:
        return given_up(registered, rough)
    course = exact_course(own, other, moments, affine, rough)
    # Slides lie beside their course: how they agree on it says little of them.
    if slides[-1] == len(slides) - 1:
        registered = measure(mine, alongside(course), affine, shown)
        if strength_of(registered, line.samples * STEP) < _HOPELESS_ON_COURSE:
            return given_up(registered, course)
    affine = refine(mine, alongside(course), affine, shown)
    overlay = Overlay(own, other, affine, course, slides)
    first, last = _extent_in_time(query, overlay, line)
    moments = _moments(query, slides, *_well_within(first, last))
    seconds = overlay.nearest(moments)
    registered = measure(own[moments], other.at(seconds), affine, shown)
    unfaded = _is_unfaded(query.contrast[moments]) & _is_unfaded(reference.contrast_at(seconds))
    if len(unfaded) / 2 <= unfaded.sum() < len(unfaded):
        without = measure(own[moments[unfaded]], other.at(seconds[unfaded]), affine, shown)
        lasts = (last - first + 1) * STEP
        registered = max(registered, without, key=lambda each: strength_of(each, lasts))
    return _stretch(query, reference, found, registered, overlay, (first, last))


def _is_unfaded(contrast: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.asarray(contrast >= _FADED * np.median(contrast))


def _moments(query: Seen, slides: NDArray[np.intp], first: int, last: int) -> NDArray[np.intp]:
    """At most _MOMENTS of the samples first..last that show something, one of each slide, evenly spread; `first` itself
    when none does."""
    rows = np.arange(first, last + 1)
    telling = rows[query.telling[rows]]
    if len(telling) == 0:
        return rows[:1]
    telling = middles(telling, slides[telling])
    chosen = np.linspace(0, len(telling) - 1, min(_MOMENTS, len(telling))).astype(np.intp)
    return np.asarray(telling[chosen], dtype=np.intp)


def _well_within(first: int, last: int) -> tuple[int, int]:
    """Without the outermost samples, which may show what comes before or after: nothing changes as much as a cut."""
    edge = 1 if last - first >= _LONG else 0
    return first + edge, last - edge


def _stretch(
    query: Seen,
    reference: Seen,
    found: Hypothesis,
    registered: Registered,
    overlay: Overlay,
    span: tuple[int, int],
) -> Stretch:
    speed, offset = overlay.course
    start, end = span[0] * STEP, min((span[1] + 1) * STEP, query.fingerprint.duration)
    ref_start, ref_end = sorted(speed * at + offset for at in (start, end))
    ref_start, ref_end = max(ref_start, 0.0), min(ref_end, reference.fingerprint.duration)
    rows = np.zeros(len(query.telling), np.bool_)
    rows[span[0] : span[1] + 1] = True
    ref_rows = np.zeros(len(reference.telling), np.bool_)
    ref_rows[round(ref_start / STEP) : max(round(ref_end / STEP), round(ref_start / STEP) + 1)] = True
    shown = int(overlay.slides[span[1]] - overlay.slides[span[0]]) + 1
    strength = strength_of(registered, min(end - start, shown * _SLIDE_SECONDS))
    if oddities(found, speed) >= _TOO_ODD:
        strength -= _TOO_ODD_DOUBT
    return Stretch(
        start, end, ref_start, ref_end, speed, found.query.mirrored, found.query.quarter_turns,
        registered, registered.area * found.query.share, strength, score_of(strength), rows, ref_rows,
    )  # fmt: skip


def oddities(found: Hypothesis, speed: float) -> int:
    """How many unlikely things the query would have to be."""
    is_part = min(found.query.share, found.reference.share) < _ODD_SHARE
    is_turned = found.query.mirrored or found.query.quarter_turns > 0
    return sum((is_part, is_turned, speed < 0, abs(abs(speed) - 1.0) > _ODD_SPEED))


def _extent_in_time(query: Seen, overlay: Overlay, line: Line) -> tuple[int, int]:
    """First and last query sample, around the line's run, that agree with the reference's; both inclusive."""
    speed, offset = overlay.course
    agreement = overlay.agreement()
    at = speed * np.arange(len(agreement)) * STEP + offset
    within = (at >= -STEP / 2) & (at <= overlay.other.last_second + STEP / 2)
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
