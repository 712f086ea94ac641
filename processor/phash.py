"""The perceptual hash: gray picture, DCT-II, low frequencies, evened out so that videos are told apart.

The literal pHash (32x32 gray, DCT, top-left 8x8 with the constant, averaged) gives unrelated videos a cosine of 0.95:
the constant dwarfs all else, and natural pictures fall off like 1/f. So the constant is left out, each frequency is
weighted by its distance from the origin, and a signed square root keeps single strong edges from deciding.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from wire.fingerprints import COEFFICIENTS, DETAIL_SIDE, THUMBNAIL_SIDE, VECTOR_SIZE

GRID = 32
"""Side of the gray picture that is transformed, in pixels."""

CLIP = 2.5
"""Pixels are clipped at so many standard deviations: a white logo weighs no more than a light wall."""

Box = tuple[float, float, float, float]
"""Shares of the height and width cut off at top, bottom, left, right."""


def thumbnail(luma: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Area-average to uint8 [48, 48]. luma: uint8 [h, w] of any size, smaller ones included."""
    return _small(luma, THUMBNAIL_SIDE)


def detailed(luma: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Area-average to uint8 [DETAIL_SIDE, DETAIL_SIDE]. luma: uint8 [h, w] of any size."""
    return _small(luma, DETAIL_SIDE)


def _small(luma: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    height, width = luma.shape
    fewer_rows = _sparse_weights(height, side) @ luma.astype(np.float32)
    small = (_sparse_weights(width, side) @ fewer_rows.T).T
    return np.ascontiguousarray(np.round(small).clip(0, 255).astype(np.uint8))


def coefficients(pictures: NDArray[np.float32]) -> NDArray[np.int8]:
    """Low frequencies of each sample, companded to int8.

    pictures: float32 [n, 32, 32]. Returns int8 [n, 16, 16]: the signed square root of each DCT-II coefficient of the
    picture at mean 0, deviation 1, clipped at CLIP; scaled so that the largest of the sample is +-127; (0, 0) and those
    with u + v > 15 are 0. A sample without any contrast is all zero.
    """
    centred = pictures - pictures.mean(axis=(1, 2), keepdims=True)
    deviation = centred.std(axis=(1, 2), keepdims=True)
    scaled = np.where(deviation < 0.5, 0.0, centred / np.maximum(deviation, 0.5))
    basis = dct_basis(GRID)[:COEFFICIENTS]
    spectrum = basis @ np.clip(scaled, -CLIP, CLIP).astype(np.float32) @ basis.T
    spectrum[:, ~_KEPT] = 0.0
    rooted = np.sign(spectrum) * np.sqrt(np.abs(spectrum))
    largest = np.abs(rooted).max(axis=(1, 2), keepdims=True)
    return np.asarray(np.round(127.0 * rooted / np.maximum(largest, 1e-6)), dtype=np.int8)


def cropped(pictures: NDArray[np.uint8], box: Box) -> NDArray[np.float32]:
    """float32 [n, 32, 32]: what lies within the box, area-averaged. pictures: uint8 [n, h, w]."""
    top, bottom, left, right = box
    rows = area_weights(pictures.shape[1], GRID, top, bottom)
    columns = area_weights(pictures.shape[2], GRID, left, right)
    return np.asarray(rows @ pictures.astype(np.float32) @ columns.T, dtype=np.float32)


def bar_levels(thumbnails: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    """uint8 [n, 4]: mean luma of the bar at top, bottom, left, right; 0 where thinner than a pixel of the thumbnail."""
    levels = np.zeros((len(thumbnails), 4), np.uint8)
    thick = [int(share * THUMBNAIL_SIDE) for share in box]
    bars = (
        thumbnails[:, : thick[0], :],
        thumbnails[:, THUMBNAIL_SIDE - thick[1] :, :],
        thumbnails[:, :, : thick[2]],
        thumbnails[:, :, THUMBNAIL_SIDE - thick[3] :],
    )
    for side, pixels in enumerate(bars):
        if thick[side]:
            levels[:, side] = np.round(pixels.mean(axis=(1, 2)))
    return levels


def video_vector(frames: NDArray[np.int8], contrast: NDArray[np.uint8], phash_size: int = 8) -> NDArray[np.float32]:
    """The 64 numbers of a video: the mean over its telling samples of the weighted low 8x8 block without the constant.

    frames: int8 [n, 16, 16] as `coefficients` gives them. contrast: uint8 [n]. Returns float32 [64], L2 norm 1; all
    zero when no sample has contrast.
    """
    telling = frames[contrast >= TELLING_CONTRAST].astype(np.float32)
    if len(telling) == 0:
        return np.zeros(VECTOR_SIZE, np.float32)
    block = (telling * np.sqrt(radial_weights()))[:, :phash_size, :phash_size].reshape(len(telling), -1)
    block /= np.linalg.norm(block, axis=1, keepdims=True)
    mean = block.mean(axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), dtype=np.float32)


_KEPT = np.add.outer(np.arange(COEFFICIENTS), np.arange(COEFFICIENTS)) < COEFFICIENTS
_KEPT[0, 0] = False

TELLING_CONTRAST = 3
"""Standard deviation of the luma (0..255) under which a sample shows nothing that could be compared."""


@lru_cache(maxsize=8)
def dct_basis(size: int) -> NDArray[np.float32]:
    """float32 [size, size], the orthonormal DCT-II: row k is the k-th frequency (Ahmed, Natarajan, Rao 1974)."""
    k, n = np.mgrid[:size, :size]
    basis = np.cos(np.pi * k * (2 * n + 1) / (2 * size)) * np.sqrt(2.0 / size)
    basis[0] /= np.sqrt(2.0)
    return np.asarray(basis, dtype=np.float32)


@lru_cache(maxsize=1)
def radial_weights() -> NDArray[np.float32]:
    """float32 [16, 16]: distance of each frequency from the constant, which evens out the 1/f of natural pictures."""
    v, u = np.mgrid[:COEFFICIENTS, :COEFFICIENTS]
    return np.asarray(np.hypot(u, v), dtype=np.float32)


@lru_cache(maxsize=16)
def _sparse_weights(size: int, cells: int) -> csr_array:
    """[cells, size]: `area_weights` without margins, of which nearly all are 0."""
    return csr_array(area_weights(size, cells, 0.0, 0.0))


@lru_cache(maxsize=64)
def area_weights(size: int, cells: int, before: float, after: float) -> NDArray[np.float32]:
    """float32 [cells, size]: each row averages its share of the pixels between the two margins, fractions included.

    A pixel that straddles a margin is part bar, part picture: its weight goes to the nearest pixel that is all picture.
    """
    low, high = before * size, (1.0 - after) * size
    edges = np.linspace(low, high, cells + 1)
    pixel = np.arange(size)
    overlap = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    weights = np.clip(overlap, 0.0, None)
    first, last = int(np.ceil(low - 1e-6)), int(np.floor(high + 1e-6)) - 1
    if first <= last:
        weights[:, first] += weights[:, :first].sum(axis=1)
        weights[:, last] += weights[:, last + 1 :].sum(axis=1)
        weights[:, :first] = 0.0
        weights[:, last + 1 :] = 0.0
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)
