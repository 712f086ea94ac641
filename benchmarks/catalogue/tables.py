"""What the catalogue holds, what was found in it, and what it took, as Markdown. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.catalogue.deciding import EVIDENCE, SOUND, STEPS, WHOLE, YARDSTICKS, Decision
from benchmarks.catalogue.filling import AT_ONCE, Entry
from benchmarks.catalogue.uploads import UNRELATED
from benchmarks.quality.tables import percent, table

MARKERS = ("<!-- catalogue:begin -->", "<!-- catalogue:end -->")
TARGETS = {WHOLE: 300.0, SOUND: 200.0}
"""Milliseconds, at p50."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What the stores hold. minutes: of video. segments: rows; vectors: distinct ones. kept_bytes: of fingerprints.

    wall: seconds to enter what this run entered.
    """

    entries: int
    minutes: float
    segments: int
    vectors: int
    sound_terms: int
    kept_bytes: int
    database_bytes: int
    chroma_bytes: int
    wall: float


def stored_table(entries: Sequence[Entry], stored: Stored) -> str:
    """entries: what this run entered."""
    count, minutes, hours = stored.entries, stored.minutes, stored.minutes / 60
    made = [entry.making for entry in entries if entry.making]
    again = sum(entry.tries - 1 for entry in entries)
    rows = [
        ("entries", f"{count:,}, {hours:,.1f} hours of video"),
        ("segment vectors of an entry", f"{stored.segments / count:.1f} ({stored.vectors:,} distinct ones in all)"),
        ("segment vectors of a minute", f"{stored.segments / minutes:.1f}"),
        ("sound terms of a minute", f"{stored.sound_terms / minutes:.1f}"),
        ("kept fingerprint of an hour", f"{stored.kept_bytes / hours / 1e6:.2f} MB"),
        ("D1 for an hour", f"{stored.database_bytes / hours / 1e6:.2f} MB"),
        ("Chroma for an hour", f"{stored.chroma_bytes / hours / 1e6:.2f} MB"),
        ("to make a synthetic fingerprint", f"{_ms(made, 50)} ms of the processor" if made else "-"),
    ]
    if entries:
        rows += [
            ("to index an entry, p50 / p95", _both([entry.indexing for entry in entries])),
            ("to enter it, rows and fingerprint too", _both([entry.entering for entry in entries])),
            ("to fill it, an entry", f"{1000 * stored.wall / len(entries):.0f} ms, {AT_ONCE} at a time"),
            ("index steps that Chroma was late for", f"{again} of {len(entries):,}, tried again"),
        ]
    return table(["the catalogue", ""], rows)


def recall_table(decisions: Sequence[Decision]) -> str:
    head = ["upload", "n", "among the candidates", "first", "verdict names it", "false matches", "approved"]
    groups: dict[str, list[Decision]] = {}
    for decision in decisions:
        groups.setdefault(decision.upload.alteration, []).append(decision)
    copies = [decision for decision in decisions if decision.upload.source is not None]
    rows = [_recall_cells(title, some) for title, some in groups.items()]
    return table(head, [*rows, _recall_cells("all copies", copies)])


def amiss_lines(decisions: Sequence[Decision]) -> str:
    """Which uploads were taken for which entry that they are no copy of, and which copies were missed."""
    lines = []
    for each in decisions:
        if each.is_wrong:
            told = f"{each.status} as a copy of `{each.named}` ({each.reason or 'sure'})"
        elif each.upload.source is not None and not each.is_right:
            place = "not among the candidates" if each.rank is None else f"candidate {each.rank + 1}"
            told = f"{each.status}; its source is {place}"
        else:
            continue
        lines.append(f"- `{each.upload.name}`: {told}")
    return "\n".join(lines) or "Every copy was taken for that of its source, and nothing else for any."


def time_table(decisions: Sequence[Decision]) -> str:
    head = ["step", "p50", "p95", "target", "yardstick", "its p50", "ratio", "ratio of p95"]
    rows = []
    for step in STEPS:
        spent = [each.seconds[step] for each in decisions if step in each.seconds]
        bare = [each.yardsticks[step] for each in decisions if step in each.yardsticks]
        if not spent:
            continue
        ratios = [_quantile(spent, share) / _quantile(bare, share) for share in (50, 95)]
        cells = [step, f"{_ms(spent, 50)} ms", f"{_ms(spent, 95)} ms", _target(step, spent), YARDSTICKS[step]]
        rows.append([*cells, f"{_ms(bare, 50)} ms", *(f"{ratio:.2f}" for ratio in ratios)])
    return table(head, rows)


def asked_line(decisions: Sequence[Decision]) -> str:
    means = {
        name: float(np.mean([getattr(each, name) for each in decisions]))
        for name in ("vectors", "terms", "rows", "candidates", "compared")
    }
    compared = max(1, sum(each.compared for each in decisions))
    reading = sum(each.reading for each in decisions) / compared
    comparing = sum(each.yardsticks[EVIDENCE] for each in decisions) / compared
    return (
        f"An upload asks for {means['vectors']:.0f} vectors and {means['terms']:,.0f} sound terms on average; "
        f"{means['rows']:,.0f} rows answer those, {means['candidates']:.1f} candidates come of it, and "
        f"{means['compared']:.1f} of these are compared: {1000 * reading:.1f} ms to read one, {1000 * comparing:.0f} "
        "ms to compare it."
    )


def _recall_cells(title: str, decisions: Sequence[Decision]) -> list[str]:
    count = len(decisions)
    wrong, approved = (sum(each.is_wrong for each in decisions), sum(not each.is_caught for each in decisions))
    shares = ["-", "-", "-"]
    if title != UNRELATED and count:
        hits = [
            sum(each.rank is not None for each in decisions),
            sum(each.rank == 0 for each in decisions),
            sum(each.is_right for each in decisions),
        ]
        shares = [percent(hit / count) for hit in hits]
    return [title, str(count), *shares, str(wrong), str(approved)]


def _target(step: str, spent: Sequence[float]) -> str:
    if step not in TARGETS:
        return ""
    limit = TARGETS[step]
    return f"{limit:.0f} ms{'' if 1000 * _quantile(spent, 50) < limit else ', not met'}"


def _both(spent: Sequence[float]) -> str:
    return f"{_ms(spent, 50)} / {_ms(spent, 95)} ms"


def _ms(spent: Sequence[float], share: int) -> str:
    value = 1000 * _quantile(spent, share)
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def _quantile(spent: Sequence[float], share: int) -> float:
    return float(np.percentile(spent, share))
