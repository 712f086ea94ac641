"""compare(): everything two fingerprints say about each other, and no opinion about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from consumer.similarity.picture import COUNTS, Stretch, stretches
from consumer.similarity.sound import Heard, has_sound, heard
from consumer.similarity.tone_matching import ToneQuery
from consumer.similarity.views import Seen
from wire.fingerprints import Fingerprint
from wire.verdicts import Segment


class VersionMismatchError(ValueError):
    """The fingerprints were made by different algorithm versions and say nothing about each other."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was measured between an upload (the query) and one video of the catalogue (the reference).

    video_score: of the surest stretch, 0..1. audio_score: along the best aligned stretch of sound; None when one side
    has no sound to compare; audio_seconds and audio_variety describe that stretch.
    coverage, ref_coverage: share of the samples that show something which the matched stretches cover, 0..1.
    mirrored, speed: how the upload shows the reference (speed 1.25: the upload plays faster; negative: backwards).
    quarter_turns: how often the upload has to be turned counter-clockwise, after mirroring, to show it.
    still, moving, area: the surest stretch's correlations and the share of the picture that agrees.
    segments: matched stretches of picture, surest first; audio_segments: of sound. Seconds.
    duration, ref_duration: seconds.
    """

    video_score: float
    audio_score: float | None
    audio_seconds: float
    audio_variety: float
    coverage: float
    ref_coverage: float
    mirrored: bool
    quarter_turns: int
    speed: float
    pitch_semitones: float
    still: float
    moving: float
    area: float
    segments: tuple[Segment, ...]
    audio_segments: tuple[Segment, ...]
    duration: float
    ref_duration: float


def compare(query: Fingerprint, reference: Fingerprint) -> Evidence:
    """Lay two fingerprints side by side. Raises VersionMismatchError.

    Costs some 20 ms for unrelated and 60 ms for related clips of 20 s, and 20 s for two of an hour: run it off the
    event loop.
    """
    return compare_each(query, [reference])[0]


def compare_each(query: Fingerprint, references: Sequence[Fingerprint]) -> list[Evidence]:
    """`compare` with each of several, in their order; what is made of the query is made once."""
    for reference in references:
        if query.algorithm_version != reference.algorithm_version:
            raise VersionMismatchError(
                f"fingerprints of algorithm versions {query.algorithm_version} and {reference.algorithm_version}"
            )
    own, tones = Seen(query), ToneQuery(query.tones)
    return [_evidence(own, tones, Seen(reference)) for reference in references]


def _evidence(own: Seen, tones: ToneQuery, other: Seen) -> Evidence:
    query, reference = own.fingerprint, other.fingerprint
    pieces = stretches(own, other)
    counted = [piece for piece in pieces if piece.score >= COUNTS]
    best = pieces[0] if pieces else None
    sounds = heard(query, reference, tones)
    sound = sounds[0] if sounds else None
    return Evidence(
        video_score=best.score if best else 0.0,
        audio_score=_audio_score(query, reference, sound),
        audio_seconds=sound.seconds if sound else 0.0,
        audio_variety=sound.variety if sound else 0.0,
        coverage=_share(own, [piece.rows for piece in counted]),
        ref_coverage=_share(other, [piece.ref_rows for piece in counted]),
        mirrored=best.mirrored if best else False,
        quarter_turns=best.quarter_turns if best else 0,
        speed=_speed(best, sound),
        pitch_semitones=round(sound.pitch_semitones, 1) if sound else 0.0,
        still=best.registered.still if best else 0.0,
        moving=best.registered.moving if best else 0.0,
        area=best.area if best else 0.0,
        segments=tuple(_segment(piece, mirrored=piece.mirrored) for piece in counted),
        audio_segments=tuple(_segment(each) for each in sounds),
        duration=query.duration,
        ref_duration=reference.duration,
    )


def _audio_score(query: Fingerprint, reference: Fingerprint, sound: Heard | None) -> float | None:
    if not (has_sound(query) and has_sound(reference)):
        return None
    return sound.score if sound else 0.0


def _speed(best: Stretch | None, sound: Heard | None) -> float:
    """The picture's; where no picture counts, the sound's."""
    if best is not None and (best.score >= COUNTS or sound is None):
        return round(best.speed, 3)
    return round(sound.speed, 3) if sound else 1.0


def _share(seen: Seen, covered: list[NDArray[np.bool_]]) -> float:
    if not covered or not seen.telling.any():
        return 0.0
    return float((np.any(covered, axis=0) & seen.telling).sum() / seen.telling.sum())


def _segment(piece: Stretch | Heard, *, mirrored: bool = False) -> Segment:
    return Segment(
        start=round(piece.start, 2),
        end=round(piece.end, 2),
        ref_start=round(piece.ref_start, 2),
        ref_end=round(piece.ref_end, 2),
        score=round(piece.score, 4),
        speed=round(piece.speed, 3),
        mirrored=mirrored,
    )
