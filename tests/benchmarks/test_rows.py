from __future__ import annotations

import math
from dataclasses import replace

import pytest

from benchmarks.quality.alterations import ALTERATIONS
from benchmarks.quality.plans import Piece
from benchmarks.quality.rows import ahead, by_alteration, by_group, overall, segment_rows, standings
from tests.benchmarks.scenery import clip, compared, judged, measured

BY_NAME = {each.name: each for each in ALTERATIONS}
ONE, TWO = clip("one"), clip("two")
NAN = float("nan")


def test_rows_stand_in_the_order_of_the_list_and_count() -> None:
    result = measured([judged(ONE, BY_NAME["blur"]), judged(ONE, BY_NAME["gray"]), judged(TWO, BY_NAME["gray"])])
    assert [(row.name, row.count) for row in by_alteration(result)] == [("gray", 2), ("blur", 1)]
    assert [(row.name, row.count) for row in by_group(result)] == [("light", 2), ("texture", 1)]
    assert overall(result).count == 3


def test_the_bound_is_of_all_rows() -> None:
    """An unrelated pair of one row is one for all."""
    result = measured(
        [
            judged(ONE, BY_NAME["gray"], score=0.7, unrelated={"two": 0.1}),
            judged(ONE, BY_NAME["blur"], score=0.9, unrelated={"two": 0.8}),
        ]
    )
    assert [row.zero for row in by_alteration(result)] == [0, 1]


def test_caught_is_duplicate_or_flagged_with_the_right_source() -> None:
    result = measured(
        [
            judged(ONE, BY_NAME["gray"], status="duplicate"),
            judged(ONE, BY_NAME["gray"], status="flagged"),
            judged(ONE, BY_NAME["gray"], status="approved"),
            judged(ONE, BY_NAME["gray"], status="duplicate", named="two"),
        ]
    )
    (row,) = by_alteration(result)
    assert (row.caught, row.duplicate, row.wrong) == (0.5, 0.25, 1)
    assert standings(result)[0].false == 0.25


def test_costs_are_of_a_second_of_video() -> None:
    assert by_alteration(measured([judged(ONE, BY_NAME["gray"])]))[0].cost == pytest.approx(0.02)


def test_a_peer_is_ahead_where_it_finds_more() -> None:
    copies = [judged(ONE, BY_NAME["gray"], score=0.3), judged(ONE, BY_NAME["blur"], score=0.9)]
    result = measured(copies, [compared("vpdq", [0.6, 0.2], [0.1, 0.3])])
    rows = by_alteration(result)
    assert [(row.name, peer) for row, peer in ahead(rows)] == [("gray", "vpdq")]
    assert (rows[0].peers["vpdq"].zero, rows[0].peers["vpdq"].ours) == (1, 0)


def test_a_peer_without_a_score_is_not_ahead() -> None:
    result = measured([judged(ONE, BY_NAME["gray"])], [compared("videohash2", [NAN], [0.1])])
    (row,) = by_alteration(result)
    assert row.peers["videohash2"].zero == 0
    assert row.peers["videohash2"].own == 0
    assert ahead([row]) == []


def test_a_peer_of_sound_is_compared_on_copies_with_sound() -> None:
    copies = [judged(ONE, BY_NAME["gray"], score=0.99), judged(TWO, BY_NAME["gray"], score=0.2)]
    result = measured(copies, [compared("fpcalc", [0.9, NAN], [0.5], [True, False])])
    (row,) = by_alteration(result)
    assert row.zero == 0.5
    assert (row.peers["fpcalc"].zero, row.peers["fpcalc"].ours) == (1, 1)
    assert row.peers["fpcalc"].own is None
    silent = by_alteration(replace(result, peers=[compared("fpcalc", [NAN, NAN], [0.5], [False, False])]))[0]
    assert math.isnan(silent.peers["fpcalc"].zero)
    assert ahead([silent]) == []


def test_standings_tell_the_bounds_and_the_false() -> None:
    copies = [judged(ONE, BY_NAME["gray"], unrelated={"two": 0.3, "three": 0.6})]
    ours, vpdq = standings(measured(copies, [compared("vpdq", [0.9], [0.85, NAN])]))
    assert (ours.bound, ours.pairs, ours.false) == (0.6, 2, 0)
    assert (vpdq.bound, vpdq.pairs, vpdq.false) == (0.85, 1, 0.5)
    assert vpdq.title == "vPDQ 1.0 (larger)"


def test_only_timed_alterations_have_segments() -> None:
    right = Piece(0, 6, 2, 8)
    result = measured(
        [
            judged(ONE, BY_NAME["trim-both"], segments=[right]),
            judged(TWO, BY_NAME["trim-both"]),
            judged(ONE, BY_NAME["gray"], segments=[right]),
        ]
    )
    (row,) = segment_rows(result)
    assert row.name == "trim-both"
    assert [each.in_both for each in row.findings] == [True, False]
