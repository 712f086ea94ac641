"""The policy: from evidence to a verdict. Pure; the table is in docs/policy.md.

A fingerprint is a fact, a verdict is an opinion: this is the one place that has opinions. Each says which version and
which thresholds made it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from consumer.similarity.evidence import Evidence
from wire.verdicts import Confidence, Match, MatchKind, Verdict

POLICY_VERSION = 1


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The settings a verdict depends on. All are checked by `check`.

    duplicate: score from which the picture alone makes a duplicate. similarity: from which the picture makes a suspect
    (and, with the sound, a duplicate). minimum: from which a likeness is logged. audio: from which the sound confirms.
    duration_tolerance: share by which lengths may differ. coverage: share of both videos that a whole copy covers.
    area: share of the upload's picture that it fills, unless the sound confirms it.
    speed_tolerance: share by which speed may differ from 1. partial_seconds: least length of a matched part.
    audio_seconds, audio_variety: least length and variety of a stretch of sound that counts by itself.
    """

    duplicate: float = 0.95
    similarity: float = 0.85
    minimum: float = 0.70
    audio: float = 0.80
    duration_tolerance: float = 0.20
    coverage: float = 0.75
    area: float = 0.4
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
        for name in ("audio", "duration_tolerance", "coverage", "area", "speed_tolerance", "audio_variety"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be between 0 and 1, but is {getattr(self, name)}")


SETTINGS: Mapping[str, str] = {
    "duplicate": "DUPLICATE_THRESHOLD",
    "similarity": "SIMILARITY_THRESHOLD",
    "minimum": "MIN_SIMILARITY",
    "audio": "AUDIO_THRESHOLD",
    "duration_tolerance": "DURATION_TOLERANCE",
}
"""The setting of each field of Thresholds that has one."""


def thresholds_of(settings: object) -> Thresholds:
    """settings: has an attribute for each of SETTINGS, named like it in lower case."""
    return Thresholds(**{field: getattr(settings, name.lower()) for field, name in SETTINGS.items()})


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the policy makes of one candidate. rank: 3 duplicate, 2 flagged, 1 similar, 0 nothing."""

    rank: int
    score: float
    match: Match
    reason: str | None = None
    confidence: Confidence | None = None


Bound = Literal["at least", "at most"]


@dataclass(frozen=True, slots=True)
class Gate:
    """One question that the policy asked of the evidence, and the answer.

    value: what was measured; None when there was nothing to measure, or the question is a plain one of yes or no.
    threshold: the field of Thresholds that the value was held against; None for yes or no. limit: its value then.
    """

    name: str
    passed: bool
    value: float | None = None
    bound: Bound | None = None
    threshold: str | None = None
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """An opinion and the questions that led to it, in their order. The last one asked decided."""

    opinion: Opinion
    gates: tuple[Gate, ...]


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
    return judge(video_id, found, thresholds).opinion


def judge(video_id: str, found: Evidence, thresholds: Thresholds) -> Judgement:
    """What one candidate amounts to, and why."""
    ask = _Questions(thresholds)
    if ask.at_least("alike", "similarity", found.video_score) and _is_lasting(found, ask):
        opinion = _of_picture(video_id, found, thresholds, ask)
    elif _sounds_alike(found, ask):
        opinion = _opinion(2, found.audio_score or 0.0, "audio", video_id, found, "audio_match")
    elif ask.at_least("similar", "minimum", found.video_score):
        opinion = _opinion(1, found.video_score, _kind(found, thresholds), video_id, found)
    else:
        opinion = _opinion(0, found.video_score, "video", video_id, found)
    return Judgement(opinion, tuple(ask.asked))


class _Questions:
    """Asks, and writes down what was asked."""

    def __init__(self, thresholds: Thresholds) -> None:
        self.asked: list[Gate] = []
        self._thresholds = thresholds

    def at_least(self, name: str, threshold: str, value: float | None) -> bool:
        """Whether the value reaches the threshold; a value that was not measured does not."""
        limit = float(getattr(self._thresholds, threshold))
        return self._note(Gate(name, value is not None and value >= limit, value, "at least", threshold, limit))

    def at_most(self, name: str, threshold: str, value: float, *, of: float = 1.0) -> bool:
        """Whether the value, as a share of `of`, stays within the threshold."""
        limit = float(getattr(self._thresholds, threshold))
        share = value / of if of else 0.0
        return self._note(Gate(name, value <= limit * of, share, "at most", threshold, limit))

    def holds(self, name: str, passed: bool) -> bool:
        return self._note(Gate(name, passed))

    def _note(self, gate: Gate) -> bool:
        self.asked.append(gate)
        return gate.passed


def _of_picture(video_id: str, found: Evidence, thresholds: Thresholds, ask: _Questions) -> Opinion:
    audio, score = found.audio_score, found.video_score
    kind = _kind(found, thresholds)
    reason = _special_case(found, ask)
    if reason is not None:
        return _opinion(2, score, kind, video_id, found, reason)
    if ask.at_least("sure", "duplicate", score):
        return _opinion(3, score, kind, video_id, found, confidence="high")
    if not ask.holds("has_sound", audio is not None) or audio is None:
        return _opinion(2, score, kind, video_id, found, "no_audio_to_confirm")
    if not ask.at_least("sound_confirms", "audio", audio):
        return _opinion(2, score, kind, video_id, found, "video_match_audio_mismatch")
    return _opinion(3, (score + audio) / 2, kind, video_id, found, confidence="very_high")


def _special_case(found: Evidence, ask: _Questions) -> str | None:
    """Why a matching picture is not simply a copy, or None."""
    longer, difference = max(found.duration, found.ref_duration), abs(found.duration - found.ref_duration)
    if not ask.at_most("same_speed", "speed_tolerance", abs(found.speed - 1.0)):
        return "derivative_work"
    if not ask.at_least("upload_covered", "coverage", found.coverage):
        return "partial_match"
    if not ask.at_most("same_length", "duration_tolerance", difference, of=longer):
        return "duration_mismatch"
    if not ask.at_least("other_covered", "coverage", found.ref_coverage):
        return "partial_match"
    if not ask.at_least("fills_picture", "area", found.area) and not _sound_confirms(found, ask):
        return "partial_match"
    if not ask.holds("not_mirrored", not found.mirrored) and not _sound_confirms(found, ask):
        return "mirrored"
    if not ask.holds("not_turned", not found.quarter_turns) and not _sound_confirms(found, ask):
        return "rotated"
    return None


def _sound_confirms(found: Evidence, ask: _Questions) -> bool:
    return ask.at_least("sound_confirms", "audio", found.audio_score)


def _kind(found: Evidence, thresholds: Thresholds) -> MatchKind:
    whole = min(found.coverage, found.ref_coverage) >= thresholds.coverage
    return "video" if whole else "partial"


def _is_lasting(found: Evidence, ask: _Questions) -> bool:
    """The whole matches, or a part of it for long enough to mean something."""
    whole = ask.at_least("whole", "coverage", min(found.coverage, found.ref_coverage))
    return whole or ask.at_least("lasting", "partial_seconds", _longest(found))


def _sounds_alike(found: Evidence, ask: _Questions) -> bool:
    return (
        ask.at_least("sounds_alike", "audio", found.audio_score)
        and ask.at_least("sounds_long", "audio_seconds", found.audio_seconds)
        and ask.at_least("sounds_varied", "audio_variety", found.audio_variety)
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
        area=round(found.area, 4),
    )
    return Opinion(rank, round(score, 4), match, reason, confidence)
