"""How often unrelated videos reach a threshold: pairs to measure, rates, and what can be said of them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import combinations
from math import sqrt
from random import Random

from consumer.policy import opinion_of
from consumer.similarity.evidence import Evidence
from consumer.thresholds import Thresholds

_Z = 1.6449
"""The one-sided 95 % point of the normal distribution."""

_MOST_SHOWN = 10

THRESHOLDS = tuple(round(0.50 + n / 100, 2) for n in range(51))
"""Where the rates are read off: 0.50, 0.51 ... 1.00."""

_RANKS = ("approved", "approved, noted as similar", "flagged", "duplicate")


def sample_pairs(ids: Sequence[str], linked: Set[tuple[str, str]], count: int, random: Random) -> list[tuple[str, str]]:
    """Different pairs of ids in random order, at most count, each as (later, earlier) in the order of ids.

    ids: the oldest first. linked: pairs to leave out, the lower id first.
    """

    def is_linked(pair: tuple[str, str]) -> bool:
        return (min(pair), max(pair)) in linked

    possible = len(ids) * (len(ids) - 1) // 2
    if possible <= 2 * (count + len(linked)):
        pairs = [(later, earlier) for earlier, later in combinations(ids, 2)]
        random.shuffle(pairs)
        return [pair for pair in pairs if not is_linked(pair)][:count]
    chosen: dict[tuple[str, str], None] = {}
    while len(chosen) < count:
        earlier, later = sorted(random.sample(range(len(ids)), 2))
        pair = ids[later], ids[earlier]
        if not is_linked(pair):
            chosen[pair] = None
    return list(chosen)


@dataclass(frozen=True, slots=True)
class Measured:
    """One pair. sound_score: of sound that would count by itself, being long and varied enough; else 0. rank: of the
    policy's opinion, as in Opinion."""

    upload: str
    other: str
    video_score: float
    sound_score: float
    rank: int
    reason: str | None


def measured(pair: tuple[str, str], evidence: Evidence, thresholds: Thresholds) -> Measured:
    """evidence: of the first of the pair against the second."""
    opinion = opinion_of(pair[1], evidence, thresholds)
    counts = evidence.audio_seconds >= thresholds.audio_seconds and evidence.audio_variety >= thresholds.audio_variety
    sound = (evidence.audio_score or 0.0) if counts else 0.0
    return Measured(*pair, round(evidence.video_score, 4), round(sound, 4), opinion.rank, opinion.reason)


@dataclass(frozen=True, slots=True)
class Rate:
    """hits: pairs at or above the threshold. share: of all pairs; at_most: its 95 % upper bound."""

    threshold: float
    hits: int
    share: float
    at_most: float


def upper_bound(hits: int, count: int) -> float:
    """What the true share stays under, with 95 % confidence, when hits of count independent pairs were seen.

    Without a hit the rule of three (Hanley and Lippman-Hand 1983), else Wilson's one-sided bound (1927).
    """
    if count == 0:
        return 1.0
    if hits == 0:
        return min(1.0, 3.0 / count)
    share = hits / count
    spread = _Z * sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2))
    return min(1.0, (share + _Z**2 / (2 * count) + spread) / (1 + _Z**2 / count))


def rates(scores: Sequence[float], thresholds: Sequence[float]) -> tuple[Rate, ...]:
    found = []
    for threshold in thresholds:
        hits = sum(score >= threshold for score in scores)
        share = hits / len(scores) if scores else 0.0
        found.append(Rate(threshold, hits, share, upper_bound(hits, len(scores))))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Calibration:
    """videos: that could be drawn. asked: pairs that were to be measured. unusable: pairs one of which could not be
    read. picture, sound: the rates of video_score, and of audio_score where it counts by itself. highest: the pairs
    that are most alike, best first. verdicts: what the present thresholds make of the pairs, and of how many.
    """

    videos: int
    asked: int
    pairs: int
    unusable: int
    seed: int
    settings: Thresholds
    picture: tuple[Rate, ...]
    sound: tuple[Rate, ...]
    highest: tuple[Measured, ...]
    verdicts: Mapping[str, int]

    @property
    def is_whole(self) -> bool:
        return self.pairs + self.unusable == self.asked


def calibration(
    found: Sequence[Measured], *, videos: int, asked: int, unusable: int, seed: int, settings: Thresholds
) -> Calibration:
    """settings: the present thresholds; the rates are read off there too."""
    pictures = sorted({*THRESHOLDS, settings.minimum, settings.similarity, settings.duplicate})
    sounds = sorted({*THRESHOLDS, settings.audio})
    ranked = sorted(found, key=lambda each: (-max(each.video_score, each.sound_score), each.upload, each.other))
    counted = Counter(_RANKS[each.rank] + (f" ({each.reason})" if each.reason else "") for each in found)
    return Calibration(
        videos=videos,
        asked=asked,
        pairs=len(found),
        unusable=unusable,
        seed=seed,
        settings=settings,
        picture=rates([each.video_score for each in found], pictures),
        sound=rates([each.sound_score for each in found], sounds),
        highest=tuple(ranked[:_MOST_SHOWN]),
        verdicts=dict(sorted(counted.items())),
    )
