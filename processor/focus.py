"""The focus: the small part of the picture in which everything moves that moves, looked at more closely.

A figure on a plain wall is a dozen pixels of the whole: what tells it from another figure is lost there. Where things
move does not change when a video is re-encoded, darkened, captioned or given a logo, so a copy has the same focus.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from processor.phash import Box
from wire.fingerprints import DETAIL_SIDE

LONGEST_SECONDS = 300.0
"""Videos that are longer have no focus: in so long a time things move everywhere."""

MOST_AREA = 0.45
"""A part of more than this share of the picture gains nothing over the whole."""

_WORTH_KEEPING = 0.7
"""The same of one range: other ranges may move elsewhere, and less widely."""

_OUTLYING = 0.01
"""Share of the movement left out at each side."""

_AROUND = 0.12
"""Added on each side, as a share of the part's own height or width."""

_FLOOR, _TIMES_MEDIAN = 0.5, 2.0
"""What coding and noise do everywhere is no movement: mean square change, in levels of 0..255."""

_AT_ONCE = 64


def focus_of(details: NDArray[np.uint8]) -> Box | None:
    """Where a video moves, when that is a small part of its picture, else None.

    details: uint8 [n, h, w], samples in order.
    """
    part = _moving_part(details)
    return part if part is not None and _area(part) <= MOST_AREA else None


def may_have_focus(details: NDArray[np.uint8]) -> bool:
    """Whether a video with these samples, and others, may have one."""
    part = _moving_part(details)
    return part is None or _area(part) <= _WORTH_KEEPING


def no_details() -> NDArray[np.uint8]:
    return np.zeros((0, DETAIL_SIDE, DETAIL_SIDE), np.uint8)


def _moving_part(details: NDArray[np.uint8]) -> Box | None:
    """None when nothing moves."""
    if len(details) < 2:
        return None
    change = _squared_change(details) / (len(details) - 1)
    moving = np.maximum(change - max(_FLOOR, _TIMES_MEDIAN * float(np.median(change))), 0.0)
    if not moving.any():
        return None
    top, bottom = _extent(moving.sum(axis=1))
    left, right = _extent(moving.sum(axis=0))
    return (top, 1.0 - bottom, left, 1.0 - right)


def _squared_change(details: NDArray[np.uint8]) -> NDArray[np.int64]:
    """int64 [h, w]: squared differences from each sample to the next, summed; some at a time."""
    total = np.zeros(details.shape[1:], np.int64)
    for first in range(0, len(details) - 1, _AT_ONCE):
        some = details[first : first + _AT_ONCE + 1].astype(np.int32)
        total += ((some[1:] - some[:-1]) ** 2).sum(axis=0)
    return total


def _extent(movement: NDArray[np.float64]) -> tuple[float, float]:
    """From where to where, 0..1, along one axis."""
    share = np.cumsum(movement) / movement.sum()
    low = np.searchsorted(share, _OUTLYING) / len(share)
    high = (np.searchsorted(share, 1.0 - _OUTLYING) + 1) / len(share)
    around = _AROUND * (high - low)
    return max(0.0, float(low - around)), min(1.0, float(high + around))


def _area(box: Box) -> float:
    top, bottom, left, right = box
    return (1.0 - top - bottom) * (1.0 - left - right)
