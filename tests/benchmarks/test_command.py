"""The command line, and the pages it speaks of and writes into."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.quality.__main__ import command, heading, parser, peers_of, report, set_into, short_report
from benchmarks.quality.alterations import ALTERATIONS, GROUPS
from benchmarks.quality.cost import Cost
from benchmarks.quality.methods import PEERS
from benchmarks.quality.tables import BEGIN, END
from benchmarks.quality.unrelated import Scored, summary
from tests.benchmarks.scenery import clip, compared, judged, measured
from tests.repository import ROOT

PAGE = (ROOT / "docs" / "quality.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
BY_NAME = {each.name: each for each in ALTERATIONS}
RESULT = measured(
    [judged(clip("one"), BY_NAME[name]) for name in ("gray", "trim-both", "thorn-gif", "visioforge-logo")],
    [compared("vpdq", [0.9] * 4, [0.1] * 4)],
)


def options_of() -> set[str]:
    return {option for action in parser()._actions for option in action.option_strings if option.startswith("--")}


def test_every_option_is_explained() -> None:
    documented = set(re.findall(r"`(--[a-z-]+)", PAGE))
    assert options_of() - {"--help"} == documented - {"--help"}


def test_the_page_and_the_readme_have_room_for_the_tables() -> None:
    for text in (PAGE, README):
        assert text.count(BEGIN) == text.count(END) == 1
        assert text.index(BEGIN) < text.index(END)
    assert "docs/quality.md" in README


def test_the_page_names_the_peers_and_the_sources_of_figures() -> None:
    for peer in PEERS:
        assert peer.title.lower() in PAGE.lower()
    assert "thorn-oss/perception" in PAGE
    assert "visioforge/help" in PAGE
    assert "benchmarks/sound/" in PAGE
    assert f"{len(ALTERATIONS)} of a clip with sound" in PAGE


def test_peers_are_pinned_and_not_locked_with_ours() -> None:
    lines = (ROOT / "benchmarks" / "peers.txt").read_text(encoding="utf-8").splitlines()
    pinned = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9-]+==[0-9.]+", line) for line in pinned)
    names = {line.partition("==")[0] for line in pinned}
    assert {"vpdq", "videohash2"} <= names
    locked = (ROOT / "requirements-dev.lock").read_text(encoding="utf-8")
    assert not [name for name in ("vpdq", "videohash2") if re.search(rf"^{name}==", locked, re.MULTILINE)]


def test_the_command_is_told_without_folders() -> None:
    options = parser().parse_args(["/secret/clips", "--work", "/secret/w", "--sources", "5", "--pairs", "1000"])
    assert command(options) == "python -m benchmarks.quality FOLDER --sources 5 --pairs 1000"
    assert "/secret" not in heading(RESULT, options)


def test_a_report_has_every_section() -> None:
    pair = Scored("a", "b", ("piece", "piece"), 0.4, False, None)
    options = parser().parse_args(["clips"])
    text = report(RESULT, options, summary([pair]), [Cost("ours", 0.01, 0.02, 1)])
    titles = re.findall(r"^### (.*)$", text, re.MULTILINE)
    assert titles == [
        "Methods",
        "By group",
        "By alteration",
        "Thorn's seven",
        "VisioForge's nine",
        "Segments",
        "Unrelated pairs",
        "Cost",
    ]
    bare = report(measured([judged(clip("one"), BY_NAME["gray"])]), options, None, [])
    assert re.findall(r"^### (.*)$", bare, re.MULTILINE) == ["Methods", "By group", "By alteration"]


def test_the_short_report_has_a_line_for_each_group(tmp_path: Path) -> None:
    lines = short_report(RESULT).splitlines()
    assert len(lines) == 2 + 4 + 1
    assert GROUPS["thorn"] in short_report(RESULT)
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\n{END}\nafter\n", encoding="utf-8")
    set_into(page, short_report(RESULT))
    assert lines[-1] in page.read_text(encoding="utf-8")


def test_unknown_peers_are_refused() -> None:
    with pytest.raises(SystemExit, match="no such peer: tmk"):
        peers_of(parser().parse_args(["clips", "--peers", "tmk,vpdq"]))
    assert peers_of(parser().parse_args(["clips", "--peers", "none"])) == []
