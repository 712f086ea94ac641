"""A fingerprint against those of its candidates, as kept in R2: the evidence, and the verdict that it makes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog

from consumer.detection import Detection, Evidence
from consumer.metrics import Metrics
from consumer.records import Candidate, Found
from consumer.settling import accounts_for_all, is_certain, settle
from consumer.similarity.code_matching import is_sound
from consumer.workers import Workers
from wire.fingerprints import Fingerprint, FingerprintFormatError, unpack
from wire.verdicts import Verdict
from wrangler_compat.r2.types import R2Bucket, R2Object

_COMPARED_FIRST = 2
"""One in each of two processes: where there is an original, it is the first candidate of nineteen in twenty copies."""

_OTHERS_COMPARED_FIRST = 4
"""Of those flagged or on their way: after these, an approved one that accounts for all of the upload ends it."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Comparison:
    bucket: R2Bucket
    detection: Detection
    workers: Workers
    metrics: Metrics

    async def read(self, key: str) -> Fingerprint | None:
        """The fingerprint that is kept under this key; None: it is gone, or cannot be read."""
        body = await self._kept(key)
        if body is None:
            return None
        try:
            return await self.workers.run(unpack, body)
        except FingerprintFormatError as error:
            _say_unreadable(key, error)
            return None

    async def evidence(
        self, fingerprint: Fingerprint, found: Found, known: Mapping[str, Evidence]
    ) -> dict[str, Evidence]:
        """What is known, and what was measured against candidates not measured before, a few at a time.

        Stops at a duplicate in the whole picture and in sound, whatever else it may resemble; where an approved video
        accounts for all of the upload, only the likeliest of the others can still make it a duplicate. A candidate
        whose fingerprint is gone has no evidence.
        """
        evidence = dict(known)
        new = [candidate for candidate in found.candidates if candidate.video_id not in known]
        approved = [candidate for candidate in new if candidate.status == "approved"]
        others = [candidate for candidate in new if candidate.status != "approved"]
        rounds = (
            (approved[:_COMPARED_FIRST], is_certain),
            (approved[_COMPARED_FIRST:], accounts_for_all),
            (others[:_OTHERS_COMPARED_FIRST], is_certain),
            (others[_OTHERS_COMPARED_FIRST:], accounts_for_all),
        )
        has_sound = is_sound(fingerprint.codes)
        with self.metrics.timed("compare"):
            for some, is_enough in rounds:
                if not some or is_enough(await self.decide_among(_approved(found), evidence), has_sound=has_sound):
                    continue
                halves = (some[::2], some[1::2])
                for measured in await asyncio.gather(*(self._measure(fingerprint, half) for half in halves if half)):
                    evidence |= measured
        return evidence

    async def settled(self, found: Found, evidence: Mapping[str, Evidence]) -> Verdict:
        """What the candidates say that are decided themselves."""
        return await self.workers.run(settle, *_settled(found, evidence), self.detection.decide)

    async def why(self, found: Found, evidence: Mapping[str, Evidence]) -> Mapping[str, Any] | None:
        """Of the verdict that settled() gives; None when nobody says."""
        if self.detection.why is None:
            return None
        return await self.workers.run(self.detection.why, *_settled(found, evidence))

    async def decide_among(self, among: Sequence[Candidate], evidence: Mapping[str, Evidence]) -> Verdict:
        pairs = [(each.video_id, evidence[each.video_id]) for each in among if each.video_id in evidence]
        approved = {each.video_id for each in among if each.status == "approved"}
        return await self.workers.run(partial(self.detection.decide, approved=approved), pairs)

    async def _measure(self, fingerprint: Fingerprint, candidates: Sequence[Candidate]) -> dict[str, Evidence]:
        bodies = await asyncio.gather(*(self._kept(each.fingerprint_key) for each in candidates))
        there = [(each, body) for each, body in zip(candidates, bodies, strict=True) if body is not None]
        kept = [body for _, body in there]
        measured = await self.workers.run(_compare_kept, self.detection.compare, fingerprint, kept)
        found: dict[str, Evidence] = {}
        for (candidate, _), evidence in zip(there, measured, strict=True):
            if isinstance(evidence, FingerprintFormatError):
                _say_unreadable(candidate.fingerprint_key, evidence)
            else:
                found[candidate.video_id] = evidence
        return found

    async def _kept(self, key: str) -> bytes | None:
        body = await self.bucket.get(key)
        return None if body is None or isinstance(body, R2Object) else await body.bytes()


def _compare_kept(
    compare: Callable[[Fingerprint, Sequence[Fingerprint]], Sequence[Evidence]],
    fingerprint: Fingerprint,
    bodies: Sequence[bytes],
) -> list[Evidence | FingerprintFormatError]:
    """Evidence on each of the kept fingerprints, or why it cannot be read. Unpacked where they are compared: what is
    handed to the process is bytes."""
    read = [_unpacked(body) for body in bodies]
    measured = iter(compare(fingerprint, [each for each in read if isinstance(each, Fingerprint)]))
    return [next(measured) if isinstance(each, Fingerprint) else each for each in read]


def _unpacked(body: bytes) -> Fingerprint | FingerprintFormatError:
    try:
        return unpack(body)
    except FingerprintFormatError as error:
        return error


def _say_unreadable(key: str, error: FingerprintFormatError) -> None:
    _log.error("fingerprint_unreadable", key=key, error=str(error))


def _settled(found: Found, evidence: Mapping[str, Evidence]) -> tuple[dict[str, str], dict[str, Evidence]]:
    """Statuses and evidence of those that are decided themselves."""
    statuses = {each.video_id: each.status for each in found.candidates if each.is_settled}
    return statuses, {video_id: evidence[video_id] for video_id in statuses if video_id in evidence}


def _approved(found: Found) -> list[Candidate]:
    return [candidate for candidate in found.candidates if candidate.status == "approved"]
