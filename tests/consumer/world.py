"""A consumer in a small world of its own: bindings in memory, a processor that decodes nothing, doubles of the core.

The doubles have the signatures of the pure core. Two videos are alike as their video vectors are; the sound of equal
seeds is equal.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import httpx

from consumer.assembly import Consumer, assemble
from consumer.breaker import Breaker
from consumer.detection import Detection
from consumer.env import Env
from consumer.explanation import Explanation, Side, explain
from consumer.processor_client import ProcessorClient, open_http
from consumer.settings import Settings, load
from consumer.sound_terms import SoundQuestion
from consumer.thresholds import Thresholds
from tests.consumer import evidences
from tests.consumer.fake_processor import FakeProcessor
from tests.consumer.fingerprints import make_fingerprint
from wire.fingerprints import Fingerprint
from wire.jobs import Job, Priority
from wire.verdicts import Match, Segment, Verdict
from wrangler_compat.d1.types import D1Database, Row
from wrangler_compat.r2.types import R2Bucket
from wrangler_compat.testing import MemoryQueue, MemoryR2Bucket, MemoryVectorizeIndex, memory_d1
from wrangler_compat.vectorize.types import VectorizeIndex

MIGRATIONS = Path(__file__).parents[2] / "migrations"
POLICY_VERSION = 7


@dataclass(frozen=True)
class Entry:
    vector_id: str
    vector: tuple[float, ...]
    start: float


@dataclass(frozen=True)
class Likeness:
    score: float
    is_same_sound: bool


def index_entries(fingerprint: Fingerprint) -> list[Entry]:
    if not fingerprint.video_vector.any():
        return []
    vector = tuple(float(number) for number in fingerprint.video_vector)
    name = hashlib.sha256(fingerprint.video_vector.tobytes()).hexdigest()[:16]
    return [Entry(name, vector, start) for start in (0.0, 5.0)]


def query_vectors(fingerprint: Fingerprint) -> list[tuple[float, ...]]:
    return [entry.vector for entry in index_entries(fingerprint)[:1]]


def sound_terms(fingerprint: Fingerprint) -> list[tuple[int, int]]:
    return [(int(code), position) for position, code in enumerate(fingerprint.codes) if code % 4 == 0]


def sound_question(fingerprint: Fingerprint) -> SoundQuestion:
    return SoundQuestion.of((term, 0, position) for term, position in sound_terms(fingerprint))


def compare(query: Fingerprint, references: Sequence[Fingerprint]) -> list[Likeness]:
    scores = [float(query.video_vector @ reference.video_vector) for reference in references]
    return [
        Likeness(max(0.0, min(1.0, score)), query.codes.tobytes() == reference.codes.tobytes())
        for score, reference in zip(scores, references, strict=True)
    ]


def decide(evidence: Sequence[tuple[str, Likeness]], *, approved: Collection[str] = ()) -> Verdict:
    """0.95 and more: duplicate; 0.85: flagged; 0.70: similar."""
    thresholds = {"duplicate_threshold": 0.95}
    ranked = sorted(evidence, key=lambda pair: (-pair[1].score, pair[0]))
    if not ranked or ranked[0][1].score < 0.70:
        return Verdict("approved", POLICY_VERSION, thresholds)
    video_id, best = ranked[0]
    match = Match(
        video_id, "video", best.score, best.score, 1.0, 1.0, 1.0, segments=(Segment(0.0, 10.0, 0.0, 10.0, best.score),)
    )
    if best.score >= 0.95:
        return Verdict("duplicate", POLICY_VERSION, thresholds, None, "high", video_id, None, best.score, (match,))
    if best.score >= 0.85:
        return Verdict(
            "flagged", POLICY_VERSION, thresholds, "no_audio_to_confirm", None, video_id, None, best.score, (match,)
        )
    return Verdict("approved", POLICY_VERSION, thresholds, similar_to=video_id, similarity_score=best.score)


def explain_likeness(upload: Side, other: Side, likeness: Likeness) -> Explanation:
    """What the real policy says of such a likeness."""
    return explain(
        upload, other, evidences.evidence(likeness.score, 0.9 if likeness.is_same_sound else 0.1), Thresholds()
    )


DETECTION = Detection(
    index_entries, query_vectors, sound_terms, sound_question, compare, decide, POLICY_VERSION, explain_likeness
)


@dataclass
class Clockwork:
    """Time that passes when told to, and a microsecond at each look."""

    at: datetime = datetime(2026, 11, 21, 2, 13, 5, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.at += timedelta(microseconds=1)
        return self.at

    def pass_seconds(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class World:
    db: D1Database
    bucket: R2Bucket
    queues: dict[Priority, MemoryQueue]
    vectorize: VectorizeIndex
    segments: VectorizeIndex
    processor: FakeProcessor
    client: ProcessorClient
    env: Env
    clock: Clockwork
    settings: Settings
    stack: AsyncExitStack
    detection: Detection = DETECTION
    names: Iterator[str] = field(default_factory=lambda: (f"{n:032x}" for n in itertools.count(1)))

    async def consumer(self, *, seed: int = 1, detection: Detection | None = None, **settings: Any) -> Consumer:
        """Another worker over the same bindings."""
        changed = dataclasses.replace(self.settings, **settings)
        assembled = assemble(
            self.env,
            changed,
            detection or self.detection,
            executor=partial(ThreadPoolExecutor, 2),
            now=self.clock,
            random=Random(seed),
        )
        return await self.stack.enter_async_context(assembled)

    async def upload(
        self,
        seed: int | None = None,
        *,
        fingerprint: Fingerprint | None = None,
        priority: Priority = "normal",
        uploaded_at: str | None = None,
        **columns: Any,
    ) -> str:
        """What edge_api does: object, rows. The message is the test's to send."""
        video_id = next(self.names)
        at = uploaded_at or self.clock().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        if fingerprint is not None or seed is not None:
            self.processor.videos[video_id] = fingerprint or make_fingerprint(seed or 0)
        key = f"videos/2026/11/21/{video_id}.mp4"
        await self.bucket.put(key, b"the bytes of " + video_id.encode())
        row = {
            "id": video_id,
            "r2_key": key,
            "user_id": "u",
            "status": "processing",
            "uploaded_at": at,
            "priority": priority,
            "request_id": f"request-{video_id}",
        } | columns
        marks = ", ".join("?" for _ in row)
        await self.db.batch(
            [
                self.db.prepare(f"INSERT INTO videos ({', '.join(row)}) VALUES ({marks})").bind(*row.values()),
                self.db.prepare(
                    "INSERT INTO processing_jobs (id, video_id, status, created_at) VALUES (?1, ?2, 'pending', ?3)"
                ).bind(f"job-{video_id}", video_id, at),
            ]
        )
        return video_id

    async def decided(self, consumer: Consumer, seed: int | None = None, **upload: Any) -> str:
        """Uploaded and taken to its verdict."""
        video_id = await self.upload(seed, **upload)
        await consumer.jobs.run(Job(video_id))
        return video_id

    async def video(self, video_id: str) -> Row:
        row = await self.db.prepare("SELECT * FROM videos WHERE id = ?1").bind(video_id).first()
        assert row is not None
        return dict(row)

    async def job(self, video_id: str) -> Row:
        row = await self.db.prepare("SELECT * FROM processing_jobs WHERE video_id = ?1").bind(video_id).first()
        assert row is not None
        return dict(row)

    async def rows(self, sql: str, *values: Any) -> list[Row]:
        return (await self.db.prepare(sql).bind(*values).all()).results

    async def version(self) -> int:
        return int(await self.db.prepare("SELECT version FROM catalogue").first("version"))


@asynccontextmanager
async def open_world(**settings: Any) -> AsyncIterator[World]:
    """settings: changes of the defaults; the waits are short here."""
    processor, clock = FakeProcessor(), Clockwork()
    _, defaults, _ = load({})
    waits: dict[str, Any] = {"earlier_wait_seconds": 0.5, "processor_busy_seconds": 0.2, "compare_workers": 2}
    quick = dataclasses.replace(defaults, **waits | {"renditions": "unplayable"} | settings)
    async with AsyncExitStack() as stack:
        db = await stack.enter_async_context(memory_d1(MIGRATIONS))
        await db.prepare("INSERT INTO users (id, email, created_at) VALUES ('u', 'u@x', '2026')").run()
        transport = httpx.ASGITransport(processor.app())
        http = await stack.enter_async_context(open_http("http://processor", transport=transport))
        client = ProcessorClient(
            http, breaker=Breaker(), random=Random(1), busy_wait_seconds=quick.processor_busy_seconds
        )
        bucket, vectorize, segments = MemoryR2Bucket(), MemoryVectorizeIndex(), MemoryVectorizeIndex()
        processor.bucket = bucket
        queues: dict[Priority, MemoryQueue] = {
            "high": MemoryQueue("video-high", now=clock),
            "normal": MemoryQueue("video-normal", now=clock),
            "low": MemoryQueue("video-low", now=clock),
        }
        env = Env(bucket, db, queues, vectorize, segments, client)
        yield World(db, bucket, queues, vectorize, segments, processor, client, env, clock, quick, stack)
