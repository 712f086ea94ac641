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

_CROWD = 400
"""Proposed videos from which the faint ones among them are there by chance; fewer are a small catalogue."""

_ANYHOW = 2
"""So many are worth a comparison in any case: both are compared at the same time."""

_NEAREST, _WEIGHT, _VOTE = 0.3, 0.45, 2.0
"""What stands out of a crowd, in any of the three views. Of 335 uploads among 10,000 videos (316 altered copies of 36
clips and 19 of these) the original had a weight of 0.49 at least, or a vote of 9; two in three unrelated ones were
below all three."""


def rank(vector_hits: Sequence[tuple[str, float]], sound_votes: Mapping[str, float], limit: int) -> list[str]:
    """The most promising videos, best first, at most limit. Of a crowd beyond the first few those alone that stand out.

    vector_hits: (video, cosine) for each near vector of each vector asked, in any order. sound_votes: what the sound
    says for each video (`consumer.sound_terms`).
    """
    nearest, weights = _nearest(vector_hits), _weights(vector_hits)
    turns = chain.from_iterable(zip_longest(*map(_best_first, (nearest, weights, sound_votes))))
    ranked = list(dict.fromkeys(video for video in turns if video is not None))
    if len(nearest.keys() | sound_votes.keys()) < _CROWD:
        return ranked[:limit]

    def stands_out(video: str) -> bool:
        heard = sound_votes.get(video, 0.0)
        return nearest.get(video, 0.0) >= _NEAREST or weights.get(video, 0.0) >= _WEIGHT or heard >= _VOTE

    return [video for place, video in enumerate(ranked) if place < _ANYHOW or stands_out(video)][:limit]


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
