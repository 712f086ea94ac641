"""Fingerprints and fragments of any size, and bytes with a header of the test's own."""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import fields
from typing import Any

import numpy as np

from wire.fingerprints import (
    ALGORITHM_VERSION,
    CODE_SECONDS,
    COEFFICIENTS,
    DETAIL_SIDE,
    THUMBNAIL_SIDE,
    TONES,
    VECTOR_SIZE,
    Fingerprint,
    Fragment,
    pack,
)


def fingerprint(samples: int, codes: int, seed: int = 0) -> Fingerprint:
    """Of a video just long enough."""
    random = np.random.default_rng(seed)
    return Fingerprint(
        algorithm_version=ALGORITHM_VERSION,
        tier="premium",
        duration=max(samples * 0.5, codes * CODE_SECONDS),
        width=640,
        height=360,
        interval=0.5,
        video_vector=random.normal(size=VECTOR_SIZE).astype(np.float32),
        times=(np.arange(samples) * 0.5).astype(np.float32),
        frames=random.integers(-127, 128, (samples, COEFFICIENTS, COEFFICIENTS)).astype(np.int8),
        contrast=random.integers(0, 256, samples).astype(np.uint8),
        brightness=random.integers(0, 256, samples).astype(np.uint8),
        box=random.uniform(0, 0.4, 4).astype(np.float32),
        bars=random.integers(0, 256, (samples, 4)).astype(np.uint8),
        codes=random.integers(0, 2**32, codes, dtype=np.uint32),
        tones=random.integers(0, 256, (codes, TONES)).astype(np.uint8),
        focus=random.uniform(0, 0.4, 4 * (seed % 2)).astype(np.float32),
        focus_frames=random.integers(-127, 128, (samples * (seed % 2), 16, 16)).astype(np.int8),
        focus_contrast=random.integers(0, 256, samples * (seed % 2)).astype(np.uint8),
        focus_brightness=random.integers(0, 256, samples * (seed % 2)).astype(np.uint8),
        inset=random.uniform(0, 0.4, 4 * (seed % 3 == 1)).astype(np.float32),
        inset_frames=random.integers(-127, 128, (samples * (seed % 3 == 1), 16, 16)).astype(np.int8),
        inset_contrast=random.integers(0, 256, samples * (seed % 3 == 1)).astype(np.uint8),
        inset_brightness=random.integers(0, 256, samples * (seed % 3 == 1)).astype(np.uint8),
    )


def fragment(samples: int, codes: int, seed: int = 0) -> Fragment:
    random = np.random.default_rng(seed)
    return Fragment(
        algorithm_version=ALGORITHM_VERSION,
        tier="economy",
        duration=1000.0,
        start=300.0,
        stop=300.0 + samples * 0.5,
        width=1920,
        height=1080,
        interval=0.5,
        first_code=2424,
        times=(300 + np.arange(samples) * 0.5).astype(np.float32),
        thumbnails=random.integers(0, 256, (samples, THUMBNAIL_SIDE, THUMBNAIL_SIDE)).astype(np.uint8),
        margins=random.integers(0, 65536, (samples, 4)).astype(np.uint16),
        codes=random.integers(0, 2**32, codes, dtype=np.uint32),
        tones=random.integers(0, 256, (codes, TONES)).astype(np.uint8),
        details=random.integers(0, 256, (samples * (seed % 2), DETAIL_SIDE, DETAIL_SIDE)).astype(np.uint8),
    )


def same(one: Fingerprint | Fragment, other: Fingerprint | Fragment) -> bool:
    """Every field bit for bit, dtypes and shapes included."""
    return type(one) is type(other) and all(_alike(one, other, field.name) for field in fields(one))


def _alike(one: object, other: object, name: str) -> bool:
    left: object = getattr(one, name)
    right: object = getattr(other, name)
    if isinstance(left, np.ndarray) and isinstance(right, np.ndarray):
        return left.dtype == right.dtype and left.shape == right.shape and left.tobytes() == right.tobytes()
    return type(left) is type(right) and left == right


def header_of(packed: bytes) -> dict[str, Any]:
    (size,) = struct.unpack("<I", packed[4:8])
    header: dict[str, Any] = json.loads(packed[8 : 8 + size])
    return header


def forged(header: bytes, payload: bytes = b"", announced: int | None = None) -> bytes:
    """Bytes with a good magic and checksum around whatever header and payload."""
    body = b"VFP\x02" + struct.pack("<I", len(header) if announced is None else announced) + header + payload
    return body + struct.pack("<I", zlib.crc32(body))


def forged_from(record: Fingerprint, payload: bytes | None = None, **changes: Any) -> bytes:
    """A packed fingerprint whose header says something else of the fields named."""
    packed = pack(record)
    header = header_of(packed) | changes
    size = struct.unpack("<I", packed[4:8])[0]
    head = json.dumps(header, separators=(",", ":")).encode()
    return forged(head, packed[8 + size : -4] if payload is None else payload)
