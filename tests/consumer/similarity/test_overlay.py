"""One video's pictures over another's, moment by moment."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from consumer.similarity.overlay import Overlay
from consumer.similarity.pictures import WHOLE, Pictures
from consumer.similarity.reel import Reel
from consumer.similarity.registration import of_window
from consumer.similarity.timeline import FINE_STEP, STEP
from tests.consumer.clips import texture

DICE = np.random.default_rng(8)
SCENES = np.stack([texture(DICE, 32, 32) for _ in range(40)]).astype(np.float32) * 40 + 120


def drifting(seconds: NDArray[np.float64]) -> Pictures:
    """A picture that turns into another each second."""
    at = np.clip(seconds, 0, len(SCENES) - 2)
    share = (at % 1.0).astype(np.float32)[:, None, None]
    first = at.astype(int)
    return np.asarray((1 - share) * SCENES[first] + share * SCENES[first + 1], dtype=np.float32)


REEL = Reel.whole(drifting(np.arange(0.0, 30.0, FINE_STEP)), FINE_STEP)


def overlay(own: Pictures, offset: float, slides: NDArray[np.intp] | None = None, speed: float = 1.0) -> Overlay:
    shown = np.arange(len(own)) if slides is None else slides
    return Overlay(own, REEL, of_window(WHOLE), (speed, offset), shown)


def test_what_shows_the_same_agrees_and_what_does_not_does_not() -> None:
    times = np.arange(0.0, 10.0, STEP)
    own = drifting(times + 5.0)
    own[12:] = drifting(times[12:] + 18.0)
    agreement = overlay(own, 5.0).agreement()
    assert agreement.shape == (20,)
    assert agreement[:12].min() > 0.99
    assert agreement[12:].max() < 0.6


def test_moments_stay_on_their_course_where_nothing_agrees_clearly_better() -> None:
    own = drifting(np.arange(0.0, 10.0, STEP) + 5.0)
    moments = np.arange(2, 18, 3)
    assert overlay(own, 5.0).nearest(moments) == pytest.approx(moments * STEP + 5.0)
    assert overlay(own, 5.05).nearest(moments) == pytest.approx(moments * STEP + 5.05)


@pytest.mark.parametrize(("taken", "course", "mended"), [(4.9, 5.0, -0.25), (5.0, 4.9, 0.25)])
def test_a_moment_next_to_a_cut_is_found_on_its_side(taken: float, course: float, mended: float) -> None:
    """Each scene lasts a second; the course is on the other side of each cut."""
    reel = Reel.whole(SCENES[np.arange(0.0, 30.0, FINE_STEP).astype(int)], FINE_STEP)
    own = SCENES[(np.arange(0.0, 10.0, STEP) + taken + 1e-6).astype(int)]
    laid = Overlay(own, reel, of_window(WHOLE), (1.0, course), np.arange(len(own)))
    at_cuts = np.arange(2, 18, 2)
    assert laid.nearest(at_cuts) == pytest.approx(at_cuts * STEP + course + mended)
    assert laid.nearest(at_cuts + 1) == pytest.approx((at_cuts + 1) * STEP + course)


@pytest.mark.parametrize(("speed", "offset"), [(1.0, 6.0), (1.25, 6.0), (-1.0, 20.0)])
def test_a_slide_is_found_as_far_off_as_it_stands(speed: float, offset: float) -> None:
    """Each stands for 3 s and shows what its course reaches a second after its middle."""
    slides = np.repeat(np.arange(5), 6)
    middle = (6 * np.arange(5) + 3) * STEP
    taken = np.asarray(speed * middle + offset + 1.0, dtype=np.float64)
    own = drifting(taken)[slides]
    laid = overlay(own, offset, slides, speed)
    assert laid.nearest(6 * np.arange(5) + 3) == pytest.approx(taken, abs=FINE_STEP)
    assert laid.agreement().min() > 0.95
    assert overlay(own, offset, speed=speed).agreement().min() < 0.8


def test_a_slide_that_stands_for_long_is_not_looked_for_everywhere() -> None:
    own = drifting(np.array([29.0]))[np.zeros(120, np.intp)]
    laid = overlay(own, -25.0, np.zeros(120, np.intp))
    assert laid.nearest(np.array([60])) <= -25.0 + 60 * STEP + 8.0
