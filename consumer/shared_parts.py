"""Shared parts: what videos have in common without one being a copy of the other: intros, end cards, idents. Pure.

Two signs tell them from a part that was taken. Between two videos: the same seconds open both, or close both, and are
the lesser part of either. Within a catalogue: several approved videos, none a copy of another, show the same lesser
part, or have the same sound under other pictures (inverse document frequency at its plainest: what many documents
contain says nothing about one).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wire.verdicts import Segment

LESSER_SHARE = 0.5
"""Of both videos: from there on a shared part is much of one, and no mere intro."""

_EDGE_SECONDS = 1.0
"""An intro starts within so much of the start, an end card ends within so much of the end."""

_ALIKE_SECONDS = 0.5

Stretch = tuple[float, float]
"""Start and end in the upload, seconds."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What an upload shares with one other video. duration, ref_duration: seconds of both."""

    segments: tuple[Segment, ...]
    duration: float
    ref_duration: float

    @property
    def is_lesser(self) -> bool:
        """Less than half of either video."""
        return (
            sum(each.end - each.start for each in self.segments) < LESSER_SHARE * self.duration
            and sum(each.ref_end - each.ref_start for each in self.segments) < LESSER_SHARE * self.ref_duration
        )

    @property
    def is_at_the_edges(self) -> bool:
        """Nothing but what opens both videos and what closes both, as long in one as in the other and not mirrored."""
        return bool(self.segments) and all(
            not each.mirrored and _lasts_alike(each) and (self._opens(each) or self._closes(each))
            for each in self.segments
        )

    def _opens(self, segment: Segment) -> bool:
        return max(segment.start, segment.ref_start) <= _EDGE_SECONDS

    def _closes(self, segment: Segment) -> bool:
        return max(self.duration - segment.end, self.ref_duration - segment.ref_end) <= _EDGE_SECONDS


@dataclass(frozen=True, slots=True)
class Common:
    """Stretches of an upload that many videos have in common with it: of its picture, and of its sound."""

    picture: tuple[Stretch, ...] = ()
    sound: tuple[Stretch, ...] = ()


NOTHING_COMMON = Common()


def without_echoes(segments: Sequence[Segment], suspect: float) -> tuple[Segment, ...]:
    """Without those under the score `suspect` of which a surer one shows some of the same seconds of the upload: where
    a part is shared, what follows it is easily laid on it too. segments: surest first."""
    kept: list[Segment] = []
    for each in segments:
        if each.score >= suspect or all(each.end <= surer.start or surer.end <= each.start for surer in kept):
            kept.append(each)
    return tuple(kept)


def _lasts_alike(segment: Segment) -> bool:
    """Within half a second: the speed of a few seconds is not told better than that."""
    return abs((segment.end - segment.start) - (segment.ref_end - segment.ref_start)) <= _ALIKE_SECONDS


def common_stretches(shared: Sequence[Shared], least: float) -> tuple[Stretch, ...]:
    """Stretches of the upload that at least so many videos have too, one `Shared` each. In order, disjoint."""
    turns: list[tuple[float, int]] = []
    for each in shared:
        for start, end in _union([(segment.start, segment.end) for segment in each.segments]):
            turns += [(start, 1), (end, -1)]
    found: list[Stretch] = []
    depth, since = 0, 0.0
    for at, change in sorted(turns, key=lambda turn: (turn[0], -turn[1])):
        before, depth = depth, depth + change
        if before < least <= depth:
            since = at
        elif depth < least <= before:
            found.append((since, at))
    return tuple(_union(found))


def longest_beyond(segments: Sequence[Segment], common: Sequence[Stretch]) -> float:
    """Seconds of the longest piece of a segment that lies in no common stretch."""
    longest = 0.0
    for segment in segments:
        at = segment.start
        for start, end in common:
            if end > at and start < segment.end:
                longest = max(longest, start - at)
                at = end
        longest = max(longest, segment.end - at)
    return longest


def _union(stretches: Sequence[Stretch]) -> list[Stretch]:
    joined: list[Stretch] = []
    for start, end in sorted(stretches):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
