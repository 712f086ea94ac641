from __future__ import annotations

from itertools import islice
from pathlib import Path

from benchmarks.quality.clips import Corpus
from benchmarks.quality.copies import Copy
from benchmarks.quality.unrelated import (
    Sample,
    Scored,
    black_clips,
    introduced_clip,
    lettered_clips,
    pairs,
    piece_starts,
    scored,
    silent_clip,
    summary,
)
from tests.benchmarks.scenery import clip
from tests.benchmarks.test_alterations import labels

CORPUS = Corpus(tuple(clip(f"clip-{n}") for n in range(6)), (), (clip("filler"),))


def sample(kind: str, origin: str, number: int = 0) -> Sample:
    return Sample(f"{origin}--{kind}-{number}", kind, origin, Path("x"))


CUT = [sample("piece", origin, number) for origin in "abc" for number in range(3)]
COPIES = [sample("copy", origin, number) for origin in "ab" for number in range(4)]
ORIGINALS = [sample("original", origin) for origin in "abc"]


def test_pieces_are_disjoint_and_whole() -> None:
    assert piece_starts(clip("ten", seconds=10.5)) == [0, 4]
    assert piece_starts(clip("twelve", seconds=12)) == [0, 4, 8]
    assert piece_starts(clip("short", seconds=3.9)) == []


def test_no_pair_is_of_one_clip() -> None:
    made = list(pairs([*CUT, *COPIES, *ORIGINALS], 1000))
    assert all(a.origin != b.origin for a, b in made)
    assert len({frozenset((a.key, b.key)) for a, b in made}) == len(made)


def test_pieces_come_first_and_copies_fill_up() -> None:
    made = list(islice(pairs([*CUT, *COPIES, *ORIGINALS], 35), 35))
    assert len(made) == 35
    assert [a.kind for a, _ in made[:27]] == ["piece"] * 27
    assert {(a.kind, b.kind) for a, b in made[27:]} == {("copy", "original")}


def test_every_copy_takes_part() -> None:
    made = list(pairs([*CUT, *COPIES, *ORIGINALS], 35))
    assert {a.key for a, _ in made if a.kind == "copy"} == {copy.key for copy in COPIES}


def test_the_pairs_are_the_same_in_each_run() -> None:
    assert list(pairs(CUT, 20)) == list(pairs(CUT, 20))


def test_without_copies_there_are_only_pieces() -> None:
    assert len(list(pairs(CUT, 1000))) == 27


def hangs_together(copy: Copy) -> bool:
    read, written = labels(copy.plan.graph)
    inner = [label for label in read if ":" not in label]
    streams = {int(label.split(":")[0]) for label in read if ":" in label}
    return sorted([*inner, "v", "a"]) == sorted(written) and streams == set(range(len(copy.plan.inputs)))


def test_made_clips_hang_together_and_differ() -> None:
    made = [copy for copy, _ in [*black_clips(), *lettered_clips()]]
    made += [silent_clip(each) for each in CORPUS.catalogue]
    made += [introduced_clip(each, CORPUS.fillers[0]) for each in CORPUS.catalogue]
    assert [copy.key for copy in made if not hangs_together(copy)] == []
    assert len({copy.key for copy in made}) == len(made)
    assert len({copy.source.name for copy, _ in [*black_clips(), *lettered_clips()]}) == 30


def test_introduced_clips_share_their_beginning_and_nothing_else() -> None:
    one, other = (introduced_clip(each, CORPUS.fillers[0]) for each in CORPUS.catalogue[:2])
    assert one.plan.inputs[0] == other.plan.inputs[0]
    assert one.plan.inputs[1] != other.plan.inputs[1]
    assert [piece.start for piece in one.plan.pieces] == [3]


def test_a_score_knows_its_kinds_in_order() -> None:
    made = {"score": 0.4, "caught": False, "reason": None}
    assert scored(sample("piece", "a"), sample("card", "b"), made).kinds == ("card", "piece")
    assert scored(sample("intro", "a"), sample("intro", "b"), made).shares_intro
    assert not scored(sample("intro", "a"), sample("piece", "b"), made).shares_intro


def test_the_summary_counts_and_ranks() -> None:
    found = [Scored(f"q{n}", "r", ("piece", "piece"), n / 20, n == 19, None) for n in range(20)]
    told = summary([*found, Scored("i", "j", ("intro", "intro"), 0.99, True, "partial_match")])
    assert (told.pairs, told.suspicious, told.introduced, told.caught) == (21, 4, 1, 2)
    assert [pair.query for pair in told.highest[:3]] == ["i", "q19", "q18"]
    assert [pair.query for pair in told.strangest[:2]] == ["q19", "q18"]
    assert len(told.highest) == len(told.strangest) == 10
    assert told.kinds == {("intro", "intro"): (1, 0.99, 1), ("piece", "piece"): (20, 0.95, 1)}


def test_when_the_originals_do_not_suffice_copies_meet_pieces_too_and_no_intro() -> None:
    intro = Sample("x-intro", "intro", "x", Path("x"))
    made = [(a, b) for a, b in pairs([*CUT, intro, *COPIES, *ORIGINALS], 1000) if a.kind == "copy"]
    assert {b.kind for _, b in made} == {"original", "piece"}
    assert all(a.origin != b.origin for a, b in made)
