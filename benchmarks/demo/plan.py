"""What the demo uploads, and what is to be expected of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.demo.altering import (
    Clip,
    cropped,
    graded,
    in_picture,
    joined,
    letterboxed,
    mirrored,
    smaller,
    sped_up,
    trimmed,
    voiced,
    with_logo,
)
from benchmarks.demo.encoding import write
from benchmarks.demo.music import speech, tune
from benchmarks.demo.scenes import SCENES, Scene, lamp

SECONDS = 10.0
SMALL_SECONDS = 8.0
_NEW = frozenset({"approved"})
_COPY = frozenset({"duplicate"})
_SUSPECT = frozenset({"flagged"})
_EITHER = _COPY | _SUSPECT


@dataclass(frozen=True, slots=True)
class Item:
    """One file. of: the scenes it shows, or whose sound it has; an original has its own name there.

    expected: the statuses that are right. what: completes "name: ...". change: makes the copy of the clips `of`; None:
    the bytes of the original.
    """

    name: str
    of: tuple[str, ...]
    expected: frozenset[str]
    what: str
    change: Callable[..., Clip] | None = None
    suffix: str = ".mp4"

    @property
    def is_original(self) -> bool:
        return self.of == (self.name,)

    @property
    def drawn(self) -> Item:
        """The one whose bytes it has."""
        return self if self.is_original or self.change is not None else _original(self.of[0])

    def path(self, folder: Path) -> Path:
        return folder / f"{self.name}{self.suffix}"


def originals() -> list[Item]:
    return [_original(scene) for scene in SCENES]


def copies() -> list[Item]:
    return [
        Item("harbour-again", ("harbour",), _COPY, "the very same bytes"),
        Item("city-small", ("city",), _COPY, "half as large, in VP9", smaller, ".webm"),
        Item("train-letterboxed", ("train",), _COPY, "between black bars", letterboxed),
        Item("balloons-logo", ("balloons",), _COPY, "with a logo in a corner", with_logo),
        Item("reef-cropped", ("reef",), _COPY, "without its edges", cropped),
        Item("orrery-bright", ("orrery",), _COPY, "brighter, in stronger colours", graded),
        Item("winter-mirrored", ("winter",), _EITHER, "left and right are swapped", mirrored),
        Item("billiards-trimmed", ("billiards",), _SUSPECT, "the middle half of it", middle),
        Item("harbour-fast", ("harbour",), _SUSPECT, "a quarter faster", sped_up),
        Item("train-voice", ("train",), _EITHER, "the same pictures, but somebody talks", talked_over),
        Item("city-and-reef", ("city", "reef"), _SUSPECT, "a compilation of two", both),
        Item("balloons-sound", ("balloons",), _SUSPECT, "only its sound, under other pictures", heard_elsewhere),
        Item("harbour-reaction", ("harbour",), _SUSPECT, "a picture in a picture, and somebody talks", reacted_to),
    ]


def plan(*, small: bool) -> list[Item]:
    """Originals before copies. small: of two scenes."""
    everything = [*originals(), *copies()]
    return [item for item in everything if set(item.of) <= {"harbour", "billiards"}] if small else everything


def make(item: Item, folder: Path, seconds: float) -> Path:
    """The file, encoded unless it is there already. Raises OSError."""
    item = item.drawn
    path = item.path(folder)
    if path.exists():
        return path
    clips = [original(scene, seconds) for scene in item.of]
    return write(path, clips[0] if item.change is None else item.change(*clips))


def original(scene: str, seconds: float) -> Clip:
    return clip_of(SCENES[scene](), seconds, list(SCENES).index(scene))


def clip_of(scene: Scene, seconds: float, seed: int) -> Clip:
    """seed: of its sound."""
    return Clip(lambda moment: scene(moment).clip(0, 255).astype(np.uint8), seconds, tune(seed, seconds))


def middle(clip: Clip) -> Clip:
    return trimmed(clip, 0.25 * clip.seconds, 0.75 * clip.seconds)


def both(*clips: Clip) -> Clip:
    first, second = map(middle, clips)
    return joined(first, second)


def talked_over(clip: Clip) -> Clip:
    return voiced(clip, speech(7, clip.seconds))


def heard_elsewhere(clip: Clip) -> Clip:
    assert clip.sound is not None
    return voiced(clip_of(lamp(1), clip.seconds, 0), clip.sound)


def reacted_to(clip: Clip) -> Clip:
    return voiced(in_picture(clip, clip_of(lamp(2), clip.seconds, 0)), speech(9, clip.seconds))


def _original(scene: str) -> Item:
    return Item(scene, (scene,), _NEW, "an original")
