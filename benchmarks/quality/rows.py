"""From what was measured to the rows of the tables. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.alterations import ALTERATIONS, GROUPS
from benchmarks.quality.measuring import Compared, Judged, Measured
from benchmarks.quality.metrics import recall_above, recall_from, share_from, strictest
from benchmarks.quality.truth import Finding, findings

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class PeerCell:
    """zero: recall at zero false positives. own: at the authors' threshold; None without one. ours: our recall at zero
    false positives on the copies that the peer compares. cost: its processor seconds in a second of video. NaN: nothing
    to tell.
    """

    zero: float
    own: float | None
    ours: float
    cost: float

    @property
    def is_ahead(self) -> bool:
        return self.zero > self.ours


@dataclass(frozen=True, slots=True)
class Row:
    """zero: our recall at zero false positives. caught, duplicate: shares of the copies that our policy makes duplicate
    or flagged, duplicate, of their source. wrong: how many it held for a copy of something else. cost: as in PeerCell.
    """

    name: str
    title: str
    count: int
    zero: float
    caught: float
    duplicate: float
    wrong: int
    cost: float
    peers: Mapping[str, PeerCell]


@dataclass(frozen=True, slots=True)
class Standing:
    """A method over everything. bound: its highest unrelated score. pairs: how many unrelated ones. false: share of
    them at its threshold."""

    title: str
    zero: float
    own: float | None
    false: float | None
    bound: float
    pairs: int
    failures: int


@dataclass(frozen=True, slots=True)
class SegmentRow:
    name: str
    title: str
    findings: Sequence[Finding]


def by_alteration(measured: Measured) -> list[Row]:
    names = [found.copy.alteration.name for found in measured.judged]
    return [
        row_of(measured, each.name, each.title, np.array([name == each.name for name in names], bool))
        for each in ALTERATIONS
        if each.name in names
    ]


def by_group(measured: Measured) -> list[Row]:
    groups = [found.copy.alteration.group for found in measured.judged]
    return [
        row_of(measured, group, title, np.array([own == group for own in groups], bool))
        for group, title in GROUPS.items()
        if group in groups
    ]


def overall(measured: Measured) -> Row:
    return row_of(measured, "all", "all", np.ones(len(measured.judged), bool))


def row_of(measured: Measured, name: str, title: str, mask: Mask) -> Row:
    judged = [found for found, chosen in zip(measured.judged, mask, strict=True) if chosen]
    scores, bound = our_scores(measured), our_bound(measured)
    return Row(
        name=name,
        title=title,
        count=len(judged),
        zero=recall_above(scores[mask], bound),
        caught=mean([found.caught for found in judged]),
        duplicate=mean([found.caught and found.status == "duplicate" for found in judged]),
        wrong=sum(found.wrong for found in judged),
        cost=rate(np.array([found.cost for found in judged]), judged),
        peers={peer.present.peer.name: cell(measured, peer, mask) for peer in measured.peers},
    )


def cell(measured: Measured, peer: Compared, mask: Mask) -> PeerCell:
    chosen = mask & peer.applies
    own = peer.present.peer.own
    judged = [found for found, taken in zip(measured.judged, chosen, strict=True) if taken]
    return PeerCell(
        zero=recall_above(peer.related[chosen], strictest(peer.unrelated)),
        own=None if own is None else recall_from(peer.own_related[chosen], own[1]),
        ours=recall_above(our_scores(measured)[chosen], our_bound(measured)),
        cost=rate(peer.cost[chosen], judged),
    )


def standings(measured: Measured) -> list[Standing]:
    """Ours first."""
    unrelated = our_unrelated(measured)
    row = overall(measured)
    false = mean([found.wrong for found in measured.judged])
    found = [Standing("ours", row.zero, row.caught, false, strictest(unrelated), unrelated.size, 0)]
    for peer in measured.peers:
        own = peer.present.peer.own
        numbers = row.peers[peer.present.peer.name]
        wrongly = None if own is None else share_from(peer.own_unrelated, own[1])
        title = f"{peer.present.peer.title} {peer.present.version} ({peer.way})"
        bound, count = strictest(peer.unrelated), int((~np.isnan(peer.unrelated)).sum())
        found.append(Standing(title, numbers.zero, numbers.own, wrongly, bound, count, peer.failures))
    return found


def segment_rows(measured: Measured) -> list[SegmentRow]:
    rows = []
    for alteration in ALTERATIONS:
        judged = [found for found in measured.judged if found.copy.alteration == alteration and alteration.timed]
        if judged:
            told = [finding for found in judged for finding in findings_of(found)]
            rows.append(SegmentRow(alteration.name, alteration.title, told))
    return rows


def findings_of(judged: Judged) -> list[Finding]:
    heard = judged.copy.alteration.sees == "sound"
    return findings(judged.copy.plan.pieces, judged.audio_segments if heard else judged.segments)


def ahead(rows: Sequence[Row]) -> list[tuple[Row, str]]:
    """The rows on which a peer finds more at zero false positives, and which."""
    return [(row, name) for row in rows for name, numbers in row.peers.items() if numbers.is_ahead]


def our_scores(measured: Measured) -> NDArray[np.float64]:
    return np.array([found.score for found in measured.judged], np.float64)


def our_unrelated(measured: Measured) -> NDArray[np.float64]:
    return np.array([score for found in measured.judged for score in found.unrelated.values()], np.float64)


def our_bound(measured: Measured) -> float:
    return strictest(our_unrelated(measured))


def rate(costs: NDArray[np.float64], judged: Sequence[Judged]) -> float:
    """Seconds of work in a second of video, over those that have a cost."""
    seconds = np.array([found.copy.plan.seconds for found in judged])
    known = ~np.isnan(costs)
    return float(costs[known].sum() / seconds[known].sum()) if known.any() else float("nan")


def mean(flags: Sequence[bool]) -> float:
    return sum(flags) / len(flags) if flags else float("nan")
