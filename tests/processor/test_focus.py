from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from processor.focus import MOST_AREA, focus_of, may_have_focus
from processor.phash import cropped, detailed
from tests.processor.textures import texture
from wire.fingerprints import DETAIL_SIDE

SAMPLES = 16
HEIGHT, WIDTH = 180, 320


def walked(seed: int = 1, top: int = 60, left: int = 100, size: int = 40) -> NDArray[np.uint8]:
    """uint8 [n, 180, 320]: a patch that goes to and fro on a wall; it reaches from `left` to `left + size + 30`."""
    wall, patch = texture(seed, HEIGHT, WIDTH), texture(seed + 1, size, size)
    pictures = np.repeat(wall[None], SAMPLES, axis=0)
    for n, picture in enumerate(pictures):
        at = left + round(15 - 15 * np.cos(n))
        picture[top : top + size, at : at + size] = patch
    return pictures


def details_of(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.array([detailed(picture) for picture in pictures])


def noisy(pictures: NDArray[np.uint8], deviation: float) -> NDArray[np.uint8]:
    noise = np.random.default_rng(5).normal(scale=deviation, size=pictures.shape)
    return np.asarray((pictures + noise).round().clip(0, 255), np.uint8)


def test_the_focus_is_where_something_moves_and_a_little_more() -> None:
    top, bottom, left, right = focus_of(details_of(walked())) or pytest.fail("there is no focus")
    assert top == pytest.approx(60 / HEIGHT - 0.12 * 40 / HEIGHT, abs=0.02)
    assert 1 - bottom == pytest.approx(100 / HEIGHT + 0.12 * 40 / HEIGHT, abs=0.02)
    assert left == pytest.approx(100 / WIDTH - 0.12 * 70 / WIDTH, abs=0.02)
    assert 1 - right == pytest.approx(170 / WIDTH + 0.12 * 70 / WIDTH, abs=0.02)


@pytest.mark.parametrize("change", ["darker", "noise", "logo", "caption"])
def test_it_stays_where_it_is_when_the_video_is_altered(change: str) -> None:
    pictures = walked()
    altered = pictures.copy()
    if change == "darker":
        altered = (pictures * 0.6).astype(np.uint8)
    elif change == "noise":
        altered = noisy(pictures, 4.0)
    elif change == "logo":
        altered[:, 5:50, 250:310] = 255
    else:
        altered[:, 150:175] = 0
    before, after = focus_of(details_of(pictures)), focus_of(details_of(altered))
    assert before is not None
    assert after == pytest.approx(before, abs=0.02)


def test_a_mirrored_video_has_it_mirrored() -> None:
    plain, flipped = focus_of(details_of(walked())), focus_of(details_of(walked()[:, :, ::-1]))
    assert plain is not None
    assert flipped is not None
    assert flipped == pytest.approx((plain[0], plain[1], plain[3], plain[2]), abs=0.011)


def test_what_moves_everywhere_or_nowhere_has_none() -> None:
    drifting = np.array([np.roll(texture(3, HEIGHT, WIDTH), 9 * n, axis=1) for n in range(SAMPLES)])
    still = np.repeat(texture(3, HEIGHT, WIDTH)[None], SAMPLES, axis=0)
    assert focus_of(details_of(drifting)) is None
    assert focus_of(details_of(noisy(still, 12.0))) is None
    assert focus_of(details_of(still)) is None
    assert focus_of(details_of(still[:1])) is None
    assert focus_of(details_of(still)[:0]) is None


def test_a_range_may_contribute_unless_it_moves_all_over() -> None:
    drifting = np.array([np.roll(texture(3, HEIGHT, WIDTH), 9 * n, axis=1) for n in range(SAMPLES)])
    assert not may_have_focus(details_of(drifting))
    assert may_have_focus(details_of(walked()))
    assert may_have_focus(details_of(walked())[:1])
    assert may_have_focus(details_of(walked())[:0])


@settings(max_examples=20, deadline=None)
@given(top=st.integers(0, 120), left=st.integers(0, 220), size=st.integers(20, 60))
def test_it_is_a_part_of_the_picture_no_larger_than_it_may_be(top: int, left: int, size: int) -> None:
    box = focus_of(details_of(walked(7, top, left, size)))
    assert box is not None
    assert all(0.0 <= share < 1.0 for share in box)
    assert 0.0 < (1 - box[0] - box[1]) * (1 - box[2] - box[3]) <= MOST_AREA


def test_the_part_is_enlarged() -> None:
    details = np.zeros((2, DETAIL_SIDE, DETAIL_SIDE), np.uint8)
    details[1, 48:96, 96:192] = np.repeat(np.arange(96), 1).astype(np.uint8)
    enlarged = cropped(details, (0.25, 0.5, 0.5, 0.0))
    assert enlarged.shape == (2, 32, 32)
    assert not enlarged[0].any()
    assert enlarged[1, :, 0] == pytest.approx(1.0)
    assert enlarged[1, :, -1] == pytest.approx(94.0)
