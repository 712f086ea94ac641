"""The segments that were found, held against the pieces that are there. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.quality.plans import Piece

TIME_TOLERANCE = 1.0
SPEED_TOLERANCE = 0.02
"""Seconds at each of the four ends; share of the true speed."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of one piece.

    found: some segment shows a part of it. in_copy: its start and end in the copy are within 1 s. in_both: and those in
    the source. speed, mirrored: of that segment, within 2 %, and right. All False when it was not found.
    """

    found: bool = False
    in_copy: bool = False
    in_both: bool = False
    speed: bool = False
    mirrored: bool = False


def findings(pieces: Sequence[Piece], segments: Sequence[Piece]) -> list[Finding]:
    """One for each piece, of the segment that shows most of it; a segment serves one piece only.

    Pieces are served in the order of how much their segments show.
    """
    offers = sorted(
        ((shown(piece, segment), p, s) for p, piece in enumerate(pieces) for s, segment in enumerate(segments)),
        key=lambda offer: (-offer[0], offer[1], offer[2]),
    )
    taken: dict[int, int] = {}
    for seconds, p, s in offers:
        if seconds > 0 and p not in taken and s not in taken.values():
            taken[p] = s
    return [judged(piece, segments[taken[p]]) if p in taken else Finding() for p, piece in enumerate(pieces)]


def shown(piece: Piece, segment: Piece) -> float:
    """Seconds of the copy that both cover, if they mean the same part of the source within a second; else 0."""
    start, end = max(piece.start, segment.start), min(piece.end, segment.end)
    middle = (start + end) / 2
    if end <= start or abs(at(piece, middle) - at(segment, middle)) > TIME_TOLERANCE:
        return 0.0
    return end - start


def at(piece: Piece, time: float) -> float:
    """Where in the source the copy is at a time, by the piece's ends."""
    share = (time - piece.start) / max(piece.end - piece.start, 1e-9)
    return piece.ref_start + share * (piece.ref_end - piece.ref_start)


def judged(piece: Piece, segment: Piece) -> Finding:
    in_copy = near((piece.start, segment.start), (piece.end, segment.end))
    return Finding(
        found=True,
        in_copy=in_copy,
        in_both=in_copy and near((piece.ref_start, segment.ref_start), (piece.ref_end, segment.ref_end)),
        speed=abs(segment.speed - piece.speed) <= SPEED_TOLERANCE * piece.speed,
        mirrored=segment.mirrored == piece.mirrored,
    )


def near(*ends: tuple[float, float]) -> bool:
    return all(abs(true - found) <= TIME_TOLERANCE for true, found in ends)


def share(flags: Iterable[bool]) -> float:
    """NaN for none."""
    counted = list(flags)
    return sum(counted) / len(counted) if counted else float("nan")
