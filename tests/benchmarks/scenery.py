"""Clips that need not exist, for plans; and what is measured of them, for tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.quality.clips import Corpus
from benchmarks.quality.copies import Copy, planned
from benchmarks.quality.measuring import Compared, Judged, Measured
from benchmarks.quality.methods import PEERS, Present
from benchmarks.quality.plans import Alteration, Clip, Piece


def clip(name: str, width: int = 640, height: int = 360, seconds: float = 10.0, *, sound: bool = True) -> Clip:
    return Clip(name, Path(f"/clips/{name}.mp4"), width, height, seconds, 25.0, sound)


FILLERS = (clip("filler-a"), clip("filler-b", 360, 640, 6.0, sound=False))

SHAPES = (
    clip("landscape", 854, 480, 12.4),
    clip("portrait", 270, 480, 7.3, sound=False),
    clip("square", 481, 481, 5.9),
    clip("tiny", 204, 360, 20.0, sound=False),
)


def judged(
    source: Clip,
    alteration: Alteration,
    *,
    score: float = 0.99,
    status: str = "duplicate",
    named: str | None = None,
    unrelated: Mapping[str, float] | None = None,
    segments: Sequence[Piece] = (),
) -> Judged:
    copy = planned(source, alteration, FILLERS)
    return Judged(
        copy=copy,
        status=status,
        named=source.name if named is None and status != "approved" else named,
        reason=None,
        score=score,
        unrelated=unrelated if unrelated is not None else {"other": 0.4},
        segments=tuple(segments),
        audio_segments=(),
        cost=0.02 * copy.plan.seconds,
    )


def compared(name: str, related: Sequence[float], unrelated: Sequence[float], applies: Sequence[bool] = ()) -> Compared:
    peer = next(peer for peer in PEERS if peer.name == name)
    scores, others = np.array(related, np.float64), np.array(unrelated, np.float64)
    return Compared(
        present=Present(peer, "python", "1.0"),
        way="larger",
        related=scores,
        unrelated=others,
        own_related=scores,
        own_unrelated=others,
        applies=np.array(applies or [True] * len(related), bool),
        cost=np.full(len(related), 0.1),
        failures=0,
    )


def measured(found: Sequence[Judged], peers: Sequence[Compared] = ()) -> Measured:
    sources = tuple({each.copy.source.name: each.copy.source for each in found}.values())
    return Measured(Corpus((*sources, clip("other")), sources, FILLERS), tuple(found), tuple(peers))


def without_key(copy: Copy) -> Copy:
    return replace(copy, key="")
