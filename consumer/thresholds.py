"""The thresholds that a verdict depends on: which have a setting, and when they contradict each other. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The settings a verdict depends on. All are checked by `check`.

    duplicate: score from which the picture alone makes a duplicate. similarity: from which the picture makes a suspect
    (and, with the sound, a duplicate). minimum: from which a likeness is logged. audio: from which the sound confirms.
    duration_tolerance: share by which lengths may differ. coverage: share of both videos that a whole copy covers.
    area: share of the upload's picture that it fills, unless the sound confirms it.
    speed_tolerance: share by which speed may differ from 1. partial_seconds: least length of a matched part.
    shared_seconds: the same of a part that opens both videos or closes both. common_videos: approved videos that show
    a part too, from which it is nobody's.
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
    shared_seconds: float = 6.0
    common_videos: float = 3.0
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
