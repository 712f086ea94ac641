"""Search: which views and lines are worth a closer look. Cheap and generous; the measuring is done elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from consumer.similarity.pictures import WHOLE
from consumer.similarity.timeline import BACKWARDS, SPEEDS, UNRELATED, Line, Strides, best_lines
from consumer.similarity.views import Seen, View, inset_windows, pairs_of_views

LEAST_SAMPLES = 4
"""A run of fewer samples (2 s) is no evidence."""

LEAST_MASS = 0.5
"""A line of less mass (`Line`) is not worth registering: three in four unrelated videos have none that reaches it."""

LEAST_INSET_MASS = 0.2
"""The same of an inset, of which fewer samples are looked at."""

_MOST_ROWS = 300
_INSETS_LOOKED_AT = 2
_INSET_STRIDE = 3


@dataclass(frozen=True, slots=True)
class Hypothesis:
    query: View
    reference: View
    line: Line


def proposals(query: Seen, reference: Seen, free: NDArray[np.bool_]) -> list[Hypothesis]:
    """Views and lines worth a closer look: every pair of views at speed 1, whole pictures backwards too, then the best
    of them at every speed."""
    first: list[Hypothesis] = []
    for own, other in pairs_of_views(query, reference):
        speeds = (1.0, BACKWARDS) if own.window == other.window == WHOLE else (1.0,)
        first.extend(_hypotheses(query, reference, (own, other), free, speeds, 1))
    first.sort(key=lambda found: found.line.mass, reverse=True)
    found: list[Hypothesis] = []
    for rough in first[:4]:
        found.extend(_hypotheses(query, reference, (rough.query, rough.reference), free, (*SPEEDS, BACKWARDS), 2))
    found.sort(key=lambda each: each.line.mass, reverse=True)
    return found


def _hypotheses(
    query: Seen,
    reference: Seen,
    views: tuple[View, View],
    free: NDArray[np.bool_],
    speeds: tuple[float, ...],
    most: int,
) -> list[Hypothesis]:
    """The best lines under one pair of views. Of two long videos the shorter is sampled more thinly."""
    own, other = views
    strides = _strides(len(query.telling), len(reference.telling))
    rows, columns = slice(None, None, strides.query), slice(None, None, strides.reference)
    matrix = query.features(own)[rows] @ reference.features(other)[columns].T
    matrix[~(query.telling[rows, None] & reference.telling[None, columns])] = UNRELATED
    matrix[(query.telling & ~free)[rows]] = 0.0
    found = [_within(line, query) for line in best_lines(matrix, speeds, most, strides)]
    return [Hypothesis(own, other, line) for line in found if _is_promising(line, LEAST_MASS)]


def _strides(query: int, reference: int) -> Strides:
    stride = max(1, -(-min(query, reference) // _MOST_ROWS))
    return Strides(query=stride) if query <= reference else Strides(reference=stride)


def _within(line: Line, query: Seen) -> Line:
    last = len(query.telling) - 1
    return replace(line, first=min(line.first, last), last=min(line.last, last))


def inset_proposals(query: Seen, reference: Seen, free: NDArray[np.bool_]) -> list[Hypothesis]:
    """The reference as a smaller picture somewhere in the query's: picture-in-picture, panes, blurred frames."""
    first: list[Hypothesis] = []
    whole = reference.features(View())
    stride = max(_INSET_STRIDE, -(-len(query.telling) // _MOST_ROWS))
    rows = np.arange(0, len(query.telling), stride)
    shown = (query.telling & free)[rows]
    if len(rows) < 2 or not shown.any():
        return []
    for window in inset_windows(query.full_aspect / reference.aspect):
        view = View(with_bars=True, window=window)
        matrix = query.features(view, stride) @ whole.T
        matrix[~shown] = UNRELATED
        matrix[:, ~reference.telling] = UNRELATED
        lines = best_lines(matrix, speeds=(1.0,), most=1, strides=Strides(query=stride))
        first.extend(Hypothesis(view, View(), _within(line, query)) for line in lines)
    first.sort(key=lambda found: found.line.mass, reverse=True)
    return [each for each in first if _is_promising(each.line, LEAST_INSET_MASS)][:_INSETS_LOOKED_AT]


def _is_promising(line: Line, least_mass: float) -> bool:
    return line.samples >= LEAST_SAMPLES and line.mass >= least_mass
