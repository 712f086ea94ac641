"""Matches and verdicts as users see them and as rows keep them.

A fingerprint is a fact; a verdict is an opinion. The opinion carries the version of the policy and the thresholds that
made it, so that it can be made again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

VideoStatus = Literal["processing", "approved", "duplicate", "rejected", "flagged"]
VIDEO_STATUSES: tuple[VideoStatus, ...] = get_args(VideoStatus)

JobStatus = Literal["pending", "processing", "completed", "failed"]
JOB_STATUSES: tuple[JobStatus, ...] = get_args(JobStatus)

MatchKind = Literal["video", "partial", "audio"]
Confidence = Literal["high", "very_high"]


@dataclass(frozen=True, slots=True)
class Segment:
    """A matched time range: [start, end) of the upload shows [ref_start, ref_end) of the other video. Seconds.

    speed, mirrored: how the upload shows it there, as in Match.
    """

    start: float
    end: float
    ref_start: float
    ref_end: float
    score: float
    speed: float = 1.0
    mirrored: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """Evidence that counts, against one video of the catalogue.

    similarity_score, video_score, audio_score: 0..1; audio_score is None when one side has no usable sound.
    coverage: share of the upload that the segments cover; ref_coverage: share of the other video. 0..1.
    area: share of the upload's picture that agrees where it agrees best. 0..1.
    speed: seconds of the other video shown in one second of the upload (1.25: the upload plays faster; -1: backwards).
    pitch_semitones: how much higher the upload sounds.
    segments: of sound where the kind is audio, else of picture; then audio_segments are those of sound.
    """

    video_id: str
    kind: MatchKind
    similarity_score: float
    video_score: float
    audio_score: float | None
    coverage: float
    ref_coverage: float
    mirrored: bool = False
    speed: float = 1.0
    pitch_semitones: float = 0.0
    segments: tuple[Segment, ...] = ()
    area: float = 1.0
    audio_segments: tuple[Segment, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {name: [asdict(s) for s in getattr(self, name)] for name in _SEGMENTS}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Match:
        known = {name: body[name] for name in cls.__dataclass_fields__ if name in body}
        return cls(**known | {name: tuple(Segment(**s) for s in body.get(name, ())) for name in _SEGMENTS})


_SEGMENTS = ("segments", "audio_segments")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The opinion on one video.

    status: never "processing". reason: for flagged and rejected, a stable snake_case word (docs/policy.md).
    duplicate_of: the original of a duplicate, the suspect of a flagged one. similar_to: an approved one's nearest kin.
    thresholds: name -> value of every setting that took part. why: which questions of the policy led to it, and which
    threshold would have changed it, as JSON (docs/api.md); None when nobody said.
    """

    status: VideoStatus
    policy_version: int
    thresholds: Mapping[str, float]
    reason: str | None = None
    confidence: Confidence | None = None
    duplicate_of: str | None = None
    similar_to: str | None = None
    similarity_score: float | None = None
    matches: tuple[Match, ...] = field(default=())
    why: Mapping[str, Any] | None = None
