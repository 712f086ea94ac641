"""Mending from facts: the index made anew from the kept fingerprints, and one video decided anew."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass

import structlog

from consumer import queries
from consumer.catalogue import Catalogue
from consumer.clock import Clock, moment
from consumer.history import History
from consumer.records import Kept, Video
from wire.fingerprints import ALGORITHM_VERSION, FingerprintFormatError, unpack
from wire.jobs import Job, Priority, priority_of
from wrangler_compat.d1.types import D1Database
from wrangler_compat.errors import D1ConstraintError
from wrangler_compat.r2.types import R2Bucket, R2Object

_PREFIX = "fingerprints/"

_log = structlog.get_logger(__name__)


class RedecideError(Exception):
    """The video cannot be decided anew now. The message says why."""


@dataclass(slots=True)
class Rebuilt:
    """indexed: videos put into the index. left_out: fingerprints of videos that do not belong there, or gone.

    unreadable: fingerprints that are damaged or of another algorithm version: their videos must be processed again.
    """

    indexed: int = 0
    left_out: int = 0
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class Rebuild:
    """actor: who reopens a video, for the audit."""

    db: D1Database
    bucket: R2Bucket
    catalogue: Catalogue
    now: Clock
    actor: str = "consumer"

    async def index(self) -> Rebuilt:
        """Put every approved and flagged video back into the index. Workers may run meanwhile. Again: no change."""
        done = Rebuilt()
        async for key in self._keys():
            video_id = key.rpartition("/")[2].removesuffix(".vfp")
            row = await self.db.prepare(queries.STANDING).bind(video_id, key).first()
            if row is None:
                done.left_out += 1
                continue
            await self._index(Video.from_row(row), key, done)
        return done

    async def _index(self, video: Video, key: str, done: Rebuilt) -> None:
        body = await self.bucket.get(key)
        if body is None or isinstance(body, R2Object):
            done.left_out += 1
            return
        try:
            fingerprint = unpack(await body.bytes())
        except FingerprintFormatError as error:
            _log.error("fingerprint_unreadable", key=key, error=str(error))
            done.unreadable += 1
            return
        if fingerprint.algorithm_version != ALGORITHM_VERSION:
            done.unreadable += 1
            return
        guard = self.db.prepare(queries.GUARD_STANDING_AND_BUMP).bind(video.id)
        indexed = self.db.prepare(queries.INDEXED).bind(video.id, moment(self.now()))
        try:
            await self.catalogue.put(video, Kept(fingerprint, key), guard)
            await self.db.batch([guard, indexed])
        except D1ConstraintError:
            # Deleted, or decided otherwise, while we were at it.
            await self.catalogue.remove(video.id)
            done.left_out += 1
            return
        done.indexed += 1

    async def put_back(self, video_id: str) -> bool:
        """Put one approved or flagged video back into the index. False: it does not belong there, or its fingerprint
        cannot be read."""
        row = await self.db.prepare(queries.STANDING_VIDEO).bind(video_id).first()
        if row is None:
            return False
        done = Rebuilt()
        await self._index(Video.from_row(row), row["fingerprint_id"], done)
        return done.indexed == 1

    async def _keys(self) -> AsyncIterator[str]:
        cursor: str | None = None
        while True:
            page = await self.bucket.list(prefix=_PREFIX, cursor=cursor)
            for found in page.objects:
                if found.key.endswith(".vfp"):
                    yield found.key
            if not page.truncated:
                return
            cursor = page.cursor

    async def reopen(self, video_id: str, *, reviewed_too: bool = False) -> tuple[Priority, Job]:
        """Put a decided or failed video back to pending; what to send, and where. Raises RedecideError.

        reviewed_too: also one that a moderator decided.
        """
        row = await self.db.prepare(queries.REOPENABLE).bind(video_id).first()
        past = await History(self.db).video(video_id)
        if row is None or past is None:
            raise RedecideError(f"There is no video {video_id}.")
        if past.is_reviewed and not reviewed_too:
            raise RedecideError(f"A moderator decided on {video_id}; --reviewed-too puts that aside.")
        guard = self.db.prepare(queries.GUARD_REOPEN_AND_BUMP).bind(video_id)
        audit = self.db.prepare(queries.ADD_AUDIT).bind(
            uuid.uuid4().hex, self.actor, "redecide", video_id, f'{{"was": "{row["status"]}"}}', moment(self.now())
        )
        again = [self.db.prepare(sql).bind(video_id) for sql in (queries.REOPEN_VIDEO, queries.REOPEN_JOB)]
        try:
            await self.db.batch([guard, *again, audit])
        except D1ConstraintError:
            raise RedecideError(f"The video {video_id} is being processed already; wait for its verdict.") from None
        return priority_of(row["priority"]), Job(video_id, "decide", str(row["request_id"] or ""))
