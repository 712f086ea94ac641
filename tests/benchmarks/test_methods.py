from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks.quality.methods import PEERS, Present, Shelf, fingerprint_key, present, source_digest, verdict_key
from benchmarks.quality.worker import METHODS
from benchmarks.quality.workers import SAMPLE_SECONDS, team

COUNTS = """
import json, sys
print(json.dumps({'version': '1'}), flush=True)
for number, line in enumerate(sys.stdin): print(json.dumps({'answer': number}), flush=True)
"""
DIES = 'import sys; print(\'{"version": "1"}\', flush=True); sys.stdin.readline()'


def test_every_peer_has_a_worker() -> None:
    assert {peer.name for peer in PEERS} <= set(METHODS)


def test_a_missing_peer_is_told_and_left_out(tmp_path: Path) -> None:
    found, missing = present(["vpdq", "recipe"], tmp_path / "bin" / "python")
    assert [each.peer.name for each in found] == ["recipe"]
    assert found[0].key == f"recipe-1-{SAMPLE_SECONDS:g}s"
    assert len(missing) == 1
    assert missing[0].startswith("vPDQ is left out: ")


def test_none_are_asked_for() -> None:
    assert present([], Path("/nowhere")) == ([], [])


def test_an_answer_is_asked_for_once(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "hashes")
    with team([sys.executable, "-c", COUNTS], 1) as workers:
        assert [shelf.answer("a", workers, {})["answer"] for _ in range(2)] == [0, 0]
        assert shelf.answer("b", workers, {})["answer"] == 1
    assert json.loads(shelf.path("a").read_text(encoding="utf-8")) == {"answer": 0}


def test_a_death_is_not_kept(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    with team([sys.executable, "-c", DIES], 1) as workers:
        assert "died" in shelf.answer("a", workers, {})
    assert not shelf.path("a").exists()


def test_digests_follow_the_sources() -> None:
    assert source_digest(["processor"]) == source_digest(["processor"])
    assert source_digest(["processor"]) != source_digest(["consumer/policy.py"])


def test_keys_carry_the_algorithm_version() -> None:
    assert fingerprint_key(7).startswith("ours-v7-")
    assert verdict_key(7).startswith(fingerprint_key(7))


@pytest.mark.parametrize(("name", "threshold"), [("vpdq", 0.8), ("videohash2", 54 / 64), ("recipe", 0.85)])
def test_thresholds_are_their_authors(name: str, threshold: float) -> None:
    (own,) = [peer.own for peer in PEERS if peer.name == name]
    assert own is not None
    assert own[1] == threshold


def test_those_that_sample_as_we_do_are_kept_by_how_often() -> None:
    keys = {peer.name: Present(peer, "python", "1").key for peer in PEERS}
    assert keys["vpdq"].endswith(f"-{SAMPLE_SECONDS:g}s")
    assert keys["videohash2"] == "videohash2-1"
