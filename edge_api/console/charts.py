"""Where the pieces of a chart lie. Pure; templates/parts/charts.html draws them as SVG.

Across in percent, so that a chart is as wide as its place and its letters keep their size; down in pixels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

TOP = 14.0
HEIGHT = 150.0
FOOT = 24.0
LEFT_PERCENT = 9.0
_GAP = 0.28
_LEAST_HEIGHT = 2.0


@dataclass(frozen=True, slots=True)
class Column:
    """middle: where its label stands. label: empty when its neighbours' have no room for it."""

    x: float
    width: float
    middle: float
    y: float
    height: float
    label: str


@dataclass(frozen=True, slots=True)
class Line:
    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Columns:
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    left: float = LEFT_PERCENT
    base: float = TOP + HEIGHT
    height: float = TOP + HEIGHT + FOOT


@dataclass(frozen=True, slots=True)
class Slice:
    """One part of a whole, drawn beside the others."""

    name: str
    value: float
    x: float
    width: float


def columns(values: Sequence[float], labels: Sequence[str]) -> Columns:
    """A column for each value, the last always labelled, two lines to read them by. Raises ValueError of a negative
    value, and when there are not as many labels as values."""
    if min(values, default=0) < 0:
        raise ValueError("a column has no negative height")
    most = ceiling(max(values, default=0))
    step = (100 - LEFT_PERCENT) / max(1, len(values))
    drawn = []
    for number, (value, label) in enumerate(zip(values, labels, strict=True)):
        height = max(_LEAST_HEIGHT, value / most * HEIGHT) if value else 0.0
        x = LEFT_PERCENT + step * number
        is_labelled = (len(values) - 1 - number) % 2 == 0
        drawn.append(
            Column(
                _short(x + step * _GAP / 2),
                _short(step * (1 - _GAP)),
                _short(x + step / 2),
                _short(TOP + HEIGHT - height),
                _short(height),
                label if is_labelled else "",
            )
        )
    lines = [Line(_short(TOP + HEIGHT * (1 - share)), compact(most * share)) for share in (0.5, 1.0)]
    return Columns(tuple(drawn), tuple(lines))


def slices(parts: Mapping[str, float]) -> list[Slice]:
    """Those that are more than nothing, side by side, 100 percent together. Raises ValueError of a negative part."""
    if min(parts.values(), default=0) < 0:
        raise ValueError("a part of a whole is not negative")
    whole, x, found = sum(parts.values()), 0.0, []
    for name, value in parts.items():
        if value:
            width = value / whole * 100
            found.append(Slice(name, value, _short(x), _short(width)))
            x += width
    return found


def shares(values: Sequence[float]) -> list[float]:
    """How long each bar is, in percent of the longest."""
    most = max(values, default=0)
    return [_short(value / most * 100) if most else 0.0 for value in values]


def ceiling(most: float) -> float:
    """The least of 2, 4, 6, 10, 20, 40, 60, 100 ... that is not less: half of it is whole too."""
    if most <= 2:
        return 2
    power = 10.0 ** math.floor(math.log10(most))
    return next(nice * power for nice in (1, 2, 4, 6, 10) if nice * power >= most * (1 - 1e-12))


def compact(number: float) -> str:
    """950, 1.2k, 12k, 3.4M."""
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= unit:
            return f"{number / unit:.3g}{name}"
    return f"{number:.3g}"


def _short(number: float) -> float:
    return round(number, 2)
