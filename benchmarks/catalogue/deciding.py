"""One upload after another is decided by the consumer's own steps, as its pipeline takes them, with the time of each.

Nothing is written: every upload meets the same catalogue. Beside each step stands its yardstick, measured with the same
upload: what the store or the pure function under the step takes for the bulk of it alone.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks.catalogue.instance import USER, Instance
from benchmarks.catalogue.uploads import Upload
from consumer import queries
from consumer.clock import moment, utc_now
from consumer.pipeline import Pipeline
from consumer.records import Video
from consumer.search import PictureQuestion
from consumer.settling import settle
from consumer.sound_terms import SoundQuestion
from wire.fingerprints import Fingerprint, unpack
from wrangler_compat.r2.types import R2Object

PICTURE, SOUND, CANDIDATES = "candidates by picture", "candidates by sound only", "candidates"
EVIDENCE, POLICY, WHOLE = "evidence", "policy", "whole decision"
STEPS = (PICTURE, SOUND, CANDIDATES, EVIDENCE, POLICY, WHOLE)

YARDSTICKS: Mapping[str, str] = {
    PICTURE: "the pure question, in this process, and one bare query of Chroma, 64 vectors at most",
    SOUND: "the pure question, in this process, and one bare SELECT of SQLite for the same terms",
    CANDIDATES: "both of these",
    EVIDENCE: "the pure comparison with the same candidates, in this process",
    POLICY: "the pure policy, in this process",
    WHOLE: "all of these",
}

_QUERY_BATCH = 64
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Decision:
    """rank: of the source among the candidates, from 0; None: not among them. candidates: how many there were.

    compared: of them, how many the evidence was measured on before the verdict was certain. status, named, reason: of
    the verdict. seconds, yardsticks: by step; without sound there is none for SOUND. vectors, terms:
    asked for. rows: of the index that answered the terms. reading: seconds to read the candidates compared, one by one.
    """

    upload: Upload
    rank: int | None
    candidates: int
    compared: int
    status: str
    named: str | None
    reason: str | None
    seconds: Mapping[str, float]
    yardsticks: Mapping[str, float]
    vectors: int
    terms: int
    rows: int
    reading: float

    @property
    def is_caught(self) -> bool:
        return self.status in ("duplicate", "flagged")

    @property
    def is_right(self) -> bool:
        return self.is_caught and self.named == self.upload.source

    @property
    def is_wrong(self) -> bool:
        return self.is_caught and self.named != self.upload.source


async def decide(instance: Instance, upload: Upload) -> Decision:
    pipeline, fingerprint = instance.pipeline, upload.fingerprint
    video = uploaded(upload.name)
    (question, _), picture = await _timed(pipeline.search.by_picture(video, fingerprint))
    _, sound = await _timed(pipeline.search.by_sound(video, fingerprint))
    found, finding = await _timed(pipeline.search.find(video, fingerprint))
    evidence, comparing = await _timed(pipeline.comparison.evidence(fingerprint, found, {}))
    opinion, judging = await _timed(pipeline._opinion(found, evidence))
    seconds = {PICTURE: picture, SOUND: sound, CANDIDATES: finding}
    seconds |= {EVIDENCE: comparing, POLICY: judging, WHOLE: finding + comparing + judging}
    keys = {each.video_id: each.fingerprint_key for each in found.candidates}
    references, reading = await _timed(_read(pipeline, [keys[name] for name in evidence]))
    asked = await _yardsticks(instance, fingerprint, question, dict(zip(evidence, references, strict=True)))
    names = [candidate.video_id for candidate in found.candidates]
    has_sound = asked.terms > 0
    return Decision(
        upload=upload,
        rank=names.index(upload.source) if upload.source in names else None,
        candidates=len(names),
        compared=len(evidence),
        status=opinion.verdict.status,
        named=opinion.verdict.duplicate_of,
        reason=opinion.verdict.reason,
        seconds={step: spent for step, spent in seconds.items() if has_sound or step != SOUND},
        yardsticks={step: spent for step, spent in asked.seconds.items() if has_sound or step != SOUND},
        vectors=len(question.parts),
        terms=asked.terms,
        rows=asked.rows,
        reading=reading,
    )


def uploaded(name: str) -> Video:
    """Comes after all entries. It has no rows: the steps up to its verdict ask for none."""
    return Video(
        id=name,
        r2_key=f"videos/{name}.mp4",
        user_id=USER,
        uploaded_at=moment(utc_now()),
        priority="normal",
        tier="standard",
        request_id="",
        source_url=None,
        range_start=None,
        range_stop=None,
        fingerprint_key=None,
        algorithm_version=None,
        thumbnail_key=None,
        indexed_at=None,
    )


@dataclass(frozen=True, slots=True)
class _Bare:
    """seconds: of each yardstick. terms: of the sound question; rows: that answer them."""

    seconds: Mapping[str, float]
    terms: int
    rows: int


async def _yardsticks(
    instance: Instance, fingerprint: Fingerprint, question: PictureQuestion, compared: Mapping[str, Fingerprint]
) -> _Bare:
    """compared: the candidates that there is evidence on."""
    search, detection = instance.pipeline.search, instance.pipeline.detection
    _, asking = _clocked(lambda: detection.query_vectors(fingerprint))
    _, near = await _timed(search.segments.query_batch(question.parts[:_QUERY_BATCH], top_k=search.top_k))
    sound, listening = _clocked(lambda: detection.sound_question(fingerprint))
    rows, selecting = selected(instance.database, sound)
    measured, comparing = _clocked(lambda: detection.compare(fingerprint, list(compared.values())))
    evidence = dict(zip(compared, measured, strict=True))
    _, judging = _clocked(lambda: settle(dict.fromkeys(compared, "approved"), evidence, detection.decide))
    picture, heard = asking + near, listening + selecting
    parts = {PICTURE: picture, SOUND: heard, CANDIDATES: picture + heard, EVIDENCE: comparing, POLICY: judging}
    return _Bare(parts | {WHOLE: picture + heard + comparing + judging}, len(sound.terms), rows)


def selected(database: Path, question: SoundQuestion) -> tuple[int, float]:
    """Rows and seconds of a SELECT of the sounds that have these terms, in the library itself."""
    terms = sorted(set(question.terms.tolist()))
    with closing(sqlite3.connect(database)) as connection:
        began = time.perf_counter()
        count = 0
        for some in queries.chunks(terms, queries.TERMS_AT_ONCE):
            count += len(connection.execute(queries.SHARING_TERMS, ("", json.dumps(some))).fetchall())
        return count, time.perf_counter() - began


async def _read(pipeline: Pipeline, keys: list[str]) -> list[Fingerprint]:
    found = []
    for key in keys:
        body = await pipeline.bucket.get(key)
        if body is None or isinstance(body, R2Object):
            raise AssertionError(f"{key} was put a while ago")
        found.append(unpack(await body.bytes()))
    return found


async def _timed(step: Awaitable[_T]) -> tuple[_T, float]:
    began = time.perf_counter()
    result = await step
    return result, time.perf_counter() - began


def _clocked(work: Callable[[], _T]) -> tuple[_T, float]:
    began = time.perf_counter()
    result = work()
    return result, time.perf_counter() - began
