"""The way of a search to its answer: the steps of a video to its verdict, but nothing of it is indexed or kept.

(scan ->) presign -> fingerprint -> candidates, or the one other video -> evidence -> what the verdict would be -> row

What is still on its way to a verdict of its own has no say. The objects go with the answer, the answer after
SEARCH_KEEP_SECONDS.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import structlog

from consumer.clock import Clock, moment
from consumer.comparison import Comparison
from consumer.errors import LeaseLost, Refused
from consumer.explanation import Side, told
from consumer.fingerprinting import Fingerprinting
from consumer.leases import Leases
from consumer.metrics import Metrics
from consumer.records import Claim, Video
from consumer.search import Search
from wire.fingerprints import Fingerprint
from wire.verdicts import Match, Segment, Verdict
from wrangler_compat.d1.types import D1Database, Row
from wrangler_compat.errors import BindingError
from wrangler_compat.r2.types import R2Bucket

_ASKED = "SELECT kind, content_sha256, reference_key, reference_id FROM searches WHERE id = ?1"

# What an upload of the same bytes would be at once; as INSERT_UPLOAD of the gateway says it.
_TWIN = """
SELECT CASE status WHEN 'duplicate' THEN duplicate_of WHEN 'rejected' THEN NULL ELSE id END AS root,
       CASE status WHEN 'rejected' THEN reason END AS reason, duration_seconds
FROM videos
WHERE content_sha256 = ?1 AND range_start IS NULL AND range_stop IS NULL
  AND (status <> 'duplicate' OR duplicate_of IS NOT NULL)
ORDER BY CASE status WHEN 'approved' THEN 0 WHEN 'flagged' THEN 1 WHEN 'processing' THEN 2
                     WHEN 'duplicate' THEN 3 ELSE 4 END, uploaded_at, id
LIMIT 1
"""
_REFERENCE = "SELECT * FROM videos WHERE id = ?1"
_ANSWERED = """
UPDATE searches
SET status = 'completed', completed_at = ?3, answer = ?4, stage = 'answer', progress = 1, lease_owner = NULL,
    lease_until = NULL, next_attempt_at = NULL, error_message = NULL
WHERE id = ?2 AND lease_owner = ?1 AND status = 'processing'
"""
_ENDED = "status IN ('completed', 'failed')"
_KEYS = "SELECT id, r2_key, reference_key, source_url FROM searches"
_UNFREED = f"{_KEYS} WHERE {_ENDED} AND objects_deleted_at IS NULL AND completed_at < ?1 LIMIT 100"
_FREED = "UPDATE searches SET objects_deleted_at = ?2 WHERE id = ?1"
_FORGET = f"DELETE FROM searches WHERE {_ENDED} AND objects_deleted_at IS NOT NULL AND completed_at < ?1"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Searching:
    """keep_seconds: how long an answer is kept."""

    bucket: R2Bucket
    db: D1Database
    search: Search
    fingerprinting: Fingerprinting
    comparison: Comparison
    leases: Leases
    metrics: Metrics
    now: Clock
    keep_seconds: float

    async def decide(self, claim: Claim) -> Verdict:
        """Take the search to its answer. Raises Refused, HandedBack, LeaseLost, and what a retry may mend."""
        asked = await self.db.prepare(_ASKED).bind(claim.video.id).first()
        if asked is None:
            raise LeaseLost(f"the search {claim.video.id} is gone")
        if asked["kind"] == "compare":
            return await self._compare(claim, asked)
        return await self._look_up(claim, asked)

    async def refuse(self, claim: Claim, refused: Refused) -> Verdict:
        """The answer on a video that cannot be processed. Raises LeaseLost."""
        verdict = Verdict("rejected", self.comparison.detection.policy_version, thresholds={}, reason=refused.reason)
        await self._answer(claim, {"verdict": _opinion(verdict) | {"message": refused.message}})
        return verdict

    async def _look_up(self, claim: Claim, asked: Row) -> Verdict:
        verdict = await self._equal_bytes(asked["content_sha256"])
        sizes: dict[str, Any] = {}
        if verdict is None:
            fingerprint = await self._fingerprint(claim, done=0.7)
            verdict = await self._settled(claim, fingerprint)
            sizes = {"video": _size(fingerprint)}
        await self._answer(claim, {"verdict": _opinion(verdict), **sizes})
        return verdict

    async def _equal_bytes(self, content_sha256: str | None) -> Verdict | None:
        twin = await self.db.prepare(_TWIN).bind(content_sha256).first() if content_sha256 else None
        if twin is None:
            return None
        if twin["root"] is None:
            return Verdict("rejected", 0, {}, reason=twin["reason"])
        lasts = twin["duration_seconds"]
        whole = () if lasts is None else (Segment(0.0, lasts, 0.0, lasts, 1.0),)
        match = Match(twin["root"], "video", 1.0, 1.0, None, 1.0, 1.0, segments=whole)
        return Verdict("duplicate", 0, {}, None, "high", twin["root"], None, 1.0, (match,))

    async def _settled(self, claim: Claim, fingerprint: Fingerprint) -> Verdict:
        await self.leases.note_progress(claim, "compare", 0.85)
        with self.metrics.timed("candidates"):
            # As if it came before everything: videos on their way are no candidates for what came before them.
            first = replace(claim.video, uploaded_at="")
            found = await self.search.find(first, fingerprint)
        evidence = await self.comparison.evidence(fingerprint, found, {})
        return await self.comparison.settled(found, evidence)

    async def _compare(self, claim: Claim, asked: Row) -> Verdict:
        fingerprint = await self._fingerprint(claim, done=0.4)
        reference = await self._reference(claim, asked)
        await self.leases.note_progress(claim, "compare", 0.85)
        detection, workers = self.comparison.detection, self.comparison.workers
        with self.metrics.timed("compare"):
            (evidence,) = await workers.run(detection.compare, fingerprint, [reference])
            sides = _side("", fingerprint), _side(asked["reference_id"] or "", reference)
            explanation = await workers.run(detection.explain, *sides, evidence)
        said = told(explanation)
        answer = {
            "verdict": _opinion(explanation.verdict),
            "video": _size(fingerprint),
            "reference": _size(reference),
            **{name: said[name] for name in ("evidence", "gates", "changes")},
        }
        await self._answer(claim, answer)
        return explanation.verdict

    async def _reference(self, claim: Claim, asked: Row) -> Fingerprint:
        """Raises Refused when the other video is gone, or cannot be looked at."""
        if asked["reference_id"] is None:
            other = replace(claim.video, r2_key=asked["reference_key"], source_url=None)
            try:
                return await self._fingerprint(replace(claim, video=other), begun=0.4, done=0.7)
            except Refused as refused:
                raise Refused(refused.reason, f"The reference: {refused.message}") from refused
        row = await self.db.prepare(_REFERENCE).bind(asked["reference_id"]).first()
        video = None if row is None else Video.from_row(row)
        if video is not None and video.fingerprint_key is not None and video.has_current_fingerprint:
            fingerprint = await self.comparison.read(video.fingerprint_key)
            if fingerprint is not None:
                return fingerprint
        raise Refused("no_reference", "The video to compare with is gone, or its fingerprint cannot be compared.")

    async def _fingerprint(self, claim: Claim, *, begun: float = 0.1, done: float) -> Fingerprint:
        await self.fingerprinting.scan(claim.video)
        source = await self.fingerprinting.presign(claim.video)
        return (await self.fingerprinting.extract(claim, source, begun=begun, done=done)).fingerprint

    async def _answer(self, claim: Claim, answer: Mapping[str, Any]) -> None:
        text = json.dumps(answer, default=float)
        written = self.db.prepare(_ANSWERED).bind(claim.owner, claim.video.id, moment(self.now()), text)
        if (await written.run()).meta.changes == 0:
            raise LeaseLost(f"the search {claim.video.id} is in other hands, or gone")

    # afterwards

    async def tidy(self, video: Video, verdict: Verdict) -> None:
        """The objects go; what is cut short is finished by the sweep."""
        try:
            row = await self.db.prepare(f"{_KEYS} WHERE id = ?1").bind(video.id).first()
            if row is not None:
                await self._free(row)
        except BindingError as error:
            _log.warning("tidying_left_to_sweep", error=error.message)

    async def finish(self, ended_before: str) -> None:
        """Free the objects of searches that ended before this moment."""
        for row in (await self.db.prepare(_UNFREED).bind(ended_before).all()).results:
            await self._free(row)

    async def forget(self) -> None:
        """Remove the answers that were kept long enough."""
        await self.db.prepare(_FORGET).bind(moment(self.now(), plus_seconds=-self.keep_seconds)).run()

    async def _free(self, row: Row) -> None:
        own = row["r2_key"] if row["source_url"] is None else None
        keys = [key for key in (own, row["reference_key"]) if key is not None]
        if keys:
            await self.bucket.delete(keys)
        await self.db.prepare(_FREED).bind(row["id"], moment(self.now())).run()


def _opinion(verdict: Verdict) -> dict[str, Any]:
    return {
        "status": verdict.status,
        "reason": verdict.reason,
        "confidence": verdict.confidence,
        "duplicate_of": verdict.duplicate_of,
        "similar_to": verdict.similar_to,
        "similarity_score": verdict.similarity_score,
        "matches": [match.to_json() for match in verdict.matches],
    }


def _side(video_id: str, fingerprint: Fingerprint) -> Side:
    return Side(video_id, "", "", **_size(fingerprint))


def _size(fingerprint: Fingerprint) -> dict[str, Any]:
    return {"duration": float(fingerprint.duration), "width": fingerprint.width, "height": fingerprint.height}
