"""An index in memory: the same checks and shapes as the real one, exact instead of approximate, for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from wrangler_compat.vectorize import checks
from wrangler_compat.vectorize.types import (
    VectorizeDescription,
    VectorizeMatch,
    VectorizeMatches,
    VectorizeMutation,
    VectorizeVector,
)


class MemoryVectorizeIndex:
    """A VectorizeIndex. Matches of equal score come in the order of their ids."""

    def __init__(self, name: str = "memory-index", *, dimensions: int = 64, metric: str = "cosine") -> None:
        checks.check_index(name, dimensions, metric)
        self._name = name
        self._dimensions = dimensions
        self._vectors: dict[str, VectorizeVector] = {}

    async def insert(self, vectors: Sequence[VectorizeVector]) -> VectorizeMutation:
        checked = checks.first_of_each(checks.check_vectors(vectors, self._dimensions))
        new = [vector for vector in checked if vector.id not in self._vectors]
        self._vectors.update({vector.id: vector for vector in new})
        return _mutation(vector.id for vector in new)

    async def upsert(self, vectors: Sequence[VectorizeVector]) -> VectorizeMutation:
        checked = checks.last_of_each(checks.check_vectors(vectors, self._dimensions))
        self._vectors.update({vector.id: vector for vector in checked})
        return _mutation(vector.id for vector in checked)

    async def query(
        self,
        vector: Sequence[float],
        *,
        top_k: int = 5,
        namespace: str | None = None,
        return_values: bool = False,
        return_metadata: bool = False,
    ) -> VectorizeMatches:
        checks.check_top_k(top_k, with_values_or_metadata=return_values or return_metadata)
        values = np.asarray(checks.check_values(vector, self._dimensions))
        if namespace is not None:
            checks.check_namespace(namespace)
        near = sorted(
            (
                VectorizeMatch(found.id, _cosine(values, np.asarray(found.values)), found.namespace)
                for found in self._vectors.values()
                if namespace is None or found.namespace == namespace
            ),
            key=lambda match: (-match.score, match.id),
        )[:top_k]
        matches = tuple(
            replace(
                match,
                namespace=match.namespace if return_metadata else namespace,
                values=tuple(self._vectors[match.id].values) if return_values else None,
                metadata=self._vectors[match.id].metadata if return_metadata else None,
            )
            for match in near
        )
        return VectorizeMatches(matches, len(matches))

    async def query_batch(
        self, vectors: Sequence[Sequence[float]], *, top_k: int = 5, namespace: str | None = None
    ) -> list[VectorizeMatches]:
        return [await self.query(vector, top_k=top_k, namespace=namespace) for vector in vectors]

    async def get_by_ids(self, ids: Sequence[str]) -> list[VectorizeVector]:
        checks.check_ids(ids)
        return [self._vectors[id] for id in dict.fromkeys(ids) if id in self._vectors]

    async def delete_by_ids(self, ids: Sequence[str]) -> VectorizeMutation:
        checks.check_ids(ids)
        known = [id for id in dict.fromkeys(ids) if id in self._vectors]
        for id in known:
            del self._vectors[id]
        return _mutation(known)

    async def describe(self) -> VectorizeDescription:
        return VectorizeDescription(self._name, self._dimensions, "cosine", len(self._vectors))

    async def list_ids(self) -> AsyncIterator[str]:
        for id in list(self._vectors):
            yield id

    async def clear(self) -> None:
        self._vectors.clear()

    async def ping(self) -> None:
        return None


def _mutation(ids: Iterable[str]) -> VectorizeMutation:
    written = tuple(ids)
    return VectorizeMutation(written, len(written))


def _cosine(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    similarity = float(first @ second / (np.linalg.norm(first) * np.linalg.norm(second)))
    return max(-1.0, min(1.0, similarity))
