"""What is uploaded to the full catalogue: altered copies of clips that it holds, and clips that it does not hold."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.quality.alterations import chosen
from benchmarks.quality.clips import Corpus, dealt, listened, need_ffmpeg, probe, videos_in
from benchmarks.quality.copies import Copy
from benchmarks.quality.measuring import Setting, fingerprints, made
from benchmarks.quality.plans import Clip
from benchmarks.quality.worker import fingerprint as kept_fingerprint
from benchmarks.quality.workers import each
from wire.fingerprints import Fingerprint

ALTERED = (
    "trim-both",
    "crop-80",
    "mirrored",
    "letterbox",
    "compilation",
    "inset-50",
    "new-picture",
    "speed-1.10",
)
UNRELATED = "unrelated"


@dataclass(frozen=True, slots=True)
class Upload:
    """alteration: its title, or UNRELATED. source: the clip that it is a copy of; None: the catalogue has none."""

    name: str
    alteration: str
    source: str | None
    fingerprint: Fingerprint


@dataclass(frozen=True, slots=True)
class Dealt:
    """entered: the clips that the catalogue holds. altered: those of them that copies are made of. fillers: what else
    the copies show. strangers: uploaded, and held by nobody."""

    entered: tuple[Clip, ...]
    altered: tuple[Clip, ...]
    fillers: tuple[Clip, ...]
    strangers: tuple[Clip, ...]

    @property
    def unshown(self) -> tuple[Clip, ...]:
        """Entered, and no upload shows them."""
        return tuple(clip for clip in self.entered if clip not in self.altered)

    @property
    def clips(self) -> tuple[Clip, ...]:
        return (*self.entered, *self.fillers, *self.strangers)


@dataclass(frozen=True, slots=True)
class Prepared:
    """clips: fingerprints of those entered, by name. files: kept fingerprints to mix synthetic videos of: of clips that
    no upload shows, so that none has a right to resemble one."""

    clips: dict[str, Fingerprint]
    files: tuple[str, ...]
    uploads: list[Upload]


def deal(clips: Sequence[Clip], sources: int, strangers: int) -> Dealt:
    """The same of the same names. Copies are made of clips with sound. Raises ClipError."""
    corpus = dealt(clips, None)
    voiced = [clip for clip in corpus.catalogue if clip.has_sound][:sources]
    mute = [clip for clip in corpus.catalogue if clip not in voiced]
    kept = max(0, len(mute) - strangers)
    return Dealt((*voiced, *mute[:kept]), tuple(voiced), corpus.fillers, tuple(mute[kept:]))


def prepare(folder: Path, work: Path, sources: int, strangers: int) -> Prepared:
    """Makes and fingerprints what is not kept in the working folder. Raises ClipError."""
    need_ffmpeg()
    parts = deal(each(videos_in(folder), lambda path: listened(probe(path)), 1, "clips"), sources, strangers)
    setting = Setting(work.absolute(), 1, 0)
    corpus = Corpus(parts.entered, parts.altered, parts.fillers)
    copies, refused = made(corpus, chosen(ALTERED), setting)
    files = {f"{clip.name}--original": clip.path for clip in parts.clips}
    files |= {copy.key: copy.path(setting.work / "copies") for copy in copies}
    shelf, answers = fingerprints(files, setting)
    refused += [f"{key}: {answer['error']}" for key, answer in answers.items() if "error" in answer]
    for sentence in refused:
        print(sentence, file=sys.stderr)
    readable = {key: str(shelf.path(key)) for key, answer in answers.items() if "error" not in answer}
    originals = {clip: key for clip in parts.clips if (key := f"{clip.name}--original") in readable}
    return Prepared(
        clips={clip.name: kept_fingerprint(readable[originals[clip]]) for clip in parts.entered if clip in originals},
        files=tuple(readable[originals[clip]] for clip in parts.unshown if clip in originals),
        uploads=[
            *(copied(copy, kept_fingerprint(readable[copy.key])) for copy in copies if copy.key in readable),
            *(
                Upload(clip.name, UNRELATED, None, kept_fingerprint(readable[originals[clip]]))
                for clip in (*parts.fillers, *parts.strangers)
                if clip in originals
            ),
        ],
    )


def copied(copy: Copy, fingerprint: Fingerprint) -> Upload:
    return Upload(copy.key, copy.alteration.title, copy.source.name, fingerprint)
