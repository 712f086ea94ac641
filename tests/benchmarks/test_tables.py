from __future__ import annotations

import pytest

from benchmarks.quality.alterations import ALTERATIONS
from benchmarks.quality.cost import Cost
from benchmarks.quality.plans import Piece
from benchmarks.quality.rows import ahead, by_alteration, by_group, overall, segment_rows, standings
from benchmarks.quality.tables import (
    BEGIN,
    END,
    NoMarkersError,
    ahead_lines,
    between_markers,
    cost_table,
    percent,
    recall_table,
    segment_table,
    short_table,
    standing_table,
    table,
    thorn_table,
    unrelated_section,
    visioforge_table,
)
from benchmarks.quality.unrelated import Scored, summary
from tests.benchmarks.scenery import clip, compared, judged, measured

BY_NAME = {each.name: each for each in ALTERATIONS}
RESULT = measured(
    [judged(clip("one"), BY_NAME["gray"]), judged(clip("one"), BY_NAME["thorn-gif"], status="approved", score=0.2)],
    [compared("vpdq", [0.9, 0.6], [0.1, 0.5]), compared("fpcalc", [0.9, 0.9], [0.5, 0.5], [True, False])],
)


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def is_whole(markdown: str) -> bool:
    return len({line.count("|") for line in markdown.splitlines()}) == 1


@pytest.mark.parametrize(
    ("value", "text"), [(1.0, "100"), (0.9861, "98.6"), (0.0, "0"), (None, "-"), (float("nan"), "-"), (0.9999, "100")]
)
def test_percent(value: float | None, text: str) -> None:
    assert percent(value) == text


def test_a_table_has_a_head_a_rule_and_rows() -> None:
    assert table(["a", "b"], [["1", "2"]]).splitlines() == ["| a | b |", "|---|---|", "| 1 | 2 |"]


def test_the_recall_table_shows_ours_and_theirs() -> None:
    text = recall_table(by_alteration(RESULT))
    assert is_whole(text)
    head, _, gray, gif = text.splitlines()
    assert cells(head)[:8] == ["alteration", "n", "ours", "caught", "duplicate", "wrong", "vPDQ", "fpcalc"]
    assert cells(gray)[:8] == ["gray", "1", "100", "100", "100", "0", "100 / 100", "100"]
    assert cells(gif)[:8] == ["gif", "1", "0", "0", "0", "0", "**100** / 0", "-"]


def test_where_a_peer_is_ahead_is_said() -> None:
    rows = by_alteration(RESULT)
    assert ahead_lines(ahead(rows)).endswith("- gif: vPDQ 100 against 0")
    assert ahead_lines(ahead(rows[:1])) == "On no row does a peer find more at zero false positives."


def test_published_figures_stand_beside_ours() -> None:
    rows = by_alteration(RESULT)
    assert cells(thorn_table(rows).splitlines()[-1]) == ["gif", "1", "0", "0", "68.2", "81.0"]
    assert visioforge_table(rows) == ""
    exact = by_alteration(measured([judged(clip("one"), BY_NAME["visioforge-exact"])]))
    assert cells(visioforge_table(exact).splitlines()[-1]) == ["exact", "1", "100", "100", "-"]


def test_standings_and_groups_and_the_short_table_are_whole() -> None:
    assert is_whole(standing_table(standings(RESULT)))
    assert is_whole(recall_table([*by_group(RESULT), overall(RESULT)], "copies"))
    short = short_table(by_group(RESULT), overall(RESULT))
    assert is_whole(short)
    assert cells(short.splitlines()[-1]) == ["all", "2", "50", "50", "50", "100", "100"]


def test_segments_are_shares_of_all_pieces() -> None:
    right, late = Piece(0, 6, 2, 8, 1.05), Piece(2, 6, 4, 8)
    copies = [judged(clip("one"), BY_NAME["trim-both"], segments=s) for s in ([right], [late], [])]
    text = segment_table(segment_rows(measured(copies)))
    assert is_whole(text)
    assert cells(text.splitlines()[-1]) == ["all", "3", "66.7", "33.3", "33.3", "50", "100"]


def pair(score: float, kinds: tuple[str, str], caught: bool = False) -> Scored:
    return Scored("a", "b", kinds, score, caught, "partial_match" if caught else None)


def test_unrelated_pairs_are_summed_up() -> None:
    found = [pair(0.3, ("piece", "piece")), pair(0.97, ("intro", "intro"), True), pair(0.5, ("card", "piece"))]
    text = unrelated_section(summary(found))
    assert text.startswith(
        "3 unrelated pairs: 1 at 0.85 and above, 1 of them of two clips that begin with the same 3 s; 1 "
    )
    assert "| intro and intro | 1 | 0.970 | 1 |" in text
    assert text.index("| 0.970 |") < text.index("share a beginning") < text.rindex("| 0.500 |")


def test_without_shared_beginnings_ten_are_listed_once() -> None:
    text = unrelated_section(summary([pair(n / 100, ("piece", "piece")) for n in range(30)]))
    assert "share a beginning" not in text
    assert text.count("`a`") == 10


def test_costs() -> None:
    text = cost_table([Cost("ours", 0.0123, 0.02, 5), Cost("fpcalc", float("nan"), float("nan"), 0)])
    assert is_whole(text)
    assert cells(text.splitlines()[2]) == ["ours", "0.0123", "0.0200", "5"]
    assert cells(text.splitlines()[3]) == ["fpcalc", "-", "-", "0"]


def test_tables_go_between_the_markers() -> None:
    page = f"# Quality\n\n{BEGIN}\nold\n{END}\n\nrest\n"
    made = between_markers(page, "new\n")
    assert made == f"# Quality\n\n{BEGIN}\n\nnew\n\n{END}\n\nrest\n"
    assert between_markers(made, "new") == made


@pytest.mark.parametrize("page", ["# nothing", f"only {BEGIN}", f"{END} {BEGIN}"])
def test_a_page_without_both_markers_is_refused(page: str) -> None:
    with pytest.raises(NoMarkersError):
        between_markers(page, "new")
