from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from consumer.similarity.tone_matching import LEAST_ROWS, ToneQuery, ToneStretch, tone_stretches
from processor.tones import tones
from tests.consumer.sounds import Pcm, hum, joined, melody, mixed, noise, silence, siren
from wire.fingerprints import CODE_SECONDS, TONES

SECOND = 1 / CODE_SECONDS


def stretches(query: NDArray[np.uint8], reference: NDArray[np.uint8]) -> list[ToneStretch]:
    return tone_stretches(ToneQuery(query), reference)


def best(query: Pcm, reference: Pcm) -> ToneStretch:
    found = stretches(tones(query), tones(reference))
    assert found
    return found[0]


@pytest.mark.parametrize(
    ("semitones", "tempo"),
    [
        (0, 1),
        (2, 1),
        (-3, 1),
        (0.3, 1),
        (0, 0.84),
        (0, 1.16),
        (0, 0.8),
        (0, 1.25),
        (0, 1.02),
        (2.57, 1.16),
        (-3.02, 0.84),
        (0.5, 1.06),
        (-1, 1.1),
    ],
)
def test_pitch_and_tempo_are_found_and_undone(semitones: float, tempo: float) -> None:
    found = best(melody(1, 15.0, semitones=semitones, tempo=tempo), melody(1, 15.0))
    assert found.semitones == pytest.approx(semitones, abs=0.5)
    assert found.tempo == pytest.approx(tempo, rel=0.02)
    assert found.correlation > 0.85
    assert found.variety > 0.5
    assert (found.start, found.ref_start) == pytest.approx((0, 0), abs=SECOND)
    assert (found.stop, found.ref_stop) == pytest.approx((15 * SECOND / tempo, 15 * SECOND), abs=SECOND)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 1000), semitones=st.floats(-3, 2.5), tempo=st.floats(0.84, 1.16))
def test_any_change_within_the_grid_is_found(seed: int, semitones: float, tempo: float) -> None:
    found = best(melody(seed, 12.0, semitones=semitones, tempo=tempo), melody(seed, 12.0))
    assert found.semitones == pytest.approx(semitones, abs=0.5)
    assert found.tempo == pytest.approx(tempo, rel=0.02)


@pytest.mark.parametrize("seed", range(12))
def test_unrelated_sounds_have_nothing_in_common(seed: int) -> None:
    assert stretches(tones(melody(seed)), tones(melody(seed + 100))) == []


@pytest.mark.parametrize("make", [noise, hum], ids=["noise", "hum"])
def test_two_recordings_of_noise_or_hum_have_nothing_in_common(make: type[Pcm]) -> None:
    for seed in range(4):
        assert stretches(tones(make(seed)), tones(make(seed + 50))) == []


def test_silence_has_nothing_in_common_with_anything() -> None:
    quiet = tones(silence())
    assert stretches(quiet, quiet) == []
    assert stretches(quiet, tones(melody(1))) == []
    assert stretches(np.zeros((0, TONES), np.uint8), tones(melody(1))) == []


@pytest.mark.parametrize("period", [1.0, 2.0, 4.0])
def test_two_sirens_are_alike_and_have_no_variety(period: float) -> None:
    found = stretches(tones(siren(1, period=period)), tones(siren(2, period=period)))
    assert all(each.variety < 0.3 for each in found)


def test_a_part_is_found_where_it_is() -> None:
    """Ten seconds of a melody, higher and faster, between other sounds."""
    part = melody(3, 20.0, semitones=1.0, tempo=1.1)[5 * 11025 : 15 * 11025]
    found = best(joined(melody(8, 7.0), part, melody(9, 6.0)), melody(3, 20.0))
    assert (found.start, found.stop) == pytest.approx((7 * SECOND, 17 * SECOND), abs=SECOND)
    assert (found.ref_start, found.ref_stop) == pytest.approx((5.5 * SECOND, 16.5 * SECOND), abs=SECOND)
    assert found.tempo == pytest.approx(1.1, rel=0.02)


def test_several_parts_are_several_stretches_each_with_its_own_pitch() -> None:
    original = melody(4, 30.0)
    high = melody(4, 30.0, semitones=2.0)[: 10 * 11025]
    fast = melody(4, 30.0, tempo=1.12)[int(18 / 1.12 * 11025) :]
    found = stretches(tones(joined(fast, melody(12, 5.0), high)), tones(original))
    assert len(found) == 2
    first, second = sorted(found, key=lambda each: each.start)
    assert (first.tempo, second.tempo) == pytest.approx((1.12, 1.0), rel=0.02)
    assert (first.semitones, second.semitones) == pytest.approx((0, 2), abs=0.3)
    assert (first.ref_start, second.ref_start) == pytest.approx((18 * SECOND, 0), abs=SECOND)
    assert (first.ref_stop, second.ref_stop) == pytest.approx((30 * SECOND, 10 * SECOND), abs=SECOND)


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_other_sound_over_it_does_not_hide_it(share: float) -> None:
    found = best(mixed(melody(5, 15.0, semitones=-1.0), melody(20, 15.0), share), melody(5, 15.0))
    assert found.semitones == pytest.approx(-1.0, abs=0.5)
    assert found.correlation > 0.6


@pytest.mark.parametrize(("semitones", "hiss"), [(1.5, 0.1), (1.5, 0.3), (-2.0, 0.3)])
def test_hiss_does_not_hide_another_pitch(semitones: float, hiss: float) -> None:
    for seed in (14, 15, 16, 17):
        found = best(melody(seed, 10.0, semitones=semitones, hiss=hiss), melody(seed, 10.0, hiss=hiss))
        assert found.semitones == pytest.approx(semitones, abs=0.5)
        assert found.correlation > 0.45


def test_silence_on_both_sides_belongs_to_a_stretch_and_does_not_count() -> None:
    original = joined(silence(5.0), melody(6, 8.0), silence(4.0))
    copy = joined(silence(5.0), melody(6, 8.0, semitones=1.5), silence(4.0))
    found = best(copy, original)
    assert (found.start, found.stop) == pytest.approx((0, 17 * SECOND), abs=SECOND)
    assert found.rows == pytest.approx(8 * SECOND, abs=SECOND)


def test_a_moment_is_no_stretch() -> None:
    moment = melody(7, 20.0, semitones=1.0)[: int(2.5 * 11025)]
    assert stretches(tones(joined(moment, melody(30, 10.0))), tones(melody(7, 20.0))) == []
    assert pytest.approx(3.0, abs=0.1) == LEAST_ROWS * CODE_SECONDS


def test_minutes_are_laid_exactly_from_end_to_end() -> None:
    """An error of half a percent in the tempo would be a second and a half here."""
    found = best(melody(10, 300.0, semitones=0.7, tempo=0.957), melody(10, 300.0))
    assert found.tempo == pytest.approx(0.957, rel=0.001)
    assert (found.start, found.ref_start) == pytest.approx((0, 0), abs=SECOND)
    assert (found.stop, found.ref_stop) == pytest.approx((300 * SECOND / 0.957, 300 * SECOND), abs=SECOND)


def test_comparing_is_deterministic_and_changes_nothing() -> None:
    query, reference = tones(melody(11, 10.0, semitones=1.0)), tones(melody(11, 10.0))
    before = query.tobytes(), reference.tobytes()
    assert stretches(query, reference) == stretches(query, reference)
    assert (query.tobytes(), reference.tobytes()) == before


def test_looking_the_other_way_finds_the_inverse() -> None:
    there = best(melody(13, 12.0, semitones=2.0, tempo=1.1), melody(13, 12.0))
    back = best(melody(13, 12.0), melody(13, 12.0, semitones=2.0, tempo=1.1))
    assert back.tempo == pytest.approx(1 / there.tempo, rel=0.02)
    assert back.semitones == pytest.approx(-there.semitones, abs=0.3)
