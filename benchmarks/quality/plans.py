"""What one altered copy is made of: inputs, a filter graph, an encoding, and what of the source it then shows. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Literal


def h264(crf: int) -> tuple[str, ...]:
    return ("-c:v", "libx264", "-preset", "veryfast", "-crf", str(crf))


H264 = h264(23)
AAC = ("-c:a", "aac", "-b:a", "128k")
EVEN = "scale=trunc(iw/2)*2:trunc(ih/2)*2,setsar=1,format=yuv420p"
"""What every picture ends with: encoders of 4:2:0 want even sides."""
_QUIET = ("-hide_banner", "-nostdin", "-loglevel", "error", "-y")
_REPEATABLE = ("-threads", "1", "-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact")


@dataclass(frozen=True, slots=True)
class Clip:
    """A video file.

    width, height: pixels as shown. seconds: of its picture. fps: pictures in a second.
    has_sound: has a track of sound that is not silent.
    """

    name: str
    path: Path
    width: int
    height: int
    seconds: float
    fps: float
    has_sound: bool


@dataclass(frozen=True, slots=True)
class Piece:
    """The truth about a range: [start, end) of the copy shows [ref_start, ref_end) of the source. Seconds.

    speed: seconds of the source shown in one second of the copy.
    """

    start: float
    end: float
    ref_start: float
    ref_end: float
    speed: float = 1.0
    mirrored: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """What an alteration may draw on: its source, clips that nobody looks for, and dice that always fall alike."""

    source: Clip
    fillers: tuple[Clip, ...]
    dice: Random

    @property
    def filler(self) -> Clip:
        return self.fillers[0]


@dataclass(frozen=True, slots=True)
class Input:
    """One input of FFmpeg: a file, a picture of our own as the bytes of a PAM file, or a source graph of lavfi."""

    what: Path | bytes | str
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """How FFmpeg makes one copy.

    graph: has to end in [v], and in [a] if `sounds`; empty for a copy of the packets. seconds: how long the copy will
    be. pieces: what it shows of the source; none when no range of it runs forward.
    """

    inputs: tuple[Input, ...]
    graph: str
    seconds: float
    pieces: tuple[Piece, ...]
    sounds: bool
    encode: tuple[str, ...] = H264
    sound: tuple[str, ...] = AAC
    suffix: str = ".mp4"


@dataclass(frozen=True, slots=True)
class Alteration:
    """One way of altering a clip.

    sees: by what the copy can be known, picture or sound. timed: whether its pieces are held against the segments
    that are found.
    """

    name: str
    title: str
    group: str
    plan: Callable[[Scene], Plan]
    sees: Literal["picture", "sound"] = "picture"
    timed: bool = False

    def suits(self, clip: Clip) -> bool:
        return clip.has_sound or self.sees == "picture"


def scene_of(alteration: Alteration, source: Clip, fillers: Sequence[Clip]) -> Scene:
    """The fillers are dealt anew for each copy; the same names always give the same scene."""
    dice = Random(f"{source.name}/{alteration.name}")
    return Scene(source, tuple(dice.sample(list(fillers), len(fillers))), dice)


def argv(plan: Plan, pictures: Mapping[int, Path], target: Path) -> list[str]:
    """The command line of FFmpeg. pictures: where the input of that index, a picture of our own, was written."""
    words = ["ffmpeg", *_QUIET]
    for index, given in enumerate(plan.inputs):
        words += given.options
        if isinstance(given.what, str):
            words += ["-f", "lavfi", "-i", given.what]
        else:
            words += ["-i", str(pictures[index] if isinstance(given.what, bytes) else given.what)]
    if not plan.graph:
        return [*words, "-map", "0:v:0", "-map", "0:a:0?", "-c", "copy", str(target)]
    words += ["-filter_complex", plan.graph, "-map", "[v]", *plan.encode]
    words += ["-map", "[a]", *plan.sound] if plan.sounds else ["-an"]
    return [*words, *_REPEATABLE, str(target)]


def digest(plan: Plan) -> str:
    """Eight hex digits that change with anything that would change the copy, but not with where files lie."""
    seen = hashlib.sha256()
    for given in plan.inputs:
        name = given.what.name.encode() if isinstance(given.what, Path) else given.what
        seen.update(repr((name, given.options)).encode())
    seen.update(repr((plan.graph, plan.encode, plan.sound, plan.sounds, plan.suffix)).encode())
    return seen.hexdigest()[:8]
