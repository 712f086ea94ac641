"""The fingerprints that fill the catalogue: those of real clips, and of synthetic ones, each of a seed."""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.catalogue.films import Pictures, film_of, fingerprint_of
from benchmarks.catalogue.sounds import Codes, Tones, audible, synthetic_sound
from benchmarks.catalogue.synthetic import synthetic_film, telling_pictures
from benchmarks.quality.worker import fingerprint as kept_fingerprint
from benchmarks.quality.workers import SAMPLE_SECONDS
from wire.fingerprints import Fingerprint

_SHORTEST, _USUAL, _LONGEST = 5.0, 12.0, 60.0
"""Seconds of a synthetic video."""


@dataclass(frozen=True, slots=True)
class Material:
    """What synthetic videos are mixed of."""

    pictures: Sequence[Pictures]
    sounds: Sequence[tuple[Tones, Codes]]

    @classmethod
    def of(cls, fingerprints: Sequence[Fingerprint]) -> Material:
        """Raises ValueError when those are too few."""
        material = cls(telling_pictures([film_of(each) for each in fingerprints]), audible(fingerprints))
        if len(material.pictures) < 2 or not material.sounds:
            raise ValueError("two clips that show something are the least, and one that sounds")
        return material


def synthetic(seed: int, material: Material) -> Fingerprint:
    """A video of a seed: 5 s to a minute, the half of them under 15 s; one in seven has no sound."""
    random = np.random.default_rng((seed, 79))
    seconds = min(_LONGEST, _SHORTEST + float(random.exponential(_USUAL)))
    fingerprint = fingerprint_of(synthetic_film(seed, material.pictures, seconds=seconds, interval=SAMPLE_SECONDS))
    codes, tones = synthetic_sound(seed, material.sounds, seconds=fingerprint.duration)
    return replace(fingerprint, codes=codes, tones=tones)


def synthetic_from(seed: int, files: tuple[str, ...]) -> tuple[Fingerprint, float]:
    """For a process of its own; and the processor seconds it took. files: kept fingerprints to make the Material of."""
    material = _material(files)
    began = time.process_time()
    return synthetic(seed, material), time.process_time() - began


@functools.cache
def _material(files: tuple[str, ...]) -> Material:
    return Material.of([kept_fingerprint(file) for file in files])
