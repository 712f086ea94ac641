from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from processor.inset import inset_of, may_have_inset, within
from processor.phash import detailed
from tests.processor.textures import texture
from wire.fingerprints import DETAIL_SIDE

SAMPLES = 16
HEIGHT, WIDTH = 180, 320
PLACE = (20, 128, 90, 282)
"""top, bottom, left, right, in pixels."""


def drifting(seed: int, height: int = HEIGHT, width: int = WIDTH, speed: int = 9) -> NDArray[np.uint8]:
    """uint8 [n, h, w]: a texture that moves from right to left."""
    return np.array([np.roll(texture(seed, height, width), speed * n, axis=1) for n in range(SAMPLES)])


def shown(inner: NDArray[np.uint8], outer: NDArray[np.uint8], place: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """The one within the other, as large as it is."""
    top, bottom, left, right = place
    pictures = outer.copy()
    pictures[:, top:bottom, left:right] = inner[:, : bottom - top, : right - left]
    return pictures


def details_of(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.array([detailed(picture) for picture in pictures])


def shares(place: tuple[int, int, int, int]) -> tuple[float, float, float, float]:
    top, bottom, left, right = place
    return top / HEIGHT, 1 - bottom / HEIGHT, left / WIDTH, 1 - right / WIDTH


@pytest.mark.parametrize(
    "place", [PLACE, (60, 150, 15, 175), (0, 100, 80, 240), (30, 120, 160, 320)], ids=["right", "left", "top", "edge"]
)
def test_the_video_within_a_video_is_found(place: tuple[int, int, int, int]) -> None:
    pictures = shown(drifting(7, speed=-7), drifting(8), place)
    assert inset_of(details_of(pictures)) == pytest.approx(shares(place), abs=2 / DETAIL_SIDE)


def test_it_is_found_on_a_wall_and_around_what_hardly_moves() -> None:
    wall = np.repeat(texture(8, HEIGHT, WIDTH)[None], SAMPLES, axis=0)
    figure = np.full((SAMPLES, HEIGHT, WIDTH), 235, np.uint8)
    for n, picture in enumerate(figure):
        picture[40:80, 60 + 3 * n : 66 + 3 * n] = 20
    for inner, outer in ((drifting(7), wall), (figure, drifting(8)), (figure, wall)):
        assert inset_of(details_of(shown(inner, outer, PLACE))) == pytest.approx(shares(PLACE), abs=2 / DETAIL_SIDE)


def test_a_video_with_nothing_in_it_has_none() -> None:
    wall = np.repeat(texture(3, HEIGHT, WIDTH)[None], SAMPLES, axis=0)
    for pictures in (drifting(1), drifting(2, speed=3), wall, wall[:1], wall[:0]):
        assert inset_of(details_of(pictures).reshape(-1, DETAIL_SIDE, DETAIL_SIDE)) is None


def test_a_logo_is_none() -> None:
    pictures = drifting(1)
    pictures[:, 10:50, 250:310] = 250
    assert inset_of(details_of(pictures)) is None


def test_a_board_is_none_since_nothing_moves_on_it() -> None:
    board = np.repeat(texture(5, HEIGHT, WIDTH)[None], SAMPLES, axis=0)
    assert inset_of(details_of(shown(board, drifting(1), PLACE))) is None


def test_a_board_does_not_hide_one() -> None:
    """However sharp its edges are."""
    place = (10, 95, 150, 310)
    pictures = shown(drifting(7, speed=-7), drifting(8), place)
    pictures[:, 100:175, 5:125] = 255
    pictures[:, 102:173, 7:123] = 0
    assert inset_of(details_of(pictures)) == pytest.approx(shares(place), abs=2 / DETAIL_SIDE)


def test_bars_and_captions_are_none() -> None:
    letterboxed, captioned = drifting(1), drifting(2)
    letterboxed[:, :22] = letterboxed[:, -22:] = 16
    captioned[:, -40:-10] = 40
    assert inset_of(details_of(letterboxed)) is None
    assert inset_of(details_of(captioned)) is None


def test_a_range_may_contribute_to_what_the_whole_shows() -> None:
    details = details_of(shown(drifting(7, speed=-7), drifting(8), PLACE))
    assert may_have_inset(details)
    assert may_have_inset(details[:6])
    assert not may_have_inset(details_of(drifting(1)))


def test_its_whole_pixels() -> None:
    details = np.arange(DETAIL_SIDE, dtype=np.uint8)[None, :, None] * np.ones((3, 1, DETAIL_SIDE), np.uint8)
    part = within(details, (0.25, 0.5, 0.125, 0.0))
    assert part.shape == (3, DETAIL_SIDE // 4, DETAIL_SIDE * 7 // 8)
    assert (part[0, 0, 0], part[0, -1, 0]) == (DETAIL_SIDE // 4, DETAIL_SIDE // 2 - 1)


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(0, 5))
def test_whatever_it_is_shown_what_it_finds_lies_within_the_picture(seed: int, samples: int) -> None:
    random = np.random.default_rng(seed)
    details = random.integers(0, 256, (samples, DETAIL_SIDE, DETAIL_SIDE)).astype(np.uint8)
    box = inset_of(details)
    assert box is None or (all(0.0 <= share < 1.0 for share in box) and within(details, box).size > 0)
