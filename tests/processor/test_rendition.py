from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.rendition import MOST_LINES, SOUND_RATE, Pace, SoundPlace, fitted, rate_of


@pytest.mark.parametrize(
    ("shown", "made"),
    [
        ((1920, 1080), (1280, 720)),
        ((1080, 1920), (404, 720)),
        ((3840, 2160), (1280, 720)),
        ((640, 480), (640, 480)),
        ((193, 109), (192, 108)),
        ((1048, 576), (1048, 576)),
        ((8192, 16), (8192, 16)),
        ((8, 16384), (2, 720)),
    ],
)
def test_sizes(shown: tuple[int, int], made: tuple[int, int]) -> None:
    assert fitted(*shown) == made


@given(st.integers(8, 16384), st.integers(8, 16384))
def test_a_rendition_is_even_never_enlarged_and_at_most_so_high(width: int, height: int) -> None:
    made = fitted(width, height)
    assert made[0] % 2 == made[1] % 2 == 0
    assert 2 <= made[0] <= width
    assert 2 <= made[1] <= min(height, MOST_LINES)


def test_rates() -> None:
    assert [rate_of(rate) for rate in (0.0, 0.2, 24.0, 59.94, 1000.0)] == [25.0, 25.0, 25.0, 59.94, 60.0]


@pytest.mark.parametrize(("rate", "share"), [(25.0, 1.0), (60.0, 1.0), (120.0, 0.5), (240.0, 0.25)])
def test_no_more_pictures_are_taken_than_are_shown(rate: float, share: float) -> None:
    pace = Pace()
    taken = sum(pace.takes(n / rate) for n in range(1200))
    assert taken == pytest.approx(1200 * share, abs=1)


def test_pictures_that_come_too_late_or_twice_are_left_out() -> None:
    pace = Pace()
    assert [pace.takes(time) for time in (0.0, 0.0, 1.0, 0.5, 1.0, 1.04)] == [True, False, True, False, False, True]
    assert not Pace().takes(-1.0)


def test_sound_without_times_follows_what_was_before() -> None:
    place = SoundPlace(10.0)
    assert place.place(0.0, 1000) == (0, 0, 1000)
    assert place.place(math.nan, 500) == (0, 0, 500)
    assert place.position == 1500


def test_a_gap_is_filled_and_what_overlaps_or_begins_too_early_is_cut() -> None:
    place = SoundPlace(10.0)
    assert place.place(-0.5, SOUND_RATE) == (0, SOUND_RATE // 2, SOUND_RATE)
    assert place.place(1.0, SOUND_RATE) == (SOUND_RATE // 2, 0, SOUND_RATE)
    assert place.place(1.5, SOUND_RATE) == (0, SOUND_RATE // 2, SOUND_RATE)
    assert place.position == 2.5 * SOUND_RATE


def test_small_deviations_are_rounding() -> None:
    place = SoundPlace(10.0)
    place.place(0.0, SOUND_RATE)
    assert place.place(1.05, 100) == (0, 0, 100)
    assert place.place(1.0, 100) == (0, 0, 100)


@given(
    st.lists(st.tuples(st.floats(-1e9, 1e9) | st.just(math.nan), st.integers(1, 100_000)), max_size=30),
    st.floats(0.001, 100.0),
)
def test_whatever_the_times_say_the_sound_ends_with_the_video(pieces: list[tuple[float, int]], end: float) -> None:
    place = SoundPlace(end)
    total = 0
    for time, count in pieces:
        silence, first, stop = place.place(time, count)
        assert silence >= 0
        assert 0 <= first <= stop <= count
        total += silence + stop - first
    assert total == place.position <= math.ceil(end * SOUND_RATE)
