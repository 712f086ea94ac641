"""Makes the altered copies, each once: a folder of them is kept, and a broken run goes on where it was."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.quality.clips import probe
from benchmarks.quality.plans import Alteration, Clip, Plan, argv, digest, scene_of

_LENGTH_TOLERANCE = 0.6
_MOST_SECONDS = 900

Run = Callable[[list[str]], None]
Measure = Callable[[Path], Clip]


class CopyError(Exception):
    """FFmpeg failed, or made something else than was planned."""


@dataclass(frozen=True, slots=True)
class Copy:
    """One altered copy, and the truth about it. key: a file name of its own, which changes with its making."""

    source: Clip
    alteration: Alteration
    plan: Plan
    key: str

    def path(self, folder: Path) -> Path:
        return folder / self.source.name / f"{self.key}{self.plan.suffix}"


def planned(source: Clip, alteration: Alteration, fillers: Sequence[Clip]) -> Copy:
    plan = alteration.plan(scene_of(alteration, source, fillers))
    return Copy(source, alteration, plan, f"{source.name}--{alteration.name}-{digest(plan)}")


def ffmpeg(command: list[str]) -> None:
    """Raises CopyError with FFmpeg's last words."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_MOST_SECONDS)
    except subprocess.TimeoutExpired as late:
        raise CopyError(f"ffmpeg took more than {_MOST_SECONDS} s") from late
    if done.returncode:
        raise CopyError(" / ".join(done.stderr.strip().splitlines()[-3:]) or f"ffmpeg ended with {done.returncode}")


def make(copy: Copy, folder: Path, run: Run = ffmpeg, measure: Measure = probe) -> Path:
    """The copy's file, made now unless it is there. Raises CopyError."""
    target = copy.path(folder)
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="making-") as name:
        room = Path(name)
        pictures: dict[int, Path] = {}
        for index, given in enumerate(copy.plan.inputs):
            if isinstance(given.what, bytes):
                pictures[index] = room / f"{index}.pam"
                pictures[index].write_bytes(given.what)
        made = room / target.name
        run(argv(copy.plan, pictures, made))
        seconds = measure(made).seconds
        if abs(seconds - copy.plan.seconds) > _LENGTH_TOLERANCE:
            raise CopyError(f"{copy.key} lasts {seconds:.2f} s instead of {copy.plan.seconds:.2f} s")
        made.rename(target)
    return target
