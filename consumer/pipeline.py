"""The way of a video to its verdict.

(scan ->) presign -> fingerprint -> keep -> index -> candidates -> evidence -> verdict -> rows, notification

Index first, then look: of two alike that are decided at the same instant, at least one sees the other. The earlier by
(uploaded_at, id) does not count the later one as a candidate while that is undecided; the later one waits for the
earlier. A verdict is written only if the catalogue is still the one in which the candidates were found; else the
pipeline looks again. So exactly one of two twins is approved, whatever the timing. Each step can be done again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, replace
from random import Random

import structlog

from consumer import queries
from consumer.catalogue import Catalogue
from consumer.clock import Clock, moment
from consumer.comparison import Comparison
from consumer.detection import Detection, Evidence
from consumer.errors import HandedBack, LeaseLost, Refused
from consumer.fingerprinting import Fingerprinting
from consumer.leases import Leases
from consumer.matrices import Drawn, Matrices
from consumer.metrics import Metrics
from consumer.records import (
    Claim,
    Extracted,
    Found,
    Kept,
    Opinion,
    Video,
    fingerprint_key,
    preview_key,
    rendition_key,
    thumbnail_key,
)
from consumer.search import Search
from consumer.verdict_rows import VerdictRows
from consumer.workers import Workers
from wire.fingerprints import Fingerprint, pack
from wire.media import plays_in_browsers
from wire.verdicts import Verdict
from wrangler_compat.d1.types import D1Database
from wrangler_compat.errors import BindingError, D1ConstraintError
from wrangler_compat.r2.types import R2Bucket, R2HttpMetadata

_HAND_BACK_SECONDS = 2.0
_LONGEST_JITTER_SECONDS = 0.05

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """earlier_wait_seconds: how long one run waits for the verdict on an earlier twin; it looks every poll_seconds."""

    bucket: R2Bucket
    db: D1Database
    catalogue: Catalogue
    search: Search
    fingerprinting: Fingerprinting
    comparison: Comparison
    detection: Detection
    workers: Workers
    leases: Leases
    rows: VerdictRows
    matrices: Matrices
    metrics: Metrics
    now: Clock
    random: Random
    earlier_wait_seconds: float
    poll_seconds: float
    deletes_duplicates: bool

    async def decide(self, claim: Claim) -> Verdict:
        """Take the video to its verdict. Raises Refused, HandedBack, LeaseLost, and what a retry may mend."""
        kept = await self._kept_earlier(claim.video)
        if kept is None:
            await self.fingerprinting.scan(claim.video)
            source = await self.fingerprinting.presign(claim.video)
            extracted = await self.fingerprinting.extract(claim, source)
            kept = await self._keep(claim, extracted)
        await self._index(claim, kept)
        return await self._reach_verdict(claim, kept.fingerprint)

    async def refuse(self, claim: Claim, refused: Refused) -> Verdict:
        """Write the verdict on a video that cannot be processed. Raises LeaseLost."""
        verdict = Verdict("rejected", self.detection.policy_version, thresholds={}, reason=refused.reason)
        await self.rows.write_refusal(claim, verdict, refused.message)
        await self.matrices.tidy(claim.video, Drawn())
        return verdict

    async def _reach_verdict(self, claim: Claim, fingerprint: Fingerprint) -> Verdict:
        evidence: dict[str, Evidence] = {}
        drawn = Drawn()
        waits_until = time.monotonic() + self.earlier_wait_seconds
        found = await self._candidates(claim, fingerprint)
        while True:
            evidence = await self.comparison.evidence(fingerprint, found, evidence)
            opinion = await self._opinion(found, evidence)
            if opinion.leans_on is not None:
                await self._wait_for(opinion.leans_on, waits_until)
            else:
                drawn = await self.matrices.draw(claim.video, fingerprint, opinion.verdict, found, drawn)
                if await self._write(claim, opinion, drawn):
                    await self.matrices.tidy(claim.video, drawn)
                    return opinion.verdict
            found = await self._candidates(claim, fingerprint, found)

    # keep

    async def _kept_earlier(self, video: Video) -> Kept | None:
        """The fingerprint of an earlier run, when this algorithm made it and it can still be read."""
        if video.fingerprint_key is None or not video.has_current_fingerprint:
            return None
        fingerprint = await self.comparison.read(video.fingerprint_key)
        return None if fingerprint is None else Kept(fingerprint, video.fingerprint_key)

    async def _keep(self, claim: Claim, extracted: Extracted) -> Kept:
        video, fingerprint = claim.video, extracted.fingerprint
        kept = Kept(fingerprint, fingerprint_key(video))
        with self.metrics.timed("keep"):
            await self.bucket.put(kept.key, await self.workers.run(pack, fingerprint))
            thumbnail, preview = extracted.thumbnail, extracted.preview
            shown = {
                thumbnail_key(video): thumbnail,
                preview_key(video): None if preview is None else preview.jpeg,
            }
            for key, jpeg in shown.items():
                if jpeg is not None:
                    await self.bucket.put(key, jpeg, http_metadata=R2HttpMetadata(content_type="image/jpeg"))
            guard = self.db.prepare(queries.GUARD_LEASE).bind(claim.owner, video.id)
            row = self.db.prepare(queries.KEPT).bind(
                video.id,
                kept.key,
                fingerprint.algorithm_version,
                round(fingerprint.duration),
                float(fingerprint.duration),
                None if thumbnail is None else thumbnail_key(video),
                None if preview is None else preview_key(video),
                None if preview is None else preview.layout,
                None if extracted.media is None else extracted.media.to_text(),
                None if extracted.media is None else int(plays_in_browsers(extracted.media)),
            )
            await self._guarded(claim, self.db.batch([guard, row]))
        return kept

    # index

    async def _index(self, claim: Claim, kept: Kept) -> None:
        await self.leases.note_progress(claim, "index", 0.75)
        with self.metrics.timed("index"):
            await self._guarded(claim, self.catalogue.index(claim, kept))

    # candidates

    async def _candidates(self, claim: Claim, fingerprint: Fingerprint, before: Found | None = None) -> Found:
        with self.metrics.timed("candidates"):
            if before is not None:
                return await self.search.find_again(claim.video, fingerprint, before)
            await self.leases.note_progress(claim, "compare", 0.85)
            return await self.search.find(claim.video, fingerprint)

    # verdict

    async def _opinion(self, found: Found, evidence: Mapping[str, Evidence]) -> Opinion:
        """What the approved candidates say counts first; the flagged ones count where those say nothing, or where only
        these make a duplicate. If no settled one says anything, the earliest of those still on their way that does:
        its verdict has to be waited for."""
        verdict = await self.comparison.settled(found, evidence)
        if verdict.status == "approved":
            undecided = [candidate for candidate in found.candidates if not candidate.is_settled]
            for earlier in sorted(undecided, key=lambda each: (each.uploaded_at, each.video_id)):
                if (await self.comparison.decide_among([earlier], evidence)).status != "approved":
                    return Opinion(verdict, found.version, leans_on=earlier.video_id)
        explained = replace(verdict, why=await self.comparison.why(found, evidence))
        return Opinion(explained, found.version, leans_on=None)

    async def _wait_for(self, earlier: str, until: float) -> None:
        """Returns when the earlier video is decided, failed or gone. Raises HandedBack when that takes too long, or
        nobody is at it: it may need our place."""
        with self.metrics.timed("wait"):
            while True:
                state = await self.db.prepare(queries.STATE_OF).bind(earlier).first()
                if state is None or state["status"] != "processing" or state["job_status"] == "failed":
                    return
                if time.monotonic() >= until or state["job_status"] == "pending":
                    raise HandedBack(
                        f"waits for the verdict on {earlier}, which came earlier", delay_seconds=_HAND_BACK_SECONDS
                    )
                await asyncio.sleep(self.poll_seconds * (0.5 + self.random.random()))

    # rows, notification

    async def _write(self, claim: Claim, opinion: Opinion, drawn: Drawn) -> bool:
        with self.metrics.timed("verdict"):
            if await self.rows.write(claim, opinion.verdict, version=opinion.version, matrices=drawn.named):
                return True
        self.metrics.looked_again.inc()
        await asyncio.sleep(self.random.random() * _LONGEST_JITTER_SECONDS)
        return False

    async def tidy(self, video: Video, verdict: Verdict) -> None:
        """After a verdict that keeps the video out of the catalogue: out of the index, its object freed if wanted.

        The verdict stands whatever happens here; what is cut short is finished by the sweep.
        """
        if verdict.status not in ("duplicate", "rejected"):
            return
        try:
            with self.metrics.timed("tidy"):
                await self.catalogue.remove(video.id)
                if verdict.status == "duplicate" and self.deletes_duplicates and video.source_url is None:
                    await self.free_object(video.id, video.r2_key)
        except BindingError as error:
            _log.warning("tidying_left_to_sweep", error=error.message)

    async def free_object(self, video_id: str, r2_key: str) -> None:
        """Delete a duplicate's bytes and its rendition; its row, fingerprint and thumbnail stay."""
        await self.bucket.delete([r2_key, rendition_key(video_id)])
        freed = self.db.prepare(queries.OBJECT_DELETED).bind(video_id, moment(self.now()))
        await self.db.batch([freed, self.db.prepare(queries.FORGET_RENDITION).bind(video_id)])

    async def _guarded(self, claim: Claim, write: Awaitable[object]) -> None:
        """A write that fails when the lease is no longer ours. Raises LeaseLost for that."""
        try:
            await write
        except D1ConstraintError:
            if await self.leases.is_ours(claim):
                raise
            raise LeaseLost(f"the job of {claim.video.id} is in other hands, or the video is gone") from None
