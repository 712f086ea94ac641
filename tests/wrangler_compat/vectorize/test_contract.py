"""One behaviour, every backend of the index: in memory, and Chroma's server."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

from wrangler_compat.errors import VectorizeError
from wrangler_compat.vectorize.chroma import open_chroma_index
from wrangler_compat.vectorize.memory import MemoryVectorizeIndex
from wrangler_compat.vectorize.types import VectorizeDescription, VectorizeIndex, VectorizeMutation, VectorizeVector


@pytest.fixture(params=["memory", "chroma"])
async def index(request: pytest.FixtureRequest, chroma_url: str, unique_name: str) -> AsyncIterator[VectorizeIndex]:
    if request.param == "memory":
        yield MemoryVectorizeIndex(unique_name, dimensions=3)
        return
    async with open_chroma_index(chroma_url, unique_name, dimensions=3) as opened:
        yield opened


def vector(id: str, *values: float, namespace: str | None = None, **metadata: Any) -> VectorizeVector:
    return VectorizeVector(id, values, namespace, metadata or None)


X, Y, Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)


async def ids_of(index: VectorizeIndex) -> set[str]:
    return {id async for id in index.list_ids()}


async def test_insert_names_what_it_wrote(index: VectorizeIndex) -> None:
    assert await index.insert([vector("a", *X), vector("b", *Y)]) == VectorizeMutation(("a", "b"), 2)
    assert await ids_of(index) == {"a", "b"}


async def test_insert_leaves_known_ids_as_they_are(index: VectorizeIndex) -> None:
    await index.insert([vector("a", *X, kept=True)])
    assert await index.insert([vector("a", *Y, kept=False), vector("b", *Y)]) == VectorizeMutation(("b",), 1)
    [found] = await index.get_by_ids(["a"])
    assert found == vector("a", *X, kept=True)
    assert await index.insert([vector("a", *Y)]) == VectorizeMutation((), 0)


async def test_an_id_twice_in_one_insert_is_taken_once(index: VectorizeIndex) -> None:
    assert await index.insert([vector("a", *X), vector("a", *Y)]) == VectorizeMutation(("a",), 1)
    assert await index.get_by_ids(["a"]) == [vector("a", *X)]


async def test_upsert_replaces_whole(index: VectorizeIndex) -> None:
    await index.upsert([vector("a", *X, namespace="n", one=1, two="2")])
    assert await index.upsert([vector("a", *Y, two="zwei", three=True)]) == VectorizeMutation(("a",), 1)
    assert await index.get_by_ids(["a"]) == [vector("a", *Y, two="zwei", three=True)]
    await index.upsert([vector("a", *Z)])
    assert await index.get_by_ids(["a"]) == [vector("a", *Z)]
    assert (await index.query(X, namespace="n")).count == 0


async def test_an_id_twice_in_one_upsert_is_the_second(index: VectorizeIndex) -> None:
    assert await index.upsert([vector("a", *X, old=1), vector("a", *Y, new=2)]) == VectorizeMutation(("a",), 1)
    assert await index.get_by_ids(["a"]) == [vector("a", *Y, new=2)]


async def test_metadata_keeps_its_types(index: VectorizeIndex) -> None:
    metadata: dict[str, Any] = {
        "text": "ü",
        "whole": 2**40,
        "real": 0.5,
        "yes": True,
        "no": False,
        "empty": "",
        "nought": 0,
    }
    await index.insert([vector("a", *X, **metadata)])
    [found] = await index.get_by_ids(["a"])
    assert found.metadata == metadata
    assert {key: type(value) for key, value in (found.metadata or {}).items()} == {
        key: type(value) for key, value in metadata.items()
    }


async def test_query_gives_similarity_best_first(index: VectorizeIndex) -> None:
    await index.insert(
        [vector("same", 2, 0, 0), vector("near", 1, 1, 0), vector("far", *Y), vector("opposite", -1, 0, 0)]
    )
    found = await index.query(X, top_k=10)
    assert [match.id for match in found.matches] == ["same", "near", "far", "opposite"]
    assert [match.score for match in found.matches] == pytest.approx([1.0, math.sqrt(0.5), 0.0, -1.0], abs=1e-5)
    assert found.count == 4
    assert all(match.values is None and match.metadata is None for match in found.matches)
    assert all(-1.0 <= match.score <= 1.0 for match in found.matches)


async def test_top_k_holds_and_is_five_if_not_said(index: VectorizeIndex) -> None:
    await index.insert([vector(f"v{number}", 1, number, 0) for number in range(8)])
    assert [match.id for match in (await index.query(X, top_k=2)).matches] == ["v0", "v1"]
    assert (await index.query(X)).count == 5


async def test_query_with_values_and_metadata(index: VectorizeIndex) -> None:
    await index.insert([vector("a", *X, namespace="n", duration=3.5), vector("b", *Y)])
    first, second = (await index.query(X, return_values=True, return_metadata=True)).matches
    assert (first.id, first.values, first.metadata, first.namespace) == ("a", X, {"duration": 3.5}, "n")
    assert (second.id, second.metadata, second.namespace) == ("b", None, None)


async def test_namespaces(index: VectorizeIndex) -> None:
    await index.insert([vector("a", *X, namespace="one"), vector("b", *X, namespace="two"), vector("c", *X)])
    assert {match.id for match in (await index.query(X)).matches} == {"a", "b", "c"}
    [match] = (await index.query(X, namespace="two")).matches
    assert (match.id, match.namespace) == ("b", "two")
    assert (await index.query(X, namespace="three")).matches == ()
    assert (await index.get_by_ids(["a"]))[0].namespace == "one"


async def test_an_empty_index(index: VectorizeIndex, unique_name: str) -> None:
    assert (await index.query(X)).matches == ()
    assert await index.get_by_ids(["a"]) == []
    assert await ids_of(index) == set()
    assert await index.describe() == VectorizeDescription(unique_name, 3, "cosine", 0)
    await index.ping()


async def test_query_batch_is_query_for_each(index: VectorizeIndex) -> None:
    await index.insert([vector("x", *X, namespace="n"), vector("y", *Y), vector("z", *Z)])
    found = await index.query_batch([X, Y, (1, 1, 0)], top_k=1)
    assert [matches.matches[0].id for matches in found[:2]] == ["x", "y"]
    assert [matches.count for matches in found] == [1, 1, 1]
    found = await index.query_batch([X, Y], namespace="n")
    assert [[match.id for match in matches.matches] for matches in found] == [["x"], ["x"]]
    assert await index.query_batch([]) == []


async def test_get_by_ids_keeps_their_order_and_leaves_unknown_ones_out(index: VectorizeIndex) -> None:
    await index.insert([vector("a", *X), vector("b", *Y), vector("c", *Z)])
    assert [found.id for found in await index.get_by_ids(["c", "?", "a", "c"])] == ["c", "a"]
    assert await index.get_by_ids([]) == []


async def test_delete_names_what_was_there(index: VectorizeIndex) -> None:
    await index.insert([vector("a", *X), vector("b", *Y)])
    assert await index.delete_by_ids(["?", "a", "a"]) == VectorizeMutation(("a",), 1)
    assert await index.delete_by_ids(["a"]) == VectorizeMutation((), 0)
    assert await index.delete_by_ids([]) == VectorizeMutation((), 0)
    assert await ids_of(index) == {"b"}
    assert (await index.query(X)).matches[0].id == "b"


async def test_writing_again_changes_nothing(index: VectorizeIndex) -> None:
    for _ in range(3):
        await index.upsert([vector("a", *X, n=1)])
        await index.insert([vector("a", *X, n=1)])
    assert (await index.describe()).vector_count == 1


async def test_clear(index: VectorizeIndex) -> None:
    await index.insert([vector("a", *X)])
    await index.clear()
    assert (await index.describe()).vector_count == 0
    await index.insert([vector("b", *Y)])
    assert await ids_of(index) == {"b"}


@pytest.mark.parametrize("values", [(0.0, 0.0, 0.0), (math.nan, 0, 0), (1.0, 2.0), (1e39, 0, 0)])
async def test_bad_vectors_are_refused_and_nothing_is_written(index: VectorizeIndex, values: tuple[float, ...]) -> None:
    for write in (index.insert, index.upsert):
        with pytest.raises(VectorizeError):
            await write([vector("good", *X), vector("bad", *values)])
    with pytest.raises(VectorizeError):
        await index.query(values)
    with pytest.raises(VectorizeError):
        await index.query_batch([X, values])
    assert await ids_of(index) == set()


async def test_limits_of_top_k(index: VectorizeIndex) -> None:
    await index.query(X, top_k=100)
    await index.query(X, top_k=50, return_metadata=True)
    for options in ({"top_k": 101}, {"top_k": 51, "return_values": True}, {"top_k": 51, "return_metadata": True}):
        with pytest.raises(VectorizeError) as raised:
            await index.query(X, **options)  # type: ignore[arg-type]
        assert raised.value.code == "VECTORIZE_TOP_K_INVALID"
    with pytest.raises(VectorizeError):
        await index.query_batch([X], top_k=101)


async def test_many_vectors_page_by_page(index: VectorizeIndex) -> None:
    random = np.random.default_rng(7)
    vectors = [VectorizeVector(f"v{n}", tuple(random.normal(size=3))) for n in range(2500)]
    assert (await index.insert(vectors)).count == 2500
    listed = [id async for id in index.list_ids()]
    assert len(listed) == 2500
    assert set(listed) == {one.id for one in vectors}
    assert (await index.describe()).vector_count == 2500


async def test_many_upserts_at_a_time_all_come_to_be(index: VectorizeIndex) -> None:
    """Of one id the last that was asked for; its metadata are replaced, not merged."""
    await index.upsert([vector("same", *X, old=True)])
    same = [index.upsert([vector("same", *values, new=n)]) for n, values in enumerate((X, Y, Z))]
    others = [index.upsert([vector(f"v{n}", *Y), vector(f"w{n}", *Z)]) for n in range(5)]
    answers = await asyncio.gather(*same, *others)
    assert [answer.ids for answer in answers[3:]] == [(f"v{n}", f"w{n}") for n in range(5)]
    assert await ids_of(index) == {"same", *(f"{letter}{n}" for letter in "vw" for n in range(5))}
    assert await index.get_by_ids(["same"]) == [vector("same", *Z, new=2)]
