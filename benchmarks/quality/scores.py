"""How alike two hashes of a peer are, as their authors compare them. Pure; higher is more alike, NaN: nothing to
compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

VPDQ_DISTANCE = 31
VPDQ_QUALITY = 50
VIDEOHASH_BITS = 64
_CODE_BITS = 32
_LEAST_CODES = 40
"""Five seconds of Chromaprint."""
_LEAST_DIFFERENT = 10
"""Silence is one code over and over; it says nothing about two videos that both are silent."""

Answer = Mapping[str, Any]


def vpdq_scores(copy: Answer, original: Answer) -> dict[str, float]:
    """The share of either side's frames that have a frame within distance 31 on the other, and the larger of the two.

    After github.com/facebook/ThreatExchange, vpdq/README.md, Comparison (Matching) Algorithm: different hashes of
    quality 50 and more.
    """
    own, other = frame_hashes(copy["hashes"]), frame_hashes(original["hashes"])
    if not len(own) or not len(other):
        return {"copy": float("nan"), "original": float("nan"), "larger": float("nan")}
    near = np.bitwise_count(own[:, None] ^ other[None]).sum(axis=2, dtype=np.int64) <= VPDQ_DISTANCE
    of_copy, of_original = float(near.any(axis=1).mean()), float(near.any(axis=0).mean())
    return {"copy": of_copy, "original": of_original, "larger": max(of_copy, of_original)}


def frame_hashes(features: Sequence[Sequence[Any]]) -> NDArray[np.uint8]:
    """uint8 [n, 32]: the different ones of quality 50 and more. features: (64 hex digits, quality)."""
    kept = sorted({text for text, quality in features if quality >= VPDQ_QUALITY})
    return np.frombuffer(bytes.fromhex("".join(kept)), np.uint8).reshape(-1, 32)


def videohash_scores(copy: Answer, original: Answer) -> dict[str, float]:
    """The share of the 64 bits that are equal."""
    distance = (int(copy["hash"], 16) ^ int(original["hash"], 16)).bit_count()
    return {"equal bits": 1 - distance / VIDEOHASH_BITS}


def recipe_scores(copy: Answer, original: Answer) -> dict[str, float]:
    a, b = np.asarray(copy["vector"]), np.asarray(original["vector"])
    length = float(np.linalg.norm(a) * np.linalg.norm(b))
    return {"cosine": float(a @ b) / length if length else float("nan")}


def code_scores(copy: Answer, original: Answer) -> dict[str, float]:
    """The share of equal bits at the best offset at which the shorter one overlaps by half, and by 5 s at least."""
    a, b = np.asarray(copy["codes"], np.uint32), np.asarray(original["codes"], np.uint32)
    if min(np.unique(a).size, np.unique(b).size) < _LEAST_DIFFERENT:
        return {"equal bits": float("nan")}
    least = max(_LEAST_CODES, min(len(a), len(b)) // 2)
    best = float("nan")
    for offset in range(least - len(b), len(a) - least + 1):
        mine, theirs = a[max(0, offset) :], b[max(0, -offset) :]
        length = min(len(mine), len(theirs))
        differing = np.bitwise_count(mine[:length] ^ theirs[:length]).sum(dtype=np.int64)
        best = float(np.fmax(best, 1 - differing / (_CODE_BITS * length)))
    return {"equal bits": best}
