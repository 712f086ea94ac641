"""Views: the ways in which one video may show another, and a fingerprint made ready to be looked at in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from consumer.similarity.pictures import (
    BAND,
    TELLING_CONTRAST,
    WHOLE,
    Detail,
    Features,
    Pictures,
    Window,
    cut,
    features,
    focus_alone,
    full_pictures,
    has_bars,
    inner_pictures,
    inset_alone,
    turned,
    turned_features,
)
from consumer.similarity.reel import Reel
from consumer.similarity.slides import slides_of
from consumer.similarity.timeline import FINE_STEP, STEP, on_grid
from wire.fingerprints import COEFFICIENTS, Fingerprint

_INSET_SIZES = (1.0, 0.78, 0.62, 0.5)
_LEAST_INSET = 0.2
_MOST_STARTS = 5
_BAND_STEP = 0.5
_PICTURES_AT_ONCE = 512


class Seen:
    """A fingerprint made ready to be compared: its pictures on the common time grid."""

    def __init__(self, fingerprint: Fingerprint) -> None:
        self.fingerprint = fingerprint
        at = on_grid(fingerprint.times, fingerprint.duration)
        inner = inner_pictures(fingerprint)
        self.inner: Pictures = inner[at]
        full = full_pictures(fingerprint, inner)
        self.full: Pictures = full[at]
        self._known = {False: inner, True: full}
        self.contrast: NDArray[np.uint8] = fingerprint.contrast[at]
        self.telling: NDArray[np.bool_] = self.contrast >= TELLING_CONTRAST
        self.has_bars = has_bars(fingerprint)
        self._features: dict[tuple[View, int], Features] = {}

    @cached_property
    def aspect(self) -> float:
        """Width through height of the picture within its bars."""
        top, bottom, left, right = (float(share) for share in self.fingerprint.box)
        height = max(self.fingerprint.height * (1 - top - bottom), 1.0)
        return max(self.fingerprint.width * (1 - left - right), 1.0) / height

    @cached_property
    def slides(self) -> NDArray[np.intp]:
        """Which slide each sample shows; see slides_of."""
        return slides_of(self.inner)

    @cached_property
    def focus(self) -> Seen | None:
        """Where everything moves, when that is a small part of the picture, as a video of its own."""
        alone = focus_alone(self.fingerprint)
        return None if alone is None else Seen(alone)

    @property
    def focus_share(self) -> float:
        """Of the picture that its focus takes. 0..1."""
        return _share_of(self.fingerprint.focus)

    @cached_property
    def inset(self) -> Seen | None:
        """The video that is shown within the picture, as a video of its own."""
        alone = inset_alone(self.fingerprint)
        return None if alone is None else Seen(alone)

    @property
    def inset_share(self) -> float:
        """Of the picture that its inset takes. 0..1."""
        return _share_of(self.fingerprint.inset)

    @property
    def full_aspect(self) -> float:
        return self.fingerprint.width / max(self.fingerprint.height, 1)

    def contrast_at(self, seconds: NDArray[np.float64]) -> NDArray[np.uint8]:
        """uint8, of the samples nearest to these times."""
        return self.contrast[np.clip(np.round(seconds / STEP).astype(np.intp), 0, len(self.contrast) - 1)]

    def pictures(self, view: View, stride: int = 1) -> Pictures:
        return self._shown(view, slice(None, None, stride))

    def _shown(self, view: View, which: slice | NDArray[np.intp]) -> Pictures:
        base = (self.full if view.with_bars else self.inner)[which]
        return turned(cut(base, view.window), view.quarter_turns, view.mirrored)

    def reel(self, with_bars: bool) -> Reel:
        """The pictures, with or without their bars, as finely as they are known."""
        step = FINE_STEP if self.fingerprint.interval < STEP else STEP
        at = on_grid(self.fingerprint.times, self.fingerprint.duration, step)
        known = self._known[with_bars]
        if not np.array_equal(at, np.arange(len(known))):
            known = known[at]
        return Reel.whole(known, step)

    def features(self, view: View, stride: int = 1) -> Features:
        """Of every stride-th sample; zeros for those that show nothing."""
        if (view, stride) not in self._features:
            telling = self.telling[::stride, None]
            self._features[view, stride] = features(self.pictures(view, stride)) * telling
        return self._features[view, stride]

    def features_at(self, view: View, rows: NDArray[np.intp]) -> Features:
        """`features` of some samples; where they are not known, no others are made."""
        if (view, 1) in self._features:
            return self._features[view, 1][rows]
        return np.asarray(features(self._shown(view, rows)) * self.telling[rows, None], dtype=np.float32)

    def features_of_each(self, views: Sequence[View], stride: int = 1) -> Features:
        """float32 [len(views), n, 65]: `features` of each, up to rounding: turned ones are not made anew."""
        unturned = {view: replace(view, quarter_turns=0, mirrored=False) for view in dict.fromkeys(views)}
        missing = [view for view in dict.fromkeys(unturned.values()) if (view, stride) not in self._features]
        telling = self.telling[::stride]
        at_once = max(1, _PICTURES_AT_ONCE // max(len(telling), 1))
        for start in range(0, len(missing), at_once):
            some = missing[start : start + at_once]
            made = features(np.concatenate([self.pictures(view, stride) for view in some]))
            made = made.reshape(len(some), len(telling), made.shape[1]) * telling[:, None]
            self._features |= {(view, stride): each for view, each in zip(some, made, strict=True)}
        for view, plain in unturned.items():
            if (view, stride) not in self._features:
                turned_ones = turned_features(self._features[plain, stride], view.quarter_turns, view.mirrored)
                self._features[view, stride] = turned_ones
        return np.stack([self._features[view, stride] for view in views])


@dataclass(frozen=True, slots=True)
class View:
    """A way to look at a video. The window is of the picture with or without its bars, before it is turned."""

    with_bars: bool = False
    window: Window = WHOLE
    quarter_turns: int = 0
    mirrored: bool = False

    @property
    def share(self) -> float:
        """Of the picture that is looked at. 0..1."""
        top, bottom, left, right = self.window
        return (bottom - top) * (right - left)

    @property
    def detail(self) -> Detail:
        """The detail that is left of a part of the picture: 16 frequencies are kept of the whole."""
        top, bottom, left, right = self.window
        down, across = (min(1.0, size * COEFFICIENTS / BAND) for size in (bottom - top, right - left))
        return (across, down) if self.quarter_turns % 2 else (down, across)


def _share_of(box: NDArray[np.float32]) -> float:
    top, bottom, left, right = (float(share) for share in box)
    return (1 - top - bottom) * (1 - left - right)


def pairs_of_views(query: Seen, reference: Seen) -> Iterator[tuple[View, View]]:
    own_bases = (False, True) if query.has_bars else (False,)
    other_bases = (False, True) if reference.has_bars else (False,)
    ratio = query.aspect / reference.aspect
    for with_bars in own_bases:
        for other_with_bars in other_bases:
            for mirrored in (False, True):
                own = View(with_bars=with_bars, mirrored=mirrored)
                yield own, View(with_bars=other_with_bars)
                for window in _crops(ratio):
                    yield own, View(with_bars=other_with_bars, window=window)
                for window in _crops(1 / ratio):
                    yield replace(own, window=window), View(with_bars=other_with_bars)
    for quarter_turns in (1, 2, 3):
        for mirrored in (False, True):
            yield View(quarter_turns=quarter_turns, mirrored=mirrored), View()


@lru_cache(maxsize=64)
def inset_windows(ratio: float) -> tuple[Window, ...]:
    """Places for a whole picture inside another of `ratio` times its aspect, dense enough for registration."""
    windows: list[Window] = []
    for size in _INSET_SIZES:
        width, height = (size, size * ratio) if ratio <= 1.0 else (size / ratio, size)
        if min(width, height) < _LEAST_INSET or (size == 1.0 and abs(ratio - 1.0) < 0.05):
            continue
        for top in _starts(height):
            windows.extend((top, top + height, left, left + width) for left in _starts(width))
    return tuple(windows)


def _starts(size: float) -> list[float]:
    room = 1.0 - size
    if room < 0.02:
        return [0.0]
    count = min(1 + int(np.ceil(room / (0.2 * size))), _MOST_STARTS)
    return [float(start) for start in np.linspace(0.0, room, count)]


def _crops(ratio: float) -> list[Window]:
    """Windows of a picture that another one, of `ratio` times its aspect, may show: the middle, the bands that fit."""
    windows = [_middle(0.87, 0.87), _middle(0.74, 0.74)]
    if ratio < 0.9:
        windows.extend((0.0, 1.0, left, left + ratio) for left in _band_starts(ratio))
    if ratio > 1.1:
        windows.extend((top, top + 1 / ratio, 0.0, 1.0) for top in _band_starts(1 / ratio))
    return windows


def _band_starts(size: float) -> list[float]:
    """From one edge to the other, the middle among them, dense enough for registration."""
    count = 1 + 2 * int(np.ceil((1.0 - size) / (_BAND_STEP * size) / 2))
    return [float(start) for start in np.linspace(0.0, 1.0 - size, min(count, _MOST_STARTS))]


def _middle(height: float, width: float) -> Window:
    return ((1 - height) / 2, (1 + height) / 2, (1 - width) / 2, (1 + width) / 2)
