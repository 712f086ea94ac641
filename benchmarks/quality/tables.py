"""The tables as Markdown. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from benchmarks.quality.cost import Cost
from benchmarks.quality.methods import PEERS
from benchmarks.quality.published import THORN, VISIOFORGE
from benchmarks.quality.rows import PeerCell, Row, SegmentRow, Standing
from benchmarks.quality.truth import Finding, share
from benchmarks.quality.unrelated import INTRO_SECONDS, Scored, Unrelated

BEGIN, END = "<!-- quality:begin -->", "<!-- quality:end -->"
_TITLES = {peer.name: peer.title for peer in PEERS}


class NoMarkersError(ValueError):
    """The page has no place for the tables."""


def percent(value: float | None) -> str:
    """`98.6`, `100`; a dash when there is nothing to tell."""
    if value is None or math.isnan(value):
        return "-"
    text = f"{100 * value:.1f}"
    return text.removesuffix(".0")


def seconds(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def recall_table(rows: Sequence[Row], label: str = "alteration") -> str:
    """A peer's cell: at zero false positives, and after a stroke at its authors' threshold."""
    peers = list(rows[0].peers) if rows else []
    head = [label, "n", "ours", "caught", "duplicate", "wrong", *(_TITLES[peer] for peer in peers), "ours s/s"]
    head += [f"{_TITLES[peer]} s/s" for peer in peers]
    return table(head, [recall_cells(row, peers) for row in rows])


def recall_cells(row: Row, peers: Sequence[str]) -> list[str]:
    cells = [row.title, str(row.count), percent(row.zero), percent(row.caught), percent(row.duplicate), str(row.wrong)]
    cells += [peer_cell(row.peers[peer]) for peer in peers]
    return [*cells, seconds(row.cost), *(seconds(row.peers[peer].cost) for peer in peers)]


def peer_cell(numbers: PeerCell) -> str:
    mark = "**" if numbers.is_ahead else ""
    zero = f"{mark}{percent(numbers.zero)}{mark}"
    return zero if numbers.own is None else f"{zero} / {percent(numbers.own)}"


def standing_table(standings: Sequence[Standing]) -> str:
    head = ["method (way of scoring)", "recall at 0 false", "recall at its threshold", "false at its threshold"]
    head += ["highest unrelated", "unrelated pairs", "could not hash"]
    rows = []
    for each in standings:
        false = "-" if each.false is None else f"{percent(each.false)} %"
        cells = [each.title, percent(each.zero), percent(each.own), false, f"{each.bound:.3f}", f"{each.pairs:,}"]
        rows.append([*cells, str(each.failures)])
    return table(head, rows)


def published_table(rows: Sequence[Row], figures: Mapping[str, Sequence[str] | str], names: Sequence[str]) -> str:
    """Our rows beside figures of others. names: of their columns."""
    body = []
    for row in rows:
        if row.name in figures:
            told = figures[row.name]
            theirs = [told] if isinstance(told, str) else list(told)
            body.append(
                [row.title, str(row.count), percent(row.zero), percent(row.caught), *(each or "-" for each in theirs)]
            )
    return table(["alteration", "n", "ours", "caught", *names], body) if body else ""


def segment_table(rows: Sequence[SegmentRow]) -> str:
    head = [
        "alteration",
        "pieces",
        "found",
        "start, end within 1 s",
        "in the source too",
        "speed within 2 %",
        "mirrored right",
    ]
    body = [segment_cells(row.title, row.findings) for row in rows]
    together = [finding for row in rows for finding in row.findings]
    return table(head, [*body, segment_cells("all", together)])


def segment_cells(title: str, told: Sequence[Finding]) -> list[str]:
    """Shares of all pieces, but for speed and mirroring: of those found."""
    found = [each for each in told if each.found]
    shares = [
        share(each.found for each in told),
        share(each.in_copy for each in told),
        share(each.in_both for each in told),
        share(each.speed for each in found),
        share(each.mirrored for each in found),
    ]
    return [title, str(len(told)), *map(percent, shares)]


def ahead_lines(rows: Sequence[tuple[Row, str]]) -> str:
    """Where a peer finds more, or that none does."""
    if not rows:
        return "On no row does a peer find more at zero false positives."
    return "A peer finds more at zero false positives here:\n\n" + "\n".join(
        f"- {row.title}: {_TITLES[name]} {percent(row.peers[name].zero)} against {percent(row.peers[name].ours)}"
        for row, name in rows
    )


def cost_table(costs: Sequence[Cost]) -> str:
    rows = [[each.title, f"{seconds(each.cpu)}", f"{seconds(each.wall)}", str(each.files)] for each in costs]
    return table(["method", "processor s per second of video", "wall s per second of video", "files"], rows)


def unrelated_section(found: Unrelated) -> str:
    kinds = [
        [" and ".join(kinds), f"{count:,}", f"{highest:.3f}", str(caught)]
        for kinds, (count, highest, caught) in found.kinds.items()
    ]
    told = (
        f"{found.pairs:,} unrelated pairs: {found.suspicious} at 0.85 and above, {found.introduced} of them of two "
        f"clips that begin with the same {INTRO_SECONDS:g} s; {found.caught} taken for a duplicate or flagged."
    )
    sections = [told, table(["kinds", "pairs", "highest score", "caught"], kinds)]
    sections += ["The highest ten:", highest_table(found.highest)]
    if found.highest != found.strangest:
        sections += ["The highest ten of those that do not share a beginning:", highest_table(found.strangest)]
    return "\n\n".join(sections)


def highest_table(pairs: Sequence[Scored]) -> str:
    rows = [[f"{pair.score:.3f}", f"`{pair.query}`", f"`{pair.reference}`", pair.reason or "-"] for pair in pairs]
    return table(["score", "one", "other", "flagged as"], rows)


def short_table(groups: Sequence[Row], whole: Row) -> str:
    """For the README: a line for each group."""
    peers = list(whole.peers)
    head = ["copies", "n", "duplicate", "caught", "at 0 false", *(_TITLES[peer] for peer in peers)]
    rows = [
        [row.title, str(row.count), *map(percent, (row.duplicate, row.caught, row.zero))]
        + [percent(row.peers[peer].zero) for peer in peers]
        for row in (*groups, whole)
    ]
    return table(head, rows)


def thorn_table(rows: Sequence[Row]) -> str:
    return published_table(rows, THORN, ["framewise", "TMK L1"])


def visioforge_table(rows: Sequence[Row]) -> str:
    return published_table(rows, VISIOFORGE, ["VisioForge"])


def between_markers(page: str, text: str, markers: tuple[str, str] = (BEGIN, END)) -> str:
    """The page with text in the place of what stood between the markers. Raises NoMarkersError."""
    first, last = markers
    before, begin, rest = page.partition(first)
    _, end, after = rest.partition(last)
    if not begin or not end:
        raise NoMarkersError(f"the page needs the lines {first} and {last}")
    return f"{before}{begin}\n\n{text.strip()}\n\n{end}{after}"
