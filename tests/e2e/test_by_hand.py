"""What an operator does by hand, against the running system: explain, redecide and calibrate."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from tests.e2e.system import System, eventually
from tests.processor.clips import Look, write_clip, write_webm

LOOK = Look(width=192, height=108, seconds=8.0, fps=12)


@dataclass(frozen=True)
class Uploads:
    original: str
    copy: str
    other: str


@pytest.fixture(scope="module")
def uploads(system: System, tmp_path_factory: pytest.TempPathFactory) -> Uploads:
    folder = tmp_path_factory.mktemp("clips")
    original = system.upload(write_clip(folder / "original.mp4", replace(LOOK, seed=201)))
    other = system.upload(write_clip(folder / "other.mp4", replace(LOOK, seed=202)))
    system.verdict(original)
    system.verdict(other)
    copy = system.upload(write_webm(folder / "copy.webm", replace(LOOK, seed=201, width=160, height=90)))
    assert system.verdict(copy)["status"] == "duplicate"
    return Uploads(original, copy, other)


def rows_of(system: System, *video_ids: str) -> list[dict[str, object]]:
    marks = ", ".join("?" for _ in video_ids)
    return system.rows(f"SELECT * FROM videos WHERE id IN ({marks}) ORDER BY id", *video_ids)


def test_explain_says_why_a_copy_is_a_duplicate(system: System, uploads: Uploads) -> None:
    done = system.run("consumer", "explain", uploads.copy, uploads.original)
    assert done.returncode == 0, done.stderr
    assert "the picture alone is sure enough (score)" in done.stdout
    assert "<- decided" in done.stdout
    assert "Verdict on this pair: duplicate" in done.stdout
    assert '"event"' not in done.stdout

    told = json.loads(system.run("consumer", "explain", uploads.copy, uploads.original, "--json").stdout)
    (row,) = rows_of(system, uploads.copy)
    assert told["verdict"]["similarity_score"] == pytest.approx(row["similarity_score"], abs=1e-4)
    assert told["upload"]["width"] == 160


def test_explain_says_why_others_are_not(system: System, uploads: Uploads) -> None:
    done = system.run("consumer", "explain", uploads.other, uploads.original)
    assert done.returncode == 0, done.stderr
    assert "Verdict on this pair: approved" in done.stdout
    unknown = system.run("consumer", "explain", uploads.other, "nobody")
    assert (unknown.returncode, unknown.stderr) == (1, "consumer: There is no video nobody.\n")


def test_a_dry_run_shows_what_other_thresholds_would_do_and_writes_nothing(system: System, uploads: Uploads) -> None:
    ids = (uploads.original, uploads.copy, uploads.other)
    before = rows_of(system, *ids)
    for search in ("--search", "--no-search"):
        same = system.run("consumer", "redecide", "--dry-run", search, *ids)
        assert same.returncode == 0, same.stderr
        assert "unchanged  3" in same.stdout, same.stdout
    picky = (
        "--set",
        "audio=1",
        "--set",
        "coverage=1",
        "--set",
        "duration_tolerance=0",
        "--set",
        "DUPLICATE_THRESHOLD=1",
    )
    tried = system.run("consumer", "redecide", "--dry-run", *picky, *ids)
    assert tried.returncode == 0, tried.stderr
    assert "DUPLICATE_THRESHOLD 0.95 -> 1, AUDIO_THRESHOLD 0.8 -> 1" in tried.stdout
    (line,) = [line for line in tried.stdout.splitlines() if line.startswith(uploads.copy)]
    assert line.split()[1:3] == ["duplicate", "flagged"], line
    assert line.endswith(uploads.original)
    assert "duplicate -> flagged  1" in tried.stdout
    assert rows_of(system, *ids) == before


def test_several_videos_are_decided_anew_only_with_yes(system: System, uploads: Uploads) -> None:
    ids = (uploads.original, uploads.copy)
    before = [row["verdict_id"] for row in rows_of(system, *ids)]
    asked = system.run("consumer", "redecide", *ids)
    assert asked.returncode == 3, asked.stderr
    assert "2 videos would go back to processing" in asked.stdout
    assert [row["verdict_id"] for row in rows_of(system, *ids)] == before

    done = system.run("consumer", "redecide", "--yes", *ids)
    assert done.returncode == 0, done.stderr
    assert "2 videos are being decided anew, oldest first." in done.stdout
    eventually(
        lambda: not {row["verdict_id"] for row in rows_of(system, *ids)} & set(before),
        "new verdicts on both",
    )
    assert system.verdict(uploads.original)["status"] == "approved"
    copy = system.verdict(uploads.copy)
    assert (copy["status"], copy["duplicate_of"]) == ("duplicate", uploads.original)


def test_calibrate_measures_the_catalogue(system: System, uploads: Uploads, tmp_path: Path) -> None:
    out, told = tmp_path / "curve.png", tmp_path / "told.json"
    done = system.run("consumer", "calibrate", "--pairs", "6", "--out", str(out), "--json", str(told), seconds=120)
    assert done.returncode == 0, done.stderr
    assert "<- SIMILARITY_THRESHOLD" in done.stdout
    assert f"The curve: {out}" in done.stdout
    found = json.loads(told.read_text())
    assert 1 <= found["pairs"] == found["asked"] <= 6
    assert found["is_whole"]
    assert uploads.copy not in {each[side] for each in found["highest"] for side in ("upload", "other")}
    assert np.ptp(imread(out)) > 0.5
    assert '"event"' not in done.stdout
