"""The similarity matrix of a match as a picture: how alike each moment of the upload is to each of the other video.

What matches is a light diagonal in it: at 45 degrees on a common scale, steeper where the upload plays faster, rising
where it plays backwards. Looked at are the pictures in the views in which the surest segment agrees best.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from consumer.similarity.timeline import STEP, on_grid
from consumer.similarity.views import Seen, View, inset_windows, pairs_of_views
from wire.fingerprints import Fingerprint
from wire.verdicts import Segment

MOST_CELLS = 256
"""Along each side of the picture."""

_MOST_OWN, _MOST_OTHER = 2 * MOST_CELLS, 4 * MOST_CELLS
"""Samples of each that are looked at. In a cell the likest count, so that a copy is seen whose samples fall between."""

_LOOKED_AT = 12
"""Moments of a segment at which views are tried."""

_PLAINLY = 0.75
"""Mean similarity of their features from which two are plainly alike: the unrelated reach 0.3."""

_HIGHEST_BLACK, _LOWEST_WHITE = 0.6, 0.65
"""Similarities, up to which and from which a picture may have its black and its white."""

_PER_SAMPLE = tuple(
    f"{part}{name}"
    for part in ("", "focus_", "inset_", "inset_focus_")
    for name in ("frames", "contrast", "brightness", "bars")
    if name != "bars" or not part
)

Samples = NDArray[np.intp]
Part = Literal["whole", "focus", "inset"]


@dataclass(frozen=True, slots=True)
class Look:
    """What is laid beside what: the whole pictures, or what is in their focus or inset; and in which views."""

    own_part: Part
    other_part: Part
    own: View
    other: View


def matrix(query: Fingerprint, reference: Fingerprint, segments: Sequence[Segment]) -> NDArray[np.uint8]:
    """uint8 [rows, columns], 1..MOST_CELLS each: the lighter the more alike, black where nothing is alike or shown.

    Columns: the query's time from left to right. Rows: the reference's from top to bottom. Both in even shares of the
    whole video. segments: what matches, surest first; without one the whole pictures are looked at as they are. Costs a
    few milliseconds of clips, and 100 of hours. Raises ValueError when either has no samples.
    """
    own_at, other_at = _grid(query), _grid(reference)
    if len(own_at) == 0 or len(other_at) == 0:
        raise ValueError("a video without samples is like nothing")
    look = best_look(query, reference, segments[0]) if segments else Look("whole", "whole", View(), View())
    own = _part(_seen(query, _thinned(own_at, _MOST_OWN)), look.own_part).features(look.own)
    other = _part(_seen(reference, _thinned(other_at, _MOST_OTHER)), look.other_part).features(look.other)
    alike = _likest(_likest(other @ own.T).T).T
    return _levels(alike)


def _levels(alike: NDArray[np.float32]) -> NDArray[np.uint8]:
    """uint8, of the same shape. From the least alike tenth to the likest: in a video of one shot everything is like
    everything, in a copy that is hard to see nothing is very like."""
    low = float(np.clip(np.percentile(alike, 10), 0.0, _HIGHEST_BLACK))
    high = max(float(alike.max()), _LOWEST_WHITE)
    return np.asarray(np.round(((alike - low) / (high - low)).clip(0.0, 1.0) * 255), dtype=np.uint8)


def best_look(query: Fingerprint, reference: Fingerprint, segment: Segment) -> Look:
    """In which views the two are likest along a segment. What is plainly alike is not looked beyond."""
    moments = segment.start + (np.arange(_LOOKED_AT) + 0.5) / _LOOKED_AT * (segment.end - segment.start)
    anchor = segment.ref_end if segment.speed < 0 else segment.ref_start
    own = _seen(query, _nearest(_grid(query), moments))
    other = _seen(reference, _nearest(_grid(reference), anchor + segment.speed * (moments - segment.start)))
    best, found = -1.0, Look("whole", "whole", View(mirrored=segment.mirrored), View())
    for own_part, other_part, pairs in _tried(own, other, mirrored=segment.mirrored):
        shown = _part(own, own_part).features_of_each([views[0] for views in pairs])
        there = _part(other, other_part).features_of_each([views[1] for views in pairs])
        alike = (shown * there).sum(axis=2).mean(axis=1)
        if alike.max() > best:
            best, found = float(alike.max()), Look(own_part, other_part, *pairs[int(alike.argmax())])
        if best >= _PLAINLY:
            break
    return found


def _tried(own: Seen, other: Seen, *, mirrored: bool) -> Iterator[tuple[Part, Part, list[tuple[View, View]]]]:
    """Parts and views, in the order in which evidence is looked for (`picture.stretches`)."""
    parts: list[tuple[Part, Part]] = [("whole", "whole")]
    parts += [("focus", "focus")] if own.focus is not None and other.focus is not None else []
    parts += [("inset", "whole")] if own.inset is not None else []
    parts += [("whole", "inset")] if other.inset is not None else []
    for own_part, other_part in parts:
        pairs = pairs_of_views(_part(own, own_part), _part(other, other_part))
        yield own_part, other_part, [views for views in pairs if views[0].mirrored == mirrored]
    windows = () if mirrored else inset_windows(own.full_aspect / other.aspect)
    if windows:
        yield "whole", "whole", [(View(with_bars=True, window=window), View()) for window in windows]


def _part(seen: Seen, part: Part) -> Seen:
    alone = {"whole": seen, "focus": seen.focus, "inset": seen.inset}[part]
    return seen if alone is None else alone


def _grid(fingerprint: Fingerprint) -> Samples:
    """Which sample is shown at each STEP."""
    return on_grid(fingerprint.times, fingerprint.duration)


def _thinned(at: Samples, most: int) -> Samples:
    """Evenly spread, at most so many."""
    count = min(len(at), most)
    return at[(2 * np.arange(count) + 1) * len(at) // (2 * count)]


def _nearest(at: Samples, seconds: NDArray[np.float64]) -> Samples:
    return at[np.clip(np.round(seconds / STEP).astype(np.intp), 0, len(at) - 1)]


def _seen(fingerprint: Fingerprint, samples: Samples) -> Seen:
    """A video of these samples, one each STEP, whenever they are shown: nothing else is looked at, or paid for."""
    count = len(fingerprint.times)
    kept = {name: getattr(fingerprint, name) for name in _PER_SAMPLE}
    chosen = {name: array[samples] for name, array in kept.items() if len(array) == count}
    times = (np.arange(len(samples)) * STEP).astype(np.float32)
    return Seen(replace(fingerprint, times=times, duration=len(samples) * STEP, interval=STEP, **chosen))


def _likest(alike: NDArray[np.float32]) -> NDArray[np.float32]:
    """float32 [min(n, MOST_CELLS), m]: the highest of the rows in each cell. alike: float32 [n, m]."""
    count = len(alike)
    cells = min(count, MOST_CELLS)
    return np.asarray(np.maximum.reduceat(alike, np.arange(cells) * count // cells, axis=0), dtype=np.float32)
