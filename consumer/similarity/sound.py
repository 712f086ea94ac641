"""Sound: which stretches of one video sound like which of another, and at which pitch and tempo.

Chromaprint's codes tell the same recording, however encoded, cheaply and surely. Where they do not account for all of
the shorter sound, the tones are asked, which hear it at another pitch and tempo too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from consumer.similarity.code_matching import CodeStretch, code_stretches, is_sound
from consumer.similarity.tone_matching import ToneQuery, ToneStretch, tone_stretches
from wire.fingerprints import CODE_SECONDS, CODE_WINDOW_SECONDS, TONE_WINDOW_SECONDS, Fingerprint

_SURE = 0.95
_WHOLE = 0.8
_MOST_STRETCHES = 6


@dataclass(frozen=True, slots=True)
class Heard:
    """One stretch of sound in both videos: start, end of the query and ref_start, ref_end of the reference, seconds.

    score: 1 for the same recording; what has nothing in common is not among those heard. seconds: of the query's side,
    without those in which either side is silent. variety: how little of it stays the same or comes again, 0..1, of the
    less varied side: a hum and a siren have little. speed: how fast the query plays the reference. pitch_semitones: how
    much higher it sounds.
    """

    start: float
    end: float
    ref_start: float
    ref_end: float
    score: float
    seconds: float
    variety: float
    speed: float = 1.0
    pitch_semitones: float = 0.0

    @property
    def mass(self) -> float:
        """What speaks for the stretch: how long, and how much better than the least that counts."""
        return self.seconds * (self.score - 0.5)


def heard(query: Fingerprint, reference: Fingerprint, tones: ToneQuery | None = None) -> list[Heard]:
    """The stretches of sound that both have in common, surest first; each part of the query is in one at most.

    tones: the query's, for one that is laid beside several.
    """
    if not has_sound(query) or not has_sound(reference):
        return []
    exact = [_of_codes(each, query, reference) for each in code_stretches(query.codes, reference.codes)]
    if _is_all(exact, query, reference):
        return exact
    found = tone_stretches(tones or ToneQuery(query.tones), reference.tones)
    altered = [_of_tones(each, query, reference) for each in found]
    kept: list[Heard] = []
    for stretch in sorted(exact + altered, key=lambda each: -each.mass):
        if len(kept) < _MOST_STRETCHES and not any(_overlap(stretch, known) for known in kept):
            kept.append(stretch)
    return kept


def has_sound(fingerprint: Fingerprint) -> bool:
    """Whether there is sound that could tell: long and varied enough."""
    return is_sound(fingerprint.codes)


def _is_all(exact: list[Heard], query: Fingerprint, reference: Fingerprint) -> bool:
    """The codes leave nothing to be asked: the same recording from end to end of one of the two."""
    shorter = min(query.duration, reference.duration)
    return bool(exact) and exact[0].score >= _SURE and exact[0].end - exact[0].start >= _WHOLE * shorter


def _of_codes(stretch: CodeStretch, query: Fingerprint, reference: Fingerprint) -> Heard:
    """A code hears 2.7 s. Where one stretch ends between others, half of that sounded alike already."""
    start = stretch.start * CODE_SECONDS + (0.0 if stretch.from_first else CODE_WINDOW_SECONDS / 2)
    end = (stretch.stop - 1) * CODE_SECONDS + CODE_WINDOW_SECONDS * (1.0 if stretch.to_last else 0.5)
    later = stretch.offset * CODE_SECONDS
    end = min(end, query.duration, reference.duration - later)
    rows = slice(round(start / CODE_SECONDS), max(0, round((end - TONE_WINDOW_SECONDS) / CODE_SECONDS)) + 1)
    return Heard(
        start=start,
        end=end,
        ref_start=start + later,
        ref_end=end + later,
        score=stretch.score,
        seconds=(end - start) * _audible(query, reference, rows, stretch.offset),
        variety=stretch.variety,
    )


def _audible(query: Fingerprint, reference: Fingerprint, rows: slice, offset: int) -> float:
    """In which share of these rows of the query, which lie offset rows later in the reference, both can be heard.

    1 where there are no tones to tell.
    """
    own, other = query.tones[rows], reference.tones[rows.start + offset : rows.stop + offset]
    both = min(len(own), len(other))
    return float((own[:both].any(axis=1) & other[:both].any(axis=1)).mean()) if both else 1.0


def _of_tones(stretch: ToneStretch, query: Fingerprint, reference: Fingerprint) -> Heard:
    rest = TONE_WINDOW_SECONDS - CODE_SECONDS
    return Heard(
        start=float(np.clip(stretch.start * CODE_SECONDS, 0.0, query.duration)),
        end=float(np.clip(stretch.stop * CODE_SECONDS + rest, 0.0, query.duration)),
        ref_start=float(np.clip(stretch.ref_start * CODE_SECONDS, 0.0, reference.duration)),
        ref_end=float(np.clip(stretch.ref_stop * CODE_SECONDS + rest, 0.0, reference.duration)),
        score=(1.0 + stretch.correlation) / 2,
        seconds=stretch.rows * CODE_SECONDS / stretch.tempo,
        variety=stretch.variety,
        speed=stretch.tempo,
        pitch_semitones=stretch.semitones,
    )


def _overlap(one: Heard, other: Heard) -> bool:
    """More than half of the shorter one is in the other."""
    common = min(one.end, other.end) - max(one.start, other.start)
    return 2 * common > min(one.end - one.start, other.end - other.start)
