from __future__ import annotations

from itertools import combinations, pairwise
from math import inf
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.similarity import picture
from consumer.similarity.picture import COUNTS, oddities, score_of, strength_of, stretches
from consumer.similarity.registration import ROUGHLY, THOROUGHLY, Affine, Registered, refine
from consumer.similarity.search import Hypothesis
from consumer.similarity.timeline import Line
from consumer.similarity.views import Seen, View
from tests.consumer.clips import (
    clip,
    fading,
    fingerprint_of,
    joined,
    letterboxed,
    mirrored,
    noisy,
    played_at,
    reversed_in_time,
    still,
    trimmed,
    with_logo,
)

IDENTITY = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
CORRELATION = st.floats(-1, 1)


def registered(
    still: float = 0.9, moving: float = 0.9, variety: float = 8.0, area: float = 0.9, motion: float = 0.3
) -> Registered:
    return Registered(still, moving, motion, variety, 300.0, area, IDENTITY)


def score(seconds: float = 16.0, **measured: float) -> float:
    return score_of(strength_of(registered(**measured), seconds))


@given(st.floats(-100, 100), st.floats(-100, 100))
def test_a_score_lies_between_0_and_1_and_rises_with_the_strength(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0.0 <= score_of(low) <= score_of(high) <= 1.0


@given(CORRELATION, CORRELATION, CORRELATION, st.floats(0, 1), st.floats(0, 20), st.floats(0, 1000))
def test_more_agreement_never_weakens_the_evidence(
    still: float, low: float, high: float, area: float, variety: float, seconds: float
) -> None:
    low, high = sorted((low, high))

    def strength(**measured: float) -> float:
        return strength_of(registered(**{"still": still, "area": area, "variety": variety} | measured), seconds)

    assert strength(moving=low) <= strength(moving=high)
    assert strength(still=low, moving=high) <= strength(still=high, moving=high)
    assert np.isfinite(strength(moving=low))


@pytest.mark.parametrize("seconds", [1.0, 60.0, 3600.0, 1e6])
def test_what_looks_alike_and_moves_otherwise_is_no_copy_however_long_and_varied(seconds: float) -> None:
    assert score(seconds, still=1.0, moving=0.25, variety=100.0, area=1.0) < COUNTS
    assert score(seconds, still=1.0, moving=0.0, variety=100.0, area=1.0) < COUNTS


@pytest.mark.parametrize(
    ("query", "reference", "speed", "count"),
    [
        (View(), View(), 1.02, 0),
        (View(window=(0.0, 1.0, 0.2, 0.8)), View(), 1.0, 0),
        (View(window=(0.0, 0.6, 0.2, 0.8)), View(), 1.0, 1),
        (View(), View(window=(0.0, 0.6, 0.2, 0.8)), 1.0, 1),
        (View(mirrored=True), View(), 0.96, 2),
        (View(quarter_turns=1), View(), -1.0, 2),
        (View(mirrored=True), View(), -0.84, 3),
        (View(mirrored=True, window=(0.0, 0.4, 0.0, 1.0)), View(), 0.84, 3),
    ],
)
def test_what_a_copy_seldom_is_is_counted(query: View, reference: View, speed: float, count: int) -> None:
    assert oddities(Hypothesis(query, reference, Line(speed, 0.0, 0, 9, 5.0, 0.5)), speed) == count


def test_what_would_have_to_be_three_unlikely_things_at_once_counts_for_less() -> None:
    source = clip(600, duration=12.0, shot_seconds=100)
    for altered, doubt in (
        (mirrored(reversed_in_time(source)), 0.0),
        (mirrored(reversed_in_time(played_at(source, 1.2))), 1.5),
    ):
        found = stretches(Seen(fingerprint_of(altered)), Seen(fingerprint_of(source)))[0]
        assert found.strength == pytest.approx(strength_of(found.registered, found.end - found.start) - doubt)
        assert found.score >= 0.95, "a plain copy is one all the same"


def test_nothing_measured_is_no_evidence() -> None:
    nothing = Registered(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, IDENTITY)
    assert score_of(strength_of(nothing, 0.0)) < 0.3
    assert strength_of(nothing, 0.0) > -inf


def test_short_small_and_one_dimensional_agreement_counts_for_less() -> None:
    assert score() > 0.95
    for weaker in ({"seconds": 1.0}, {"area": 0.05}, {"variety": 0.8}):
        assert score(**weaker) < score()


def test_a_fingerprint_without_samples_is_seen_as_nothing() -> None:
    seen = Seen(fingerprint_of(trimmed(clip(1), 0.0, 1e-6)))
    assert stretches(seen, seen) == []


def test_the_features_of_a_sample_that_shows_nothing_are_zero() -> None:
    seen = Seen(fingerprint_of(clip(1)))
    seen.telling[3] = False
    features = seen.features(View())
    assert not features[3].any()
    assert np.linalg.norm(features[4]) == pytest.approx(1.0, abs=1e-5)


def test_the_aspect_is_that_of_the_picture_within_its_bars() -> None:
    plain, barred = (Seen(fingerprint_of(each)) for each in (clip(1), letterboxed(clip(1), 0.2)))
    assert plain.aspect == pytest.approx(128 / 72, rel=0.01)
    assert barred.aspect == pytest.approx(plain.aspect, rel=0.03)
    assert (plain.has_bars, barred.has_bars) == (False, True)


def test_each_piece_that_was_taken_is_found_and_none_twice() -> None:
    source = clip(600, duration=12.0, shot_seconds=100)
    rearranged = joined(trimmed(source, 7, 12), clip(900, duration=4.0), trimmed(source, 0, 5))
    found = stretches(Seen(fingerprint_of(rearranged)), Seen(fingerprint_of(source)))
    spans = sorted((piece.start, piece.end, piece.ref_start, piece.ref_end) for piece in found if piece.score >= COUNTS)
    assert spans == [pytest.approx((0, 5, 7, 12), abs=1.0), pytest.approx((9, 14, 0, 5), abs=1.0)]
    taken = np.sum([piece.rows for piece in found if piece.score >= COUNTS], axis=0)
    assert taken.max() == 1


def test_the_surest_piece_comes_first_though_a_longer_one_is_found_before_it() -> None:
    source = clip(600, duration=12.0, shot_seconds=100)
    rearranged = joined(noisy(trimmed(source, 5, 12), 60), clip(900, duration=4.0), trimmed(source, 0, 5))
    surest, other = stretches(Seen(fingerprint_of(rearranged)), Seen(fingerprint_of(source)))
    assert surest.strength > other.strength
    assert (surest.start, other.start) == pytest.approx((11, 0), abs=1.0)


def test_a_stretch_lies_within_both_videos() -> None:
    source = clip(3)
    copy = trimmed(source, 4.3, 12.1)
    for query, reference in pairwise([source, copy, source]):
        for piece in stretches(Seen(fingerprint_of(query)), Seen(fingerprint_of(reference))):
            assert 0 <= piece.start < piece.end <= query.duration
            assert 0 <= piece.ref_start < piece.ref_end <= reference.duration


@pytest.mark.parametrize("seconds", [16.0, 40.0])
def test_one_frozen_picture_encoded_twice_is_no_copy(seconds: float) -> None:
    """The noise of an encoder is varied, covers everything and goes on for ever; it just does not agree."""
    frozen = still(clip(2, duration=seconds))
    one, other = (Seen(fingerprint_of(noisy(frozen, 8, seed))) for seed in (1, 2))
    assert max(piece.score for piece in stretches(one, other)) < COUNTS


def test_what_agrees_nowhere_is_laid_roughly_only_and_would_be_no_copy_either(monkeypatch: pytest.MonkeyPatch) -> None:
    laid: list[tuple[int, int]] = []

    def counting(*given: Any) -> Affine:
        laid.append(given[4] if len(given) > 4 else THOROUGHLY)
        return refine(*given)

    monkeypatch.setattr(picture, "refine", counting)
    sets = [clip(seed, duration=10.0, shot_seconds=3.0) for seed in range(6)]
    pairs = list(combinations([Seen(fingerprint_of(each)) for each in sets], 2))

    def surest() -> float:
        return max((piece.score for pair in pairs for piece in stretches(*pair)), default=0.0)

    assert surest() < COUNTS
    given_up = laid.count(ROUGHLY) - laid.count(THOROUGHLY)
    assert given_up > 0.7 * laid.count(ROUGHLY) > 3
    for limit in ("_HOPELESS", "_HOPELESS_ON_COURSE"):
        monkeypatch.setattr(picture, limit, -inf)
    laid.clear()
    assert surest() < COUNTS
    assert laid.count(THOROUGHLY) == laid.count(ROUGHLY)


def test_a_logo_that_does_not_fade_with_the_picture_speaks_less_against_it(monkeypatch: pytest.MonkeyPatch) -> None:
    source = fading(clip(4, duration=12.0, shot_seconds=100), 7.0)
    pair = Seen(fingerprint_of(with_logo(source, 0.3))), Seen(fingerprint_of(source))
    without_fade = stretches(*pair)[0].strength
    monkeypatch.setattr(picture, "_FADED", 0.0)
    assert without_fade > stretches(*pair)[0].strength + 0.5


def test_where_one_fades_in_while_the_other_fades_out_all_of_it_is_looked_at() -> None:
    query, reference = (Seen(fingerprint_of(clip(4, duration=12.0, shot_seconds=100))) for _ in range(2))
    expected = stretches(query, reference)[0].strength
    middle = len(query.contrast) // 2
    query.contrast, reference.contrast = query.contrast.copy(), reference.contrast.copy()
    query.contrast[:middle], query.contrast[middle:] = 10, 100
    reference.contrast[:middle], reference.contrast[middle:] = 100, 10
    assert stretches(query, reference)[0].strength == expected
