"""Evidence as a test wants it: of two videos that match as told, whole and without a special case unless told."""

from __future__ import annotations

from consumer.similarity import Evidence
from wire.verdicts import Segment


def evidence(
    video: float = 0.0,
    audio: float | None = None,
    coverage: float = 1.0,
    ref_coverage: float = 1.0,
    duration: float = 100.0,
    ref_duration: float = 100.0,
    mirrored: bool = False,
    quarter_turns: int = 0,
    speed: float = 1.0,
    audio_seconds: float = 0.0,
    audio_variety: float = 0.9,
    longest: float | None = None,
    area: float = 1.0,
    start: float = 0.0,
    ref_start: float = 5.0,
) -> Evidence:
    """longest: seconds of the longest matched stretch; of all that coverage says, when not given. start, ref_start:
    where it starts in the upload and in the other."""
    lasts = coverage * duration if longest is None else longest
    seen = Segment(start, start + lasts, ref_start, ref_start + lasts * speed, video, speed, mirrored)
    heard = Segment(start, start + audio_seconds, ref_start, ref_start + audio_seconds, audio or 0.0)
    return Evidence(
        video_score=video,
        audio_score=audio,
        audio_seconds=audio_seconds,
        audio_variety=audio_variety,
        coverage=coverage,
        ref_coverage=ref_coverage,
        mirrored=mirrored,
        quarter_turns=quarter_turns,
        speed=speed,
        pitch_semitones=0.0,
        still=video,
        moving=video,
        area=area,
        segments=(seen,) if video >= 0.7 and lasts > 0 else (),
        audio_segments=(heard,) if audio_seconds else (),
        duration=duration,
        ref_duration=ref_duration,
    )
