"""The command line of the sound's benchmark, and the page it writes into."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from benchmarks.quality.clips import ClipError
from benchmarks.quality.tables import NoMarkersError, between_markers
from benchmarks.sound.__main__ import chosen, command, parser, peer_of, report
from benchmarks.sound.tables import MARKERS
from tests.benchmarks.scenery import clip
from tests.benchmarks.test_sound_rows import every
from tests.repository import ROOT

PAGE = (ROOT / "docs" / "quality.md").read_text(encoding="utf-8")


def test_the_page_has_room_for_the_tables_and_names_the_source() -> None:
    assert PAGE.count(MARKERS[0]) == PAGE.count(MARKERS[1]) == 1
    assert PAGE.index(MARKERS[0]) < PAGE.index(MARKERS[1])
    assert "python -m benchmarks.sound FOLDER" in PAGE
    assert "Six" in PAGE
    assert "ISMIR 2014" in PAGE


def test_tables_go_between_their_own_markers() -> None:
    page = between_markers("<!-- quality:begin -->\n<!-- sound:begin -->\nold\n<!-- sound:end -->\n", "new", MARKERS)
    assert page == "<!-- quality:begin -->\n<!-- sound:begin -->\n\nnew\n\n<!-- sound:end -->\n"
    with pytest.raises(NoMarkersError, match="sound:begin"):
        between_markers("<!-- quality:begin --><!-- quality:end -->", "new", MARKERS)


def test_the_command_is_told_without_folders(tmp_path: Path) -> None:
    tuned = tmp_path / "tuned.txt"
    tuned.write_text("a\n", encoding="utf-8")
    options = parser().parse_args(["/secret/clips", "--clips", "5", "--tuned", str(tuned)])
    assert command(options) == "python -m benchmarks.sound FOLDER --clips 5"
    text = report(every("a", 4) + every("b", 4), 9, options, "1.5.1")
    assert str(tmp_path) not in text
    assert "/secret" not in text
    assert "102 altered sounds of 2 clips of 6 s and more" in text
    assert "clips not tuned on (1)" in text
    assert "The clips: `a`, `b`. Something was tuned on 1 of them." in text


def test_clips_that_nothing_was_tuned_on_are_told_so_once(tmp_path: Path) -> None:
    tuned = tmp_path / "tuned.txt"
    tuned.write_text("others\n", encoding="utf-8")
    answers = every("a", 4)
    text = report(answers, 9, parser().parse_args(["clips", "--tuned", str(tuned)]), "1.5.1")
    assert "The clips: `a`. Something was tuned on none of them." in text
    assert "clips not tuned on" not in text
    plain = report(answers, 9, parser().parse_args(["clips"]), "1.5.1")
    assert "The clips: `a`.\n" in plain


def test_long_clips_are_chosen_by_their_digests_or_by_name(tmp_path: Path) -> None:
    clips = [clip(name, seconds=7.0 + index) for index, name in enumerate("abcdef")] + [clip("short", seconds=5.0)]
    options = parser().parse_args(["clips", "--clips", "3"])
    few = chosen(clips, options)
    assert len(few) == 3
    assert chosen(clips[::-1], options) == few
    names = tmp_path / "names.txt"
    names.write_text("b\nshort\n", encoding="utf-8")
    assert [each.name for each in chosen(clips, parser().parse_args(["clips", "--names", str(names)]))] == ["b"]
    with pytest.raises(ClipError, match="long enough"):
        chosen(clips, parser().parse_args(["clips", "--least", "60"]))


def test_the_peer_is_compared_with_every_clip() -> None:
    codes = {name: {"codes": [seed * 7919 * place % 2**32 for place in range(200)]} for seed, name in enumerate("xab")}
    found = peer_of(codes["a"], {"a": codes["a"], "b": codes["b"]}, "a")
    assert found.right == 1.0
    assert 0.3 < found.other < 0.7
    assert math.isnan(peer_of(codes["x"], {"a": codes["a"], "b": codes["b"]}, "a").right)
