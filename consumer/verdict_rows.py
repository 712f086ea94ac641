"""The rows that a verdict is: video, job, history, detections, notification, all in one transaction."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from consumer import queries
from consumer.clock import Clock, moment
from consumer.errors import LeaseLost
from consumer.leases import Leases
from consumer.records import Claim, Video
from wire.verdicts import Match, Verdict
from wrangler_compat.d1.types import D1Database, D1PreparedStatement, D1Value
from wrangler_compat.errors import D1ConstraintError

Detection = Literal["auto_reject", "flagged", "approved"]

_DETECTIONS: dict[str, Detection] = {"duplicate": "auto_reject", "flagged": "flagged", "approved": "approved"}
_KINDS = {"duplicate": "video.duplicate_detected"}
_MOST_DETECTIONS = 20


@dataclass(frozen=True, slots=True)
class VerdictRows:
    """audio_threshold: a score from which on two sounds count as the same."""

    db: D1Database
    leases: Leases
    now: Clock
    audio_threshold: float

    async def write(
        self, claim: Claim, verdict: Verdict, *, version: int, matrices: Mapping[str, str] | None = None
    ) -> bool:
        """False when the catalogue is no longer of this version: look again. matrices: keys of the pictures that were
        drawn for it. Raises LeaseLost."""
        guard = self._bound(queries.GUARD_VERSION_AND_BUMP, claim.owner, claim.video.id, version)
        try:
            drawn = self._drawn(claim.video, matrices or {})
            await self.db.batch([guard, *self._statements(claim.video.id, verdict), *drawn])
        except D1ConstraintError:
            await self._check_lease(claim)
            if int(await self.db.prepare(queries.VERSION).first("version")) == version:
                raise
            return False
        return True

    async def write_refusal(self, claim: Claim, verdict: Verdict, message: str) -> None:
        """A verdict that depends on nothing in the catalogue. message: kept with the job. Raises LeaseLost."""
        guard = self._bound(queries.GUARD_LEASE_AND_BUMP, claim.owner, claim.video.id)
        say = self._bound(queries.EXPLAINED, claim.video.id, message)
        try:
            drawn = self._drawn(claim.video, {})
            await self.db.batch([guard, *self._statements(claim.video.id, verdict), *drawn, say])
        except D1ConstraintError:
            await self._check_lease(claim)
            raise

    async def write_given_up(self, guard: D1PreparedStatement, video_id: str, verdict: Verdict, message: str) -> bool:
        """Reject a video whose job failed, and its byte-equal copies. False: the guard says no."""
        say = self._bound(queries.EXPLAINED, video_id, message)
        try:
            await self.db.batch([guard, *self._statements(video_id, verdict), say])
        except D1ConstraintError:
            return False
        return True

    async def write_lost(self, video_id: str, verdict: Verdict, message: str) -> bool:
        """Reject a video of which nothing is left; what was decided by it is decided anew, byte-equal copies too.

        False: its job is in hand, or it is gone.
        """
        again = [self._bound(sql, video_id) for sql in (queries.DEPENDENT_JOBS_AGAIN, queries.DEPENDENTS_AGAIN)]
        guard = self._bound(queries.GUARD_UNTENDED_AND_BUMP, video_id)
        say = self._bound(queries.EXPLAINED, video_id, message)
        try:
            await self.db.batch([guard, *again, *self._statements(video_id, verdict), say])
        except D1ConstraintError:
            return False
        return True

    async def _check_lease(self, claim: Claim) -> None:
        if not await self.leases.is_ours(claim):
            raise LeaseLost(f"the job of {claim.video.id} is in other hands, or the video is gone")

    def _drawn(self, video: Video, matrices: Mapping[str, str]) -> list[D1PreparedStatement]:
        """Nothing where the row names none and need not."""
        if not matrices and not video.matrices:
            return []
        return [self._bound(queries.DRAWN, video.id, json.dumps(dict(matrices)) if matrices else None)]

    def _statements(self, video_id: str, verdict: Verdict) -> list[D1PreparedStatement]:
        at = moment(self.now())
        verdict_id = uuid.uuid4().hex
        matches = json.dumps([match.to_json() for match in verdict.matches])
        opinion: tuple[D1Value, ...] = (
            verdict.status,
            verdict.reason,
            verdict.confidence,
            verdict.duplicate_of,
            verdict.similar_to,
            verdict.similarity_score,
            matches,
        )
        thresholds = json.dumps(dict(verdict.thresholds), sort_keys=True)
        why = None if verdict.why is None else json.dumps(verdict.why)
        made_by = (verdict.policy_version, thresholds, "policy", at, why)
        return [
            self._bound(queries.DECIDED, video_id, *opinion, at, verdict_id),
            self._bound(queries.COMPLETED, video_id, at),
            self._bound(queries.ADD_VERDICT, verdict_id, video_id, *opinion, *made_by),
            *self._equal_bytes(video_id, verdict),
            *self._detections(video_id, verdict_id, verdict, at),
            self._bound(
                queries.ADD_NOTIFICATION,
                verdict_id,
                video_id,
                _KINDS.get(verdict.status, f"video.{verdict.status}"),
                _payload(video_id, verdict),
                at,
            ),
        ]

    def _equal_bytes(self, video_id: str, verdict: Verdict) -> list[D1PreparedStatement]:
        """Duplicates of this video, such as byte-equal uploads decided before it, follow it."""
        if verdict.status == "duplicate":
            return [self._bound(queries.REROOT, video_id, verdict.duplicate_of)]
        if verdict.status == "rejected":
            return [self._bound(queries.REJECT_EQUAL_BYTES, video_id, verdict.reason)]
        return []

    def _detections(self, video_id: str, verdict_id: str, verdict: Verdict, at: str) -> list[D1PreparedStatement]:
        decision = _DETECTIONS.get(verdict.status)
        if decision is None:
            return []
        return [
            self._bound(
                queries.ADD_DETECTION,
                f"{verdict_id}-{n}",
                video_id,
                match.video_id,
                match.similarity_score,
                self._audio_match(match),
                decision,
                at,
            )
            for n, match in enumerate(verdict.matches[:_MOST_DETECTIONS])
        ]

    def _audio_match(self, match: Match) -> int | None:
        return None if match.audio_score is None else int(match.audio_score >= self.audio_threshold)

    def _bound(self, sql: str, *values: D1Value) -> D1PreparedStatement:
        return self.db.prepare(sql).bind(*values)


def _payload(video_id: str, verdict: Verdict) -> str:
    told = {
        "video_id": video_id,
        "status": verdict.status,
        "reason": verdict.reason,
        "confidence": verdict.confidence,
        "duplicate_of": verdict.duplicate_of,
        "similar_to": verdict.similar_to,
        "similarity_score": verdict.similarity_score,
    }
    return json.dumps({name: value for name, value in told.items() if value is not None})
