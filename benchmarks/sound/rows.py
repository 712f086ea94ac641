"""What was found, and what the table's rows and sums make of it. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.sound.grid import KINDS, STEPS, Alteration

NEAR = (92, 108)
FAR = (STEPS[0], STEPS[-1])
TARGETS = {NEAR: 0.95, FAR: 0.80}
"""Mean recall of the whole chain over these steps, in percent."""


@dataclass(frozen=True, slots=True)
class Peer:
    """What fpcalc makes of it: equal bits at the best offset, with the right clip and with the best of all others.

    NaN: nothing to compare.
    """

    right: float
    other: float

    @property
    def is_first(self) -> bool:
        return self.right > (-math.inf if math.isnan(self.other) else self.other)


@dataclass(frozen=True, slots=True)
class Answer:
    """One altered sound, looked up.

    first: the right clip is the index's first candidate. matched: the exact comparison and the policy call it a match
    by sound. semitones, tempo: what they say of it, nothing when it is none. wrong: other clips that they call so.
    seconds: to fingerprint, to ask the index, to compare all candidates.
    """

    clip: str
    alteration: Alteration
    first: bool
    matched: bool
    semitones: float | None
    tempo: float | None
    wrong: tuple[str, ...]
    seconds: tuple[float, float, float]
    peer: Peer | None = None

    @property
    def hit(self) -> bool:
        return self.first and self.matched


@dataclass(frozen=True, slots=True)
class Row:
    """Of all clips under one alteration. index, chain: recall. semitones: median error; tempo: likewise, as a share.

    wrong: answers that name another clip. peer_first: the right clip has the most equal bits of all. peer_clear: it has
    more than any two unrelated sounds of the run. None: nothing to tell.
    """

    alteration: Alteration
    count: int
    index: float
    chain: float
    semitones: float | None
    tempo: float | None
    wrong: int
    peer_first: float | None
    peer_clear: float | None


@dataclass(frozen=True, slots=True)
class Sum:
    """Mean recall over the steps from low to high, percent. peers: as in Row."""

    title: str
    low: int
    high: int
    index: float
    chain: float
    peer_first: float | None
    peer_clear: float | None


def rows_of(answers: Sequence[Answer]) -> list[Row]:
    """In the order of the grid; without those nobody answered."""
    clear = highest_unrelated(answers)
    by_alteration: dict[Alteration, list[Answer]] = {}
    for answer in sorted(answers, key=lambda each: (KINDS.index(each.alteration.kind), each.alteration.percent)):
        by_alteration.setdefault(answer.alteration, []).append(answer)
    return [_row(alteration, some, clear) for alteration, some in by_alteration.items()]


def highest_unrelated(answers: Iterable[Answer]) -> float:
    """The most equal bits that fpcalc finds in an altered sound and a clip that is not its own; NaN without any."""
    return max((peer.other for peer in _peers(answers) if not math.isnan(peer.other)), default=math.nan)


def sums_of(answers: Sequence[Answer], tuned: Collection[str] = ()) -> list[Sum]:
    """All together and by kind, near and far; and of the clips that nothing was tuned on, when some were."""
    untuned = [answer for answer in answers if answer.clip not in tuned]
    groups: list[tuple[str, Sequence[Answer]]] = [("all", answers)]
    if tuned and 0 < len(untuned) < len(answers):
        groups.append((f"clips not tuned on ({len({answer.clip for answer in untuned})})", untuned))
    groups += [(kind, [answer for answer in answers if answer.alteration.kind == kind]) for kind in KINDS]
    return [_sum(title, bounds, rows_of(some)) for title, some in groups if some for bounds in (NEAR, FAR)]


def _row(alteration: Alteration, answers: Sequence[Answer], clear: float) -> Row:
    peers = _peers(answers)
    pitches = [abs(each.semitones - alteration.semitones) for each in answers if each.semitones is not None]
    tempos = [abs(each.tempo / alteration.tempo - 1) for each in answers if each.tempo is not None]
    return Row(
        alteration=alteration,
        count=len(answers),
        index=_mean(each.first for each in answers),
        chain=_mean(each.hit for each in answers),
        semitones=median(pitches) if pitches else None,
        tempo=median(tempos) if tempos else None,
        wrong=sum(bool(each.wrong) for each in answers),
        peer_first=_mean(each.is_first for each in peers) if peers else None,
        peer_clear=_mean(each.right > clear for each in peers) if peers and not math.isnan(clear) else None,
    )


def _sum(title: str, bounds: tuple[int, int], rows: Sequence[Row]) -> Sum:
    low, high = bounds
    within = [row for row in rows if low <= row.alteration.percent <= high]
    return Sum(
        title=title,
        low=low,
        high=high,
        index=_mean(row.index for row in within),
        chain=_mean(row.chain for row in within),
        peer_first=_mean_of(within, lambda row: row.peer_first),
        peer_clear=_mean_of(within, lambda row: row.peer_clear),
    )


def _peers(answers: Iterable[Answer]) -> list[Peer]:
    return [answer.peer for answer in answers if answer.peer is not None]


def _mean(values: Iterable[float]) -> float:
    """NaN of none."""
    known = [*values]
    return sum(known) / len(known) if known else math.nan


def _mean_of(rows: Sequence[Row], value: Callable[[Row], float | None]) -> float | None:
    known = [found for row in rows if (found := value(row)) is not None]
    return _mean(known) if known else None
