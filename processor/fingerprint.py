"""Fragments -> Fingerprint: what the ranges of a video saw becomes what the video is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from processor.bars import box_of
from processor.focus import focus_of
from processor.inset import inset_of, within
from processor.phash import Box, bar_levels, coefficients, cropped, video_vector
from wire.fingerprints import ALGORITHM_VERSION, Fingerprint, Fragment

_SAMPLES_AT_ONCE = 256


class FragmentMismatchError(ValueError):
    """The fragments are not of one video, or do not tile it. The message says which."""


def assemble(fragments: Sequence[Fragment], phash_size: int = 8) -> Fingerprint:
    """One Fingerprint from the fragments of a video, in any order.

    The same fingerprint comes out whether the video was read as a whole or in ranges. Raises FragmentMismatchError when
    the fragments are none, differ in algorithm, tier, interval or size, overlap, or leave a gap (at an end included).
    """
    parts = sorted(fragments, key=lambda part: part.start)
    _check(parts)
    first = parts[0]
    # The largest of all: an hour has 33 MB of them, which one fragment need not hold twice.
    thumbnails = first.thumbnails if len(parts) == 1 else np.concatenate([part.thumbnails for part in parts])
    box = box_of(np.concatenate([part.margins for part in parts]))
    frames, contrast, brightness = _described(thumbnails, partial(cropped, box=box))
    return Fingerprint(
        algorithm_version=first.algorithm_version,
        tier=first.tier,
        duration=first.duration,
        width=first.width,
        height=first.height,
        interval=first.interval,
        video_vector=video_vector(frames, contrast, phash_size),
        times=np.concatenate([part.times for part in parts]),
        frames=frames,
        contrast=contrast,
        brightness=brightness,
        box=np.array(box, np.float32),
        bars=bar_levels(thumbnails, box),
        codes=np.concatenate([part.codes for part in parts]),
        tones=np.concatenate([part.tones for part in parts]),
        **_looked_at_closely(parts),
    )


def _looked_at_closely(parts: Sequence[Fragment]) -> dict[str, NDArray[Any]]:
    """The fields of the focus, of the inset and of its own focus; none when a part of the video was not looked at
    closely."""
    details = np.concatenate([part.details for part in parts])
    if len(details) < sum(len(part.times) for part in parts):
        return {}
    found = _enlarged("focus", details, focus_of(details))
    if (inset := inset_of(details)) is not None:
        inside = within(details, inset)
        found |= _enlarged("inset", details, inset) | _enlarged("inset_focus", inside, focus_of(inside))
    return found


def _enlarged(name: str, details: NDArray[np.uint8], box: Box | None) -> dict[str, NDArray[Any]]:
    """The fields of a part of the picture; none of none."""
    if box is None:
        return {}
    frames, contrast, brightness = _described(details, partial(cropped, box=box))
    return {
        name: np.array(box, np.float32),
        f"{name}_frames": frames,
        f"{name}_contrast": contrast,
        f"{name}_brightness": brightness,
    }


def _described(
    samples: NDArray[np.uint8], taken: Callable[[NDArray[np.uint8]], NDArray[np.float32]]
) -> tuple[NDArray[np.int8], NDArray[np.uint8], NDArray[np.uint8]]:
    """frames, contrast, brightness; some samples at a time, so that memory does not grow with the length."""
    pieces = []
    for start in range(0, max(1, len(samples)), _SAMPLES_AT_ONCE):
        pictures = taken(samples[start : start + _SAMPLES_AT_ONCE])
        contrast = np.round(pictures.std(axis=(1, 2))).astype(np.uint8)
        brightness = np.round(pictures.mean(axis=(1, 2))).astype(np.uint8)
        pieces.append((coefficients(pictures), contrast, brightness))
    frames, contrasts, brightnesses = zip(*pieces, strict=True)
    return np.concatenate(frames), np.concatenate(contrasts), np.concatenate(brightnesses)


def _check(parts: Sequence[Fragment]) -> None:
    if not parts:
        raise FragmentMismatchError("there is no fragment to assemble")
    for part in parts:
        if part.algorithm_version != ALGORITHM_VERSION:
            raise FragmentMismatchError(
                f"a fragment is of algorithm version {part.algorithm_version}, this is {ALGORITHM_VERSION}"
            )
    kinds = {(part.tier, part.interval, part.width, part.height) for part in parts}
    if len(kinds) > 1:
        raise FragmentMismatchError("the fragments differ in tier, interval or size: they are not of one video")
    for before, after in pairwise(parts):
        if abs(before.stop - after.start) > 1e-6:
            raise FragmentMismatchError(f"a range ends at {before.stop} s and the next starts at {after.start} s")
    first, last = parts[0], parts[-1]
    if first.start > 1e-6 or last.stop < last.duration - 1e-6:
        raise FragmentMismatchError(
            f"the ranges go from {first.start} s to {last.stop} s, but the video from 0 to {last.duration} s"
        )
