"""The benchmark of kills: what counts as lost, what as different, and that its uploads are what it says."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random

import av
import pytest

from benchmarks.chaos.clips import of_folder, planned, synthesised, unlike
from benchmarks.chaos.outcome import Decided, Kill, attempts_table, differences, faults, kills_table
from tests.processor.clips import Look, write_clip

ORIGINAL = Decided("a", 1, "approved", None, verdicts=1, notifications=1, attempts=1)
COPY = Decided("b", 1, "duplicate", "a", verdicts=1, notifications=1, attempts=0)
OTHER = Decided("c", 2, "approved", None, verdicts=1, notifications=1, attempts=2)
ALL = [ORIGINAL, COPY, OTHER]
ACCEPTED = {"a": 1, "b": 1, "c": 2}


def test_a_run_in_which_nothing_is_lost() -> None:
    assert faults(ACCEPTED, ALL) == []
    unanswered = replace(COPY, video_id="d")
    assert faults(ACCEPTED, [*ALL, unanswered]) == [], "an upload whose answer was lost is a video, too"


@pytest.mark.parametrize(
    ("videos", "said"),
    [
        ([ORIGINAL, OTHER], "b (clip 1) was accepted and is gone"),
        ([ORIGINAL, replace(COPY, status="processing", duplicate_of=None, attempts=4), OTHER], "no verdict after 4"),
        ([ORIGINAL, replace(COPY, verdicts=2), OTHER], "2 verdicts and 1 notifications"),
        ([ORIGINAL, replace(COPY, notifications=0), OTHER], "1 verdicts and 0 notifications"),
        ([ORIGINAL, replace(COPY, status="approved", duplicate_of=None), OTHER], "clip 1 has 2 originals"),
        ([replace(ORIGINAL, status="rejected"), replace(COPY, duplicate_of=None), OTHER], "clip 1 has 0 originals"),
        ([ORIGINAL, replace(COPY, duplicate_of="c"), OTHER], "b is a duplicate of another clip's"),
    ],
)
def test_whatever_is_lost_is_told(videos: list[Decided], said: str) -> None:
    assert any(said in fault for fault in faults(ACCEPTED, videos))


def test_who_came_first_makes_no_difference_and_what_was_decided_does() -> None:
    other_way = [
        replace(ORIGINAL, status="duplicate", duplicate_of="b"),
        replace(COPY, status="approved", duplicate_of=None),
    ]
    assert differences(ALL, [*other_way, OTHER]) == []
    flagged = replace(COPY, status="flagged")
    assert differences(ALL, [ORIGINAL, flagged, OTHER]) == [
        "clip 1: 1 approved and duplicate in calm, 1 approved and flagged in the storm"
    ]
    assert differences(ALL, [ORIGINAL, COPY]) == ["clip 2: 1 approved and no others in calm, nothing in the storm"]


def test_the_tables_count_what_was_killed() -> None:
    kills = [Kill("redis", 1.0, 2.0), Kill("redis", 9.0, 4.0), Kill("consumer", 5.0, 1.5)]
    assert kills_table(kills).splitlines()[2:] == ["| consumer | 1 | 1.5 | 1.5 |", "| redis | 2 | 4.0 | 4.0 |"]
    assert attempts_table(ALL).splitlines()[2:] == ["| 0 | 1 |", "| 1 | 1 |", "| 2 | 1 |"]


def test_every_clip_is_uploaded_about_equally_often_over_the_time(tmp_path: Path) -> None:
    clips = synthesised(tmp_path / "clips", 2)
    plan = planned(clips, 9, 30.0, tmp_path / "uploads", Random(1))
    assert sorted(Counter(upload.clip for upload in plan).values()) == [4, 5]
    assert [upload.at for upload in plan] == [n * 30 / 9 for n in range(9)]
    assert plan == planned(clips, 9, 30.0, tmp_path / "uploads", Random(1))
    assert all(upload.file.name.startswith(f"clip-{upload.clip:03d}") for upload in plan)


def test_a_copy_has_other_bytes_and_shows_the_same(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "a.mp4", Look(seconds=1.0, fps=10))
    copies = [unlike(source, tmp_path, n) for n in (1, 2)]
    assert len({path.read_bytes() for path in (source, *copies)}) == 3
    for path in copies:
        with av.open(str(path)) as clip:
            assert sum(1 for _ in clip.decode(video=0)) == 10


def test_clips_of_a_folder(tmp_path: Path) -> None:
    for name in ("b.mp4", "a.MOV", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    assert of_folder(tmp_path, 2) == [[tmp_path / "a.MOV"], [tmp_path / "b.mp4"]]
    with pytest.raises(ValueError, match="holds 2 clips; 3 are wanted"):
        of_folder(tmp_path, 3)
