"""The picture of how alike the moments of two videos are: how large it is shown, and what it says in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edge_api.console.formatting import length

LONGEST, SHORTEST = 240, 104
"""Sides as shown, in pixels: both videos to one scale, unless one is less than half of the other; there is room for the
names of the axes."""

_MOST_SAID = 3


@dataclass(frozen=True, slots=True)
class Matrix:
    """url: of the picture. width, height: as shown, in pixels. seconds, ref_seconds: what it is across, and down.

    sentence: what there is to see, for who does not see it.
    """

    url: str
    width: int
    height: int
    seconds: float
    ref_seconds: float
    sentence: str


def matrix_of(match: Mapping[str, Any] | None, duration: float | None, ref_duration: float | None) -> Matrix | None:
    """match: as the API gives it. duration, ref_duration: seconds. None where there is no picture, or its sides cannot
    be told."""
    url = match and match.get("matrix_url")
    if not match or not url or not duration or not ref_duration:
        return None
    longest = max(duration, ref_duration)
    width, height = (max(SHORTEST, round(LONGEST * side / longest)) for side in (duration, ref_duration))
    return Matrix(url, width, height, duration, ref_duration, _sentence(match.get("segments", ())))


def _sentence(segments: Sequence[Mapping[str, Any]]) -> str:
    said = "How alike each moment of this video, from left to right, is to each of the other, from top to bottom"
    lines = [
        f"{length(part['start'])} to {length(part['end'])} here is {length(part['ref_start'])} to "
        f"{length(part['ref_end'])} there"
        for part in segments[:_MOST_SAID]
    ]
    if not lines:
        return f"{said}."
    more = ", and elsewhere" if len(segments) > _MOST_SAID else ""
    return f"{said}. There is a line where {', where '.join(lines)}{more}."
