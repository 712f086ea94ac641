"""Who is entered and who is uploaded; recall, false matches and times of decisions that nobody made."""

from __future__ import annotations

import pytest

from benchmarks.catalogue.__main__ import command, parser, report
from benchmarks.catalogue.deciding import (
    CANDIDATES,
    EVIDENCE,
    PICTURE,
    POLICY,
    SOUND,
    STEPS,
    WHOLE,
    YARDSTICKS,
    Decision,
)
from benchmarks.catalogue.filling import Entry
from benchmarks.catalogue.tables import (
    MARKERS,
    TARGETS,
    Stored,
    amiss_lines,
    asked_line,
    recall_table,
    stored_table,
    time_table,
)
from benchmarks.catalogue.uploads import ALTERED, UNRELATED, Upload, deal
from benchmarks.quality.alterations import chosen
from benchmarks.quality.clips import ClipError
from tests.benchmarks.scenery import clip
from tests.consumer.fingerprints import blank_fingerprint
from tests.repository import ROOT

PAGE = (ROOT / "docs" / "quality.md").read_text(encoding="utf-8")
STORED = Stored(
    entries=3,
    minutes=3.0,
    segments=90,
    vectors=80,
    sound_terms=600,
    kept_bytes=15_000,
    database_bytes=60_000,
    chroma_bytes=120_000,
    wall=1.5,
)
ENTRIES = [Entry(0.0, 0.1, 0.2), Entry(0.012, 0.3, 0.4, tries=3), Entry(0.02, 0.2, 0.3)]


def decision(
    alteration: str = "mirrored",
    *,
    source: str | None = "a",
    rank: int | None = 0,
    status: str = "duplicate",
    named: str | None = "a",
    ms: float = 100.0,
    sounds: bool = True,
) -> Decision:
    """Each step takes so many milliseconds, and its yardstick half of it."""
    steps = [step for step in STEPS if sounds or step != SOUND]
    return Decision(
        upload=Upload(f"{source}--{alteration}", alteration, source, blank_fingerprint()),
        rank=rank,
        candidates=16,
        compared=10,
        status=status,
        named=named,
        reason=None,
        seconds=dict.fromkeys(steps, ms / 1000),
        yardsticks=dict.fromkeys(steps, ms / 2000),
        vectors=50,
        terms=20_000,
        rows=300,
        reading=0.05,
    )


def cells(text: str, begins: str) -> list[str]:
    (line,) = (line for line in text.splitlines() if line.startswith(f"| {begins} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_every_clip_plays_one_part() -> None:
    clips = [clip(f"c{n}", sound=n % 3 > 0) for n in range(40)]
    dealt = deal(clips, 6, 10)
    assert len(dealt.altered) == 6
    assert all(each.has_sound for each in dealt.altered)
    assert set(dealt.altered) <= set(dealt.entered)
    assert len(dealt.strangers) == 10
    assert sorted(each.name for each in dealt.clips) == sorted(each.name for each in clips)
    assert deal(clips[::-1], 6, 10) == dealt
    assert set(dealt.unshown) == set(dealt.entered) - set(dealt.altered)


def test_few_clips_leave_no_strangers_over() -> None:
    dealt = deal([clip(f"c{n}") for n in range(6)], 3, 10)
    assert dealt.entered == dealt.altered
    assert len(dealt.strangers) == 1
    with pytest.raises(ClipError):
        deal([clip("a"), clip("b")], 1, 1)


def test_the_alterations_are_there() -> None:
    assert {each.name for each in chosen(ALTERED)} == set(ALTERED)


def test_a_decision_is_right_wrong_or_nothing() -> None:
    right, wrong, missed = decision(), decision(named="b"), decision(status="approved", named=None)
    assert (right.is_right, right.is_wrong) == (True, False)
    assert (wrong.is_right, wrong.is_wrong) == (False, True)
    assert (missed.is_right, missed.is_wrong) == (False, False)
    assert decision(UNRELATED, source=None, status="flagged", named="b").is_wrong
    assert not decision(UNRELATED, source=None, status="approved", named=None).is_wrong


def test_recall_is_told_for_each_alteration_and_all_copies() -> None:
    text = recall_table(
        [
            decision(),
            decision(rank=3, status="flagged"),
            decision(rank=None, status="approved", named=None),
            decision(named="b"),
            decision("cropped"),
            decision(UNRELATED, source=None, rank=None, status="approved", named=None),
            decision(UNRELATED, source=None, rank=None, status="flagged", named="b"),
        ]
    )
    assert cells(text, "mirrored") == ["mirrored", "4", "75", "50", "50", "1", "1"]
    assert cells(text, UNRELATED) == [UNRELATED, "2", "-", "-", "-", "1", "1"]
    assert cells(text, "all copies") == ["all copies", "5", "80", "60", "60", "1", "1"]


def test_false_matches_and_misses_are_named() -> None:
    assert amiss_lines([decision()]).startswith("Every copy was taken for that of its source")
    stranger = decision(UNRELATED, source=None, status="approved", named=None)
    lines = amiss_lines(
        [
            decision(named="b"),
            decision(),
            stranger,
            decision("cropped", status="approved", named=None, rank=2),
            decision("small", status="approved", named=None, rank=None),
        ]
    ).splitlines()
    assert lines == [
        "- `a--mirrored`: duplicate as a copy of `b` (sure)",
        "- `a--cropped`: approved; its source is candidate 3",
        "- `a--small`: approved; its source is not among the candidates",
    ]


def test_each_step_has_its_times_and_its_yardstick() -> None:
    assert set(YARDSTICKS) == set(STEPS)
    text = time_table([decision(ms=ms) for ms in (100.0, 200.0, 300.0)])
    for step in STEPS:
        assert cells(text, step)[1] == "200 ms"
        assert cells(text, step)[-2] == "2.00"
    assert cells(text, EVIDENCE)[2] == "290 ms"
    assert cells(text, POLICY)[3] == ""
    assert cells(text, WHOLE)[3] == "300 ms"
    assert cells(text, SOUND)[3] == "200 ms, not met"


def test_uploads_without_sound_do_not_make_its_lookup_faster() -> None:
    text = time_table([decision(ms=100.0), decision(ms=1.0, sounds=False)])
    assert cells(text, SOUND)[1] == "100 ms"
    assert cells(text, CANDIDATES)[1] == "50 ms"
    assert f"| {SOUND} |" not in time_table([decision(sounds=False)])
    assert f"| {PICTURE} |" in time_table([decision(sounds=False)])


def test_the_catalogue_is_told_for_each_minute_and_hour() -> None:
    text = stored_table(ENTRIES, STORED)
    assert cells(text, "segment vectors of an entry")[1] == "30.0 (80 distinct ones in all)"
    assert cells(text, "segment vectors of a minute")[1] == "30.0"
    assert cells(text, "sound terms of a minute")[1] == "200.0"
    assert cells(text, "kept fingerprint of an hour")[1] == "0.30 MB"
    assert cells(text, "D1 for an hour")[1] == "1.20 MB"
    assert cells(text, "to make a synthetic fingerprint")[1] == "16 ms of the processor"
    assert cells(text, "to index an entry, p50 / p95")[1] == "200 / 290 ms"
    assert cells(text, "to fill it, an entry")[1].startswith("500 ms")
    assert cells(text, "index steps that Chroma was late for")[1] == "2 of 3, tried again"
    before = stored_table([], STORED)
    assert cells(before, "segment vectors of a minute")[1] == "30.0"
    assert "to index an entry" not in before


def test_what_is_asked_is_told() -> None:
    text = asked_line([decision(), decision()])
    assert "50 vectors and 20,000 sound terms" in text
    assert "10.0 of these are compared: 5.0 ms to read one, 5 ms to compare it" in text


def test_the_report_says_no_folder() -> None:
    options = parser().parse_args(["/secret/clips", "--entries", "500", "--work", "/secret/work"])
    assert command(options) == "python -m benchmarks.catalogue FOLDER --entries 500"
    text = report(ENTRIES, STORED, [decision()], options)
    assert "/secret" not in text
    assert text.count("|---|") >= 3


def test_the_page_has_room_for_the_tables_and_names_the_targets() -> None:
    assert PAGE.count(MARKERS[0]) == PAGE.count(MARKERS[1]) == 1
    assert PAGE.index(MARKERS[0]) < PAGE.index(MARKERS[1])
    assert "python -m benchmarks.catalogue FOLDER" in PAGE
    for limit in TARGETS.values():
        assert f"{limit:.0f} ms" in PAGE
