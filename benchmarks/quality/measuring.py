"""Runs everything over a corpus: copies, fingerprints, verdicts, and the peers' hashes of the same files."""

from __future__ import annotations

import hashlib
import json
import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.clips import Corpus
from benchmarks.quality.copies import Copy, CopyError, make, planned
from benchmarks.quality.methods import Present, Shelf, fingerprint_key, verdict_key
from benchmarks.quality.metrics import Scores, at_zero_false_positives
from benchmarks.quality.plans import Alteration, Clip, Piece
from benchmarks.quality.workers import command_of, each, team
from wire.fingerprints import ALGORITHM_VERSION


@dataclass(frozen=True, slots=True)
class Setting:
    """work: the folder where everything is kept. jobs: processes at a time. others: unrelated originals that each copy
    is compared with beside its source."""

    work: Path
    jobs: int
    others: int


@dataclass(frozen=True, slots=True)
class Judged:
    """What our policy makes of one copy.

    status, named, reason: of the verdict, with the source and the others as candidates. score: with the source.
    unrelated: with each of the others, by name. segments, audio_segments: of the match with the source. cost: processor
    seconds of the fingerprint.
    """

    copy: Copy
    status: str
    named: str | None
    reason: str | None
    score: float
    unrelated: Mapping[str, float]
    segments: tuple[Piece, ...]
    audio_segments: tuple[Piece, ...]
    cost: float

    @property
    def caught(self) -> bool:
        return self.status in {"duplicate", "flagged"} and self.named == self.copy.source.name

    @property
    def wrong(self) -> bool:
        return self.status in {"duplicate", "flagged"} and self.named != self.copy.source.name


@dataclass(frozen=True, slots=True)
class Compared:
    """What a peer makes of the same pairs, by the way of scoring that serves it best.

    related: of each copy in order; NaN when it gave no score. own_related, own_unrelated: by the way that its authors'
    threshold is for. applies: whether the copy is of the kind that the peer compares. cost: processor seconds of each
    copy's hash; NaN when it failed.
    """

    present: Present
    way: str
    related: Scores
    unrelated: Scores
    own_related: Scores
    own_unrelated: Scores
    applies: NDArray[np.bool_]
    cost: Scores
    failures: int


@dataclass(frozen=True, slots=True)
class Measured:
    corpus: Corpus
    judged: Sequence[Judged]
    peers: Sequence[Compared]
    refused: Sequence[str] = field(default=())


def measure(corpus: Corpus, alterations: Sequence[Alteration], peers: Sequence[Present], setting: Setting) -> Measured:
    """Continues where an earlier run in the same folder was broken off."""
    copies, refused = made(corpus, alterations, setting)
    judged, unread = judge(corpus, copies, setting)
    compared = [compare(peer, corpus, judged, setting) for peer in peers]
    return Measured(corpus, judged, compared, [*refused, *unread])


def made(corpus: Corpus, alterations: Sequence[Alteration], setting: Setting) -> tuple[list[Copy], list[str]]:
    """The copies that could be made, and a sentence for each that could not."""
    wanted = [
        planned(clip, alteration, corpus.fillers)
        for clip in corpus.altered
        for alteration in alterations
        if alteration.suits(clip)
    ]

    def attempt(copy: Copy) -> str | None:
        try:
            make(copy, setting.work / "copies")
        except CopyError as failure:
            return f"{copy.key}: {failure}"
        return None

    failures = each(wanted, attempt, setting.jobs, "copies")
    return [copy for copy, failed in zip(wanted, failures, strict=True) if failed is None], [f for f in failures if f]


def others_of(copy: Copy, catalogue: Sequence[Clip], count: int) -> list[Clip]:
    """The same ones in each run."""
    rest = [clip for clip in catalogue if clip != copy.source]
    return random.Random(f"{copy.source.name}/{copy.alteration.name}/others").sample(rest, min(count, len(rest)))


def original_key(clip: Clip) -> str:
    """Changes with the file that is taken for the clip."""
    return f"{clip.name}--original-{hashlib.sha256(f'{clip.seconds:.2f}'.encode()).hexdigest()[:8]}"


def files_of(corpus: Corpus, copies: Sequence[Copy], setting: Setting) -> dict[str, Path]:
    """key -> file of every original of the catalogue and every copy."""
    originals = {original_key(clip): clip.path for clip in corpus.catalogue}
    return originals | {copy.key: copy.path(setting.work / "copies") for copy in copies}


def fingerprints(files: Mapping[str, Path], setting: Setting) -> tuple[Shelf, dict[str, dict[str, Any]]]:
    """Ours, of these files: where they are kept, and the answers."""
    shelf = Shelf(setting.work / "hashes" / fingerprint_key(ALGORITHM_VERSION))
    return shelf, hashes("ours", sys.executable, shelf, {key: {"path": str(p)} for key, p in files.items()}, setting)


def hashes(
    method: str, python: str, shelf: Shelf, requests: Mapping[str, dict[str, Any]], setting: Setting
) -> dict[str, dict[str, Any]]:
    with team(command_of(method, python), setting.jobs) as workers:
        keys = list(requests)
        answers = each(keys, lambda key: shelf.answer(key, workers, requests[key]), setting.jobs, f"{method} hashes")
    return dict(zip(keys, answers, strict=True))


def judge(corpus: Corpus, copies: Sequence[Copy], setting: Setting) -> tuple[list[Judged], list[str]]:
    """Our verdicts, and a sentence for each copy that could not be fingerprinted or compared."""
    shelf, prints = fingerprints(files_of(corpus, copies, setting), setting)
    refused = [f"{key}: {answer['error']}" for key, answer in prints.items() if "error" in answer]
    readable = [copy for copy in copies if "error" not in prints[copy.key]]
    known = [clip for clip in corpus.catalogue if "error" not in prints[original_key(clip)]]
    readable = [copy for copy in readable if copy.source in known]
    verdicts = Shelf(setting.work / "verdicts" / f"{verdict_key(ALGORITHM_VERSION)}-{setting.others}")

    def ask(copy: Copy) -> dict[str, Any]:
        candidates = [copy.source, *others_of(copy, known, setting.others)]
        request = {
            "query": str(shelf.path(copy.key)),
            "references": {clip.name: str(shelf.path(original_key(clip))) for clip in candidates},
            "source": copy.source.name,
        }
        among = hashlib.sha256(json.dumps(sorted(request["references"])).encode()).hexdigest()[:8]
        return verdicts.answer(f"{copy.key}-{among}", workers, request)

    with team(command_of("verdicts", sys.executable), setting.jobs) as workers:
        answers = each(readable, ask, setting.jobs, "verdicts")
    judged = []
    for copy, answer in zip(readable, answers, strict=True):
        if "error" in answer:
            refused.append(f"{copy.key}: {answer['error']}")
        else:
            judged.append(judged_of(copy, answer["answer"], prints[copy.key]["cpu"]))
    return judged, refused


def judged_of(copy: Copy, answer: Mapping[str, Any], cost: float) -> Judged:
    pairs = dict(answer["pairs"])
    own = pairs.pop(copy.source.name)
    return Judged(
        copy=copy,
        status=answer["status"],
        named=answer["named"],
        reason=answer["reason"],
        score=own["score"],
        unrelated={name: pair["score"] for name, pair in pairs.items()},
        segments=tuple(piece_of(fields) for fields in answer["segments"]),
        audio_segments=tuple(piece_of(fields) for fields in answer["audio_segments"]),
        cost=cost,
    )


def piece_of(fields: Sequence[float]) -> Piece:
    start, end, ref_start, ref_end, speed, mirrored = fields
    return Piece(start, end, ref_start, ref_end, speed, bool(mirrored))


def compare(present: Present, corpus: Corpus, judged: Sequence[Judged], setting: Setting) -> Compared:
    """A peer's scores of the pairs that our verdicts were made of."""
    shelf = Shelf(setting.work / "hashes" / present.key)
    files = files_of(corpus, [found.copy for found in judged], setting)
    requests = {key: {"path": str(path)} for key, path in files.items()}
    answers = hashes(present.peer.name, present.python, shelf, requests, setting)
    originals = {clip.name: answers[original_key(clip)] for clip in corpus.catalogue}
    related: list[dict[str, float]] = []
    unrelated: list[dict[str, float]] = []
    for found in judged:
        answer = answers[found.copy.key]
        related.append(scored(present, answer, originals[found.copy.source.name]))
        unrelated += [scored(present, answer, originals[name]) for name in found.unrelated]
    way = best_way(related, unrelated)
    own = present.peer.own[0] if present.peer.own else way
    return Compared(
        present=present,
        way=way,
        related=by_way(related, way),
        unrelated=by_way(unrelated, way),
        own_related=by_way(related, own),
        own_unrelated=by_way(unrelated, own),
        applies=np.array([not present.peer.hears or sounds(found.copy) for found in judged], bool),
        cost=np.array([answers[found.copy.key].get("cpu", np.nan) for found in judged], np.float64),
        failures=sum("error" in answer for answer in answers.values()),
    )


def sounds(copy: Copy) -> bool:
    return copy.source.has_sound and copy.plan.sounds


def scored(present: Present, copy: Mapping[str, Any], original: Mapping[str, Any]) -> dict[str, float]:
    """Empty when one of them could not be hashed."""
    if "error" in copy or "error" in original:
        return {}
    return present.peer.compare(copy["answer"], original["answer"])


def best_way(related: Sequence[Mapping[str, float]], unrelated: Sequence[Mapping[str, float]]) -> str:
    """The way of scoring with the highest recall at zero false positives; empty when there is no score at all."""
    ways = sorted({way for scores in related for way in scores})
    recalls = {way: at_zero_false_positives(by_way(related, way), by_way(unrelated, way)) for way in ways}
    return max(ways, key=lambda way: recalls[way], default="")


def by_way(scores: Sequence[Mapping[str, float]], way: str) -> Scores:
    return np.array([each_score.get(way, np.nan) for each_score in scores], np.float64)
