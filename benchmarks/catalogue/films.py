"""Films: videos as small gray pictures, made from fingerprints and made into fingerprints again, without decoding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from processor.bars import margins
from processor.fingerprint import assemble
from processor.phash import dct_basis
from wire.fingerprints import ALGORITHM_VERSION, COEFFICIENTS, THUMBNAIL_SIDE, Fingerprint, Fragment

SIDE = THUMBNAIL_SIDE

_SURELY_NOT_FLAT = 4.0
"""Deviation of a line's luma from which no bar begins with it (`processor.bars`: 3.5)."""

Pictures = NDArray[np.float32]
"""float32 [n, 48, 48], luma 0..255."""

Window = tuple[float, float, float, float]
"""top, bottom, left, right of a part of a picture, as shares of its height and width."""


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """pictures: one each `interval` seconds. width, height: in pixels, as shown. It has no sound."""

    pictures: Pictures
    interval: float
    width: int
    height: int

    @property
    def seconds(self) -> float:
        return len(self.pictures) * self.interval


def film_of(fingerprint: Fingerprint) -> Film:
    """What the fingerprint still shows, bars included."""
    rooted = fingerprint.frames.astype(np.float32) / 127.0
    spectrum = np.sign(rooted) * rooted**2
    basis = dct_basis(SIDE)[:COEFFICIENTS]
    inner = basis.T @ spectrum @ basis
    inner *= fingerprint.contrast[:, None, None] / np.maximum(inner.std(axis=(1, 2), keepdims=True), 1e-6)
    inner += fingerprint.brightness[:, None, None]
    top, bottom, left, right = (float(share) for share in fingerprint.box)
    pictures = framed(inner, (top, 1 - bottom, left, 1 - right), fingerprint.bars.astype(np.float32))
    return Film(pictures.clip(0, 255), fingerprint.interval, fingerprint.width, fingerprint.height)


def fingerprint_of(film: Film) -> Fingerprint:
    """As the processor would have made it of these pictures."""
    thumbnails = np.round(film.pictures.clip(0, 255)).astype(np.uint8)
    count = len(thumbnails)
    fragment = Fragment(
        algorithm_version=ALGORITHM_VERSION,
        tier="standard",
        duration=film.seconds,
        start=0.0,
        stop=film.seconds,
        width=film.width,
        height=film.height,
        interval=film.interval,
        first_code=0,
        times=(np.arange(count) * film.interval).astype(np.float32),
        thumbnails=thumbnails,
        margins=_margins(thumbnails),
        codes=np.zeros(0, np.uint32),
    )
    return assemble([fragment])


def _margins(thumbnails: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """uint16 [n, 4]: `margins` of each. It is asked only of those with a flat line on the edge: others have none."""
    found = np.zeros((len(thumbnails), 4), np.uint16)
    edges = np.stack([thumbnails[:, 0], thumbnails[:, -1], thumbnails[:, :, 0], thumbnails[:, :, -1]], axis=1)
    for row in np.nonzero((edges.std(axis=2) < _SURELY_NOT_FLAT).any(axis=1))[0]:
        found[row] = margins(thumbnails[row])
    return found


def framed(pictures: Pictures, window: Window, levels: NDArray[np.float32]) -> Pictures:
    """The pictures drawn small into a window of a larger one; levels: float32 [n, 4], luma at its four sides."""
    top, bottom, left, right = window
    at = (np.arange(SIDE) + 0.5) / SIDE
    sides = ((at < top)[:, None], (at > bottom)[:, None], (at < left)[None, :], (at > right)[None, :])
    ground = np.zeros((len(pictures), SIDE, SIDE), np.float32)
    for side, where in enumerate(sides):
        ground = np.where(np.broadcast_to(where, (SIDE, SIDE)), levels[:, side, None, None], ground)
    rows, columns = _smaller(top, bottom), _smaller(left, right)
    covered = rows.sum(axis=1)[:, None] * columns.sum(axis=1)[None, :]
    return np.asarray(rows @ pictures @ columns.T + (1 - covered) * ground, np.float32)


def _smaller(low: float, high: float) -> NDArray[np.float32]:
    """float32 [48, 48]: row i says how much of each small pixel falls on pixel i."""
    outer = np.linspace(0, 1, SIDE + 1)
    inner = low + (high - low) * outer
    overlap = np.minimum(outer[1:, None], inner[None, 1:]) - np.maximum(outer[:-1, None], inner[None, :-1])
    return np.asarray(np.clip(overlap, 0, None) * SIDE, np.float32)
