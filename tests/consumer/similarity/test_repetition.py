from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.similarity.repetition import varied
from wire.fingerprints import CODE_SECONDS


def test_what_never_comes_again_is_all_varied() -> None:
    assert varied(lambda lag: 0.0, 200) == 1.0
    assert varied(lambda lag: -0.3, 200) == 1.0


@pytest.mark.parametrize("period", [0.6, 1.0, 2.5, 5.0])
def test_what_comes_again_as_it_was_is_not_varied(period: float) -> None:
    lag_of_period = round(period / CODE_SECONDS)
    assert varied(lambda lag: 1.0 if lag == lag_of_period else 0.1, 200) == 0.0


def test_what_comes_again_later_or_sooner_than_a_siren_does_not_count() -> None:
    assert varied(lambda lag: 1.0 if lag * CODE_SECONDS > 6.1 else 0.0, 400) == 1.0
    assert varied(lambda lag: 1.0 if lag * CODE_SECONDS < 0.4 else 0.0, 400) == 1.0


def test_a_loop_of_music_keeps_some_of_its_variety() -> None:
    assert 0.3 < varied(lambda lag: 0.75, 200) < 0.5


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_the_more_comes_again_the_less_is_varied(one: float, other: float) -> None:
    less, more = sorted((one, other))
    assert 0.0 <= varied(lambda lag: more, 200) <= varied(lambda lag: less, 200) <= 1.0


@pytest.mark.parametrize("length", [0, 1, 7])
def test_what_is_too_short_to_come_again_is_varied(length: int) -> None:
    def asked(lag: int) -> float:
        raise AssertionError("there is no such lag in so short a sound")

    assert varied(asked, length) == 1.0


def test_only_lags_are_asked_for_that_half_of_the_sound_has_room_for() -> None:
    asked: list[int] = []

    def likeness(lag: int) -> float:
        asked.append(lag)
        return 0.0

    varied(likeness, 40)
    assert asked == list(range(4, 21))
