"""The fuzzer: its damage, its judgement, and a few files through the real service."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from benchmarks.fuzz.__main__ import report
from benchmarks.fuzz.mutations import MUTATIONS, mutated
from benchmarks.fuzz.parts import parts_of
from benchmarks.fuzz.running import WALL_SECONDS, Outcome, outcomes
from benchmarks.fuzz.seeds import LOOKS, make_seeds
from tests.processor.hostile import ebml
from tests.processor.hostile.boxes import box, ftyp
from tests.processor.hostile.service import MEMORY

FILES = 36
FINE = Outcome(3, "hole", "h264.mp4", 200, "fingerprint", 0.2, 90 << 20, is_up=True)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return make_seeds(tmp_path_factory.mktemp("good"))


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_boxes_are_found_at_every_depth() -> None:
    inner = box(b"mdia", b"1234")
    data = ftyp() + box(b"moov", box(b"trak", inner)) + box(b"free", size=1 << 40)
    found = [data[part.start + 4 : part.start + 8] for part in parts_of(data)]
    assert found == [b"ftyp", b"moov", b"trak", b"mdia"]
    last = parts_of(data)[-1]
    assert data[last.start : last.stop] == inner
    assert data[last.content : last.stop] == b"1234"
    assert int.from_bytes(data[last.size_at : last.size_at + last.size_bytes], "big") == len(inner)


def test_elements_are_found_at_every_depth() -> None:
    block = ebml.block(b"picture")
    data = ebml.header() + ebml.segment(ebml.info(), ebml.cluster(block), size=ebml.UNKNOWN)
    found = [data[part.start : part.stop] for part in parts_of(data)]
    assert found[0] == ebml.header()
    assert ebml.info() in found
    assert found[-1] == block


def test_chunks_are_found_at_every_depth() -> None:
    inner = b"LIST" + (14).to_bytes(4, "little") + b"strlstrf" + (1).to_bytes(4, "little") + b"x\0"
    data = b"RIFF" + (4 + len(inner)).to_bytes(4, "little") + b"AVI " + inner
    parts = parts_of(data)
    assert [data[part.start : part.start + 4] for part in parts] == [b"RIFF", b"LIST", b"strf"]
    assert data[parts[-1].content : parts[-1].stop] == b"x"
    assert data[parts[1].start : parts[1].stop] == inner


@pytest.mark.parametrize("name", sorted(LOOKS))
def test_good_files_have_many_parts(good: dict[str, bytes], name: str) -> None:
    parts = parts_of(good[name])
    assert len(parts) > 20
    assert parts[0].start == 0
    assert max(part.stop for part in parts) == len(good[name])


@pytest.mark.parametrize("kind", list(MUTATIONS))
def test_damage_is_done_and_is_the_same_for_the_same_seed(good: dict[str, bytes], kind: str) -> None:
    others = list(good.values())
    changed = 0
    for number in range(24):
        data = others[number % len(others)]
        damaged = MUTATIONS[kind](data, others, Random(number))
        assert damaged == MUTATIONS[kind](data, others, Random(number))
        assert len(damaged) < 4 << 20
        changed += damaged != data
    assert changed >= 20


def test_numbers_name_files(good: dict[str, bytes]) -> None:
    files = [mutated(number, 1, good) for number in range(len(MUTATIONS))]
    assert [kind for kind, _, _ in files] == list(MUTATIONS)
    assert files[5] == mutated(5, 1, good)
    assert files[5] != mutated(5, 2, good)


async def test_each_is_answered_and_none_does_harm(tmp_path: Path) -> None:
    results = [each async for each in outcomes(range(FILES), 7, tmp_path, tmp_path / "kept")]
    assert [each.fault for each in results] == [None] * FILES
    assert {each.kind for each in results} == set(MUTATIONS)
    assert {each.status for each in results} == {200, 422}
    assert names_in(tmp_path) == set(LOOKS)


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (replace(FINE, status=500, code="WORKER_DIED"), "answered 500 WORKER_DIED"),
        (replace(FINE, status=504, code="TIMED_OUT"), "answered 504"),
        (replace(FINE, seconds=WALL_SECONDS + 1), "took 61.0 s"),
        (replace(FINE, memory=MEMORY + (1 << 20)), "took 1025 MB"),
        (replace(FINE, is_up=False), "not ready"),
    ],
)
def test_what_must_not_be(outcome: Outcome, told: str) -> None:
    assert told in (outcome.fault or "")


def test_what_may_be() -> None:
    assert FINE.fault is None
    assert replace(FINE, status=422, code="UNDECODABLE").fault is None


def test_the_report_counts_answers_by_damage() -> None:
    refused = replace(FINE, kind="bit flips", status=422, code="UNDECODABLE", seconds=1.25, memory=200 << 20)
    died = replace(refused, status=500, code="WORKER_DIED", seconds=0.1)
    lines = report([FINE, FINE, refused, died], 5).splitlines()
    assert lines[0].startswith("4 files, seed 5")
    assert lines[0].endswith("1 faults")
    assert lines[2] == "| damage | fingerprint | UNDECODABLE | WORKER_DIED | slowest | memory |"
    assert "| bit flips | 0 | 1 | 1 | 1.2 s | 200 MB |" in lines
    assert "| hole | 2 | 0 | 0 | 0.2 s | 90 MB |" in lines
    assert lines[-1] == "| all | 2 | 1 | 1 | 1.2 s | 200 MB |"


def test_help() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "benchmarks.fuzz", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert all(word in said for word in ("--count", "--seed", "--first", "--keep", "422"))
