"""What a soak came to. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.chaos.outcome import Decided
from benchmarks.vitals import Vitals


@dataclass(frozen=True, slots=True)
class Look:
    """at: seconds after the beginning. services: by name."""

    at: float
    services: Mapping[str, Vitals]


def looks_table(looks: Sequence[Look]) -> str:
    """Each service with its memory and its handles at each look; processes at the last."""
    moments = " / ".join(f"{look.at / 60:.1f}" for look in looks)
    lines = [
        f"| service | resident memory, MB, after {moments} min | file handles | processes |",
        "|---|---|---|---|",
    ]
    for name in looks[-1].services:
        seen = [look.services[name] for look in looks]
        memory = " / ".join(f"{each.resident / 1e6:.0f}" for each in seen)
        handles = " / ".join(str(each.handles) for each in seen)
        lines.append(f"| {name} | {memory} | {handles} | {seen[-1].processes} |")
    return "\n".join(lines)


def verdicts_table(videos: Sequence[Decided]) -> str:
    counts = Counter(video.status for video in videos)
    rows = [f"| {status} | {count} |" for status, count in sorted(counts.items())]
    return "\n".join(["| verdict | videos |", "|---|---|", *rows])


def growths(looks: Sequence[Look], *, most_bytes: float, most_handles: int) -> list[str]:
    """Services that took more at the end than in the middle, when everything had been started long since: sentences."""
    first, last = looks[-2], looks[-1]
    found = []
    for name, end in last.services.items():
        start = first.services[name]
        if end.resident - start.resident > most_bytes:
            found.append(f"{name} has grown by {(end.resident - start.resident) / 1e6:.0f} MB")
        if end.handles - start.handles > most_handles:
            found.append(f"{name} has {end.handles} file handles open, {start.handles} in the middle")
    return found
