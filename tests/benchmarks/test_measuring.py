"""The whole of it over clips that the tests encode, the altered copies included: no program of FFmpeg is needed."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.quality.alterations import chosen
from benchmarks.quality.clips import Corpus
from benchmarks.quality.copies import planned
from benchmarks.quality.measuring import Measured, Setting, best_way, by_way, measure, original_key, others_of
from benchmarks.quality.methods import PEERS, Present
from benchmarks.quality.plans import Clip
from benchmarks.quality.rows import ahead, by_alteration
from tests.benchmarks.scenery import FILLERS, clip
from tests.processor.clips import Look, write_clip

SECONDS = 8.0
ALTERED = chosen(["h264", "no-sound"])


def written(folder: Path, name: str, seed: int) -> Clip:
    path = write_clip(folder / f"{name}.mp4", Look(seconds=SECONDS, seed=seed))
    return Clip(name, path, 192, 108, SECONDS, 25.0, True)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("corpus")
    catalogue = tuple(written(folder, name, seed) for seed, name in enumerate(("red", "green", "blue")))
    return Corpus(catalogue, catalogue[:2], FILLERS)


@pytest.fixture(scope="module")
def setting(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Setting:
    """A working folder in which the copies lie already, as after a run that was broken off."""
    work = tmp_path_factory.mktemp("work")
    for seed, source in enumerate(corpus.altered):
        for alteration in ALTERED:
            path = planned(source, alteration, corpus.fillers).path(work / "copies")
            path.parent.mkdir(parents=True, exist_ok=True)
            audio = "aac" if alteration.name == "h264" else None
            write_clip(path, Look(seconds=SECONDS, seed=seed, audio=audio, options=(("crf", "34"),)))
    return Setting(work, jobs=1, others=5)


@pytest.fixture(scope="module")
def result(corpus: Corpus, setting: Setting) -> Measured:
    recipe = next(peer for peer in PEERS if peer.name == "recipe")
    return measure(corpus, ALTERED, [Present(recipe, sys.executable, "1")], setting)


def test_every_copy_is_judged_among_the_originals(result: Measured, corpus: Corpus) -> None:
    assert result.refused == []
    assert [(j.copy.source.name, j.copy.alteration.name) for j in result.judged] == [
        (source.name, alteration.name) for source in corpus.altered for alteration in ALTERED
    ]
    for found in result.judged:
        assert {found.copy.source.name, *found.unrelated} == {"red", "green", "blue"}
        assert found.caught
        assert not found.wrong
        assert found.cost > 0


def test_peers_score_the_same_pairs(result: Measured) -> None:
    (recipe,) = result.peers
    assert recipe.related.shape == (4,)
    assert recipe.unrelated.shape == (8,)
    assert recipe.way == "cosine"
    assert recipe.failures == 0
    assert (recipe.related > 0.9).all()


def test_rows_come_of_it(result: Measured) -> None:
    rows = by_alteration(result)
    assert [row.name for row in rows] == ["h264", "no-sound"]
    assert all((row.count, row.zero, row.caught, row.wrong) == (2, 1, 1, 0) for row in rows)
    assert all(row.cost > 0 and row.peers["recipe"].cost > 0 for row in rows)
    assert ahead(rows) == []


def test_a_second_run_takes_all_from_the_folder(result: Measured, corpus: Corpus, setting: Setting) -> None:
    kept = {path: path.stat().st_mtime_ns for path in setting.work.rglob("*.json")}
    again = measure(corpus, ALTERED, [result.peers[0].present], setting)
    assert [found.score for found in again.judged] == [found.score for found in result.judged]
    assert {path: path.stat().st_mtime_ns for path in setting.work.rglob("*.json")} == kept


def test_a_copy_that_cannot_be_read_is_told_and_left_out(corpus: Corpus, setting: Setting) -> None:
    (gray,) = chosen(["gray"])
    for source in corpus.altered:
        path = planned(source, gray, corpus.fillers).path(setting.work / "copies")
        path.write_bytes(b"no video at all")
    found = measure(corpus, [gray], [], setting)
    assert found.judged == []
    assert len(found.refused) == 2
    assert all("--gray-" in sentence for sentence in found.refused)


def test_others_are_the_same_in_each_run(corpus: Corpus) -> None:
    many = [clip(f"clip-{n}") for n in range(30)]
    copy = planned(many[3], ALTERED[0], FILLERS)
    chosen_others = others_of(copy, many, 8)
    assert chosen_others == others_of(copy, many, 8)
    assert len(set(chosen_others)) == 8
    assert many[3] not in chosen_others
    assert len(others_of(copy, many, 100)) == 29


def test_an_original_of_another_length_is_another() -> None:
    assert original_key(clip("a", seconds=20)) != original_key(clip("a", seconds=10))


def test_the_way_that_serves_a_peer_best_is_taken() -> None:
    related = [{"copy": 0.9, "original": 0.2}, {"copy": 0.8, "original": 0.9}, {}]
    unrelated = [{"copy": 0.1, "original": 0.5}, {}]
    assert best_way(related, unrelated) == "copy"
    assert best_way([{}], []) == ""
    assert by_way(related, "copy")[:2].tolist() == [0.9, 0.8]
    assert np.isnan(by_way(related, "copy")[2])
