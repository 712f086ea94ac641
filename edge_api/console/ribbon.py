"""Two timelines and what joins them, as numbers for an SVG: the matched ranges of one match. Pure.

Both timelines are drawn to one scale, so that a copy that plays faster is seen to be shorter. Across, the drawing is
SPAN units wide, whatever the window; ticks and labels stand at shares of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Literal

from edge_api.console.formatting import length, percent
from edge_api.console.sentences import alterations

SPAN = 1000.0
"""Units across."""

TOP, LANE, GAP = 22.0, 14.0, 72.0
"""Units down: above the first timeline, of a timeline, between the two."""

MOST_RANGES = 100
"""Of one kind that are drawn and listed."""

_NARROWEST = 3.0
_SCORE_SHARE, _SHARE_OF_A_LETTER = 0.12, 0.021
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
_MOST_TICKS = 5

Kind = Literal["picture", "sound"]


@dataclass(frozen=True, slots=True)
class Tick:
    """share: of the drawing's width. anchor: SVG's text-anchor."""

    share: float
    text: str
    anchor: Literal["start", "middle", "end"]


@dataclass(frozen=True, slots=True)
class Lane:
    """One timeline. share: of the drawing's width. is_exact: the length is known, and not only what matches of it."""

    seconds: float
    share: float
    is_exact: bool
    ticks: tuple[Tick, ...]


@dataclass(frozen=True, slots=True)
class Range:
    """A segment and how it is drawn. number: from 1, over all ranges of the match. x, width, ref_x, ref_width: units.

    points: of the band's polygon; it is twisted when the range plays backwards. middle: share at which labels stand.
    label, detail: what fits into the band; empty when nothing does.
    """

    number: int
    kind: Kind
    segment: Mapping[str, Any]
    x: float
    width: float
    ref_x: float
    ref_width: float
    points: str
    middle: float
    label: str
    detail: str

    @property
    def sentence(self) -> str:
        part = self.segment
        said = f"{self.kind}: {length(part['start'])} to {length(part['end'])} here is {length(part['ref_start'])} to "
        said += f"{length(part['ref_end'])} there, {percent(part['score'])} alike"
        ways = [way.label for way in alterations(part)]
        return ", ".join([f"{said[0].upper()}{said[1:]}", *ways])


@dataclass(frozen=True, slots=True)
class Ribbon:
    """scale: seconds that the whole width is. left_out: ranges beyond MOST_RANGES."""

    kind: Kind
    scale: float
    own: Lane
    other: Lane
    ranges: tuple[Range, ...]
    left_out: int


def ribbons(match: Mapping[str, Any], duration: float | None, ref_duration: float | None) -> list[Ribbon]:
    """One of the picture, one of the sound; none where nothing of the kind matches.

    match: as the API gives it. duration, ref_duration: seconds, None when unknown: then as far as the ranges go.
    """
    is_sound = match.get("kind") == "audio"
    parts: dict[Kind, Sequence[Mapping[str, Any]]] = {
        "picture": () if is_sound else match.get("segments", ()),
        "sound": match.get("segments", ()) if is_sound else match.get("audio_segments", ()),
    }
    every = [part for some in parts.values() for part in some]
    own = max([duration or 0.0, *(part["end"] for part in every)])
    other = max([ref_duration or 0.0, *(part["ref_end"] for part in every)])
    scale = max(own, other)
    if not every or scale <= 0:
        return []
    lanes = _lane(own, scale, is_exact=duration is not None), _lane(other, scale, is_exact=ref_duration is not None)
    numbers = count(1)
    return [
        Ribbon(
            kind,
            scale,
            *lanes,
            ranges=tuple(_range(next(numbers), kind, _with_speed(part, match), scale) for part in some[:MOST_RANGES]),
            left_out=max(0, len(some) - MOST_RANGES),
        )
        for kind, some in parts.items()
        if some
    ]


def _with_speed(part: Mapping[str, Any], match: Mapping[str, Any]) -> dict[str, Any]:
    """Rows of older versions have it of the whole match only."""
    return {"speed": match.get("speed", 1.0), "mirrored": match.get("mirrored", False), **part}


def _range(number: int, kind: Kind, part: Mapping[str, Any], scale: float) -> Range:
    x, width = _placed(part["start"], part["end"], scale)
    ref_x, ref_width = _placed(part["ref_start"], part["ref_end"], scale)
    ends = (ref_x, ref_x + ref_width) if part["speed"] < 0 else (ref_x + ref_width, ref_x)
    top, bottom = TOP + LANE, TOP + LANE + GAP
    corners = [(x, top), (x + width, top), (ends[0], bottom), (ends[1], bottom)]
    room = min(width, ref_width) / SPAN
    detail = ", ".join(way.label for way in alterations(part))
    return Range(
        number=number,
        kind=kind,
        segment=part,
        x=x,
        width=width,
        ref_x=ref_x,
        ref_width=ref_width,
        points=" ".join(f"{_short(across)},{_short(down)}" for across, down in corners),
        middle=round((x + width / 2 + ref_x + ref_width / 2) / 2 / SPAN, 4),
        label=percent(part["score"]) if room >= _SCORE_SHARE else "",
        detail=detail if room >= max(_SCORE_SHARE, len(detail) * _SHARE_OF_A_LETTER) else "",
    )


def _placed(start: float, end: float, scale: float) -> tuple[float, float]:
    """Where it begins and how wide it is, wide enough to be seen and within the drawing."""
    width = max((end - start) / scale * SPAN, _NARROWEST)
    return round(min(start / scale * SPAN, SPAN - width), 1), round(width, 1)


def _lane(seconds: float, scale: float, *, is_exact: bool) -> Lane:
    return Lane(seconds, round(seconds / scale, 4), is_exact, tuple(_ticks(seconds, scale)))


def _ticks(seconds: float, scale: float) -> list[Tick]:
    step = next((step for step in _STEPS if scale / step <= _MOST_TICKS), scale / _MOST_TICKS)
    ticks = [Tick(0.0, length(0), "start")]
    at = step
    # One close to the end would stand on the end's own.
    while at <= seconds - 0.6 * step:
        ticks.append(Tick(round(at / scale, 4), length(at), "middle"))
        at += step
    if seconds >= 0.6 * step:
        ticks.append(Tick(round(seconds / scale, 4), length(seconds), "end"))
    return ticks


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
