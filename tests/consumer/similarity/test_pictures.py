from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.fft import dctn, idctn

from consumer.similarity.pictures import (
    BAND,
    GRID,
    WHOLE,
    Pictures,
    cut,
    features,
    full_pictures,
    has_bars,
    inner_pictures,
    lowest,
    turned,
    turned_features,
    whitened,
)
from processor.phash import cropped as cropped_thumbnails
from tests.consumer.clips import (
    Clip,
    clip,
    fingerprint_of,
    flat,
    fragment_of,
    graded,
    letterboxed,
    pillarboxed,
    texture,
)


def some(count: int = 6, seed: int = 1) -> Pictures:
    random = np.random.default_rng(seed)
    return np.array([128 + 40 * texture(random, GRID, GRID) for _ in range(count)], np.float32)


def test_a_fingerprint_still_shows_its_pictures() -> None:
    """As far as the kept frequencies tell: the rest of a 32x32 picture is fine detail."""
    source = clip(1)
    thumbnails = cropped_thumbnails(fragment_of(source).thumbnails, (0, 0, 0, 0))
    shown = inner_pictures(fingerprint_of(source))
    assert np.abs(shown.mean(axis=(1, 2)) - thumbnails.mean(axis=(1, 2))).max() < 1.0
    for found, picture in zip(shown, thumbnails, strict=True):
        assert np.corrcoef(found.ravel(), picture.ravel())[0, 1] > 0.9
        assert found.std() == pytest.approx(picture.std(), abs=1.0)


@pytest.mark.parametrize("level", [0.0, 235.0])
@pytest.mark.parametrize("bars", [letterboxed, pillarboxed])
def test_the_bars_are_painted_in_again(bars: object, level: float) -> None:
    assert callable(bars)
    source: Clip = bars(clip(2), 0.2, level)
    fingerprint = fingerprint_of(source)
    assert has_bars(fingerprint)
    full = full_pictures(fingerprint, inner_pictures(fingerprint))
    true = cropped_thumbnails(fragment_of(source).thumbnails, (0, 0, 0, 0))
    for found, picture in zip(full, true, strict=True):
        assert np.corrcoef(found.ravel(), picture.ravel())[0, 1] > 0.85
    edge = full[:, :2] if bars is letterboxed else full[:, :, :2]
    assert np.abs(edge - level).max() < 20


def test_without_bars_the_full_picture_is_the_inner_one() -> None:
    fingerprint = fingerprint_of(clip(2))
    inner = inner_pictures(fingerprint)
    assert not has_bars(fingerprint)
    assert full_pictures(fingerprint, inner) is inner


def test_a_flat_video_shows_flat_pictures() -> None:
    shown = inner_pictures(fingerprint_of(flat(100)))
    assert np.abs(shown - 100).max() < 1e-3
    assert not features(shown).any()


def test_features_have_norm_one_and_65_numbers() -> None:
    found = features(some())
    assert found.dtype == np.float32
    assert found.shape == (6, 65)
    assert np.linalg.norm(found, axis=1) == pytest.approx(1.0, abs=1e-5)


def test_features_are_the_weighted_low_frequencies() -> None:
    """Step by step, with scipy's transform."""
    for picture, found in zip(some(), features(some()), strict=True):
        scaled = np.clip((picture - picture.mean()) / picture.std(), -2.5, 2.5).astype(np.float64)
        spectrum = dctn(scaled, norm="ortho")
        expected = np.array(
            [
                np.sign(spectrum[v, u]) * np.sqrt(abs(spectrum[v, u]) * np.hypot(u, v))
                for v in range(BAND + 1)
                for u in range(BAND + 1)
                if 0 < u + v <= BAND
            ]
        )
        assert found == pytest.approx(expected / np.linalg.norm(expected), abs=1e-4)


def test_the_lowest_frequencies_bear_more_misplacement() -> None:
    pictures = some()
    moved = cut(pictures, (0.06, 1.0, 0.0, 0.94))
    plain, rough = features(pictures), lowest(features(pictures))
    assert rough.shape == (6, 20)
    assert np.linalg.norm(rough, axis=1) == pytest.approx(1.0, abs=1e-5)
    assert ((rough * lowest(features(moved))).sum(axis=1) > (plain * features(moved)).sum(axis=1)).all()
    assert not lowest(np.zeros((2, 65), np.float32)).any()


@settings(max_examples=20, deadline=None)
@given(gain=st.floats(0.3, 3), lift=st.floats(-60, 60), seed=st.integers(0, 99))
def test_features_do_not_depend_on_brightness_and_contrast(gain: float, lift: float, seed: int) -> None:
    pictures = some(3, seed)
    changed = pictures * np.float32(gain) + np.float32(lift)
    assert np.abs(features(changed) - features(pictures)).max() < 1e-3


def test_unrelated_pictures_have_far_features() -> None:
    found = features(some(30))
    likeness = found @ found.T - np.eye(30)
    assert likeness.max() < 0.75
    assert abs(float(likeness.mean())) < 0.1


def test_whitened_pictures_have_mean_0_deviation_1_and_no_finer_detail() -> None:
    even = whitened(some(), 7)
    assert np.abs(even.mean(axis=(1, 2))).max() < 1e-4
    assert even.std(axis=(1, 2)) == pytest.approx(1.0, abs=1e-4)
    v, u = np.mgrid[:GRID, :GRID]
    for picture in even:
        assert np.abs(dctn(picture.astype(np.float64), norm="ortho")[u + v > 7]).max() < 1e-3


def test_whitening_evens_out_what_nature_does() -> None:
    v, u = np.mgrid[:GRID, :GRID]
    radius = np.hypot(u, v)
    natural = np.where((radius > 0), 1 / np.maximum(radius, 1), 0)
    even = whitened(idctn(natural, norm="ortho").astype(np.float32)[None] * 100, BAND)[0]
    spectrum = dctn(even.astype(np.float64), norm="ortho")[(u + v > 0) & (u + v <= BAND)]
    assert spectrum == pytest.approx(spectrum.mean(), rel=1e-3)


def test_flat_pictures_whiten_to_nothing_worse_than_numbers() -> None:
    assert np.isfinite(whitened(np.full((2, GRID, GRID), 77, np.float32), BAND)).all()


def test_cutting_the_whole_cuts_nothing() -> None:
    pictures = some()
    assert cut(pictures, WHOLE) is pictures


def test_a_window_is_read_where_it_is() -> None:
    ramp = np.tile(np.arange(GRID, dtype=np.float32), (GRID, 1))[None]
    found = cut(ramp, (0.0, 1.0, 0.25, 0.75))[0, 0]
    assert np.diff(found) == pytest.approx(0.5, abs=1e-3)
    assert float(found.mean()) == pytest.approx(15.5, abs=1e-3)


def test_mirroring_and_turning_undo_themselves() -> None:
    pictures = some()
    assert np.array_equal(turned(turned(pictures, 0, True), 0, True), pictures)
    for turns in range(4):
        assert np.array_equal(turned(turned(pictures, turns, False), -turns % 4, False), pictures)
        assert np.array_equal(turned(turned(pictures, turns, True), turns, True), pictures)


def test_mirrored_first_then_turned_counter_clockwise() -> None:
    marked = np.zeros((1, GRID, GRID), np.float32)
    marked[0, 0, 0] = 1
    assert turned(marked, 0, True)[0, 0, -1] == 1
    assert turned(marked, 1, False)[0, -1, 0] == 1
    assert turned(marked, 1, True)[0, 0, 0] == 1


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("quarter_turns", [0, 1, 2, 3])
def test_the_features_of_a_turned_picture_are_those_of_the_picture(quarter_turns: int, mirrored: bool) -> None:
    pictures = some()
    made = features(turned(pictures, quarter_turns, mirrored))
    assert turned_features(features(pictures), quarter_turns, mirrored) == pytest.approx(made, abs=1e-5)


def test_a_mirrored_view_is_free() -> None:
    """A mirrored picture's features are its own with the odd horizontal frequencies negated."""
    pictures = some()
    odd = np.array([(-1) ** u for v in range(BAND + 1) for u in range(BAND + 1) if 0 < u + v <= BAND])
    assert np.abs(features(turned(pictures, 0, True)) - features(pictures) * odd).max() < 1e-4


def test_grading_changes_nothing_of_what_is_compared() -> None:
    plain = features(inner_pictures(fingerprint_of(clip(3))))
    graded_ones = features(inner_pictures(fingerprint_of(graded(clip(3), 0.8, 10))))
    assert np.einsum("ij,ij->i", plain, graded_ones).min() > 0.99
