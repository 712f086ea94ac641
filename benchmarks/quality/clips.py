"""The folder of clips: what is in it, what is altered, what is only compared with, what fills the rest of a picture."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from benchmarks.quality.plans import AAC, EVEN, Clip, h264

SUFFIXES = {".mp4", ".mov", ".webm", ".mkv", ".avi", ".m4v"}
FEWEST_CLIPS = 4
_MOST_FILLERS = 6
_FILLER_SECONDS = 5.0
_SILENCE_DECIBELS = -60.0


class ClipError(Exception):
    """A file that is no video, too few of them, or a tool that is missing; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """catalogue: what copies are looked up in. altered: those that copies are made of. fillers: never looked for."""

    catalogue: tuple[Clip, ...]
    altered: tuple[Clip, ...]
    fillers: tuple[Clip, ...]


def need_ffmpeg(which: Callable[[str], str | None] = shutil.which) -> None:
    """Raises ClipError."""
    missing = [name for name in ("ffmpeg", "ffprobe") if which(name) is None]
    if missing:
        raise ClipError(f"{' and '.join(missing)} not found: apt-get install ffmpeg, or brew install ffmpeg")


def videos_in(folder: Path) -> list[Path]:
    """Raises ClipError."""
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if len(found) < FEWEST_CLIPS:
        raise ClipError(f"{folder} holds {len(found)} videos; {FEWEST_CLIPS} are the least, and 50 tell something")
    if len({path.stem for path in found}) < len(found):
        raise ClipError(f"two videos in {folder} have the same name but for the suffix")
    return found


def probe(path: Path) -> Clip:
    """Raises ClipError."""
    fields = "stream=codec_type,width,height,avg_frame_rate,duration:stream_side_data=rotation:format=duration"
    command = ["ffprobe", "-v", "error", "-show_entries", fields, "-of", "json", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        return described(path, json.loads(done.stdout))
    except (LookupError, ValueError, ZeroDivisionError) as broken:
        raise ClipError(f"{path} cannot be probed: {done.stderr.strip() or broken!r}") from broken


def listened(clip: Clip) -> Clip:
    """The clip, without sound if its track is silent."""
    if not clip.has_sound:
        return clip
    command = [
        "ffmpeg",
        "-nostdin",
        "-hide_banner",
        "-i",
        str(clip.path),
        "-vn",
        "-af",
        "volumedetect",
        "-f",
        "null",
        "-",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return replace(clip, has_sound=is_audible(done.stderr))


def is_audible(told: str) -> bool:
    """told: what FFmpeg's volumedetect says."""
    loudest = re.search(r"max_volume: (-?[\d.]+) dB", told)
    return loudest is not None and float(loudest[1]) > _SILENCE_DECIBELS


def described(path: Path, probed: Mapping[str, Any]) -> Clip:
    """From the JSON of ffprobe. Raises LookupError, ValueError or ZeroDivisionError."""
    streams = probed["streams"]
    video = next((stream for stream in streams if stream["codec_type"] == "video"), None)
    if video is None:
        raise ValueError("no picture")
    width, height = int(video["width"]), int(video["height"])
    turned = any(int(data.get("rotation", 0)) % 180 for data in video.get("side_data_list", ()))
    return Clip(
        name=path.stem,
        path=path,
        width=height if turned else width,
        height=width if turned else height,
        seconds=float(video.get("duration") or probed["format"]["duration"]),
        fps=round(float(Fraction(video["avg_frame_rate"])), 3),
        has_sound=any(stream["codec_type"] == "audio" for stream in streams),
    )


def no_longer_than(clip: Clip, seconds: float, folder: Path) -> Clip:
    """The clip itself, or its first seconds, encoded anew into folder. Raises ClipError."""
    if clip.seconds <= seconds + 0.5:
        return clip
    path = folder / f"{clip.name}-{seconds:g}s.mp4"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"part-{path.name}")
        command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-y", "-i", str(clip.path), "-t", f"{seconds:g}"]
        command += ["-vf", EVEN, *h264(18), *AAC, "-threads", "1", str(part)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ClipError(f"{clip.path} cannot be cut: {done.stderr.strip()}")
        part.rename(path)
    return replace(probe(path), name=clip.name)


def dealt(clips: Sequence[Clip], sources: int | None, names: Sequence[str] = ()) -> Corpus:
    """Who plays which part, by the digests of their names: the order of the folder does not matter.

    names: clips to alter; else the first `sources`, or all. Raises ClipError.
    """
    shuffled = sorted(clips, key=lambda clip: hashlib.sha256(clip.name.encode()).digest())
    if unknown := sorted(set(names) - {clip.name for clip in clips}):
        raise ClipError(f"not in the folder: {', '.join(unknown)}")
    free = [clip for clip in shuffled if clip.name not in names]
    suited = sorted(free, key=lambda clip: not (clip.has_sound and clip.seconds >= _FILLER_SECONDS))
    fillers = tuple(suited[: max(2, min(_MOST_FILLERS, len(clips) // 8))])
    catalogue = tuple(clip for clip in shuffled if clip not in fillers)
    altered = tuple(clip for clip in catalogue if clip.name in names) if names else catalogue
    if len(fillers) < 2 or not altered:
        raise ClipError("too few clips are left to fill pictures with: name fewer, or add others to the folder")
    return Corpus(catalogue, altered[:sources], fillers)
