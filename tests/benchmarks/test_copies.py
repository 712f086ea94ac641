from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.quality.alterations import ALTERATIONS
from benchmarks.quality.copies import Copy, CopyError, make, planned
from benchmarks.quality.plans import Clip
from tests.benchmarks.scenery import FILLERS, clip

BY_NAME = {each.name: each for each in ALTERATIONS}


class Ffmpeg:
    """Writes what it is told into the target, and notes what it saw."""

    def __init__(self, seconds: float, fails: bool = False) -> None:
        self.seconds, self.fails = seconds, fails
        self.commands: list[list[str]] = []
        self.pictures: list[bytes] = []

    def __call__(self, command: list[str]) -> None:
        self.commands.append(command)
        self.pictures += [Path(word).read_bytes() for word in command if word.endswith(".pam")]
        Path(command[-1]).write_bytes(b"half")
        if self.fails:
            raise CopyError("no such filter")

    def measure(self, path: Path) -> Clip:
        return replace(clip(path.stem), seconds=self.seconds)


def copy(name: str = "logo") -> Copy:
    return planned(clip("ten"), BY_NAME[name], FILLERS)


def test_a_copy_is_made_once(tmp_path: Path) -> None:
    ffmpeg = Ffmpeg(10.04)
    first = make(copy(), tmp_path, ffmpeg, ffmpeg.measure)
    assert make(copy(), tmp_path, ffmpeg, ffmpeg.measure) == first == copy().path(tmp_path)
    assert len(ffmpeg.commands) == 1
    assert ffmpeg.pictures[0].startswith(b"P7\nWIDTH 640\nHEIGHT 360\n")


def test_nothing_stays_of_a_copy_that_fails(tmp_path: Path) -> None:
    broken = Ffmpeg(10, fails=True)
    with pytest.raises(CopyError, match="no such filter"):
        make(copy(), tmp_path, broken, broken.measure)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_copy_of_another_length_is_refused(tmp_path: Path) -> None:
    late = Ffmpeg(9.0)
    with pytest.raises(CopyError, match=r"lasts 9\.00 s instead of 10\.00 s"):
        make(copy(), tmp_path, late, late.measure)
    assert not copy().path(tmp_path).exists()


def test_keys_tell_copies_apart() -> None:
    keys = {planned(source, each, FILLERS).key for source in (clip("one"), clip("two")) for each in ALTERATIONS}
    assert len(keys) == 2 * len(ALTERATIONS)
    assert copy("vp9").path(Path("/c")).suffix == ".webm"
    assert copy("vp9").path(Path("/c")).parent == Path("/c/ten")
