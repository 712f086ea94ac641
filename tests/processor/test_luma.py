from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from processor.luma import full_range, is_sideways, rotation_of, shrunk, upright

ONE = 1 << 16
PICTURE = np.arange(6, dtype=np.uint8).reshape(2, 3)


def matrix(a: int, b: int, c: int, d: int) -> NDArray[np.int32]:
    return np.array([a * ONE, b * ONE, 0, c * ONE, d * ONE, 0, 0, 0, 1 << 30], np.int32)


def test_limited_range_is_stretched() -> None:
    assert full_range(np.array([[0, 16, 126, 235, 255]], np.uint8)).tolist() == [[0, 0, 128, 255, 255]]


@pytest.mark.parametrize(
    ("numbers", "expected", "sideways"),
    [
        ((1, 0, 0, 1), PICTURE, False),
        ((-1, 0, 0, -1), PICTURE[::-1, ::-1], False),
        ((-1, 0, 0, 1), PICTURE[:, ::-1], False),
        ((1, 0, 0, -1), PICTURE[::-1], False),
        ((0, 1, -1, 0), np.rot90(PICTURE, -1), True),
        ((0, -1, 1, 0), np.rot90(PICTURE, 1), True),
        ((0, 1, 1, 0), PICTURE.T, True),
    ],
)
def test_all_ways_to_turn(numbers: tuple[int, int, int, int], expected: NDArray[np.uint8], sideways: bool) -> None:
    assert (upright(PICTURE, matrix(*numbers)) == expected).all()
    assert is_sideways(matrix(*numbers)) is sideways


def test_without_a_matrix_nothing_turns() -> None:
    assert upright(PICTURE, None) is PICTURE
    assert not is_sideways(None)


def test_colours_turn_too() -> None:
    colours = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    assert upright(colours, matrix(0, 1, -1, 0)).shape == (4, 2, 3)


def test_small_pictures_stay() -> None:
    picture = np.zeros((1079, 1920), np.uint8)
    assert shrunk(picture) is picture


@pytest.mark.parametrize(("shape", "expected"), [((1080, 1920), (540, 960)), ((2161, 3841), (540, 960))])
def test_large_pictures_are_averaged(shape: tuple[int, int], expected: tuple[int, int]) -> None:
    picture = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    small = shrunk(picture)
    factor = shape[0] // expected[0]
    square = picture[: 540 * factor, : 960 * factor].reshape(540, factor, 960, factor).mean(axis=(1, 3))
    assert small.shape == expected
    assert np.abs(small - square).max() <= 0.51


@pytest.mark.parametrize(
    ("numbers", "degrees"),
    [
        ((1, 0, 0, 1), 0),
        ((-1, 0, 0, -1), -180),
        ((0, -1, 1, 0), 90),
        ((0, 1, -1, 0), -90),
        ((1, -1, 1, 1), 45),
        ((0, 0, 0, 0), 0),
    ],
)
def test_the_rotation_of_a_matrix(numbers: tuple[int, int, int, int], degrees: int) -> None:
    assert rotation_of(matrix(*numbers)) == degrees
    assert rotation_of(None) == 0
