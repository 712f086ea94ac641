"""Panako's grid: sound at another pitch, another tempo, and another speed (both), each in steps of 2 %.

After J. Six and M. Leman, "Panako - A Scalable Acoustic Fingerprinting System Handling Time-Scale and Pitch
Modification", ISMIR 2014. FFmpeg makes them: rubberband for the pitch, atempo for the tempo, another sampling rate for
the speed. Each goes through AAC once more, as an upload's sound does.
"""

from __future__ import annotations

import math
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from benchmarks.quality.clips import ClipError
from benchmarks.quality.plans import Clip

Kind = Literal["pitch", "tempo", "speed"]
KINDS: tuple[Kind, ...] = get_args(Kind)
STEPS = tuple(range(84, 117, 2))
"""Percent of the original's."""

_RATE = 48000


@dataclass(frozen=True, slots=True)
class Alteration:
    """percent: of the original's pitch, tempo or both; 100 changes nothing."""

    kind: Kind
    percent: int

    @property
    def factor(self) -> float:
        return self.percent / 100

    @property
    def tempo(self) -> float:
        """How fast the altered sound plays the original's."""
        return 1.0 if self.kind == "pitch" else self.factor

    @property
    def semitones(self) -> float:
        """How much higher it sounds."""
        return 0.0 if self.kind == "tempo" else 12 * math.log2(self.factor)

    @property
    def filters(self) -> str:
        """For FFmpeg's -af."""
        even = f"aresample={_RATE}"
        if self.percent == 100:
            return even
        changed = {
            "pitch": f"rubberband=pitch={self.factor:g}",
            "tempo": f"atempo={self.factor:g}",
            "speed": f"asetrate={round(_RATE * self.factor)},aresample={_RATE}",
        }
        return f"{even},{changed[self.kind]}"


ALTERATIONS = tuple(Alteration(kind, percent) for kind in KINDS for percent in STEPS)


@dataclass(frozen=True, slots=True)
class Piece:
    """What of a clip is altered. Seconds."""

    start: float
    length: float


def piece_of(clip: Clip, longest: float) -> Piece:
    """The middle of the clip, at most `longest` seconds."""
    length = min(clip.seconds, longest)
    return Piece(round((clip.seconds - length) / 2, 3), round(length, 3))


def write_altered(clip: Clip, piece: Piece, alteration: Alteration, path: Path) -> None:
    """The piece's sound, altered, under a black picture. Raises ClipError."""
    source = ["-ss", f"{piece.start:g}", "-t", f"{piece.length:g}", "-i", str(clip.path)]
    coded = ["-af", alteration.filters, "-c:a", "aac", "-b:a", "128k"]
    _write_under_black(source, coded, piece.length / alteration.tempo, path)


def write_sound(clip: Clip, path: Path) -> None:
    """The clip's own sound, packet for packet, under a black picture; path ends in .mkv. Raises ClipError."""
    _write_under_black(["-i", str(clip.path)], ["-c:a", "copy"], clip.seconds, path)


def _write_under_black(source: list[str], coded: list[str], seconds: float, path: Path) -> None:
    """A picture that costs nothing to decode: the processor reads videos, and only their sound is of interest."""
    black = ["-f", "lavfi", "-i", "color=black:size=64x64:rate=1"]
    command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-y", *source, *black, "-map", "1:v:0", "-map", "0:a:0"]
    command += ["-c:v", "libx264", "-preset", "ultrafast", *coded, "-threads", "1", "-t", f"{seconds:.3f}", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ClipError(f"the sound of {clip_name(source)} cannot be altered: {done.stderr.strip()}")


def clip_name(source: list[str]) -> str:
    return Path(source[-1]).name
