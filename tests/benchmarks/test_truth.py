from __future__ import annotations

import math

import pytest

from benchmarks.quality.plans import Piece
from benchmarks.quality.truth import Finding, at, findings, share, shown

TRIM = Piece(0, 6, 2, 8)


def test_a_segment_within_a_second_at_every_end_is_right() -> None:
    (found,) = findings([TRIM], [Piece(0.5, 5.5, 2.5, 7.5)])
    assert found == Finding(found=True, in_copy=True, in_both=True, speed=True, mirrored=True)


def test_nothing_is_found_without_segments() -> None:
    assert findings([TRIM], []) == [Finding()]


def test_a_segment_that_ends_early_is_found_but_not_in_time() -> None:
    (found,) = findings([TRIM], [Piece(0, 4, 2, 6)])
    assert found.found
    assert not found.in_copy
    assert not found.in_both


def test_the_ends_in_the_source_are_asked_for_themselves() -> None:
    (found,) = findings([Piece(0, 10, 0, 10)], [Piece(0, 10, -1.5, 11.5, 1.3)])
    assert found.in_copy
    assert not found.in_both


def test_a_segment_of_another_part_of_the_source_finds_nothing() -> None:
    assert findings([TRIM], [Piece(0, 6, 20, 26)]) == [Finding()]


@pytest.mark.parametrize(("speed", "right"), [(1.25, True), (1.27, True), (1.2, False), (1.0, False)])
def test_speed_is_right_within_two_percent(speed: float, right: bool) -> None:
    piece = Piece(0, 8, 0, 10, 1.25)
    (found,) = findings([piece], [Piece(0, 8, 0, 10, speed)])
    assert found.speed is right


def test_mirroring_is_held_against_the_truth() -> None:
    piece = Piece(0, 6, 0, 6, mirrored=True)
    assert [f.mirrored for f in findings([piece], [Piece(0, 6, 0, 6)])] == [False]
    assert [f.mirrored for f in findings([piece], [Piece(0, 6, 0, 6, mirrored=True)])] == [True]


def test_each_piece_of_a_loop_needs_a_segment_of_its_own() -> None:
    loop = [Piece(0, 10, 0, 10), Piece(10, 20, 0, 10)]
    assert [f.found for f in findings(loop, [Piece(0, 10, 0, 10)])] == [True, False]
    assert [f.in_both for f in findings(loop, [Piece(10, 20, 0, 10), Piece(0, 10, 0, 10)])] == [True, True]


def test_the_longest_segment_serves_a_piece() -> None:
    (found,) = findings([TRIM], [Piece(0, 2, 2, 4), Piece(2, 6, 4, 8)])
    assert found.found
    assert not found.in_copy


def test_one_segment_over_two_pieces_serves_one() -> None:
    two = [Piece(0, 5, 0, 5), Piece(5, 10, 5, 10)]
    assert sum(f.found for f in findings(two, [Piece(0, 10, 0, 10)])) == 1


def test_shown_is_what_both_cover() -> None:
    assert shown(TRIM, Piece(4, 9, 6, 11)) == 2
    assert shown(TRIM, Piece(6, 9, 8, 11)) == 0
    assert shown(TRIM, Piece(0, 6, 3.5, 9.5)) == 0


def test_a_place_in_the_source_goes_by_the_ends() -> None:
    assert at(Piece(2, 6, 10, 20), 4) == 15


def test_share() -> None:
    assert share([True, False, True, True]) == 0.75
    assert math.isnan(share([]))
