from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from processor.bars import FULL, MAX_MARGIN, box_of, margins
from tests.processor.textures import texture, with_bars

HEIGHT, WIDTH = 90, 160
SIDES = st.integers(0, 40)


def pixels_of(found: NDArray[np.uint16], height: int, width: int) -> list[float]:
    return [float(share) / FULL * side for share, side in zip(found, (height, height, width, width), strict=True)]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), top=SIDES, bottom=SIDES, left=SIDES, right=SIDES, level=st.integers(0, 255))
def test_bars_of_any_colour_are_found_within_a_pixel(
    seed: int, top: int, bottom: int, left: int, right: int, level: int
) -> None:
    framed = with_bars(texture(seed, HEIGHT, WIDTH), top, bottom, left, right, level)
    assert pixels_of(margins(framed), *framed.shape) == pytest.approx([top, bottom, left, right], abs=1.01)


@pytest.mark.parametrize("seed", range(20))
def test_a_texture_has_no_bars(seed: int) -> None:
    assert margins(texture(seed, HEIGHT, WIDTH)).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (2, 2), (1080, 4)])
@pytest.mark.parametrize("level", [0, 16, 255])
def test_a_flat_picture_is_all_bar(shape: tuple[int, int], level: int) -> None:
    assert margins(np.full(shape, level, np.uint8)).tolist() == [FULL] * 4


@pytest.mark.parametrize("noise", [1.0, 2.0])
def test_the_noise_of_an_encoder_does_not_hide_bars(noise: float) -> None:
    framed = with_bars(texture(1, HEIGHT, WIDTH), 12, 12, 0, 20)
    noisy = framed + np.random.default_rng(0).normal(0, noise, framed.shape)
    found = margins(noisy.round().clip(0, 255).astype(np.uint8))
    assert pixels_of(found, *framed.shape) == pytest.approx([12, 12, 0, 20], abs=1.01)


def test_what_is_as_noisy_as_a_picture_is_no_bar() -> None:
    framed = with_bars(texture(1, HEIGHT, WIDTH), 12, 12, 0, 0, level=128).astype(np.float64)
    noisy = framed + np.random.default_rng(0).normal(0, 12, framed.shape)
    assert margins(noisy.clip(0, 255).astype(np.uint8)).tolist() == [0, 0, 0, 0]


def test_two_bars_of_two_colours_on_one_side_are_one_as_far_as_the_first_goes() -> None:
    framed = with_bars(with_bars(texture(2, HEIGHT, WIDTH), 10, 0, 0, 0, level=200), 6, 0, 0, 0, level=0)
    assert pixels_of(margins(framed), *framed.shape)[0] == pytest.approx(6, abs=1.01)


def test_a_subtitle_in_the_bar_ends_it() -> None:
    framed = with_bars(texture(3, HEIGHT, WIDTH), 0, 30, 0, 0)
    framed[-15:-10, 40:120] = 235
    assert pixels_of(margins(framed), *framed.shape)[1] == pytest.approx(10, abs=1.01)


def shares(*sides: float) -> list[int]:
    return [round(side * FULL) for side in sides]


def test_a_box_is_what_nine_tenths_of_the_samples_agree_on() -> None:
    dark_scene = [shares(0.4, 0.4, 0.4, 0.4)] * 30
    samples = np.array([shares(0.1, 0.12, 0.0, 0.0)] * 70 + dark_scene, np.uint16)
    assert box_of(samples) == pytest.approx((0.1, 0.12, 0.0, 0.0), abs=1e-4)


def test_a_few_samples_without_bars_do_not_undo_them_but_many_do() -> None:
    barred, bare = [shares(0.2, 0.2, 0.0, 0.0)], [shares(0.0, 0.0, 0.0, 0.0)]
    assert box_of(np.array(barred * 95 + bare * 5, np.uint16))[0] == pytest.approx(0.2, abs=1e-4)
    assert box_of(np.array(barred * 80 + bare * 20, np.uint16)) == (0.0, 0.0, 0.0, 0.0)


def test_flat_samples_have_no_say() -> None:
    samples = np.array([[FULL] * 4] * 60 + [shares(0.1, 0.1, 0.0, 0.0)] * 40, np.uint16)
    assert box_of(samples)[:2] == pytest.approx((0.1, 0.1), abs=1e-4)


def test_a_side_that_would_lose_too_much_loses_nothing() -> None:
    wide = MAX_MARGIN + 0.05
    samples = np.array([shares(wide, wide, MAX_MARGIN - 0.01, MAX_MARGIN - 0.01)] * 5, np.uint16)
    assert box_of(samples) == pytest.approx((0.0, 0.0, MAX_MARGIN - 0.01, MAX_MARGIN - 0.01), abs=1e-4)


@pytest.mark.parametrize("samples", [0, 7])
def test_nothing_to_tell_from_is_no_box(samples: int) -> None:
    assert box_of(np.full((samples, 4), FULL, np.uint16)) == (0.0, 0.0, 0.0, 0.0)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(*[st.integers(0, FULL)] * 4), max_size=30))
def test_the_box_is_within_bounds_and_does_not_depend_on_the_order(rows: list[tuple[int, ...]]) -> None:
    samples = np.array(rows, np.uint16).reshape(-1, 4)
    box = box_of(samples)
    assert all(0.0 <= side <= MAX_MARGIN + 1e-9 for side in box)
    assert box_of(samples[::-1]) == box
