"""How well an approximate index finds what is in it: its neighbours beside the exact ones.

The exact neighbours are those of the largest cosine over all stored vectors, by numpy. They are held in memory whole:
4 bytes a number, so 26 MB for 100,000 vectors of 64.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wrangler_compat.errors import VectorizeError
from wrangler_compat.vectorize.types import VectorizeIndex, VectorizeMatches

_READ_AT_ONCE = 1000
_ASKED_AT_ONCE = 32
_AS_NEAR = 1e-5
"""Cosines closer than this are equal: 32-bit floats, summed in another order."""

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Recall:
    """recall: share of the top_k nearest others that the index gave, over all samples; lowest: of the worst sample.

    vectors: in the index. samples: stored vectors whose neighbours were asked for. query_ms: milliseconds for each, as
    they were asked, some in one call.
    """

    vectors: int
    samples: int
    top_k: int
    recall: float
    lowest: float
    query_ms: float


async def measure_recall(index: VectorizeIndex, *, samples: int, top_k: int = 10, seed: int = 0) -> Recall:
    """Ask for the neighbours of stored vectors, drawn by the seed, and compare them with the exact ones.

    top_k: from 1 to 99, for the vector itself is asked for too and left out. Raises VectorizeError, also when fewer
    than two vectors are there.
    """
    ids, vectors = await _stored(index)
    if len(ids) < 2:
        raise VectorizeError(
            f"Recall needs two vectors or more, and the index has {len(ids)}.", code="VECTORIZE_INDEX_EMPTY"
        )
    places = {id: place for place, id in enumerate(ids)}
    drawn = np.random.default_rng(seed).permutation(len(ids))[:samples]
    shares: list[float] = []
    spent = 0.0
    for start in range(0, len(drawn), _ASKED_AT_ONCE):
        rows = drawn[start : start + _ASKED_AT_ONCE]
        began = time.perf_counter()
        answers = await index.query_batch([vectors[row].tolist() for row in rows], top_k=top_k + 1)
        spent += time.perf_counter() - began
        shares += _shares(vectors, rows, [_known(answer, places) for answer in answers], top_k)
    return Recall(
        vectors=len(ids),
        samples=len(shares),
        top_k=top_k,
        recall=float(np.mean(shares)),
        lowest=float(np.min(shares)),
        query_ms=1000 * spent / len(shares),
    )


def _shares(vectors: Vectors, rows: NDArray[np.intp], found: Sequence[Sequence[int]], top_k: int) -> list[float]:
    """Of each row: the share of its top_k nearest others that is among those found. Equally near ones are as good."""
    cosines = vectors[rows] @ vectors.T
    cosines[np.arange(len(rows)), rows] = -np.inf
    most = min(top_k, len(vectors) - 1)
    bounds = np.partition(cosines, len(vectors) - most, axis=1)[:, len(vectors) - most]
    shares = []
    for row, own, places, bound in zip(cosines, rows, found, bounds, strict=True):
        others = [place for place in places if place != own]
        shares.append(min(1.0, sum(bool(row[place] >= bound - _AS_NEAR) for place in others) / most))
    return shares


def _known(answer: VectorizeMatches, places: dict[str, int]) -> list[int]:
    """What was written since the index was read has no place."""
    return [places[match.id] for match in answer.matches if match.id in places]


async def _stored(index: VectorizeIndex) -> tuple[list[str], Vectors]:
    """Every id, and float32 [n, dimensions] of norm 1. What is written or deleted meanwhile may be missed."""
    listed = [id async for id in index.list_ids()]
    ids: list[str] = []
    rows: list[Vectors] = []
    for start in range(0, len(listed), _READ_AT_ONCE):
        found = await index.get_by_ids(listed[start : start + _READ_AT_ONCE])
        ids += [vector.id for vector in found]
        rows.append(np.array([vector.values for vector in found], np.float32).reshape(len(found), -1))
    vectors = np.concatenate(rows) if rows else np.zeros((0, 1), np.float32)
    return ids, vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
