"""The policy: from evidence to a verdict. Pure; the table is in docs/policy.md.

A fingerprint is a fact, a verdict is an opinion: this is the one place that has opinions. Each says which version and
which thresholds made it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from consumer.shared_parts import (
    NOTHING_COMMON,
    Common,
    Shared,
    Stretch,
    common_stretches,
    longest_beyond,
    without_echoes,
)
from consumer.similarity.evidence import Evidence
from consumer.thresholds import Thresholds
from wire.verdicts import Confidence, Match, MatchKind, Verdict

POLICY_VERSION = 2

_UNDER = 1e-4
"""A likeness that is only noted scores at least so much less than a suspect."""


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


def decide(
    evidence: Sequence[tuple[str, Evidence]], thresholds: Thresholds, *, approved: Collection[str] = ()
) -> Verdict:
    """The verdict on an upload. evidence: (video id, evidence) of each candidate, in any order. approved: those of them
    that are; what several of these have in common accuses nobody."""
    common = common_among([found for video_id, found in evidence if video_id in approved], thresholds)
    opinions = [opinion_of(video_id, found, thresholds, common) for video_id, found in evidence]
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


def opinion_of(video_id: str, found: Evidence, thresholds: Thresholds, common: Common = NOTHING_COMMON) -> Opinion:
    """What one candidate amounts to."""
    return judge(video_id, found, thresholds, common).opinion


def judge(video_id: str, found: Evidence, thresholds: Thresholds, common: Common = NOTHING_COMMON) -> Judgement:
    """What one candidate amounts to, and why. common: what many other videos have as well."""
    ask, seen = _Questions(thresholds), _seen(found, thresholds)
    if (
        ask.at_least("alike", "similarity", found.video_score)
        and _is_lasting(found, ask)
        and _is_more_than_shared(seen, ask, common.picture if seen.is_lesser else ())
    ):
        opinion = _of_picture(video_id, found, thresholds, ask)
    elif _sounds_alike(found, ask) and _is_more_than_shared(_heard(found), ask, common.sound):
        opinion = _opinion(2, found.audio_score or 0.0, "audio", video_id, found, "audio_match")
    elif ask.at_least("similar", "minimum", found.video_score):
        noted = min(found.video_score, thresholds.similarity - _UNDER)
        opinion = _opinion(1, noted, _kind(found, thresholds), video_id, found)
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
    return whole or ask.at_least("lasting", "partial_seconds", longest_beyond(found.segments, ()))


def _is_more_than_shared(shared: Shared, ask: _Questions, common: Sequence[Stretch]) -> bool:
    """Not merely an intro or an end card of both, and not merely what many other videos have as well."""
    at_the_edges = shared.is_lesser and shared.is_at_the_edges
    if at_the_edges and not ask.at_least("more_than_intro", "shared_seconds", longest_beyond(shared.segments, ())):
        return False
    return not common or ask.at_least("uncommon", "partial_seconds", longest_beyond(shared.segments, common))


def _sounds_alike(found: Evidence, ask: _Questions) -> bool:
    return (
        ask.at_least("sounds_alike", "audio", found.audio_score)
        and ask.at_least("sounds_long", "audio_seconds", found.audio_seconds)
        and ask.at_least("sounds_varied", "audio_variety", found.audio_variety)
    )


def common_among(approved: Sequence[Evidence], thresholds: Thresholds) -> Common:
    """What several of these have in common with the upload: of the picture their lesser parts, of the sound what lies
    under other pictures. approved: the evidence of each candidate that is."""
    alike = [found for found in approved if found.video_score >= thresholds.similarity]
    unlike = [found for found in approved if found.video_score < thresholds.similarity]
    lesser = [seen for seen in (_seen(found, thresholds) for found in alike) if seen.is_lesser]
    heard = [_heard(found) for found in unlike if _sounds_alike(found, _Questions(thresholds))]
    least = thresholds.common_videos
    return Common(common_stretches(lesser, least), common_stretches(heard, least))


def _seen(found: Evidence, thresholds: Thresholds) -> Shared:
    return Shared(without_echoes(found.segments, thresholds.similarity), found.duration, found.ref_duration)


def _heard(found: Evidence) -> Shared:
    return Shared(found.audio_segments, found.duration, found.ref_duration)


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
        audio_segments=() if kind == "audio" else found.audio_segments,
    )
    return Opinion(rank, round(score, 4), match, reason, confidence)
