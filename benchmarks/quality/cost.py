"""What fingerprints cost: processor seconds in a second of 480p video, ours and the peers', in turns over the same
files."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.quality.building import edited
from benchmarks.quality.clips import Corpus
from benchmarks.quality.copies import make, planned
from benchmarks.quality.measuring import Setting
from benchmarks.quality.methods import Present
from benchmarks.quality.plans import Alteration, Plan, Scene, h264
from benchmarks.quality.workers import Progress, Worker, command_of

ROUNDS = 3
_RENDITION = "scale=854:480:force_original_aspect_ratio=increase,crop=854:480,fps=30"


@dataclass(frozen=True, slots=True)
class Cost:
    """cpu, wall: seconds in a second of video, in one thread: the median over the files of each one's median round."""

    title: str
    cpu: float
    wall: float
    files: int


def rendition(scene: Scene, silent: bool) -> Plan:
    return edited(scene, _RENDITION, silent=silent, encode=h264(23))


WITH_SOUND = Alteration("480p", "480p", "cost", lambda scene: rendition(scene, silent=False))
WITHOUT_SOUND = Alteration("480p-silent", "480p", "cost", lambda scene: rendition(scene, silent=True))


def costs(corpus: Corpus, peers: Sequence[Present], files: int, setting: Setting) -> list[Cost]:
    """Nothing else of ours runs meanwhile. Raises CopyError and MissingMethodError."""
    clips = [clip for clip in corpus.catalogue if clip.has_sound][:files] or list(corpus.catalogue[:files])
    sounding = [planned(clip, WITH_SOUND, corpus.fillers) for clip in clips]
    silent = [planned(clip, WITHOUT_SOUND, corpus.fillers) for clip in clips]
    for copy in (*sounding, *silent):
        make(copy, setting.work / "copies")
    runs = [
        ("ours, picture and sound", "ours", sys.executable, sounding),
        ("ours, no sound in the file", "ours", sys.executable, silent),
    ]
    runs += [(peer.peer.title, peer.peer.name, peer.python, sounding) for peer in peers]
    workers = [Worker(command_of(method, python)) for _, method, python, _ in runs]
    spent: list[list[list[tuple[float, float]]]] = [[[] for _ in clips] for _ in runs]
    progress = Progress("cost", (ROUNDS + 1) * len(clips))
    try:
        for turn in range(-1, ROUNDS):  # the first turn only warms up
            for index in range(len(clips)):
                for run, (_, _, _, copies) in enumerate(runs):
                    answer = workers[run].ask({"path": str(copies[index].path(setting.work / "copies"))})
                    if turn >= 0 and "error" not in answer:
                        seconds = copies[index].plan.seconds
                        spent[run][index].append((answer["cpu"] / seconds, answer["wall"] / seconds))
                progress.at((turn + 1) * len(clips) + index + 1)
    finally:
        for worker in workers:
            worker.close()
    return [summed(title, times) for (title, _, _, _), times in zip(runs, spent, strict=True)]


def summed(title: str, times: Sequence[Sequence[tuple[float, float]]]) -> Cost:
    """times: of each file, (cpu, wall) of each round; files without any do not count."""
    known = [rounds for rounds in times if rounds]
    if not known:
        return Cost(title, float("nan"), float("nan"), 0)
    cpu = statistics.median(statistics.median(cpu for cpu, _ in rounds) for rounds in known)
    wall = statistics.median(statistics.median(wall for _, wall in rounds) for rounds in known)
    return Cost(title, cpu, wall, len(known))
