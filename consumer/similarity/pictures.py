"""What a fingerprint still shows: small gray pictures, and the features by which they are compared.

A fingerprint keeps the low frequencies of every sample, so any mirrored, turned, cropped or zoomed view of it can be
made later, without decoding the video again.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from wire.fingerprints import COEFFICIENTS, Fingerprint

GRID = 32
"""Side of a picture, in pixels."""

CLIP = 2.5
"""Pixels are clipped at so many standard deviations, so that an overlay weighs no more than a light wall."""

BAND = 10
"""Frequencies u + v <= BAND are compared."""

LOWEST = 5
"""Those up to here say roughly what a picture shows."""

TELLING_CONTRAST = 3
"""Standard deviation of the luma under which a sample shows nothing that could be compared."""

NO_BOX = 0.01
"""Bars thinner than this share of the picture are as good as none."""

Pictures = NDArray[np.float32]
Features = NDArray[np.float32]
Window = tuple[float, float, float, float]
"""top, bottom, left, right of a part of a picture, as shares of its height and width."""

WHOLE: Window = (0.0, 1.0, 0.0, 1.0)

Detail = tuple[float, float]
"""Shares of the band of frequencies, down and across, that a picture can show. 0..1."""

ALL_DETAIL: Detail = (1.0, 1.0)


def inner_pictures(fingerprint: Fingerprint) -> Pictures:
    """float32 [n, 32, 32]: the samples within the bars, in luma, as far as the kept frequencies tell."""
    rooted = fingerprint.frames.astype(np.float32) / 127.0
    spectrum = np.sign(rooted) * rooted**2
    basis = dct_basis(GRID)[:COEFFICIENTS]
    pictures = basis.T @ spectrum @ basis
    deviation = np.maximum(pictures.std(axis=(1, 2), keepdims=True), 1e-6)
    contrast = fingerprint.contrast.astype(np.float32)[:, None, None]
    return np.asarray(pictures / deviation * contrast + fingerprint.brightness[:, None, None], dtype=np.float32)


def full_pictures(fingerprint: Fingerprint, inner: Pictures) -> Pictures:
    """float32 [n, 32, 32]: the samples with their bars painted in again."""
    if not has_bars(fingerprint):
        return inner
    top, bottom, left, right = (float(share) for share in fingerprint.box)
    rows, columns = _placement(top, 1 - bottom), _placement(left, 1 - right)
    covered = rows.sum(axis=1)[:, None] * columns.sum(axis=1)[None, :]
    at = (np.arange(GRID) + 0.5) / GRID
    sides = ((at < top)[:, None], (at > 1 - bottom)[:, None], (at < left)[None, :], (at > 1 - right)[None, :])
    painted = np.zeros((len(inner), GRID, GRID), np.float32)
    for side, where in enumerate(sides):
        level = fingerprint.bars[:, side].astype(np.float32)[:, None, None]
        painted = np.where(np.broadcast_to(where, (GRID, GRID)), level, painted)
    return np.asarray(rows @ inner @ columns.T + (1 - covered) * painted, dtype=np.float32)


def focus_alone(fingerprint: Fingerprint) -> Fingerprint | None:
    """The part of the picture in which everything moves, as a fingerprint of its own without a sound; None without."""
    shown = (fingerprint.focus_frames, fingerprint.focus_contrast, fingerprint.focus_brightness)
    return _part_alone(fingerprint, fingerprint.focus, *shown)


def inset_alone(fingerprint: Fingerprint) -> Fingerprint | None:
    """The video that is shown within the picture, as a fingerprint of its own without a sound; None without."""
    shown = (fingerprint.inset_frames, fingerprint.inset_contrast, fingerprint.inset_brightness)
    alone = _part_alone(fingerprint, fingerprint.inset, *shown)
    if alone is None:
        return None
    return replace(
        alone,
        focus=fingerprint.inset_focus,
        focus_frames=fingerprint.inset_focus_frames,
        focus_contrast=fingerprint.inset_focus_contrast,
        focus_brightness=fingerprint.inset_focus_brightness,
    )


def _part_alone(
    fingerprint: Fingerprint,
    box: NDArray[np.float32],
    frames: NDArray[np.int8],
    contrast: NDArray[np.uint8],
    brightness: NDArray[np.uint8],
) -> Fingerprint | None:
    if len(box) == 0:
        return None
    top, bottom, left, right = (float(share) for share in box)
    return replace(
        fingerprint,
        width=max(1, round(fingerprint.width * (1 - left - right))),
        height=max(1, round(fingerprint.height * (1 - top - bottom))),
        frames=frames,
        contrast=contrast,
        brightness=brightness,
        box=np.zeros(4, np.float32),
        bars=np.zeros((len(fingerprint.times), 4), np.uint8),
        codes=fingerprint.codes[:0],
        tones=fingerprint.tones[:0],
        focus=fingerprint.focus[:0],
        inset=fingerprint.inset[:0],
    )


def has_bars(fingerprint: Fingerprint) -> bool:
    return bool(fingerprint.box.max() >= NO_BOX)


def features(pictures: Pictures) -> Features:
    """float32 [n, 65], L2 norm 1 each: the DCT's low frequencies, weighted by their distance from the constant.

    Their dot product is the similarity of two samples. A picture without contrast gives zeros.
    """
    centred = pictures - pictures.mean(axis=(1, 2), keepdims=True)
    deviation = centred.std(axis=(1, 2), keepdims=True)
    scaled = np.clip(centred / np.maximum(deviation, 1e-3), -CLIP, CLIP)
    basis = dct_basis(GRID)[: BAND + 1]
    spectrum = basis @ scaled @ basis.T
    weighted = (np.sign(spectrum) * np.sqrt(np.abs(spectrum) * _radius(BAND + 1)))[:, _band(BAND)]
    norm = np.linalg.norm(weighted, axis=1, keepdims=True)
    flat = (deviation[:, :, 0] < 0.5) | (norm < 1e-6)
    return np.asarray(np.where(flat, 0.0, weighted / np.maximum(norm, 1e-6)), dtype=np.float32)


def turned_features(features: Features, quarter_turns: int, mirrored: bool) -> Features:
    """What `features` gives of the pictures `turned`, up to rounding: there the same frequencies have other signs and
    places. features: float32 [..., 65]."""
    places, signs = _turn(quarter_turns % 4, mirrored)
    return np.asarray(features[..., places] * signs, dtype=np.float32)


def lowest(of: Features) -> Features:
    """float32 [..., 20], L2 norm 1 each: the frequencies u + v <= LOWEST of `features`, which bear more misplacement.
    What has none gives zeros."""
    some = of[..., _is_lowest()]
    norm = np.linalg.norm(some, axis=-1, keepdims=True)
    return np.asarray(np.where(norm < 1e-6, 0.0, some / np.maximum(norm, 1e-6)), dtype=np.float32)


def whitened(pictures: Pictures, band: int, detail: Detail = ALL_DETAIL) -> Pictures:
    """float32 [n, 32, 32]: each picture with the 1/f of nature evened out, frequencies u + v <= band, RMS 1.

    detail: shares of the band kept down and across, so that two pictures of one thing at different sizes are compared
    by what both can show. The weighting by |f| is covariant with zoom: the whitened zoom is the zoomed whitened one.
    """
    basis = dct_basis(GRID)[: band + 1]
    spectrum = (basis @ pictures @ basis.T) * _radius(band + 1) * _ellipse(band, detail)
    even = basis.T @ spectrum @ basis
    return np.asarray(even / np.maximum(even.std(axis=(1, 2), keepdims=True), 1e-3), dtype=np.float32)


def cut(pictures: Pictures, window: Window) -> Pictures:
    """float32 [n, 32, 32]: a part of each picture, enlarged to the whole grid (linear interpolation)."""
    if window == WHOLE:
        return pictures
    top, bottom, left, right = window
    rows, columns = _interpolation(top, bottom), _interpolation(left, right)
    return np.asarray(rows @ pictures @ columns.T, dtype=np.float32)


def turned(pictures: Pictures, quarter_turns: int, mirrored: bool) -> Pictures:
    """Mirrored left to right first, then turned counter-clockwise by quarter turns."""
    seen = pictures[:, :, ::-1] if mirrored else pictures
    return np.ascontiguousarray(np.rot90(seen, quarter_turns, axes=(1, 2)))


@lru_cache(maxsize=4)
def dct_basis(size: int) -> NDArray[np.float32]:
    """float32 [size, size], the orthonormal DCT-II: row k is the k-th frequency (Ahmed, Natarajan, Rao 1974)."""
    k, n = np.mgrid[:size, :size]
    basis = np.cos(np.pi * k * (2 * n + 1) / (2 * size)) * np.sqrt(2.0 / size)
    basis[0] /= np.sqrt(2.0)
    return np.asarray(basis, dtype=np.float32)


@lru_cache(maxsize=8)
def _radius(size: int) -> NDArray[np.float32]:
    v, u = np.mgrid[:size, :size]
    return np.asarray(np.hypot(u, v), dtype=np.float32)


@lru_cache(maxsize=8)
def _band(limit: int) -> NDArray[np.bool_]:
    total = np.add.outer(np.arange(limit + 1), np.arange(limit + 1))
    return np.asarray((total > 0) & (total <= limit))


@lru_cache(maxsize=8)
def _turn(quarter_turns: int, mirrored: bool) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """intp [65] and float32 [65]: of which feature each one of the turned picture is, and with which sign.

    Mirroring turns the sign of the odd frequencies across; a quarter turn transposes, and then mirrors top to bottom.
    """
    places = np.full((BAND + 1, BAND + 1), -1, np.intp)
    places[_band(BAND)] = np.arange(int(_band(BAND).sum()))
    odd = np.where(np.arange(BAND + 1) % 2, np.float32(-1.0), np.float32(1.0))
    signs = np.ones((BAND + 1, BAND + 1), np.float32) * (odd[None, :] if mirrored else np.float32(1.0))
    for _ in range(quarter_turns):
        places, signs = places.T, odd[:, None] * signs.T
    return places[_band(BAND)], signs[_band(BAND)]


@lru_cache(maxsize=1)
def _is_lowest() -> NDArray[np.bool_]:
    """bool [65]: of the frequencies that features have, in their order."""
    total = np.add.outer(np.arange(BAND + 1), np.arange(BAND + 1))
    return np.asarray(total[_band(BAND)] <= LOWEST)


@lru_cache(maxsize=512)
def _ellipse(limit: int, detail: Detail) -> NDArray[np.bool_]:
    down, across = (np.arange(limit + 1) / (limit * max(share, 0.2)) for share in detail)
    total = np.add.outer(down, across)
    return np.asarray((total > 0) & (total <= 1.0 + 1e-9))


@lru_cache(maxsize=512)
def _interpolation(low: float, high: float) -> NDArray[np.float32]:
    """float32 [32, 32]: row i reads the picture at the i-th of 32 points spread over [low, high]."""
    at = np.clip((low + (high - low) * (np.arange(GRID) + 0.5) / GRID) * GRID - 0.5, 0, GRID - 1)
    before = np.minimum(at.astype(int), GRID - 2)
    weights = np.zeros((GRID, GRID), np.float32)
    weights[np.arange(GRID), before] = 1 - (at - before)
    weights[np.arange(GRID), before + 1] += at - before
    return weights


@lru_cache(maxsize=512)
def _placement(low: float, high: float) -> NDArray[np.float32]:
    """float32 [32, 32]: row i says how much of each inner pixel falls on pixel i of the full picture."""
    outer = np.linspace(0, 1, GRID + 1)
    inner = low + (high - low) * outer
    overlap = np.minimum(outer[1:, None], inner[None, 1:]) - np.maximum(outer[:-1, None], inner[None, :-1])
    return np.asarray(np.clip(overlap, 0, None) * GRID, dtype=np.float32)
