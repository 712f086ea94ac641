"""Which videos are worth an exact comparison. Pure.

Three views of the hits, which have no common scale, take turns in naming the next candidate: the nearest single
vector (a short part that matches well), the weight of all near vectors (a whole that matches fairly), and the sound.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import chain, zip_longest

_FAR = 0.45
"""Cosine up to which a neighbour says nothing: half of all unrelated videos reach it with their nearest vectors."""


def rank(vector_hits: Sequence[tuple[str, float]], sound_votes: Mapping[str, float], limit: int) -> list[str]:
    """The most promising videos, best first, at most limit.

    vector_hits: (video, cosine) for each near vector of each vector asked, in any order. sound_votes: what the sound
    says for each video (`consumer.sound_terms`).
    """
    views = (
        _best_first(_nearest(vector_hits)),
        _best_first(_weights(vector_hits)),
        _best_first(sound_votes),
    )
    turns = chain.from_iterable(zip_longest(*views))
    return list(dict.fromkeys(video for video in turns if video is not None))[:limit]


def _best_first(scores: Mapping[str, float]) -> list[str]:
    return sorted((video for video in scores if scores[video] > 0), key=lambda video: (-scores[video], video))


def _nearest(hits: Sequence[tuple[str, float]]) -> dict[str, float]:
    nearest: dict[str, float] = defaultdict(float)
    for video, cosine in hits:
        nearest[video] = max(nearest[video], cosine - _FAR)
    return nearest


def _weights(hits: Sequence[tuple[str, float]]) -> dict[str, float]:
    """The sum of how far each near vector is above what unrelated ones reach, steeply: many faint ones stay faint."""
    weights: dict[str, float] = defaultdict(float)
    for video, cosine in sorted(hits):
        weights[video] += max(0.0, cosine - _FAR) ** 2
    return weights
