"""Which samples show one picture that stands."""

from __future__ import annotations

import numpy as np
import pytest

from consumer.similarity.pictures import Pictures
from consumer.similarity.slides import middles, slides_of

DICE = np.random.default_rng(3)


def pictures(count: int) -> Pictures:
    return np.asarray(DICE.normal(120, 40, (count, 32, 32)), dtype=np.float32)


def as_coded(shown: Pictures, deviation: float) -> Pictures:
    return np.asarray(shown + DICE.normal(0, deviation, shown.shape), dtype=np.float32)


def test_each_picture_that_stands_is_a_slide() -> None:
    shown = np.repeat(pictures(4), [5, 3, 1, 6], axis=0)
    assert slides_of(shown).tolist() == [0] * 5 + [1] * 3 + [2] + [3] * 6


def test_what_coding_adds_makes_no_new_slide() -> None:
    shown = np.repeat(pictures(3), 5, axis=0)
    assert slides_of(as_coded(shown, 0.2)).max() == 2
    assert slides_of(as_coded(shown, 2.0)).max() == 14


@pytest.mark.parametrize(("stands", "slides"), [(7, 4), (5, 11)])
def test_a_video_that_stands_less_than_it_moves_has_no_slides(stands: int, slides: int) -> None:
    """Of ten steps seven are still; of ten steps five."""
    shown = pictures(11)
    shown[1 : stands + 1] = shown[0]
    assert slides_of(shown).max() + 1 == slides


def test_one_picture_that_stands_all_the_time_is_one_slide() -> None:
    assert slides_of(np.repeat(pictures(1), 9, axis=0)).tolist() == [0] * 9


def test_a_single_sample_is_a_slide() -> None:
    assert slides_of(pictures(1)).tolist() == [0]


def test_flat_pictures_are_alike() -> None:
    assert slides_of(np.zeros((4, 32, 32), np.float32)).tolist() == [0, 0, 0, 0]


def test_the_middle_of_each_slide_stands_for_it() -> None:
    slides = np.array([0, 0, 0, 1, 2, 2, 4, 4, 4, 4])
    assert middles(np.arange(10), slides).tolist() == [1, 3, 5, 8]
    assert middles(np.arange(10, 20), np.arange(10)).tolist() == list(range(10, 20))
