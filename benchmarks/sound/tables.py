"""The tables as Markdown. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set
from statistics import median

from benchmarks.quality.tables import percent, table
from benchmarks.sound.grid import KINDS
from benchmarks.sound.rows import TARGETS, Answer, Row, Sum

MARKERS = ("<!-- sound:begin -->", "<!-- sound:end -->")
_PEERS = ("fpcalc first", "fpcalc at 0 false")


def sum_table(sums: Sequence[Sum]) -> str:
    head = ["mean recall", "steps", "index", "whole chain", "target", *_PEERS]
    return table(head, [_sum_cells(each) for each in sums])


def grid_table(rows: Sequence[Row]) -> str:
    head = ["", "% of the original", "n", "index", "whole chain", "pitch error", "tempo error", "false", *_PEERS]
    return table(head, [_row_cells(row) for row in rows])


def false_lines(answers: Sequence[Answer]) -> str:
    """Which other clips were named, and how often."""
    pairs = Counter((answer.clip, other) for answer in answers for other in answer.wrong)
    if not pairs:
        return f"No other clip was named in {len(answers):,} answers."
    wrong = sum(bool(answer.wrong) for answer in answers)
    lines = [f"- `{clip}` was taken for `{other}` {times} times" for (clip, other), times in pairs.most_common()]
    return f"Another clip was named in {wrong} of {len(answers):,} answers:\n\n" + "\n".join(lines)


def clips_line(answers: Sequence[Answer], tuned: Set[str]) -> str:
    """Which clips were altered, and on how many of them something was tuned, when it is said on which it was."""
    clips = sorted({answer.clip for answer in answers})
    known = "" if not tuned else f" Something was tuned on {len(tuned & {*clips}) or 'none'} of them."
    return f"The clips: {', '.join(f'`{clip}`' for clip in clips)}.{known}"


def clip_table(answers: Sequence[Answer]) -> str:
    """Recall of the whole chain of each clip by kind; those found everywhere are left out."""
    clips = {clip: [each for each in answers if each.clip == clip] for clip in sorted({each.clip for each in answers})}
    rows = []
    for clip, own in clips.items():
        if not all(answer.hit for answer in own):
            kinds = [[answer.hit for answer in own if answer.alteration.kind == kind] for kind in KINDS]
            rows.append([f"`{clip}`", *(percent(sum(hits) / len(hits)) if hits else "-" for hits in kinds)])
    found = f"{len(clips) - len(rows)} of {len(clips)} clips are found at every step"
    return f"{found}." if not rows else f"{found}; the others:\n\n" + table(["clip", *KINDS], rows)


def time_line(answers: Sequence[Answer]) -> str:
    made, asked, compared = (1000 * median(each) for each in zip(*(answer.seconds for answer in answers), strict=True))
    return (
        f"Median times: {made:.0f} ms to fingerprint the altered sound, {asked:.0f} ms to make the question and ask "
        f"the index, {compared:.0f} ms to compare all candidates."
    )


def _sum_cells(found: Sum) -> list[str]:
    target = TARGETS[found.low, found.high]
    is_for_all = found.title == "all"
    aim = f"{percent(target)}{'' if found.chain >= target else ', not met'}" if is_for_all else ""
    cells = [found.title, f"{found.low}-{found.high} %", percent(found.index), percent(found.chain), aim]
    return [*cells, percent(found.peer_first), percent(found.peer_clear)]


def _row_cells(row: Row) -> list[str]:
    cells = [row.alteration.kind, str(row.alteration.percent), str(row.count), percent(row.index), percent(row.chain)]
    cells.append("-" if row.semitones is None else f"{row.semitones:.2f}")
    cells.append("-" if row.tempo is None else f"{100 * row.tempo:.2f}")
    return [*cells, str(row.wrong), percent(row.peer_first), percent(row.peer_clear)]
