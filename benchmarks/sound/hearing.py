"""What the processor and the consumer make of one sound: its fingerprint, its candidates, and what is heard of each."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from consumer import candidates
from consumer.policy import judge
from consumer.similarity.evidence import Evidence
from consumer.similarity.sound import Heard, has_sound, heard
from consumer.sound_terms import sound_question, sound_terms, sound_votes
from consumer.thresholds import Thresholds
from processor.extract import Recipe, extract
from processor.limits import DecodeLimits
from wire.fingerprints import Fingerprint, unpack
from wire.processing import ExtractRequest

MOST_COMPARED = 8
"""Candidates that are compared exactly."""

_RECIPE = Recipe(frame_interval=1.0, phash_size=8, limits=DecodeLimits(max_duration=24 * 3600, threads=1))


def fingerprint_of(path: Path) -> Fingerprint:
    """As the processor makes it. Raises ProcessorError."""
    with path.open("rb") as file:
        made = extract(file, ExtractRequest("file:", "sound", whole=True), _RECIPE)
    return unpack(base64.b64decode(made.fingerprint))


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Sounds, by name, under the consumer's own terms."""

    sounds: Mapping[str, Fingerprint]
    _rows: dict[int, list[tuple[int, str, int]]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        for name, fingerprint in self.sounds.items():
            for term, position in sound_terms(fingerprint):
                self._rows[term].append((term, name, position))

    def proposed(self, query: Fingerprint) -> list[str]:
        """Whose sound the index proposes, best first."""
        question = sound_question(query)
        rows = [row for term in dict.fromkeys(question.terms.tolist()) for row in self._rows.get(term, ())]
        return candidates.rank([], sound_votes(question, rows), len(self.sounds))


def matched(query: Fingerprint, reference: Fingerprint) -> Heard | None:
    """The surest stretch that both have in common, if the policy calls it a match by sound."""
    stretches = heard(query, reference)
    evidence = evidence_of(query, reference, stretches)
    reason = judge("", evidence, Thresholds()).opinion.reason
    return stretches[0] if reason == "audio_match" else None


def evidence_of(query: Fingerprint, reference: Fingerprint, stretches: list[Heard]) -> Evidence:
    """As `consumer.similarity.compare` gives it for two videos whose pictures have nothing in common."""
    best = stretches[0] if stretches else None
    comparable = has_sound(query) and has_sound(reference)
    return Evidence(
        video_score=0.0,
        audio_score=best.score if best else 0.0 if comparable else None,
        audio_seconds=best.seconds if best else 0.0,
        audio_variety=best.variety if best else 0.0,
        coverage=0.0,
        ref_coverage=0.0,
        mirrored=False,
        quarter_turns=0,
        speed=best.speed if best else 1.0,
        pitch_semitones=best.pitch_semitones if best else 0.0,
        still=0.0,
        moving=0.0,
        area=0.0,
        segments=(),
        audio_segments=(),
        duration=query.duration,
        ref_duration=reference.duration,
    )
