"""Sound at another pitch, tempo and speed: `python -m benchmarks.sound FOLDER [--clips N] [--out docs/quality.md]`.

FOLDER holds clips no two of which sound the same. Of each clip with sound a piece is altered with FFmpeg over Panako's
grid (`benchmarks.sound.grid`), fingerprinted by the processor, looked up among the sounds of all clips under the
consumer's terms, and compared exactly with what those propose. fpcalc, Chromaprint's program, is given the same files.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import os
import platform
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.quality.clips import ClipError, listened, need_ffmpeg, probe, videos_in
from benchmarks.quality.plans import Clip
from benchmarks.quality.scores import code_scores
from benchmarks.quality.tables import NoMarkersError, between_markers
from benchmarks.quality.worker import fpcalc
from benchmarks.quality.workers import Progress
from benchmarks.sound.grid import ALTERATIONS, Alteration, Piece, piece_of, write_altered, write_sound
from benchmarks.sound.hearing import MOST_COMPARED, Catalogue, fingerprint_of, matched
from benchmarks.sound.rows import Answer, Peer, rows_of, sums_of
from benchmarks.sound.tables import MARKERS, clip_table, clips_line, false_lines, grid_table, sum_table, time_line
from consumer.policy import POLICY_VERSION
from consumer.thresholds import Thresholds
from wire.fingerprints import ALGORITHM_VERSION

Codes = Mapping[str, Any]


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("folder", type=Path, help="of clips")
    made.add_argument("--clips", type=int, help="how many to alter (default: all with sound); all are looked up among")
    made.add_argument("--names", type=Path, help="a file with the names of the clips to alter, one a line")
    made.add_argument("--seconds", type=float, default=20.0, help="the longest piece altered (default: %(default)g)")
    made.add_argument("--least", type=float, default=6.0, help="the shortest clip altered (default: %(default)g)")
    made.add_argument("--tuned", type=Path, help="a file with the names of clips that something was tuned on")
    made.add_argument("--out", type=Path, help="a page to set the tables into, between its markers")
    return made


class Run:
    """The catalogue, for one altered sound after another. codes: of fpcalc, by clip; None without fpcalc."""

    def __init__(self, clips: Sequence[Clip], folder: Path, peer: Callable[[dict[str, Any]], Codes] | None) -> None:
        self._folder, self._peer = folder, peer
        sounds, self._codes = {}, dict[str, Codes]()
        progress = Progress("sounds", len(clips))
        for done, clip in enumerate(clips, 1):
            path = folder / "original.mkv"
            write_sound(clip, path)
            sounds[clip.name] = fingerprint_of(path)
            if peer is not None:
                self._codes[clip.name] = peer({"path": str(path)})
            progress.at(done)
        self._catalogue = Catalogue(sounds)

    def answer(self, clip: Clip, piece: Piece, alteration: Alteration) -> Answer:
        path = self._folder / "altered.mp4"
        write_altered(clip, piece, alteration, path)
        began = time.perf_counter()
        query = fingerprint_of(path)
        made = time.perf_counter()
        proposed = self._catalogue.proposed(query)
        asked = time.perf_counter()
        sounds = self._catalogue.sounds
        named = {name: found for name in proposed[:MOST_COMPARED] if (found := matched(query, sounds[name]))}
        compared = time.perf_counter()
        right = named.get(clip.name)
        return Answer(
            clip=clip.name,
            alteration=alteration,
            first=proposed[:1] == [clip.name],
            matched=right is not None,
            semitones=right.pitch_semitones if right else None,
            tempo=right.speed if right else None,
            wrong=tuple(name for name in named if name != clip.name),
            seconds=(made - began, asked - made, compared - asked),
            peer=None if self._peer is None else peer_of(self._peer({"path": str(path)}), self._codes, clip.name),
        )


def peer_of(codes: Codes, known: Mapping[str, Codes], right: str) -> Peer:
    """codes: of the altered sound. known: of each clip."""
    scores = {name: code_scores(codes, other)["equal bits"] for name, other in known.items()}
    others = [score for name, score in scores.items() if name != right and not math.isnan(score)]
    return Peer(scores[right], max(others, default=math.nan))


def chosen(clips: Sequence[Clip], options: argparse.Namespace) -> list[Clip]:
    """The clips to alter, by the digests of their names. Raises ClipError."""
    wanted = names_in(options.names)
    fit = [clip for clip in clips if clip.seconds >= options.least and (not wanted or clip.name in wanted)]
    if not fit:
        raise ClipError("no clip to alter has sound and is long enough")
    return sorted(fit, key=lambda clip: hashlib.sha256(clip.name.encode()).digest())[: options.clips]


def names_in(path: Path | None) -> set[str]:
    return set() if path is None else set(path.read_text(encoding="utf-8").split())


def report(answers: Sequence[Answer], catalogue: int, options: argparse.Namespace, peer: str) -> str:
    """catalogue: how many sounds it holds. peer: fpcalc's version."""
    sections = [
        heading(answers, catalogue, options, peer),
        clips_line(answers, names_in(options.tuned)),
        sum_table(sums_of(answers, names_in(options.tuned))),
        false_lines(answers),
        time_line(answers),
        clip_table(answers),
        grid_table(rows_of(answers)),
    ]
    return "\n\n".join(sections)


def heading(answers: Sequence[Answer], catalogue: int, options: argparse.Namespace, peer: str) -> str:
    clips = len({answer.clip for answer in answers})
    return (
        f"`{command(options)}`, {time.strftime('%Y-%m-%d')}, {platform.machine()}, {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, algorithm version {ALGORITHM_VERSION}, policy version {POLICY_VERSION}, fpcalc "
        f"{peer or 'not there'}. {len(answers):,} altered sounds of {clips} clips of {options.least:g} s and more (the "
        f"policy asks for {Thresholds().audio_seconds:g} s in common), {options.seconds:g} s of each at most, looked "
        f"up among {catalogue} sounds."
    )


def command(options: argparse.Namespace) -> str:
    """What makes these tables, without the folders of one machine."""
    defaults = parser().parse_args(["FOLDER"])
    words = ["python", "-m", "benchmarks.sound", "FOLDER"]
    for name in ("clips", "seconds", "least"):
        if getattr(options, name) != getattr(defaults, name):
            words += [f"--{name}", f"{getattr(options, name):g}"]
    return shlex.join(words)


def run(options: argparse.Namespace) -> None:
    need_ffmpeg()
    clips = [clip for clip in map(listened, map(probe, videos_in(options.folder))) if clip.has_sound]
    altered = chosen(clips, options)
    version, peer = fpcalc(0.0) if shutil.which("fpcalc") else ("", None)
    if peer is None:
        print("fpcalc not found: apt-get install libchromaprint-tools", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        lookup = Run(clips, Path(folder), peer)
        progress = Progress("altered sounds", len(altered) * len(ALTERATIONS))
        answers = []
        for clip in altered:
            piece = piece_of(clip, options.seconds)
            for alteration in ALTERATIONS:
                answers.append(lookup.answer(clip, piece, alteration))
                progress.at(len(answers))
    text = report(answers, len(clips), options, version)
    print(text)
    if options.out is not None:
        page = between_markers(options.out.read_text(encoding="utf-8"), text, MARKERS)
        options.out.write_text(page, encoding="utf-8")


def main() -> None:
    try:
        run(parser().parse_args())
    except (ClipError, NoMarkersError) as failure:
        raise SystemExit(str(failure)) from failure


if __name__ == "__main__":
    main()
