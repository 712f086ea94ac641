"""Search: which views and lines are worth a closer look. Cheap and generous; the measuring is done elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from consumer.similarity.pictures import WHOLE, Features, lowest
from consumer.similarity.timeline import BACKWARDS, SPEEDS, UNRELATED, Line, Strides, best_lines_of_each
from consumer.similarity.views import Seen, View, inset_windows, pairs_of_views

LEAST_SAMPLES = 4
"""A run of fewer samples (2 s) is no evidence."""

LEAST_MASS = 0.5
"""A line of less mass (`Line`) is not worth registering: three in four unrelated videos have none that reaches it."""

LEAST_INSET_MASS = 0.3
"""The same of an inset, of which fewer samples are looked at."""

_LOWEST_WEIGHT = 0.25
"""What agrees in the lowest frequencies counts so much beside what agrees in all: it does so more easily."""

_MOST_ROWS = 300
_ROUGH_LOOKED_AT = 4
_INSETS_LOOKED_AT = 2
_INSET_STRIDE = 3

_CELLS_AT_ONCE = 1 << 18
"""Of all the matrices that are searched together: few enough to stay in the processor's cache."""

_Each = TypeVar("_Each")

Views = tuple[View, View]
"""Of the query and of the reference."""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    query: View
    reference: View
    line: Line


def proposals(query: Seen, reference: Seen, free: NDArray[np.bool_]) -> list[Hypothesis]:
    """Views and lines worth a closer look: every pair of views at speed 1, whole pictures backwards too, then the best
    of them at every speed."""
    pairs = list(pairs_of_views(query, reference))
    wholes = [views for views in pairs if views[0].window == views[1].window == WHOLE]
    parts = [views for views in pairs if views not in wholes]
    rough = _hypotheses(query, reference, wholes, free, (1.0, BACKWARDS), 1)
    rough |= _hypotheses(query, reference, parts, free, (1.0,), 1)
    first = _by_mass(each for views in pairs for each in rough[views])
    best = [(each.query, each.reference) for each in first[:_ROUGH_LOOKED_AT]]
    fine = _hypotheses(query, reference, best, free, (*SPEEDS, BACKWARDS), 2)
    return _by_mass(each for views in best for each in fine[views])


def _by_mass(found: Iterable[Hypothesis]) -> list[Hypothesis]:
    return sorted(found, key=lambda each: each.line.mass, reverse=True)


def _hypotheses(
    query: Seen,
    reference: Seen,
    pairs: Sequence[Views],
    free: NDArray[np.bool_],
    speeds: tuple[float, ...],
    most: int,
) -> dict[Views, list[Hypothesis]]:
    """The best lines under each pair of views. Of two long videos the shorter is sampled more thinly."""
    strides = _strides(len(query.telling), len(reference.telling))
    rows, columns = slice(None, None, strides.query), slice(None, None, strides.reference)
    says_nothing = ~(query.telling[rows, None] & reference.telling[None, columns])
    is_taken = (query.telling & ~free)[rows]
    found: dict[Views, list[Hypothesis]] = {}
    for some in _in_cache_together(pairs, says_nothing.size):
        own = query.features_of_each([views[0] for views in some])[:, rows]
        other = reference.features_of_each([views[1] for views in some])[:, columns]
        matrices = own @ other.transpose(0, 2, 1)
        np.copyto(matrices, UNRELATED, where=says_nothing)
        matrices[:, is_taken] = 0.0
        lines_of_each = best_lines_of_each(matrices, speeds, most, strides, LEAST_MASS)
        for views, lines in zip(some, lines_of_each, strict=True):
            within = [_within(line, query) for line in lines]
            found[views] = [Hypothesis(*views, line) for line in within if _is_promising(line, LEAST_MASS)]
    return found


def _in_cache_together(each: Sequence[_Each], cells: int) -> Iterator[Sequence[_Each]]:
    """Those whose matrices, of so many cells each, are searched together; one at least."""
    at_once = max(1, _CELLS_AT_ONCE // max(cells, 1))
    return (each[start : start + at_once] for start in range(0, len(each), at_once))


def _strides(query: int, reference: int) -> Strides:
    stride = max(1, -(-min(query, reference) // _MOST_ROWS))
    return Strides(query=stride) if query <= reference else Strides(reference=stride)


def _within(line: Line, query: Seen) -> Line:
    last = len(query.telling) - 1
    return replace(line, first=min(line.first, last), last=min(line.last, last))


def inset_proposals(query: Seen, reference: Seen, free: NDArray[np.bool_]) -> list[Hypothesis]:
    """The reference as a smaller picture somewhere in the query's: picture-in-picture, panes, blurred frames."""
    whole = reference.features(View())
    stride = max(_INSET_STRIDE, -(-len(query.telling) // _MOST_ROWS))
    rows = np.arange(0, len(query.telling), stride)
    shown = (query.telling & free)[rows]
    if len(rows) < 2 or not shown.any():
        return []
    views = [View(with_bars=True, window=window) for window in inset_windows(query.full_aspect / reference.aspect)]
    says_nothing = ~(shown[:, None] & reference.telling[None, :])
    first: list[Hypothesis] = []
    for some in _in_cache_together(views, says_nothing.size):
        own = query.features_of_each(some, stride)
        finely = _inset_lines(own, whole, says_nothing, stride)
        roughly = _inset_lines(lowest(own), lowest(whole), says_nothing, stride)
        for view, fine, rough in zip(some, finely, roughly, strict=True):
            lines = [*fine, *(replace(line, mass=line.mass * _LOWEST_WEIGHT) for line in rough)]
            first.extend(Hypothesis(view, View(), _within(line, query)) for line in _together(lines))
    return [each for each in _by_mass(first) if _is_promising(each.line, LEAST_INSET_MASS)][:_INSETS_LOOKED_AT]


def _inset_lines(own: Features, whole: Features, says_nothing: NDArray[np.bool_], stride: int) -> list[list[Line]]:
    """The best line of each window, if it lasts. own: float32 [k, n, f], of k windows. whole: float32 [m, f]."""
    matrices = own @ whole.T
    np.copyto(matrices, UNRELATED, where=says_nothing)
    lines_of_each = best_lines_of_each(matrices, (1.0,), 1, Strides(query=stride))
    return [[line for line in lines if line.samples >= LEAST_SAMPLES] for lines in lines_of_each]


def _together(lines: list[Line]) -> list[Line]:
    """The line of most mass, with the mass of all. Where a window lies a little off, or what is around an inset blurs
    it, only its lowest frequencies agree; where those of another video do, the others do not."""
    return [replace(max(lines, key=lambda each: each.mass), mass=sum(each.mass for each in lines))] if lines else []


def _is_promising(line: Line, least_mass: float) -> bool:
    return line.samples >= LEAST_SAMPLES and line.mass >= least_mass
