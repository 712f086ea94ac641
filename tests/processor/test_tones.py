from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from processor.tones import FRAME, HOP, RATE, ToneTrack, tones
from wire.fingerprints import CODE_SECONDS, TONE_DECIBELS, TONE_WINDOW_SECONDS, TONES, TONES_PER_OCTAVE

NOISE = (np.random.default_rng(5).normal(size=8 * RATE) * 4000).astype(np.int16)


def sine(hertz: float, seconds: float = 2.0, level: float = 0.5) -> NDArray[np.int16]:
    time = np.arange(int(seconds * RATE)) / RATE
    return np.round(32767 * level * np.sin(2 * np.pi * hertz * time)).astype(np.int16)


def band_of(hertz: float) -> float:
    return float(TONES_PER_OCTAVE * np.log2(hertz / 200))


def slowly(pcm: NDArray[np.int16]) -> NDArray[np.uint8]:
    """Row by row, band by band, straight from the definition."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME)
    frequencies = np.arange(FRAME // 2 + 1) * RATE / FRAME
    rows = []
    for start in range(0, len(pcm) - FRAME + 1, HOP):
        frame = pcm[start : start + FRAME] / 32768
        power = np.abs(np.fft.rfft(frame * window)) ** 2
        row = []
        for band in range(TONES):
            low, centre, high = (200 * 2 ** ((band + step) / TONES_PER_OCTAVE) for step in (-1, 0, 1))
            shares = np.minimum((frequencies - low) / (centre - low), (high - frequencies) / (high - centre)).clip(0)
            level = 10 * np.log10((power * shares).sum() / shares.sum() / (FRAME / 8) ** 2 + 1e-30)
            row.append(round((level + 112) / TONE_DECIBELS))
        rows.append(row)
    return np.clip(np.array(rows), 0, 63).astype(np.uint8)


def test_the_levels_are_those_of_the_definition() -> None:
    for pcm in (NOISE[: 2 * RATE], sine(440), NOISE[:FRAME] // 100):
        assert np.abs(tones(pcm).astype(int) - slowly(pcm)).max() <= 1
        assert (tones(pcm) == slowly(pcm)).mean() > 0.99


@pytest.mark.parametrize("hertz", [210, 440, 1000, 2500, 4600])
def test_a_sine_is_loudest_in_its_band(hertz: float) -> None:
    loudest = tones(sine(hertz)).argmax(axis=1)
    assert np.abs(loudest - band_of(hertz)).max() <= 0.75


def test_another_pitch_is_a_shift_along_the_bands() -> None:
    low, high = tones(sine(500)), tones(sine(1000))
    agreement = [np.abs(low[:, 5:25].astype(int) - high[:, 5 + shift : 25 + shift]).mean() for shift in range(3, 16)]
    assert int(np.argmin(agreement)) + 3 == TONES_PER_OCTAVE


def test_another_loudness_adds_the_same_to_each_band() -> None:
    loud, soft = tones(NOISE), tones((NOISE // 10).astype(np.int16))
    difference = (loud.astype(int) - soft) * TONE_DECIBELS
    assert difference.mean() == pytest.approx(20, abs=0.3)
    assert difference.std() < 2


def test_silence_is_level_zero() -> None:
    assert not tones(np.zeros(RATE, np.int16)).any()
    assert tones(sine(440, level=0.001)).any()
    assert tones(sine(440, level=1.0)).max() <= 63


def test_a_sound_outside_of_the_bands_is_not_heard() -> None:
    assert tones(sine(60)).max() < tones(sine(440)).max() - 30 / TONE_DECIBELS


@pytest.mark.parametrize(
    ("samples", "rows"), [(0, 0), (FRAME - 1, 0), (FRAME, 1), (FRAME + HOP - 1, 1), (FRAME + HOP, 2)]
)
def test_there_is_a_row_for_every_window_that_is_full(samples: int, rows: int) -> None:
    assert tones(NOISE[:samples]).shape == (rows, TONES)
    assert tones(NOISE[:samples]).dtype == np.uint8


def test_rows_are_as_far_apart_as_the_constants_say() -> None:
    assert pytest.approx(HOP / RATE) == CODE_SECONDS
    assert pytest.approx(FRAME / RATE) == TONE_WINDOW_SECONDS


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, len(NOISE)), max_size=8))
def test_any_cutting_gives_the_same_bytes(cuts: list[int]) -> None:
    track = ToneTrack()
    for start, stop in pairwise([0, *sorted(cuts), len(NOISE)]):
        track.feed(NOISE[start:stop])
    assert track.finish().tobytes() == tones(NOISE).tobytes()


def test_a_row_does_not_depend_on_its_neighbours() -> None:
    whole = tones(NOISE)
    for row in (0, 7, 31, 32, 33, len(whole) - 1):
        alone = tones(NOISE[row * HOP : row * HOP + FRAME].copy())
        assert alone.tobytes() == whole[row : row + 1].tobytes()


def test_a_track_of_nothing_has_no_rows() -> None:
    assert ToneTrack().finish().shape == (0, TONES)
