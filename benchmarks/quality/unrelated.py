"""Pairs of videos that show nothing of each other, by the hundred thousand, and whether any is taken for related.

The originals of the corpus are cut into disjoint pieces. Beside them stand black videos, silent ones, title cards on
the same few grounds, and clips that begin with the same intro. Pieces of one clip are no pair, nor is what was made of
one clip. When those pairs are too few, altered copies are paired with originals, pieces and made clips that they do not
show.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.quality.artwork import title_card
from benchmarks.quality.building import HUMMING, Part, joined
from benchmarks.quality.clips import Corpus
from benchmarks.quality.copies import Copy, CopyError, make
from benchmarks.quality.measuring import Setting, files_of, fingerprints, hashes, original_key
from benchmarks.quality.methods import Shelf, fingerprint_key, verdict_key
from benchmarks.quality.plans import EVEN, Alteration, Clip, Input, Plan, Scene, digest
from benchmarks.quality.workers import command_of, each, team
from wire.fingerprints import ALGORITHM_VERSION

PIECE_SECONDS = 4.0
INTRO_SECONDS = 3.0
SIZE = (640, 360)
_CHUNK = 250
_SHOWN = 10
_SUSPICIOUS = 0.85
_WORDS = ("PART ONE", "PART TWO", "THE END", "CHAPTER THREE", "SEASON FINALE", "COMING SOON", "PREVIOUSLY", "CREDITS")
_GROUNDS = ((12, 12, 20), (120, 20, 30), (230, 230, 235))
_BLACKS = 6
_INTROS, _SILENT = 24, 24


@dataclass(frozen=True, slots=True)
class Sample:
    """A fingerprinted video. kind: piece, black, silent, card, intro, copy, original. origin: what it was made of."""

    key: str
    kind: str
    origin: str
    path: Path


@dataclass(frozen=True, slots=True)
class Scored:
    query: str
    reference: str
    kinds: tuple[str, str]
    score: float
    caught: bool
    reason: str | None

    @property
    def shares_intro(self) -> bool:
        return self.kinds == ("intro", "intro")


@dataclass(frozen=True, slots=True)
class Unrelated:
    """What came of it. suspicious: pairs at 0.85 and above; introduced: those of them that share the intro. highest: of
    all pairs; strangest: of those that do not share it. kinds: how many pairs of each two kinds, their highest score,
    and how many were caught.
    """

    pairs: int
    suspicious: int
    introduced: int
    caught: int
    highest: Sequence[Scored]
    strangest: Sequence[Scored]
    kinds: Mapping[tuple[str, str], tuple[int, float, int]]


def compare_pairs(corpus: Corpus, copies: Sequence[Copy], count: int, setting: Setting) -> Unrelated:
    samples = samples_of(corpus, copies, setting)
    wanted = list(itertools.islice(pairs(samples, count), count))
    verdicts = Shelf(setting.work / "pairs" / verdict_key(ALGORITHM_VERSION))

    def ask(chunk: Sequence[tuple[Sample, Sample]]) -> list[Scored]:
        request = {"pairs": [[str(a.path), str(b.path)] for a, b in chunk]}
        names = json.dumps([[a.key, b.key] for a, b in chunk])
        answer = verdicts.answer(hashlib.sha256(names.encode()).hexdigest()[:16], workers, request)
        if "error" in answer:
            raise RuntimeError(f"pairs cannot be compared: {answer['error']}")
        return [scored(a, b, made) for (a, b), made in zip(chunk, answer["answer"]["pairs"], strict=True)]

    with team(command_of("pairs", sys.executable), setting.jobs) as workers:
        chunks = each(
            [wanted[at : at + _CHUNK] for at in range(0, len(wanted), _CHUNK)], ask, setting.jobs, "pairs, x250"
        )
    return summary(list(itertools.chain.from_iterable(chunks)))


def scored(query: Sample, reference: Sample, made: Mapping[str, Any]) -> Scored:
    kinds = (min(query.kind, reference.kind), max(query.kind, reference.kind))
    return Scored(query.key, reference.key, kinds, made["score"], made["caught"], made["reason"])


def summary(found: Sequence[Scored]) -> Unrelated:
    kinds: dict[tuple[str, str], tuple[int, float, int]] = {}
    for pair in found:
        count, highest, caught = kinds.get(pair.kinds, (0, 0.0, 0))
        kinds[pair.kinds] = (count + 1, max(highest, pair.score), caught + pair.caught)
    ranked = sorted(found, key=lambda pair: (-pair.score, pair.query, pair.reference))
    return Unrelated(
        pairs=len(found),
        suspicious=sum(pair.score >= _SUSPICIOUS for pair in found),
        introduced=sum(pair.score >= _SUSPICIOUS and pair.shares_intro for pair in found),
        caught=sum(pair.caught for pair in found),
        highest=ranked[:_SHOWN],
        strangest=[pair for pair in ranked if not pair.shares_intro][:_SHOWN],
        kinds=dict(sorted(kinds.items())),
    )


def pairs(samples: Sequence[Sample], count: int) -> Iterator[tuple[Sample, Sample]]:
    """Those of pieces and made clips first, in an order of its own; then copies with originals, pieces and made clips.
    Fewer than count if there are no more."""
    dice = random.Random("pairs")
    cut = [sample for sample in samples if sample.kind not in {"copy", "original"}]
    close = [(a, b) for a, b in itertools.combinations(cut, 2) if a.origin != b.origin]
    dice.shuffle(close)
    yield from close
    copied = [sample for sample in samples if sample.kind == "copy"]
    originals = [sample for sample in samples if sample.kind == "original"]
    # The intro is a filler, which copies may show too.
    others = [sample for sample in cut if sample.kind != "intro"]
    a_copy = max(1, math.ceil((count - len(close)) / max(len(copied), 1)))
    for copy in copied:
        chosen = chosen_of(originals, copy, a_copy, dice)
        yield from ((copy, other) for other in (*chosen, *chosen_of(others, copy, a_copy - len(chosen), dice)))


def chosen_of(samples: Sequence[Sample], copy: Sample, most: int, dice: random.Random) -> list[Sample]:
    """Some of those that the copy was not made of."""
    unrelated = [sample for sample in samples if sample.origin != copy.origin]
    return dice.sample(unrelated, min(most, len(unrelated)))


def samples_of(corpus: Corpus, copies: Sequence[Copy], setting: Setting) -> list[Sample]:
    """Everything to be paired, fingerprinted; what cannot be fingerprinted is left out."""
    made = made_clips(corpus, setting)
    shelf, prints = fingerprints(
        files_of(corpus, copies, setting) | {copy.key: copy.path(setting.work / "copies") for copy, _ in made}, setting
    )
    ranges = {
        f"{clip.name}--piece-{start:g}": {"path": str(clip.path), "start": start, "stop": start + PIECE_SECONDS}
        for clip in corpus.catalogue
        for start in piece_starts(clip)
    }
    cut = Shelf(setting.work / "hashes" / fingerprint_key(ALGORITHM_VERSION))
    prints |= hashes("ours", sys.executable, cut, ranges, setting)
    kinds = {original_key(clip): ("original", clip.name) for clip in corpus.catalogue}
    kinds |= {copy.key: ("copy", copy.source.name) for copy in copies}
    kinds |= {copy.key: (kind, copy.source.name) for copy, kind in made}
    kinds |= {key: ("piece", key.rpartition("--piece-")[0]) for key in ranges}
    return [Sample(key, *kinds[key], shelf.path(key)) for key in sorted(kinds) if "error" not in prints[key]]


def piece_starts(clip: Clip) -> list[float]:
    """Of disjoint pieces of 4 s; what is left over belongs to none."""
    return [number * PIECE_SECONDS for number in range(int(clip.seconds // PIECE_SECONDS))]


def made_clips(corpus: Corpus, setting: Setting) -> list[tuple[Copy, str]]:
    """The black, silent, lettered and introduced clips, made, with their kinds."""
    wanted = [*black_clips(), *lettered_clips()]
    wanted += [(silent_clip(clip), "silent") for clip in corpus.catalogue[:_SILENT]]
    wanted += [(introduced_clip(clip, corpus.fillers[0]), "intro") for clip in corpus.catalogue[-_INTROS:]]

    def attempt(entry: tuple[Copy, str]) -> str | None:
        try:
            make(entry[0], setting.work / "copies")
        except CopyError as failure:
            return str(failure)
        return None

    failures = each(wanted, attempt, setting.jobs, "made clips")
    for failure in filter(None, failures):
        print(failure, file=sys.stderr)
    return [entry for entry, failed in zip(wanted, failures, strict=True) if failed is None]


def black_clips() -> list[tuple[Copy, str]]:
    """Black of several lengths, with a hum or silence."""
    return [
        (still_clip(f"black-{number}", "black", 4.0 + number, HUMMING if number % 2 else None), "black")
        for number in range(_BLACKS)
    ]


def lettered_clips() -> list[tuple[Copy, str]]:
    return [
        (still_clip(f"card-{words}-{number}".replace(" ", "-").lower(), "card", 6.0, None, (words, ground)), "card")
        for words in _WORDS
        for number, ground in enumerate(_GROUNDS)
    ]


def still_clip(
    name: str, kind: str, seconds: float, sound: str | None, card: tuple[str, tuple[int, int, int]] | None = None
) -> Copy:
    """A picture that stands: a title card, or black."""
    scene = Scene(nothing(name), (), random.Random(name))
    plan = joined(scene, [Part(title_card(*SIZE, *card) if card else None, 0.0, seconds)], size=SIZE)
    if sound is not None:
        graph = plan.graph.removesuffix("[v]") + f"[v];[{len(plan.inputs)}:a]atrim=0:{seconds:g}[a]"
        graph = graph.replace("concat=n=1:v=1:a=1[joined][a]", "concat=n=1:v=1:a=1[joined][unheard];[unheard]anullsink")
        plan = Plan((*plan.inputs, Input(sound)), graph, seconds, (), True)
    return copy_of(scene.source, kind, plan)


def silent_clip(clip: Clip) -> Copy:
    """The first seconds of a clip with a track of silence."""
    seconds = min(clip.seconds, 2 * PIECE_SECONDS)
    graph = f"[0:v]trim=0:{seconds:g},{EVEN}[v];[1:a]atrim=0:{seconds:g}[a]"
    return copy_of(
        clip, "silent", Plan((Input(clip.path), Input("anullsrc=r=44100:cl=stereo")), graph, seconds, (), True)
    )


def introduced_clip(clip: Clip, intro: Clip) -> Copy:
    """The same 3 s, of picture and sound, before the first seconds of a clip."""
    scene = Scene(clip, (), random.Random(clip.name))
    shown = Part(clip, 0.0, min(clip.seconds, 2 * PIECE_SECONDS))
    return copy_of(
        clip, "intro", joined(scene, [Part(intro, 0.0, min(INTRO_SECONDS, intro.seconds)), shown], size=SIZE)
    )


def nothing(name: str) -> Clip:
    """Stands for the source of what has none."""
    return Clip(name, Path(name), *SIZE, 0.0, 25.0, False)


def copy_of(source: Clip, kind: str, plan: Plan) -> Copy:
    alteration = Alteration(kind, kind, "unrelated", lambda _: plan)
    return Copy(source, alteration, plan, f"{source.name}--{kind}-{digest(plan)}")
