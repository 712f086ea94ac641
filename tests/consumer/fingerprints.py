"""Small fingerprints made of a seed: equal seeds are equal videos, other seeds have nothing to do with one another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wire.fingerprints import ALGORITHM_VERSION, COEFFICIENTS, THUMBNAIL_SIDE, VECTOR_SIZE, Fingerprint, Fragment

INTERVAL = 0.5


def vector_of(seed: int) -> NDArray[np.float32]:
    numbers = np.random.default_rng(seed).normal(size=VECTOR_SIZE).astype(np.float32)
    return np.asarray(numbers / np.linalg.norm(numbers), dtype=np.float32)


def make_fingerprint(seed: int, *, duration: float = 10.0, noise: float = 0.0, codes: int = 80) -> Fingerprint:
    """noise: how far the video vector strays, as another encoding's would."""
    vector = vector_of(seed) + noise * vector_of(seed + 1_000_003)
    samples = max(1, int(duration / INTERVAL))
    random = np.random.default_rng(seed)
    return Fingerprint(
        algorithm_version=ALGORITHM_VERSION,
        tier="standard",
        duration=duration,
        width=640,
        height=480,
        interval=INTERVAL,
        video_vector=np.asarray(vector / np.linalg.norm(vector), dtype=np.float32),
        times=(np.arange(samples) * INTERVAL).astype(np.float32),
        frames=random.integers(-127, 128, (samples, COEFFICIENTS, COEFFICIENTS)).astype(np.int8),
        contrast=np.full(samples, 60, np.uint8),
        brightness=np.full(samples, 120, np.uint8),
        box=np.zeros(4, np.float32),
        bars=np.zeros((samples, 4), np.uint8),
        codes=random.integers(0, 2**32, codes, dtype=np.uint32),
    )


def blank_fingerprint(*, duration: float = 10.0) -> Fingerprint:
    """Of a black and silent video: there is nothing to compare."""
    samples = max(1, int(duration / INTERVAL))
    return Fingerprint(
        algorithm_version=ALGORITHM_VERSION,
        tier="standard",
        duration=duration,
        width=640,
        height=480,
        interval=INTERVAL,
        video_vector=np.zeros(VECTOR_SIZE, np.float32),
        times=(np.arange(samples) * INTERVAL).astype(np.float32),
        frames=np.zeros((samples, COEFFICIENTS, COEFFICIENTS), np.int8),
        contrast=np.zeros(samples, np.uint8),
        brightness=np.zeros(samples, np.uint8),
        box=np.zeros(4, np.float32),
        bars=np.zeros((samples, 4), np.uint8),
        codes=np.zeros(0, np.uint32),
    )


def make_fragment(duration: float, start: float, stop: float) -> Fragment:
    """What the range contributes; the picture does not matter to the consumer."""
    samples = max(1, int((min(stop, duration) - start) / INTERVAL))
    return Fragment(
        algorithm_version=ALGORITHM_VERSION,
        tier="standard",
        duration=duration,
        start=start,
        stop=min(stop, duration),
        width=640,
        height=480,
        interval=INTERVAL,
        first_code=0,
        times=(start + np.arange(samples) * INTERVAL).astype(np.float32),
        thumbnails=np.zeros((samples, THUMBNAIL_SIDE, THUMBNAIL_SIDE), np.uint8),
        margins=np.zeros((samples, 4), np.uint16),
        codes=np.zeros(0, np.uint32),
    )
