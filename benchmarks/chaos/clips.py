"""Clips and copies of them: synthesised, or of a folder. No two clips show the same; each copy has bytes of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

from benchmarks.chaos.storm import Upload
from tests.processor.clips import Look, write_clip, write_webm

_LOOK = Look(width=192, height=108, seconds=8.0, fps=12)
_SUFFIXES = {".mp4", ".mov", ".webm"}
_FREE_BOX = b"free"


def synthesised(folder: Path, count: int) -> list[list[Path]]:
    """Of each clip itself and a copy in another size and codec."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for n in range(count):
        look = replace(_LOOK, seed=9000 + n)
        clip, copy = folder / f"clip-{n:03d}.mp4", folder / f"clip-{n:03d}-small.webm"
        if not clip.exists():
            write_clip(clip, look)
        if not copy.exists():
            write_webm(copy, replace(look, width=160, height=90))
        made.append([clip, copy])
    return made


def of_folder(folder: Path, count: int) -> list[list[Path]]:
    """The first clips of a folder, by name. Raises ValueError when there are fewer."""
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)
    if len(found) < count:
        raise ValueError(f"{folder} holds {len(found)} clips; {count} are wanted")
    return [[path] for path in found[:count]]


def planned(clips: list[list[Path]], uploads: int, seconds: float, folder: Path, dice: Random) -> list[Upload]:
    """As many uploads, over so many seconds: all clips about equally often, in no order, half of them equal bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    chosen = [n % len(clips) for n in range(uploads)]
    dice.shuffle(chosen)
    plan = []
    for n, clip in enumerate(chosen):
        source = dice.choice(clips[clip])
        file = unlike(source, folder, n) if source.suffix == ".mp4" and n % 2 else source
        plan.append(Upload(clip, file, at=seconds * n / uploads))
    return plan


def unlike(source: Path, folder: Path, n: int) -> Path:
    """The same MP4 with a box of padding behind it: it shows the same, and its bytes are others."""
    path = folder / f"{source.stem}-{n:04d}.mp4"
    data, label = source.read_bytes(), f"upload {n}"
    path.write_bytes(padded(data, len(data) + 8 + len(label), label))
    return path


def padded(clip: bytes, size: int, label: str) -> bytes:
    """The same MP4 in so many bytes, or a few more when the label does not fit in."""
    padding = label.encode().ljust(size - len(clip) - 8, b"\0")
    return clip + (len(padding) + 8).to_bytes(4, "big") + _FREE_BOX + padding
