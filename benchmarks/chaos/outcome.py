"""What a run came to, and whether two runs came to the same. Pure.

Of the uploads that show one clip exactly one may be approved; which of them is a matter of timing, and so is how many
there are, for a client that got no answer sends its upload again. So outcomes are compared clip by clip: one original,
and every other upload a duplicate of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Decided:
    """A video at the end of a run. clip: what it shows. verdicts, notifications: how many rows of each."""

    video_id: str
    clip: int
    status: str
    duplicate_of: str | None
    verdicts: int
    notifications: int
    attempts: int


@dataclass(frozen=True, slots=True)
class Kill:
    """process: what was killed, or wiped. seconds: from the kill until it answered again."""

    process: str
    at: float
    seconds: float


def faults(accepted: Mapping[str, int], videos: Sequence[Decided]) -> list[str]:
    """What must not be, in sentences. accepted: video id -> clip, of each upload that was answered with 200."""
    found = losses(accepted, videos)
    for clip, group in grouped(videos).items():
        originals = [video.video_id for video in group if video.status == "approved"]
        if len(originals) != 1:
            found.append(f"clip {clip} has {len(originals)} originals")
        strays = [video.video_id for video in group if video.duplicate_of not in (None, *originals)]
        found += [f"{stray} is a duplicate of another clip's" for stray in strays]
    return found


def losses(accepted: Mapping[str, int], videos: Sequence[Decided]) -> list[str]:
    """Uploads that are gone, or that have not one verdict and one notification, in sentences."""
    found = []
    known = {video.video_id: video for video in videos}
    for video_id, clip in accepted.items():
        if video_id not in known:
            found.append(f"{video_id} (clip {clip}) was accepted and is gone")
    for video in videos:
        if video.status == "processing":
            found.append(f"{video.video_id} has no verdict after {video.attempts} attempts")
        elif video.verdicts != 1 or video.notifications != 1:
            found.append(f"{video.video_id} has {video.verdicts} verdicts and {video.notifications} notifications")
    return found


def differences(calm: Sequence[Decided], stormy: Sequence[Decided]) -> list[str]:
    """Clips whose uploads came to other verdicts, in sentences."""
    first, second = shapes(calm), shapes(stormy)
    return [
        f"clip {clip}: {_told(first.get(clip))} in calm, {_told(second.get(clip))} in the storm"
        for clip in sorted(first.keys() | second.keys())
        if first.get(clip) != second.get(clip)
    ]


def shapes(videos: Sequence[Decided]) -> dict[int, tuple[int, frozenset[str]]]:
    """Of each clip: how many originals, and what the others are."""
    return {
        clip: (
            sum(video.status == "approved" for video in group),
            frozenset(video.status for video in group if video.status != "approved"),
        )
        for clip, group in grouped(videos).items()
    }


def grouped(videos: Sequence[Decided]) -> dict[int, list[Decided]]:
    groups: dict[int, list[Decided]] = {}
    for video in videos:
        groups.setdefault(video.clip, []).append(video)
    return groups


def kills_table(kills: Sequence[Kill]) -> str:
    lines = ["| process | kills | back after, median s | longest s |", "|---|---|---|---|"]
    for process, count in sorted(Counter(kill.process for kill in kills).items()):
        times = sorted(kill.seconds for kill in kills if kill.process == process)
        lines.append(f"| {process} | {count} | {times[len(times) // 2]:.1f} | {times[-1]:.1f} |")
    return "\n".join(lines)


def attempts_table(videos: Sequence[Decided]) -> str:
    counts = Counter(video.attempts for video in videos)
    rows = [f"| {attempts} | {count} |" for attempts, count in sorted(counts.items())]
    return "\n".join(["| attempts | videos |", "|---|---|", *rows])


def _told(shape: tuple[int, frozenset[str]] | None) -> str:
    return "nothing" if shape is None else f"{shape[0]} approved and {', '.join(sorted(shape[1])) or 'no others'}"
