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

_OFFSET_BIN = 8
"""Width of a bin of the offset histogram in Chromaprint codes: about a second."""


def rank(vector_hits: Sequence[tuple[str, float]], sound_hits: Sequence[tuple[str, int, int]], limit: int) -> list[str]:
    """The most promising videos, best first, at most limit.

    vector_hits: (video, cosine) for each near vector of each vector asked. sound_hits: (video, position in the query,
    position in that video) for each shared term. The order of the hits does not matter.
    """
    views = (
        _best_first(_nearest(vector_hits)),
        _best_first(_weights(vector_hits)),
        _best_first(_sound_votes(sound_hits)),
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


def _sound_votes(hits: Sequence[tuple[str, int, int]]) -> dict[str, float]:
    """The highest place of each video's histogram of offsets, over two bins.

    A term at one query position that many videos share (a jingle, a chord) is worth little: 1 / how many share it.
    """
    sharers: dict[int, set[str]] = defaultdict(set)
    for video, position, _ in hits:
        sharers[position].add(video)
    bins: dict[str, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
    for video, position, reference in hits:
        offset = (reference - position) // _OFFSET_BIN
        # Each hit counts in two bins, so that an offset on the border of two is not split.
        bins[video][offset].add(position)
        bins[video][offset + 1].add(position)
    return {
        video: max(sum(1 / len(sharers[p]) for p in sorted(positions)) for positions in histogram.values())
        for video, histogram in bins.items()
    }
