"""What the index knows of a video: few vectors a minute, made so that a copy's fall near the original's.

The index only proposes. A reference is entered in three views (whole, and two middles, as a cropped copy would show
it); a query asks in its own views, mirrored and turned too. Frames are picked by content, not by the clock, so that a
trimmed copy picks the same ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from consumer.similarity.pictures import Features, Window
from consumer.similarity.timeline import STEP
from consumer.similarity.views import Seen, View, inset_windows
from wire.fingerprints import VECTOR_SIZE, Fingerprint

_ENTRY_WINDOWS: tuple[Window, ...] = ((0.0, 1.0, 0.0, 1.0), (0.075, 0.925, 0.075, 0.925), (0.14, 0.86, 0.14, 0.86))
_NEW_SCENE = 0.8
_NEW_VIEW = 0.96
_SCENE_SECONDS = 1.0
_VIEW_SECONDS = 4.0
_QUERY_SECONDS = 2.0
_QUERY_SAMPLES = (6, 24)
_MOST_SAMPLES = 96
"""Of an upload of hours, which may hold pieces of many videos."""
_LOOKED_THROUGH = 512
"""Picked samples among which those that resemble each other are sought: the work grows with the square."""
_TURNED_SAMPLES = 3
_INSET_SAMPLES = 2
_LARGEST_INSET = 0.7
_STRIP_ASPECTS = (0.75, 0.5625)
_COMMON_ASPECTS = (16 / 9, 4 / 3, 1.0, 9 / 16)
_LEAST_NORM = 0.5


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """One vector of the segment index.

    vector_id: hash of the vector, so that equal vectors of different videos are stored once. vector: 64 numbers, L2
    norm 1. start: seconds.
    """

    vector_id: str
    vector: tuple[float, ...]
    start: float


def index_entries(fingerprint: Fingerprint) -> list[IndexEntry]:
    """The entries of a video: for each picked sample one in each of three to five views.

    Picked is at most one sample a second, of quick cuts; of a slow shot one each four seconds, while it changes.
    """
    seen = Seen(fingerprint)
    entries: dict[str, IndexEntry] = {}
    for video, views in _entry_views(seen):
        rows = picked_samples(video)
        for features in (video.features(view) for view in views):
            for row in rows:
                for vector in _vectors(features[row : row + 1]):
                    rounded = np.asarray(vector, np.float32)
                    vector_id = hashlib.sha256(rounded.tobytes()).hexdigest()[:32]
                    entries.setdefault(vector_id, IndexEntry(vector_id, vector, row * STEP))
    return list(entries.values())


def _entry_views(seen: Seen) -> Iterator[tuple[Seen, list[View]]]:
    yield seen, [View(window=window) for window in (*_ENTRY_WINDOWS, *_strips(seen.aspect))]
    for part in _parts(seen):
        yield part, [View()]


def query_vectors(fingerprint: Fingerprint) -> list[tuple[float, ...]]:
    """The vectors to ask the index for: a few telling samples, each in the views in which a copy may show them."""
    seen = Seen(fingerprint)
    found: list[tuple[float, ...]] = []
    for view, samples in _query_views(seen, _asked(seen)):
        found.extend(_vectors(seen.features_at(view, samples)))
    for part in _parts(seen):
        for view, samples in _turns(_asked(part)):
            found.extend(_vectors(part.features_at(view, samples)))
    return list(dict.fromkeys(found))


def _parts(seen: Seen) -> list[Seen]:
    """What is kept enlarged of a video, as videos of their own."""
    inner = seen.inset.focus if seen.inset is not None else None
    return [part for part in (seen.focus, seen.inset, inner) if part is not None]


def _asked(seen: Seen) -> NDArray[np.intp]:
    """One each two seconds of a short upload; of a long one more slowly more. Of samples that are too many, those stay
    that resemble the others least: a piece of a compilation may have a single one."""
    rows = _spread(picked_samples(seen), _LOOKED_THROUGH)
    return rows[_unlike(seen.features(View())[rows], _asked_at_most(seen.fingerprint.duration))]


def _asked_at_most(seconds: float) -> int:
    least, most = _QUERY_SAMPLES
    longer = max(1.0, seconds / (most * _QUERY_SECONDS))
    return round(min(min(max(seconds / _QUERY_SECONDS, least), most) * sqrt(longer), _MOST_SAMPLES))


def _unlike(features: Features, most: int) -> NDArray[np.intp]:
    """Which of the samples are kept, ascending: of the two most alike the later one goes, until `most` are left."""
    earlier = np.tri(len(features), k=-1, dtype=np.bool_)
    likeness = np.where(earlier, features @ features.T, -np.inf)
    left = np.ones(len(features), np.bool_)
    for _ in range(len(features) - most):
        later = int(likeness.max(axis=1).argmax())
        left[later], likeness[later], likeness[:, later] = False, -np.inf, -np.inf
    return np.flatnonzero(left)


def picked_samples(seen: Seen) -> NDArray[np.intp]:
    """Samples that stand for the video: at each new scene, and now and then as a long one changes."""
    features = seen.features(View())
    picked: list[int] = []
    for row in np.nonzero(seen.telling)[0]:
        if picked:
            likeness = float(features[row] @ features[picked[-1]])
            seconds = (int(row) - picked[-1]) * STEP
            new_scene = likeness < _NEW_SCENE and seconds >= _SCENE_SECONDS
            new_view = likeness < _NEW_VIEW and seconds >= _VIEW_SECONDS
            if not (new_scene or new_view):
                continue
        picked.append(int(row))
    return np.asarray(picked, dtype=np.intp)


def _query_views(seen: Seen, rows: NDArray[np.intp]) -> Iterator[tuple[View, NDArray[np.intp]]]:
    """Views of an upload in which it may show what the index holds whole: itself, turned, cropped, inset."""
    few = _spread(rows, _TURNED_SAMPLES)
    yield from _turns(rows)
    for mirrored in (False, True):
        yield View(mirrored=mirrored, window=_ENTRY_WINDOWS[1]), few
        if seen.has_bars:
            yield View(with_bars=True, mirrored=mirrored), few
    for window in _bands(seen.full_aspect):
        yield View(with_bars=True, window=window), rows
    for window in _insets():
        yield View(with_bars=True, window=window), _spread(rows, _INSET_SAMPLES)


def _turns(rows: NDArray[np.intp]) -> Iterator[tuple[View, NDArray[np.intp]]]:
    few = _spread(rows, _TURNED_SAMPLES)
    for mirrored in (False, True):
        yield View(mirrored=mirrored), rows
        for quarter_turns in (1, 2, 3):
            yield View(quarter_turns=quarter_turns, mirrored=mirrored), few


def _bands(aspect: float) -> list[Window]:
    """Where an upload may hold a whole picture of another shape: between bars of its own, or blurred fills."""
    return [window for other in _COMMON_ASPECTS if (window := _band(aspect / other)) is not None]


def _insets() -> list[Window]:
    """Where an upload may hold a smaller picture of its own shape."""
    return [window for window in inset_windows(1.0) if window[1] - window[0] < _LARGEST_INSET]


def _band(ratio: float) -> Window | None:
    if 0.95 < ratio < 1.05:
        return None
    share = min(ratio, 1 / ratio)
    low, high = (1 - share) / 2, (1 + share) / 2
    return (low, high, 0.0, 1.0) if ratio < 1 else (0.0, 1.0, low, high)


def _strips(aspect: float) -> list[Window]:
    """The upright middle of a wide picture, as an upright copy would show it."""
    shares = [strip / aspect for strip in _STRIP_ASPECTS if strip / aspect < 0.7]
    return [(0.0, 1.0, (1 - share) / 2, (1 + share) / 2) for share in shares]


def _spread(rows: NDArray[np.intp], most: int) -> NDArray[np.intp]:
    if len(rows) <= most:
        return rows
    return np.asarray(rows[np.linspace(0, len(rows) - 1, most).round().astype(int)], dtype=np.intp)


def _vectors(features: Features) -> Iterator[tuple[float, ...]]:
    """The first 64 of the 65 features of each sample, L2 norm 1; samples that show nothing give none."""
    for row in features[:, :VECTOR_SIZE]:
        norm = float(np.linalg.norm(row))
        if norm >= _LEAST_NORM:
            yield tuple(float(value) for value in np.round(row / norm, 4))
