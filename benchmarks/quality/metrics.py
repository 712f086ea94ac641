"""Recall, and what it is measured against. Pure functions on float arrays; NaN: the method had no score to give."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]


def strictest(unrelated: Scores) -> float:
    """The highest score of a pair that is not related: what a copy must exceed for there to be no false positive."""
    known = unrelated[~np.isnan(unrelated)]
    return float(known.max()) if known.size else float("-inf")


def recall_above(related: Scores, bound: float) -> float:
    """Share of the scores above bound; one that is missing is missed. NaN for none."""
    return float((related > bound).mean()) if related.size else float("nan")


def recall_from(related: Scores, threshold: float) -> float:
    """Share of the scores of threshold and more; one that is missing is missed. NaN for none."""
    return float((related >= threshold).mean()) if related.size else float("nan")


def share_from(unrelated: Scores, threshold: float) -> float:
    """Share of unrelated pairs that a threshold takes for related."""
    return recall_from(unrelated, threshold)


def at_zero_false_positives(related: Scores, unrelated: Scores) -> float:
    """Recall at the lowest threshold that takes no unrelated pair for related."""
    return recall_above(related, strictest(unrelated))
