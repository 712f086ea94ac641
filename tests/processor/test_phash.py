from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.fft import dctn

from processor.bars import box_of, margins
from processor.phash import (
    GRID,
    TELLING_CONTRAST,
    bar_levels,
    coefficients,
    cropped,
    dct_basis,
    thumbnail,
    video_vector,
)
from tests.processor.textures import clip, texture, with_bars
from wire.fingerprints import COEFFICIENTS, THUMBNAIL_SIDE, VECTOR_SIZE

NO_BOX = (0.0, 0.0, 0.0, 0.0)


def area_average(luma: NDArray[np.uint8], cells: int) -> NDArray[np.float64]:
    """Slow and obvious: each pixel counts in a cell by the area of it that lies there."""
    height, width = luma.shape
    means = np.zeros((cells, cells))
    for row in range(cells):
        for column in range(cells):
            total = area = 0.0
            for y in range(height):
                tall = min((row + 1) * height / cells, y + 1) - max(row * height / cells, y)
                for x in range(width) if tall > 0 else ():
                    wide = min((column + 1) * width / cells, x + 1) - max(column * width / cells, x)
                    if wide > 0:
                        total += tall * wide * float(luma[y, x])
                        area += tall * wide
            means[row, column] = total / area
    return means


@pytest.mark.parametrize("shape", [(48, 48), (1, 1), (31, 7), (53, 60), (49, 100)])
def test_a_thumbnail_is_the_area_average(shape: tuple[int, int]) -> None:
    luma = np.random.default_rng(shape).integers(0, 256, shape).astype(np.uint8)
    slow = area_average(luma, THUMBNAIL_SIDE)
    assert np.abs(thumbnail(luma).astype(np.float64) - slow).max() <= 0.51


def test_a_thumbnail_of_its_own_size_is_the_picture() -> None:
    picture = texture(1, THUMBNAIL_SIDE, THUMBNAIL_SIDE)
    assert np.array_equal(thumbnail(picture), picture)


def test_a_stretched_picture_gives_the_same_thumbnail() -> None:
    picture = texture(2, 96, 144)
    stretched = np.repeat(picture, 3, axis=1)
    assert np.abs(thumbnail(stretched).astype(int) - thumbnail(picture)).max() <= 1


@pytest.mark.parametrize("size", [8, 32])
def test_the_basis_is_orthonormal(size: int) -> None:
    basis = dct_basis(size).astype(np.float64)
    assert np.abs(basis @ basis.T - np.eye(size)).max() < 1e-6


def test_the_basis_is_the_dct_of_scipy() -> None:
    picture = texture(3, GRID, GRID).astype(np.float64)
    basis = dct_basis(GRID).astype(np.float64)
    assert np.abs(basis @ picture @ basis.T - dctn(picture, norm="ortho")).max() < 1e-2


def test_coefficients_are_the_companded_dct() -> None:
    """Step by step as the docstring says, with scipy's transform."""
    pictures = np.array([texture(seed, GRID, GRID) for seed in range(4)], np.float32)
    for picture, found in zip(pictures, coefficients(pictures), strict=True):
        scaled = np.clip((picture - picture.mean()) / picture.std(), -2.5, 2.5)
        spectrum = dctn(scaled.astype(np.float64), norm="ortho")[:COEFFICIENTS, :COEFFICIENTS]
        expected = np.zeros((COEFFICIENTS, COEFFICIENTS))
        for v in range(COEFFICIENTS):
            for u in range(COEFFICIENTS):
                if 0 < u + v < COEFFICIENTS:
                    expected[v, u] = np.sign(spectrum[v, u]) * np.sqrt(abs(spectrum[v, u]))
        expected *= 127 / np.abs(expected).max()
        assert np.abs(found - expected).max() <= 1.0


def test_coefficients_keep_to_their_range() -> None:
    found = coefficients(np.array([texture(seed, GRID, GRID) for seed in range(5)], np.float32))
    assert (np.abs(found.astype(int)).max(axis=(1, 2)) == 127).all()
    assert (found[:, 0, 0] == 0).all()
    v, u = np.mgrid[:COEFFICIENTS, :COEFFICIENTS]
    assert (found[:, u + v > 15] == 0).all()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), gain=st.floats(0.2, 3.0), lift=st.floats(-80, 80))
def test_brightness_and_contrast_change_nothing(seed: int, gain: float, lift: float) -> None:
    picture = texture(seed, GRID, GRID).astype(np.float32)[None]
    changed = picture * np.float32(gain) + np.float32(lift)
    assert np.abs(coefficients(changed).astype(int) - coefficients(picture)).max() <= 1


def test_a_flat_picture_has_no_coefficients() -> None:
    flat = np.stack([np.full((GRID, GRID), level, np.float32) for level in (0, 128, 255)])
    assert not coefficients(flat).any()


@pytest.mark.parametrize("level", [0, 16, 235])
@pytest.mark.parametrize(
    "bars",
    [(23, 23, 0, 0), (0, 0, 41, 41), (14, 16, 20, 23)],
    ids=["letterbox", "pillarbox", "frame"],
)
def test_within_its_bars_a_framed_picture_is_nearly_the_plain_one(bars: tuple[int, int, int, int], level: int) -> None:
    plain = texture(4, 144, 256)
    framed = with_bars(plain, *bars, level=level)
    box = box_of(margins(framed)[None])
    inner = coefficients(cropped(thumbnail(framed)[None], box))[0].astype(float).ravel()
    whole = coefficients(cropped(thumbnail(plain)[None], NO_BOX))[0].astype(float).ravel()
    ignored = coefficients(cropped(thumbnail(framed)[None], NO_BOX))[0].astype(float).ravel()
    assert cosine(inner, whole) > 0.97
    assert cosine(inner, whole) > cosine(ignored, whole)


def test_bar_levels_are_read_where_there_are_bars() -> None:
    framed = np.full((1, THUMBNAIL_SIDE, THUMBNAIL_SIDE), 128, np.uint8)
    framed[:, :6], framed[:, -12:] = 16, 235
    assert bar_levels(framed, (6 / 48, 12 / 48, 0.0, 0.01)).tolist() == [[16, 235, 0, 0]]


def test_a_video_vector_has_norm_one_and_no_constant() -> None:
    vector = vector_of(clip(1))
    assert vector.dtype == np.float32
    assert vector.shape == (VECTOR_SIZE,)
    assert float(np.linalg.norm(vector)) == pytest.approx(1.0, abs=1e-6)
    assert vector[0] == 0.0


def test_unrelated_videos_are_far_apart_and_by_the_literal_recipe_they_are_not() -> None:
    """Why the hash is not the textbook's: its constant dwarfs all else and is always positive."""
    clips = [clip(seed) for seed in range(16)]
    ours = pairwise_cosines([vector_of(pictures) for pictures in clips])
    literal = pairwise_cosines([literal_vector(pictures) for pictures in clips])
    assert max(ours) < 0.5
    assert min(literal) > 0.9


def test_a_copy_is_near_in_spite_of_grading_and_noise() -> None:
    original = clip(5)
    noise = np.random.default_rng(0).normal(0, 10, original.shape)
    copy = (original * 0.7 + 30 + noise).round().clip(0, 255).astype(np.uint8)
    assert float(vector_of(original) @ vector_of(copy)) > 0.97


def test_samples_that_show_nothing_have_no_say_in_the_vector() -> None:
    pictures = cropped(np.array([thumbnail(picture) for picture in clip(6)]), NO_BOX)
    frames = coefficients(pictures)
    contrast = np.full(len(frames), 60, np.uint8)
    noise = np.random.default_rng(1).normal(16, 1, pictures.shape).astype(np.float32)
    with_black = np.concatenate([frames, coefficients(noise)])
    dull = np.full(len(frames), TELLING_CONTRAST - 1, np.uint8)
    assert np.array_equal(
        video_vector(with_black, np.concatenate([contrast, dull])),
        video_vector(frames, contrast),
    )


@pytest.mark.parametrize("samples", [0, 1, 9])
def test_a_video_that_shows_nothing_has_a_vector_of_zeros(samples: int) -> None:
    vector = video_vector(np.zeros((samples, 16, 16), np.int8), np.zeros(samples, np.uint8))
    assert vector.dtype == np.float32
    assert vector.tolist() == [0.0] * VECTOR_SIZE


@pytest.mark.parametrize("side", [2, 4, 8])
def test_phash_size_is_the_side_of_the_block(side: int) -> None:
    frames, contrast = coefficients(cropped(clip(7)[:, :48, :48], NO_BOX)), np.full(12, 60, np.uint8)
    vector = video_vector(frames, contrast, phash_size=side)
    assert vector.shape == (side * side,)
    assert float(np.linalg.norm(vector)) == pytest.approx(1.0, abs=1e-6)


def vector_of(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    small = cropped(np.array([thumbnail(picture) for picture in pictures]), NO_BOX)
    return video_vector(coefficients(small), np.full(len(small), 45, np.uint8))


def literal_vector(pictures: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The original design word for word: 32x32, DCT, top-left 8x8 with the constant, by its maximum, averaged."""
    small = [area_average_fast(picture) for picture in pictures]
    blocks = [dctn(picture, norm="ortho")[:8, :8].ravel() for picture in small]
    return np.asarray(np.mean([block / block.max() for block in blocks], axis=0))


def area_average_fast(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    side = len(picture) // GRID
    return np.asarray(picture.reshape(GRID, side, GRID, side).mean(axis=(1, 3)), np.float64)


def cosine(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))


def pairwise_cosines(vectors: list[NDArray[np.float32]] | list[NDArray[np.float64]]) -> list[float]:
    return [cosine(vectors[i], vectors[k]) for i in range(len(vectors)) for k in range(i)]
