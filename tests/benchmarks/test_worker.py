"""What the worker processes answer, over clips that the tests encode."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.quality import worker
from benchmarks.quality.workers import SCRIPT, Worker, command_of
from tests.processor.clips import Look, write_clip
from wire.fingerprints import unpack

LOOK = Look(seconds=8, seed=21)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("worker")
    looks = {
        "original": LOOK,
        "copy": Look(seconds=8, seed=21, options=(("crf", "36"),)),
        "other": Look(seconds=8, seed=22),
        "mute": Look(seconds=8, seed=21, audio=None),
    }
    return {name: write_clip(folder / f"{name}.mp4", look) for name, look in looks.items()}


@pytest.fixture(scope="module")
def kept(clips: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The answers of `ours`, as a shelf keeps them."""
    _, handler = worker.ours(0.5)
    folder = tmp_path_factory.mktemp("kept")
    for name, path in clips.items():
        answer = worker.answered(handler, json.dumps({"path": str(path)}))
        (folder / f"{name}.json").write_text(json.dumps(answer), encoding="utf-8")
    return {name: str(folder / f"{name}.json") for name in clips}


def test_ours_is_the_processors_fingerprint(clips: dict[str, Path]) -> None:
    version, handler = worker.ours(0.5)
    whole = unpack(base64.b64decode(handler({"path": str(clips["original"])})["fingerprint"]))
    assert str(whole.algorithm_version) == version
    assert whole.duration == pytest.approx(8, abs=0.1)
    assert whole.interval == 0.5


def test_a_range_is_a_video_of_its_own(clips: dict[str, Path]) -> None:
    _, handler = worker.ours(0.5)
    asked = {"path": str(clips["original"]), "start": 2.0, "stop": 6.0}
    piece = unpack(base64.b64decode(handler(asked)["fingerprint"]))
    assert piece.duration == pytest.approx(4)
    assert piece.times[0] < 0.3


def test_verdicts_name_the_source(kept: dict[str, str]) -> None:
    _, handler = worker.verdicts(0.5)
    references = {"original": kept["original"], "other": kept["other"]}
    answer = handler({"query": kept["copy"], "references": references, "source": "original"})
    assert (answer["status"], answer["named"]) == ("duplicate", "original")
    assert answer["pairs"]["original"]["caught"]
    assert answer["pairs"]["original"]["score"] > 0.9
    assert not answer["pairs"]["other"]["caught"]
    assert answer["pairs"]["other"]["score"] < 0.85
    start, end, ref_start, ref_end, speed, mirrored = answer["segments"][0]
    assert (start, ref_start, speed, mirrored) == (pytest.approx(0, abs=1), pytest.approx(0, abs=1), 1.0, 0.0)
    assert (end, ref_end) == (pytest.approx(8, abs=1), pytest.approx(8, abs=1))


def test_pairs_are_scored_each(kept: dict[str, str]) -> None:
    _, handler = worker.pairs(0.5)
    asked = {"pairs": [[kept["copy"], kept["original"]], [kept["copy"], kept["other"]]]}
    same, different = handler(asked)["pairs"]
    assert same["caught"]
    assert not different["caught"]
    assert different["score"] == different["video"]


def test_the_recipe_hardly_tells_videos_apart(clips: dict[str, Path]) -> None:
    _, handler = worker.recipe(0.5)
    same, copy, other = (np.array(handler({"path": str(clips[n])})["vector"]) for n in ("original", "copy", "other"))
    assert same.shape == (64,)
    assert same[0] == pytest.approx(1), "the constant is the largest of each frame"
    assert np.linalg.norm(same - copy) < np.linalg.norm(same - other)
    cosine = same @ other / np.linalg.norm(same) / np.linalg.norm(other)
    assert cosine > 0.9, "which is why it is no fingerprint"


def test_an_answer_says_what_it_took() -> None:
    answer = worker.answered(lambda asked: {"twice": 2 * asked["n"]}, '{"n": 4}')
    assert answer["answer"] == {"twice": 8}
    assert answer["wall"] >= 0
    assert answer["cpu"] >= 0


def test_a_failure_is_an_answer_too(tmp_path: Path) -> None:
    _, handler = worker.ours(0.5)
    answer = worker.answered(handler, json.dumps({"path": str(tmp_path / "none.mp4")}))
    assert answer["error"].startswith("FileNotFoundError")


def test_children_count_as_time_spent() -> None:
    before = worker.spent()
    subprocess.run([sys.executable, "-c", "sum(range(3_000_000))"], check=True)
    assert worker.spent() - before > 0.02


def test_the_script_speaks_lines_of_json(clips: dict[str, Path]) -> None:
    process = Worker(command_of("recipe", sys.executable))
    try:
        answer = process.ask({"path": str(clips["mute"])})
        assert len(answer["answer"]["vector"]) == 64
        assert "error" in process.ask({"path": "/nowhere"})
    finally:
        process.close()
    assert SCRIPT.exists()
