from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from consumer.similarity.reel import Reel


def counting(count: int) -> NDArray[np.float32]:
    """float32 [n, 32, 32]: picture k is k all over."""
    return np.broadcast_to(np.arange(count, dtype=np.float32)[:, None, None], (count, 32, 32)).copy()


def levels(pictures: NDArray[np.float32]) -> list[float]:
    assert (pictures == pictures[:, :1, :1]).all()
    return [float(level) for level in pictures[:, 0, 0]]


def test_between_two_pictures_they_are_blended() -> None:
    reel = Reel.whole(counting(5), 0.25)
    assert levels(reel.at(np.array([0.0, 0.25, 0.375, 0.9]))) == pytest.approx([0, 1, 1.5, 3.6])


def test_beyond_the_ends_is_the_end() -> None:
    reel = Reel.whole(counting(5), 0.5)
    assert reel.last_second == 2.0
    assert levels(reel.at(np.array([-3.0, 2.0, 9.0]))) == [0, 4, 4]


def test_a_single_picture_is_shown_for_ever() -> None:
    assert levels(Reel.whole(counting(1), 0.5).at(np.array([-1.0, 0.0, 7.0]))) == [0, 0, 0]


@given(
    times=st.lists(st.floats(-2, 12), min_size=1, max_size=5),
    reach=st.floats(0.5, 3),
    shift=st.floats(-0.5, 0.5),
    step=st.sampled_from([0.25, 0.5]),
)
def test_around_some_times_nothing_is_missing(times: list[float], reach: float, shift: float, step: float) -> None:
    whole = Reel.whole(counting(40), step)
    seconds = np.array(times)
    near = whole.around(seconds, reach)
    assert len(near.pictures) == len(near.places) <= 40
    wanted = np.clip(seconds + np.clip(shift, -reach + step, reach - step), 0, whole.last_second)
    inside = (wanted >= near.places[0] * step) & (wanted <= near.last_second)
    assert levels(near.at(wanted[inside])) == pytest.approx(levels(whole.at(wanted[inside])), abs=1e-4)
