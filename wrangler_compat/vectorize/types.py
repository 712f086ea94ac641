"""Vectorize's shapes: vectors, matches, mutations, in snake_case."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

MetadataValue = str | int | float | bool
Metadata = Mapping[str, MetadataValue]


@dataclass(frozen=True, slots=True)
class VectorizeVector:
    id: str
    values: Sequence[float]
    namespace: str | None = None
    metadata: Metadata | None = None


@dataclass(frozen=True, slots=True)
class VectorizeMatch:
    """score: cosine similarity, 1.0 for the same direction; never a distance."""

    id: str
    score: float
    namespace: str | None = None
    values: tuple[float, ...] | None = None
    metadata: Metadata | None = None


@dataclass(frozen=True, slots=True)
class VectorizeMatches:
    matches: tuple[VectorizeMatch, ...]
    count: int


@dataclass(frozen=True, slots=True)
class VectorizeMutation:
    ids: tuple[str, ...]
    count: int


@dataclass(frozen=True, slots=True)
class VectorizeDescription:
    name: str
    dimensions: int
    metric: str
    vector_count: int


class VectorizeIndex(Protocol):
    """Failures raise VectorizeError."""

    async def insert(self, vectors: Sequence[VectorizeVector]) -> VectorizeMutation:
        """Ids already there are skipped and stay as they are; the mutation names those written."""
        ...

    async def upsert(self, vectors: Sequence[VectorizeVector]) -> VectorizeMutation:
        """Ids already there are replaced whole, metadata included."""
        ...

    async def query(
        self,
        vector: Sequence[float],
        *,
        top_k: int = 5,
        namespace: str | None = None,
        return_values: bool = False,
        return_metadata: bool = False,
    ) -> VectorizeMatches: ...
    async def query_batch(
        self, vectors: Sequence[Sequence[float]], *, top_k: int = 5, namespace: str | None = None
    ) -> list[VectorizeMatches]:
        """query() for each vector in one round trip (an extension; ids and scores only)."""
        ...

    async def get_by_ids(self, ids: Sequence[str]) -> list[VectorizeVector]: ...
    async def delete_by_ids(self, ids: Sequence[str]) -> VectorizeMutation: ...
    def list_ids(self) -> AsyncIterator[str]:
        """Every id, in pages (an extension). What is written or deleted meanwhile may be missed."""
        ...

    async def clear(self) -> None:
        """Remove every vector (an extension)."""
        ...

    async def describe(self) -> VectorizeDescription: ...
    async def ping(self) -> None: ...
