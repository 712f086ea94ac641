"""Fingerprints of drawn videos with melodies, to mix synthetic ones of."""

from __future__ import annotations

import functools
from dataclasses import replace

from benchmarks.catalogue.entries import Material
from tests.consumer.clips import clip, fingerprint_of
from tests.consumer.sounds import heard_in, melody
from wire.fingerprints import Fingerprint

SEEDS = range(4)


@functools.cache
def reel(seed: int, seconds: float = 12.0) -> Fingerprint:
    heard = heard_in(melody(seed, seconds))
    return replace(fingerprint_of(clip(seed, duration=seconds)), codes=heard.codes, tones=heard.tones)


@functools.cache
def material() -> Material:
    return Material.of([reel(seed) for seed in SEEDS])
