"""Recall, errors, sums and tables of answers that need no sound."""

from __future__ import annotations

import math

import pytest

from benchmarks.sound.grid import ALTERATIONS, KINDS, STEPS, Alteration
from benchmarks.sound.rows import FAR, NEAR, TARGETS, Answer, Peer, highest_unrelated, rows_of, sums_of
from benchmarks.sound.tables import clip_table, false_lines, grid_table, sum_table, time_line

PITCH = Alteration("pitch", 106)


def answer(
    clip: str = "a",
    alteration: Alteration = PITCH,
    *,
    first: bool = True,
    matched: bool = True,
    semitones: float = 1.0,
    tempo: float = 1.01,
    wrong: tuple[str, ...] = (),
    peer: Peer | None = None,
) -> Answer:
    told = (semitones, tempo) if matched else (None, None)
    return Answer(clip, alteration, first, matched, told[0], told[1], wrong, (0.05, 0.01, 0.02), peer)


def every(clip: str, reaches: int, peer: Peer | None = None) -> list[Answer]:
    """Found as long as no more than so many percent are changed."""
    return [answer(clip, each, matched=abs(each.percent - 100) <= reaches, peer=peer) for each in ALTERATIONS]


def test_a_hit_is_first_and_matched() -> None:
    assert answer().hit
    assert not answer(first=False).hit
    assert not answer(matched=False).hit


def test_a_row_has_recall_errors_and_other_clips() -> None:
    (row,) = rows_of(
        [
            answer("a", semitones=1.009, tempo=1.02),
            answer("b", semitones=1.309, tempo=1.01, first=False),
            answer("c", semitones=0.909, tempo=1.0, wrong=("a", "b")),
            answer("d", matched=False),
        ]
    )
    assert (row.count, row.index, row.chain, row.wrong) == (4, 0.75, 0.5, 1)
    assert row.semitones == pytest.approx(0.1, abs=1e-3)
    assert row.tempo == pytest.approx(0.01)
    assert row.peer_first is row.peer_clear is None


def test_errors_are_of_the_change_that_was_made() -> None:
    (row,) = rows_of([answer(alteration=Alteration("tempo", 90), semitones=0.2, tempo=0.909)])
    assert row.semitones == pytest.approx(0.2)
    assert row.tempo == pytest.approx(0.01)
    (missed,) = rows_of([answer(matched=False)])
    assert missed.semitones is missed.tempo is None


def test_rows_stand_as_in_the_grid() -> None:
    rows = rows_of(every("a", 16)[::-1])
    assert [row.alteration for row in rows] == list(ALTERATIONS)


def test_the_peer_must_beat_every_unrelated_pair_of_the_run() -> None:
    answers = [answer("a", peer=Peer(0.8, 0.6)), answer("b", peer=Peer(0.65, 0.7)), answer("c", peer=Peer(0.75, 0.5))]
    assert highest_unrelated(answers) == 0.7
    (row,) = rows_of(answers)
    assert row.peer_first == pytest.approx(2 / 3)
    assert row.peer_clear == pytest.approx(2 / 3)
    unheard = Peer(math.nan, math.nan)
    (silent,) = rows_of([answer(peer=unheard)])
    assert not unheard.is_first
    assert (silent.peer_first, silent.peer_clear) == (0.0, None)
    assert Peer(0.6, math.nan).is_first


def test_sums_are_means_over_the_steps_of_all_kinds() -> None:
    near, far = sums_of(every("a", 16) + every("b", 4))[:2]
    assert (near.title, near.low, near.high) == ("all", *NEAR)
    assert near.chain == pytest.approx((5 + 0.5 * 4) / 9)
    assert far.chain == pytest.approx((5 + 0.5 * 12) / len(STEPS))
    assert far.index == 1.0
    assert [each.title for each in sums_of(every("a", 16))] == [title for title in ("all", *KINDS) for _ in (NEAR, FAR)]


def test_clips_that_nothing_was_tuned_on_have_sums_of_their_own() -> None:
    sums = sums_of(every("a", 16) + every("b", 4), tuned={"a"})
    assert sums[2].title == "clips not tuned on (1)"
    assert sums[2].chain == pytest.approx(5 / 9)
    assert len(sums_of(every("a", 16), tuned={"a"})) == len(sums_of(every("a", 16)))


def test_the_table_of_sums_says_what_is_not_met() -> None:
    assert set(TARGETS) == {NEAR, FAR}
    good = sum_table(sums_of(every("a", 16))).splitlines()
    assert "| 95 |" in good[2]
    assert "| 80 |" in good[3]
    bad = sum_table(sums_of(every("a", 6))).splitlines()
    assert "| 95, not met |" in bad[2]
    assert "| 80, not met |" in bad[3]
    assert "met" not in "".join(bad[4:])


def test_the_grid_has_a_line_for_each_step() -> None:
    lines = grid_table(rows_of(every("a", 4, Peer(0.9, 0.6)))).splitlines()
    assert len(lines) == 2 + len(ALTERATIONS)
    assert len({line.count("|") for line in lines}) == 1
    assert lines[2].startswith("| pitch | 84 | 1 | 100 | 0 | - | - | 0 | 100 |")


def test_other_clips_are_named() -> None:
    assert false_lines([answer()]) == "No other clip was named in 1 answers."
    told = false_lines([answer("a", wrong=("b",)), answer("a", wrong=("b", "c")), answer("d")])
    assert told.startswith("Another clip was named in 2 of 3 answers")
    assert "`a` was taken for `b` 2 times" in told
    assert "`a` was taken for `c` 1 times" in told


def test_clips_that_are_missed_somewhere_are_listed_by_kind() -> None:
    only_tempo = [answer("c", each, matched=each.kind == "tempo") for each in ALTERATIONS]
    lines = clip_table(every("a", 16) + only_tempo).splitlines()
    assert lines[0] == "1 of 2 clips are found at every step; the others:"
    assert lines[-1] == "| `c` | 0 | 100 | 0 |"
    assert clip_table(every("a", 16)) == "1 of 1 clips are found at every step."
    assert clip_table([answer("d", matched=False)]).splitlines()[-1] == "| `d` | 0 | - | - |"


def test_times_are_medians() -> None:
    assert time_line([answer(), answer()]).startswith("Median times: 50 ms")
