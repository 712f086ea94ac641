from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.quality.metrics import at_zero_false_positives, recall_above, recall_from, share_from, strictest

NAN = float("nan")
scores = st.lists(st.one_of(st.floats(0, 1), st.just(NAN)), min_size=1, max_size=30).map(np.array)


def test_recall_counts_what_exceeds_every_unrelated_pair() -> None:
    assert at_zero_false_positives(np.array([0.9, 0.5, 0.6, 0.95]), np.array([0.1, 0.6, NAN])) == 0.5


def test_a_copy_that_scores_as_an_unrelated_pair_is_missed() -> None:
    assert at_zero_false_positives(np.array([0.6]), np.array([0.6])) == 0.0


def test_missing_scores_are_missed_copies_and_no_unrelated_pairs() -> None:
    assert recall_above(np.array([NAN, 1.0]), 0.5) == 0.5
    assert recall_from(np.array([NAN, 0.5]), 0.5) == 0.5
    assert strictest(np.array([NAN, 0.2])) == 0.2


def test_without_unrelated_pairs_every_score_will_do() -> None:
    assert strictest(np.array([])) == -math.inf
    assert at_zero_false_positives(np.array([0.0, NAN]), np.array([NAN])) == 0.5


def test_nothing_has_no_recall() -> None:
    assert math.isnan(recall_above(np.array([]), 0.5))
    assert math.isnan(share_from(np.array([]), 0.5))


@given(scores, scores)
def test_at_that_bound_no_unrelated_pair_is_taken(related: np.ndarray, unrelated: np.ndarray) -> None:
    assert recall_above(unrelated, strictest(unrelated)) == 0
    assert 0 <= at_zero_false_positives(related, unrelated) <= 1


@given(scores, scores, st.floats(0, 1))
def test_a_further_unrelated_pair_never_raises_recall(related: np.ndarray, unrelated: np.ndarray, more: float) -> None:
    before = at_zero_false_positives(related, unrelated)
    assert at_zero_false_positives(related, np.append(unrelated, more)) <= before
