"""The catalogue: what the index holds of each video.

A video counts as indexed from the moment that its row says so (indexed_at), in the transaction that makes the
catalogue's version grow. Segment vectors are stored once for all videos that share them; segment_vectors in D1 says
whose they are. A video's rows are written before its vectors and removed after them, so that a vector is never
without an owner for longer than it takes to finish the work.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from consumer import queries
from consumer.clock import Clock, moment
from consumer.detection import Detection, IndexEntry
from consumer.records import Claim, Kept, Video
from consumer.workers import Workers
from wire.fingerprints import Fingerprint
from wrangler_compat.d1.types import D1Database, D1PreparedStatement
from wrangler_compat.vectorize.types import VectorizeIndex, VectorizeVector

_UPSERT_BATCH = 500
_VIDEOS_AT_ONCE = 20
_STATEMENT_ROWS = 30
"""Rows of three values that one INSERT binds."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    db: D1Database
    videos: VectorizeIndex
    segments: VectorizeIndex
    detection: Detection
    workers: Workers
    now: Clock

    async def index(self, claim: Claim, kept: Kept) -> None:
        """Make the video findable. Raises D1ConstraintError when the lease is no longer ours."""
        await self.put(claim.video, kept, self._statement(queries.GUARD_LEASE, claim.owner, claim.video.id))
        done = self._statement(queries.INDEXED, claim.video.id, moment(self.now()))
        bump = self._statement(queries.GUARD_LEASE_AND_BUMP, claim.owner, claim.video.id)
        await self.db.batch([bump, done])

    async def put(self, video: Video, kept: Kept, *guards: D1PreparedStatement) -> None:
        """Write the rows, led by the guards, then the vectors. Doing it again changes nothing."""
        fingerprint = kept.fingerprint
        entries = await self.workers.run(self.detection.index_entries, fingerprint)
        terms = await self.workers.run(self.detection.sound_terms, fingerprint)
        stale = await self._vector_ids(queries.SEGMENTS_OF, video.id) - {entry.vector_id for entry in entries}
        await self.db.batch([*guards, *self._row_statements(video.id, entries, terms)])
        if fingerprint.video_vector.any():
            await self.videos.upsert([_video_vector(video, fingerprint)])
        distinct = {entry.vector_id: entry for entry in entries}
        vectors = [VectorizeVector(entry.vector_id, entry.vector) for entry in distinct.values()]
        for some in queries.chunks(vectors, _UPSERT_BATCH):
            await self.segments.upsert(some)
        await self.delete_unowned(stale)

    async def remove(self, video_id: str) -> None:
        """Take the video out of the index; what other videos share stays. Doing it again changes nothing."""
        mine = await self._vector_ids(queries.ONLY_OWNED, video_id)
        deleted = await self._delete_segments(mine)
        await self.videos.delete_by_ids([video_id])
        late, *_ = await self.db.batch(
            [
                # Another owner may have gone meanwhile: ask again in the transaction that removes ours.
                self._statement(queries.ONLY_OWNED, video_id),
                self._statement(queries.FORGET_SEGMENTS, video_id),
                self._statement(queries.FORGET_SOUND, video_id),
                self._statement(queries.NOT_INDEXED, video_id),
            ]
        )
        deleted += await self._delete_segments({row["vector_id"] for row in late.results} - mine)
        await self._restore_owned(deleted)

    def _row_statements(
        self, video_id: str, entries: Sequence[IndexEntry], terms: Sequence[tuple[int, int]]
    ) -> list[D1PreparedStatement]:
        statements = [
            self._statement(queries.FORGET_SEGMENTS, video_id),
            self._statement(queries.FORGET_SOUND, video_id),
        ]
        for some in queries.chunks(entries, _STATEMENT_ROWS):
            values = [value for entry in some for value in (entry.vector_id, video_id, float(entry.start))]
            statements.append(self._statement(queries.add_segments(len(some)), *values))
        for terms_chunk in queries.chunks(terms, _STATEMENT_ROWS):
            numbers = [value for term, position in terms_chunk for value in (int(term), video_id, int(position))]
            statements.append(self._statement(queries.add_sound_terms(len(terms_chunk)), *numbers))
        return statements

    async def _vector_ids(self, sql: str, video_id: str) -> set[str]:
        rows = await self.db.prepare(sql).bind(video_id).all()
        return {row["vector_id"] for row in rows.results}

    async def without_segments(self, video_ids: set[str]) -> set[str]:
        """Those of these videos whose rows name segment vectors that the index does not hold."""
        ragged: set[str] = set()
        for some in queries.chunks(sorted(video_ids), _VIDEOS_AT_ONCE):
            rows = (await self.db.prepare(queries.SEGMENTS_OF_ALL).bind(json.dumps(some)).all()).results
            for part in queries.chunks(sorted({row["vector_id"] for row in rows}), _UPSERT_BATCH):
                there = {vector.id for vector in await self.segments.get_by_ids(part)}
                absent = set(part) - there
                ragged |= {row["video_id"] for row in rows if row["vector_id"] in absent}
        return ragged

    async def delete_unowned(self, vector_ids: set[str]) -> None:
        """Delete those of these segment vectors that no video has."""
        owners = await owners_of(self.db, vector_ids)
        await self._restore_owned(await self._delete_segments(vector_ids - set(owners)))

    async def _delete_segments(self, vector_ids: set[str]) -> list[VectorizeVector]:
        """Returns what was deleted."""
        deleted: list[VectorizeVector] = []
        for some in queries.chunks(sorted(vector_ids), _UPSERT_BATCH):
            deleted += await self.segments.get_by_ids(some)
            await self.segments.delete_by_ids(some)
        return deleted

    async def _restore_owned(self, deleted: Sequence[VectorizeVector]) -> None:
        """A video indexed while we deleted may have counted on a vector it shares: put that back."""
        owners = await owners_of(self.db, {vector.id for vector in deleted})
        for some in queries.chunks([vector for vector in deleted if vector.id in owners], _UPSERT_BATCH):
            await self.segments.upsert(some)

    def _statement(self, sql: str, *values: str | int | float | None) -> D1PreparedStatement:
        return self.db.prepare(sql).bind(*values)


async def owners_of(db: D1Database, vector_ids: set[str]) -> dict[str, list[str]]:
    """The videos that have each of these segment vectors; a vector nobody has is left out."""
    owners: dict[str, list[str]] = {}
    for some in queries.chunks(sorted(vector_ids), queries.VECTORS_AT_ONCE):
        found = await db.prepare(queries.OWNERS_OF).bind(json.dumps(some)).all()
        for row in found.results:
            owners.setdefault(row["vector_id"], []).append(row["video_id"])
    return owners


def _video_vector(video: Video, fingerprint: Fingerprint) -> VectorizeVector:
    return VectorizeVector(
        id=video.id,
        values=fingerprint.video_vector.tolist(),
        metadata={
            "r2_key": video.r2_key,
            "audio_hash": audio_hash(fingerprint),
            "duration": float(fingerprint.duration),
            "uploaded_at": video.uploaded_at,
            "user_id": video.user_id,
        },
    )


def audio_hash(fingerprint: Fingerprint) -> str:
    """8 hex digits, the bitwise majority over the Chromaprint codes; empty without sound."""
    codes = fingerprint.codes
    if codes.size == 0:
        return ""
    ones = ((codes[:, None] >> np.arange(32, dtype=np.uint32)) & 1).sum(axis=0)
    return f"{sum(1 << bit for bit in range(32) if ones[bit] * 2 > codes.size):08x}"
