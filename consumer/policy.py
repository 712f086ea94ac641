"""The policy: from evidence to a verdict. Pure; the table is in docs/policy.md.

A fingerprint is a fact, a verdict is an opinion: this is the one place that has opinions. Each says which version and
which thresholds made it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from consumer.similarity.evidence import Evidence
from wire.verdicts import Confidence, Match, MatchKind, Verdict

POLICY_VERSION = 1


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The settings a verdict depends on. All are checked by `check`.

    duplicate: score from which the picture alone makes a duplicate. similarity: from which the picture makes a suspect
    (and, with the sound, a duplicate). minimum: from which a likeness is logged. audio: from which the sound confirms.
    duration_tolerance: share by which lengths may differ. coverage: share of both videos that a whole copy covers.
    speed_tolerance: share by which speed may differ from 1. partial_seconds: least length of a matched part.
    audio_seconds, audio_variety: least length and variety of a stretch of sound that counts by itself.
    """

    duplicate: float = 0.95
    similarity: float = 0.85
    minimum: float = 0.70
    audio: float = 0.80
    duration_tolerance: float = 0.20
    coverage: float = 0.75
    speed_tolerance: float = 0.03
    partial_seconds: float = 3.0
    audio_seconds: float = 5.0
    audio_variety: float = 0.3

    def check(self) -> None:
        """Raises ValueError with a sentence when the thresholds contradict each other."""
        if not 0 < self.minimum <= self.similarity <= self.duplicate <= 1:
            raise ValueError(
                "the thresholds must rise: 0 < MIN_SIMILARITY <= SIMILARITY_THRESHOLD <= DUPLICATE_THRESHOLD <= 1, but "
                f"they are {self.minimum}, {self.similarity} and {self.duplicate}"
            )
        for name in ("audio", "duration_tolerance", "coverage", "speed_tolerance", "audio_variety"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be between 0 and 1, but is {getattr(self, name)}")


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the policy makes of one candidate. rank: 3 duplicate, 2 flagged, 1 similar, 0 nothing."""

    rank: int
    score: float
    match: Match
    reason: str | None = None
    confidence: Confidence | None = None


def decide(evidence: Sequence[tuple[str, Evidence]], thresholds: Thresholds) -> Verdict:
    """The verdict on an upload. evidence: (video id, evidence) of each candidate, in any order."""
    opinions = [opinion_of(video_id, found, thresholds) for video_id, found in evidence]
    ranked = sorted(opinions, key=lambda each: (-each.rank, -each.score, each.match.video_id))
    matches = tuple(each.match for each in ranked if each.rank > 0)
    used = {name: float(value) for name, value in asdict(thresholds).items()}
    best = ranked[0] if ranked else None
    if best is None or best.rank == 0:
        return Verdict("approved", POLICY_VERSION, used)
    match = best.match
    if best.rank == 1:
        return Verdict(
            "approved", POLICY_VERSION, used, similar_to=match.video_id, similarity_score=best.score, matches=matches
        )
    return Verdict(
        status="duplicate" if best.rank == 3 else "flagged",
        policy_version=POLICY_VERSION,
        thresholds=used,
        reason=best.reason,
        confidence=best.confidence,
        duplicate_of=match.video_id,
        similarity_score=best.score,
        matches=matches,
    )


def opinion_of(video_id: str, found: Evidence, thresholds: Thresholds) -> Opinion:
    """What one candidate amounts to."""
    if found.video_score >= thresholds.similarity and not _is_momentary(found, thresholds):
        return _of_picture(video_id, found, thresholds)
    if _sounds_alike(found, thresholds):
        return _opinion(2, found.audio_score or 0.0, "audio", video_id, found, "audio_match")
    if found.video_score >= thresholds.minimum:
        return _opinion(1, found.video_score, _kind(found, thresholds), video_id, found)
    return _opinion(0, found.video_score, "video", video_id, found)


def _of_picture(video_id: str, found: Evidence, thresholds: Thresholds) -> Opinion:
    audio = found.audio_score
    confirmed = audio is not None and audio >= thresholds.audio
    score = found.video_score
    kind = _kind(found, thresholds)
    reason = _special_case(found, kind == "partial", confirmed, thresholds)
    if reason is not None:
        return _opinion(2, score, kind, video_id, found, reason)
    if score >= thresholds.duplicate:
        return _opinion(3, score, kind, video_id, found, confidence="high")
    if audio is None:
        return _opinion(2, score, kind, video_id, found, "no_audio_to_confirm")
    if not confirmed:
        return _opinion(2, score, kind, video_id, found, "video_match_audio_mismatch")
    return _opinion(3, (score + audio) / 2, kind, video_id, found, confidence="very_high")


def _special_case(found: Evidence, partial: bool, confirmed: bool, thresholds: Thresholds) -> str | None:
    """Why a matching picture is not simply a copy, or None."""
    if abs(found.speed - 1.0) > thresholds.speed_tolerance:
        return "derivative_work"
    if found.coverage < thresholds.coverage:
        return "partial_match"
    if _durations_differ(found, thresholds):
        return "duration_mismatch"
    if partial:
        return "partial_match"
    if found.mirrored and not confirmed:
        return "mirrored"
    if found.quarter_turns and not confirmed:
        return "rotated"
    return None


def _kind(found: Evidence, thresholds: Thresholds) -> MatchKind:
    whole = min(found.coverage, found.ref_coverage) >= thresholds.coverage
    return "video" if whole else "partial"


def _is_momentary(found: Evidence, thresholds: Thresholds) -> bool:
    """A part matches, for too short to mean anything."""
    return _kind(found, thresholds) == "partial" and _longest(found) < thresholds.partial_seconds


def _durations_differ(found: Evidence, thresholds: Thresholds) -> bool:
    longer = max(found.duration, found.ref_duration)
    return abs(found.duration - found.ref_duration) > thresholds.duration_tolerance * longer


def _sounds_alike(found: Evidence, thresholds: Thresholds) -> bool:
    return (
        found.audio_score is not None
        and found.audio_score >= thresholds.audio
        and found.audio_seconds >= thresholds.audio_seconds
        and found.audio_variety >= thresholds.audio_variety
    )


def _longest(found: Evidence) -> float:
    return max((segment.end - segment.start for segment in found.segments), default=0.0)


def _opinion(
    rank: int,
    score: float,
    kind: MatchKind,
    video_id: str,
    found: Evidence,
    reason: str | None = None,
    confidence: Confidence | None = None,
) -> Opinion:
    segments = found.audio_segments if kind == "audio" else found.segments
    match = Match(
        video_id=video_id,
        kind=kind,
        similarity_score=round(score, 4),
        video_score=round(found.video_score, 4),
        audio_score=None if found.audio_score is None else round(found.audio_score, 4),
        coverage=round(found.coverage, 4),
        ref_coverage=round(found.ref_coverage, 4),
        mirrored=found.mirrored,
        speed=found.speed,
        pitch_semitones=found.pitch_semitones,
        segments=segments,
    )
    return Opinion(rank, round(score, 4), match, reason, confidence)
