from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from consumer.similarity.tones import CENTRE, at_pitch, at_rows, at_tempo, evened
from processor.tones import RATE, tones
from tests.consumer.sounds import hum, melody, pcm
from wire.fingerprints import TONES, TONES_PER_OCTAVE

SOUND = tones(melody(1, 12.0))


def likeness(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    count = min(len(one), len(other))
    first, second = one[:count].ravel(), other[:count].ravel()
    return float(first @ second / np.sqrt((first @ first) * (second @ second)))


def test_loudness_and_an_equaliser_make_no_difference() -> None:
    colour = np.linspace(0, 9, TONES).round().astype(np.uint8)
    assert likeness(evened(SOUND), evened((SOUND + 5).astype(np.uint8))) == pytest.approx(1.0, abs=1e-3)
    assert likeness(evened(SOUND), evened(SOUND + colour)) == pytest.approx(1.0, abs=1e-3)


def test_what_stays_the_same_is_nothing() -> None:
    assert np.abs(evened(np.full((80, TONES), 30, np.uint8))).max() == 0
    steady, lively = (float((evened(tones(each)) ** 2).sum(axis=1).mean()) for each in (hum(1), melody(1)))
    assert steady < lively / 5


def test_rows_are_of_about_one_size() -> None:
    sizes = np.linalg.norm(evened(SOUND), axis=1)
    assert 0.5 < np.median(sizes) <= 1.0
    assert sizes.max() <= 1.0


def test_silence_is_nothing_and_does_not_weigh_on_its_neighbours() -> None:
    quiet = np.zeros((40, TONES), np.uint8)
    padded = evened(np.concatenate([quiet, SOUND, quiet]))
    assert not padded[:40].any()
    assert not padded[-40:].any()
    assert likeness(padded[40:-40], evened(SOUND)) == pytest.approx(1.0, abs=1e-3)


def test_nothing_is_evened_to_nothing() -> None:
    assert evened(np.zeros((0, TONES), np.uint8)).shape == (0, TONES)
    assert at_tempo(np.zeros((0, TONES), np.uint8), 1.1).shape == (0, TONES)


@pytest.mark.parametrize("semitones", [-3, -1.5, 0.5, 2, 12 / TONES_PER_OCTAVE])
def test_a_pitch_is_undone(semitones: float) -> None:
    higher = evened(tones(melody(1, 12.0, semitones=semitones)))
    middle = slice(3, TONES - 3)
    undone = at_pitch(higher, semitones)[:, middle]
    assert likeness(undone, evened(SOUND)[:, middle]) > 0.9
    assert likeness(undone, evened(SOUND)[:, middle]) > likeness(higher[:, middle], evened(SOUND)[:, middle])


def test_a_whole_step_of_pitch_moves_the_bands_and_loses_those_at_the_edge() -> None:
    rows = np.arange(2 * TONES, dtype=np.float32).reshape(2, TONES)
    step = 12 / TONES_PER_OCTAVE
    assert at_pitch(rows, 0.0).tolist() == rows.tolist()
    assert at_pitch(rows, step)[:, :-1].tolist() == rows[:, 1:].tolist()
    assert at_pitch(rows, -step)[:, 1:].tolist() == rows[:, :-1].tolist()
    assert at_pitch(rows, step)[:, -1].tolist() == at_pitch(rows, -step)[:, 0].tolist() == [0, 0]
    assert at_pitch(rows, 100.0).tolist() == np.zeros_like(rows).tolist()


@pytest.mark.parametrize("tempo", [0.84, 0.95, 1.07, 1.16])
def test_a_tempo_is_undone(tempo: float) -> None:
    faster = tones(melody(1, 12.0, tempo=tempo))
    assert likeness(evened(at_tempo(faster, tempo)), evened(SOUND)) > 0.85
    assert likeness(evened(faster), evened(SOUND)) < 0.5


def test_tempo_stretches_time_around_the_middles_of_what_is_heard() -> None:
    """A click in the middle of row 10 is in the middle of row 10 * 2 + CENTRE of the sound half as fast."""
    rows = np.zeros((20, TONES), np.uint8)
    rows[10] = 60
    slower = at_tempo(rows, 2.0)
    place = float((slower[:, 0] * np.arange(len(slower))).sum() / slower[:, 0].sum())
    assert place == pytest.approx(2 * (10 + CENTRE) - CENTRE)


@given(st.floats(-5, 30))
def test_between_two_rows_is_their_weighted_mean(place: float) -> None:
    rows = np.arange(20, dtype=np.float32)[:, None] * np.ones(TONES, np.float32)
    assert at_rows(rows, np.array([place]))[0, 0] == pytest.approx(min(max(place, 0), 19), abs=1e-5)


def test_a_single_row_can_be_read_anywhere() -> None:
    rows = np.full((1, TONES), 7, np.float32)
    assert at_rows(rows, np.array([-1.0, 0.0, 3.5])).tolist() == np.full((3, TONES), 7.0).tolist()


def test_a_click_alone_says_little() -> None:
    """All bands at once are loudness, and loudness is left out."""
    clicks = np.zeros(10 * RATE)
    clicks[:: 2 * RATE] = 0.9
    clicks += 0.01 * np.random.default_rng(1).normal(size=len(clicks))
    assert likeness(evened(tones(pcm(clicks))), evened(tones(pcm(np.roll(clicks, 7))))) < 1.0
    energy = (evened(tones(pcm(clicks))) ** 2).sum(axis=1)
    assert np.median(energy) < 0.5
