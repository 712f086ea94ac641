"""The recall probe, over the exact index in memory, over Chroma's, and over ones that miss something."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import numpy as np
import pytest

from wrangler_compat.errors import VectorizeError
from wrangler_compat.vectorize.chroma import open_chroma_index
from wrangler_compat.vectorize.memory import MemoryVectorizeIndex
from wrangler_compat.vectorize.recall import measure_recall
from wrangler_compat.vectorize.types import VectorizeIndex, VectorizeMatches, VectorizeVector

DIMENSIONS = 8


@pytest.fixture(params=["memory", "chroma"])
async def index(request: pytest.FixtureRequest, chroma_url: str, unique_name: str) -> AsyncIterator[VectorizeIndex]:
    if request.param == "memory":
        yield MemoryVectorizeIndex(unique_name, dimensions=DIMENSIONS)
        return
    async with open_chroma_index(chroma_url, unique_name, dimensions=DIMENSIONS) as opened:
        yield opened


class Forgetful(MemoryVectorizeIndex):
    """An index whose answers leave out every second match."""

    async def query_batch(
        self, vectors: Sequence[Sequence[float]], *, top_k: int = 5, namespace: str | None = None
    ) -> list[VectorizeMatches]:
        whole = await super().query_batch(vectors, top_k=top_k, namespace=namespace)
        return [VectorizeMatches(answer.matches[::2], len(answer.matches[::2])) for answer in whole]


def drawn(count: int, seed: int = 3) -> list[VectorizeVector]:
    numbers = np.random.default_rng(seed).normal(size=(count, DIMENSIONS))
    return [VectorizeVector(f"v{place}", tuple(row.tolist())) for place, row in enumerate(numbers)]


async def test_a_small_index_finds_everything(index: VectorizeIndex) -> None:
    await index.upsert(drawn(300))
    found = await measure_recall(index, samples=40, top_k=10)
    assert (found.vectors, found.samples, found.top_k) == (300, 40, 10)
    assert found.recall == 1.0
    assert found.lowest == 1.0
    assert found.query_ms > 0


async def test_more_is_asked_for_than_there_is(index: VectorizeIndex) -> None:
    await index.upsert(drawn(4))
    found = await measure_recall(index, samples=100, top_k=99)
    assert (found.samples, found.recall) == (4, 1.0)


async def test_equally_near_vectors_are_equally_good(index: VectorizeIndex) -> None:
    """Which of the twins is found does not matter."""
    twins = [VectorizeVector(f"t{n}", (1.0, *[0.0] * (DIMENSIONS - 1))) for n in range(6)]
    await index.upsert([*twins, *drawn(50)])
    assert (await measure_recall(index, samples=56, top_k=2)).recall == 1.0


async def test_the_length_of_a_vector_does_not_matter(index: VectorizeIndex) -> None:
    lengths = np.random.default_rng(5).uniform(0.1, 9.0, 60)
    await index.upsert(
        [
            VectorizeVector(vector.id, tuple(float(number * length) for number in vector.values))
            for vector, length in zip(drawn(60), lengths, strict=True)
        ]
    )
    assert (await measure_recall(index, samples=60, top_k=5)).recall == 1.0


@pytest.mark.parametrize("count", [0, 1])
async def test_an_index_of_nothing_to_compare(index: VectorizeIndex, count: int) -> None:
    await index.upsert(drawn(count))
    with pytest.raises(VectorizeError) as raised:
        await measure_recall(index, samples=10)
    assert raised.value.code == "VECTORIZE_INDEX_EMPTY"
    assert not raised.value.retryable


async def test_what_is_missed_is_counted() -> None:
    index = Forgetful(dimensions=DIMENSIONS)
    await index.upsert(drawn(200))
    found = await measure_recall(index, samples=30, top_k=10)
    # Of eleven matches the first is the vector itself; of the others five are left.
    assert found.recall == pytest.approx(0.5)
    assert found.lowest == pytest.approx(0.5)


async def test_the_seed_draws_the_samples() -> None:
    asked: list[list[float]] = []

    class Listening(MemoryVectorizeIndex):
        async def query_batch(
            self, vectors: Sequence[Sequence[float]], *, top_k: int = 5, namespace: str | None = None
        ) -> list[VectorizeMatches]:
            asked.append([round(float(vector[0]), 6) for vector in vectors])
            return await super().query_batch(vectors, top_k=top_k, namespace=namespace)

    index = Listening(dimensions=DIMENSIONS)
    await index.upsert(drawn(100))
    for seed in (1, 1, 2):
        await measure_recall(index, samples=5, seed=seed)
    assert asked[0] == asked[1]
    assert asked[0] != asked[2]
