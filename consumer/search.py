"""The candidates for a video: what the index proposes, ranked, and which of it may count against the video at all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from consumer import candidates, queries
from consumer.catalogue import owners_of
from consumer.detection import Detection
from consumer.records import Candidate, Found, Video
from consumer.sound_terms import sound_votes
from consumer.workers import Workers
from wire.fingerprints import ALGORITHM_VERSION, Fingerprint
from wrangler_compat.d1.types import D1Database, D1Result
from wrangler_compat.vectorize.types import VectorizeIndex

_QUERY_BATCH = 64
_MOST_TOP_K = 100
"""Vectorize gives at most 100 neighbours without their values."""

Hit = tuple[str, float]
"""A video, and the cosine of a vector of it that is near."""


@dataclass(frozen=True, slots=True)
class PictureQuestion:
    """Vectors to ask the indexes for. whole: of the video, empty when it shows nothing. parts: of samples."""

    whole: Sequence[float]
    parts: Sequence[tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class Search:
    """top_k: neighbours asked for each vector."""

    db: D1Database
    videos: VectorizeIndex
    segments: VectorizeIndex
    detection: Detection
    workers: Workers
    top_k: int
    max_candidates: int

    async def find(self, video: Video, fingerprint: Fingerprint) -> Found:
        """The candidates. The version is read first: whatever changes after that makes it stale."""
        version = await self._version()
        top_k = self.top_k
        votes, (question, vector_hits) = await asyncio.gather(
            self.by_sound(video, fingerprint), self.by_picture(video, fingerprint)
        )
        while True:
            proposed = {hit[0] for hit in vector_hits} | votes.keys()
            eligible = await self._eligible(video, proposed)
            # Twins uploaded together, none of which counts against this one, must not crowd out the one that does.
            if top_k >= _MOST_TOP_K or len(eligible) * 2 >= min(len(proposed), self.max_candidates):
                break
            top_k = _MOST_TOP_K
            vector_hits = await self._vector_hits(video, question, top_k)
        approved = {video_id for video_id in eligible if eligible[video_id].status == "approved"}
        # Many altered copies that wait for review must not crowd out the one original.
        ranked = _ranked(vector_hits, votes, approved, self.max_candidates)
        room = max(self.max_candidates - len(ranked), self.max_candidates // 2)
        ranked += _ranked(vector_hits, votes, set(eligible) - approved, room)
        return Found(version, tuple(eligible[video_id] for video_id in ranked))

    async def find_again(self, video: Video, fingerprint: Fingerprint, found: Found) -> Found:
        """What find() would give now. Cheap when nothing has changed since `found` that matters to this video."""
        version = await self._version()
        known = [candidate.video_id for candidate in found.candidates]
        still = await self._eligible(video, set(known))
        changed = await self.db.prepare(queries.CHANGED).bind(*_asking(video), found.version).all()
        if len(still) < len(known) or any(row["id"] not in still for row in changed.results):
            return await self.find(video, fingerprint)
        return Found(version, tuple(still[video_id] for video_id in known))

    async def by_picture(
        self, video: Video, fingerprint: Fingerprint
    ) -> tuple[PictureQuestion, list[tuple[str, float]]]:
        """The question, and the near vectors of each of its vectors."""
        vectors = await self.workers.run(self.detection.query_vectors, fingerprint)
        whole = fingerprint.video_vector.tolist() if fingerprint.video_vector.any() else []
        question = PictureQuestion(whole, vectors)
        return question, await self._vector_hits(video, question, self.top_k)

    async def by_sound(self, video: Video, fingerprint: Fingerprint) -> dict[str, float]:
        """What speaks for each video that shares sound terms."""
        question = await self.workers.run(self.detection.sound_question, fingerprint)
        terms = np.unique(question.terms).tolist()
        rows: list[list[Any]] = []
        for some in queries.chunks(terms, queries.TERMS_AT_ONCE):
            rows += await self.db.prepare(queries.SHARING_TERMS).bind(video.id, json.dumps(some)).raw()
        return await asyncio.to_thread(sound_votes, question, rows)

    async def _version(self) -> int:
        return int(await self.db.prepare(queries.VERSION).first("version"))

    async def _vector_hits(self, video: Video, question: PictureQuestion, top_k: int) -> list[Hit]:
        whole = self.videos.query_batch([question.whole] if question.whole else [], top_k=top_k)
        parts = (self.segments.query_batch(some, top_k=top_k) for some in queries.chunks(question.parts, _QUERY_BATCH))
        near, *answers = await asyncio.gather(whole, *parts)
        hits = [(match.id, match.score) for answer in near for match in answer.matches]
        scores = [(match.id, match.score) for some in answers for answer in some for match in answer.matches]
        owners = await owners_of(self.db, {vector_id for vector_id, _ in scores})
        hits += [(owner, score) for vector_id, score in scores for owner in owners.get(vector_id, ())]
        return [hit for hit in hits if hit[0] != video.id]

    async def _eligible(self, video: Video, proposed: set[str]) -> dict[str, Candidate]:
        eligible: dict[str, Candidate] = {}
        for some in queries.chunks(sorted(proposed), queries.VIDEOS_AT_ONCE):
            asked = self.db.prepare(queries.ELIGIBLE).bind(*_asking(video), json.dumps(some))
            eligible |= _candidates(await asked.all())
        return eligible


def _asking(video: Video) -> tuple[str, str, int]:
    return video.id, video.uploaded_at, ALGORITHM_VERSION


def _candidates(rows: D1Result) -> dict[str, Candidate]:
    return {
        row["id"]: Candidate(row["id"], row["status"], row["fingerprint_id"], row["uploaded_at"])
        for row in rows.results
    }


def _ranked(vector_hits: Sequence[Hit], votes: Mapping[str, float], among: set[str], most: int) -> list[str]:
    return candidates.rank(
        [hit for hit in vector_hits if hit[0] in among],
        {video_id: vote for video_id, vote in votes.items() if video_id in among},
        most,
    )
