"""Pairs, rates and bounds: what can be said of unrelated videos from a sample of them."""

from __future__ import annotations

from itertools import combinations
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, binom

from consumer.calibration import THRESHOLDS, Measured, calibration, measured, rates, sample_pairs, upper_bound
from consumer.thresholds import Thresholds
from tests.consumer.evidences import evidence

IDS = [f"v{n:03}" for n in range(40)]
"""Oldest first."""


def pair(upload: str, other: str, video: float = 0.0, sound: float = 0.0) -> Measured:
    return Measured(upload, other, video, sound, 0, None)


def test_pairs_are_different_and_the_later_video_comes_first() -> None:
    pairs = sample_pairs(IDS, set(), 100, Random(1))
    assert len(set(pairs)) == 100
    assert all(IDS.index(later) > IDS.index(earlier) for later, earlier in pairs)


def test_pairs_that_a_verdict_links_are_left_out_whichever_is_the_later() -> None:
    backwards = list(reversed(IDS))
    for ids in (IDS, backwards):
        everything = set(combinations(IDS, 2))
        linked = {("v000", "v001"), ("v003", "v017")}
        pairs = sample_pairs(ids, linked, 1000, Random(1))
        assert {(min(found), max(found)) for found in pairs} == everything - linked


def test_a_small_sample_of_many_pairs_leaves_linked_ones_out_too() -> None:
    linked = {found for found in combinations(IDS, 2) if "v007" in found}
    pairs = sample_pairs(IDS, linked, 300, Random(2))
    assert len(pairs) == 300
    assert not {(min(found), max(found)) for found in pairs} & linked


@pytest.mark.parametrize(("videos", "expected"), [(0, 0), (1, 0), (2, 1), (3, 3)])
def test_there_are_no_more_pairs_than_there_are(videos: int, expected: int) -> None:
    assert len(sample_pairs(IDS[:videos], set(), 50, Random(1))) == expected


def test_the_seed_chooses_the_pairs() -> None:
    first, again, other = (sample_pairs(IDS, set(), 60, Random(seed)) for seed in (1, 1, 2))
    assert first == again != other


def test_every_pair_is_as_likely_as_another() -> None:
    """4000 draws of 20 of 780 pairs: each pair 103 times, give or take."""
    counts = dict.fromkeys(combinations(IDS, 2), 0)
    for seed in range(4000):
        for later, earlier in sample_pairs(IDS, set(), 20, Random(seed)):
            counts[earlier, later] += 1
    assert 55 < min(counts.values()) <= max(counts.values()) < 155


def test_the_rate_at_a_threshold_counts_those_at_it() -> None:
    found = rates([0.5, 0.5, 0.7, 0.95], [0.4, 0.5, 0.51, 0.7, 0.95, 0.96])
    assert [rate.hits for rate in found] == [4, 4, 2, 2, 1, 0]
    assert [rate.share for rate in found] == [1.0, 1.0, 0.5, 0.5, 0.25, 0.0]
    assert all(rate.share < rate.at_most <= 1.0 for rate in found[2:])


def test_without_pairs_nothing_is_known() -> None:
    assert [(rate.hits, rate.share, rate.at_most) for rate in rates([], [0.5])] == [(0, 0.0, 1.0)]


def test_without_a_hit_it_is_the_rule_of_three() -> None:
    assert upper_bound(0, 300) == pytest.approx(0.01)
    assert upper_bound(0, 2) == 1.0


def test_with_hits_it_is_wilsons_bound() -> None:
    """10 of 100: centre (0.1 + z^2/200) / (1 + z^2/100), worked out by hand with z = 1.6449."""
    assert upper_bound(10, 100) == pytest.approx(0.16034, abs=1e-4)
    assert upper_bound(100, 100) == pytest.approx(1.0)


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 20_000), st.floats(0, 1))
def test_the_bound_is_near_the_exact_one(count: int, share: float) -> None:
    """Clopper and Pearson's, which is never below the true 95 % bound."""
    hits = round(share * count)
    exact = 1.0 if hits == count else float(beta.ppf(0.95, hits + 1, count - hits))
    assert upper_bound(hits, count) == pytest.approx(exact, abs=0.02 + 2 / count)
    assert hits / count < upper_bound(hits, count) <= 1.0 or hits == count


@pytest.mark.parametrize("true_share", [0.001, 0.01, 0.1])
def test_the_bound_holds_about_as_often_as_it_says(true_share: float) -> None:
    """Over all outcomes of 2000 pairs, weighed by how likely each is."""
    holds = sum(
        float(binom.pmf(hits, 2000, true_share)) for hits in range(2001) if upper_bound(hits, 2000) >= true_share
    )
    assert holds > 0.93


@given(st.integers(0, 200), st.integers(200, 400))
def test_more_hits_never_lower_the_bound(hits: int, count: int) -> None:
    assert upper_bound(hits, count) <= upper_bound(min(hits + 1, count), count)


def test_a_pair_keeps_what_matters_of_its_evidence() -> None:
    found = measured(("b", "a"), evidence(0.91234, 0.85, audio_seconds=6), Thresholds())
    assert found == Measured("b", "a", 0.9123, 0.85, 3, None)
    found = measured(("b", "a"), evidence(0.2, 0.85, audio_seconds=6), Thresholds())
    assert (found.rank, found.reason) == (2, "audio_match")


@pytest.mark.parametrize(
    "sound", [{"audio": None}, {"audio": 0.9, "audio_seconds": 4.9}, {"audio": 0.9, "audio_variety": 0.29}]
)
def test_sound_that_does_not_count_by_itself_is_no_sound(sound: dict[str, Any]) -> None:
    found = evidence(0.2, **{"audio_seconds": 60.0, **sound})
    assert measured(("b", "a"), found, Thresholds()).sound_score == 0.0


def test_a_calibration_has_the_rates_at_each_hundredth_and_at_the_settings() -> None:
    present = Thresholds(minimum=0.455, similarity=0.8, duplicate=0.975)
    found = calibration(
        [pair("b", "a", 0.6), pair("c", "a", 0.2, 0.9)], videos=3, asked=3, unusable=0, seed=7, settings=present
    )
    assert [rate.threshold for rate in found.picture] == sorted([*THRESHOLDS, 0.455, 0.975])
    assert [rate.threshold for rate in found.sound] == list(THRESHOLDS)
    assert THRESHOLDS[0] == 0.5
    assert THRESHOLDS[-1] == 1.0
    hits = {rate.threshold: rate.hits for rate in found.picture}
    assert (hits[0.455], hits[0.6], hits[0.61]) == (1, 1, 0)
    assert {rate.threshold: rate.hits for rate in found.sound}[0.9] == 1
    assert (found.pairs, found.videos, found.seed, found.settings) == (2, 3, 7, present)


def test_it_is_whole_when_all_that_could_be_measured_was() -> None:
    def is_whole(asked: int, unusable: int) -> bool:
        return calibration(
            [pair("b", "a")], videos=3, asked=asked, unusable=unusable, seed=1, settings=Thresholds()
        ).is_whole

    assert is_whole(1, 0)
    assert is_whole(3, 2)
    assert not is_whole(3, 1)


def test_the_ten_most_alike_are_named_best_first_in_picture_or_sound() -> None:
    many = [pair(f"u{n:02}", "a", n / 100) for n in range(20)]
    found = calibration(
        [*many, pair("loud", "a", 0.0, 0.99)], videos=22, asked=21, unusable=0, seed=1, settings=Thresholds()
    )
    assert [each.upload for each in found.highest] == ["loud", *(f"u{n}" for n in range(19, 10, -1))]


def test_what_the_present_thresholds_make_of_the_pairs_is_counted() -> None:
    scores = [(0.1, None), (0.2, None), (0.75, None), (0.9, None), (0.97, None), (0.98, None)]
    found = calibration(
        [measured((f"u{n}", "a"), evidence(video, audio), Thresholds()) for n, (video, audio) in enumerate(scores)],
        videos=7, asked=6, unusable=0, seed=1, settings=Thresholds(),
    )  # fmt: skip
    assert found.verdicts == {
        "approved": 2,
        "approved, noted as similar": 1,
        "duplicate": 2,
        "flagged (no_audio_to_confirm)": 1,
    }
