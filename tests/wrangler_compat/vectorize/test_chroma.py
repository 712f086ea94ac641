"""What only the Chroma backend has: a server that can be away, restarted, emptied, or set up otherwise."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from wrangler_compat.errors import VectorizeError
from wrangler_compat.servers import chroma_program, free_port, running
from wrangler_compat.vectorize import chroma
from wrangler_compat.vectorize.chroma import describe_chroma_index, open_chroma_index
from wrangler_compat.vectorize.limits import MAX_BATCH
from wrangler_compat.vectorize.types import VectorizeDescription, VectorizeVector

COLLECTIONS = "/api/v2/tenants/default_tenant/databases/default_database/collections"
X = (1.0, 0.0, 0.0)


async def ask(method: str, url: str, body: Any = None) -> Any:
    async with httpx.AsyncClient() as client:
        response = await client.request(method, url, json=body)
    return response.raise_for_status().json()


async def test_the_collection_says_cosine_itself(chroma_url: str, unique_name: str) -> None:
    async with open_chroma_index(chroma_url, unique_name, dimensions=3) as index:
        await index.ping()
    found = await ask("GET", f"{chroma_url}{COLLECTIONS}/{unique_name}")
    assert found["configuration_json"]["hnsw"]["space"] == "cosine"
    assert found["configuration_json"]["embedding_function"] is None
    assert found["metadata"]["dimensions"] == 3


async def test_an_index_of_another_metric_is_refused(chroma_url: str, unique_name: str) -> None:
    await ask("POST", f"{chroma_url}{COLLECTIONS}", {"name": unique_name})
    async with open_chroma_index(chroma_url, unique_name, dimensions=3) as index:
        with pytest.raises(VectorizeError, match="with metric l2") as raised:
            await index.query(X)
        assert (raised.value.code, raised.value.retryable) == ("VECTORIZE_INDEX_MISMATCH", False)


async def test_an_index_of_other_dimensions_is_refused(chroma_url: str, unique_name: str) -> None:
    async with open_chroma_index(chroma_url, unique_name, dimensions=3) as index:
        await index.ping()
    async with open_chroma_index(chroma_url, unique_name, dimensions=4) as other:
        with pytest.raises(VectorizeError, match="3 dimensions"):
            await other.ping()


async def test_a_bad_name_is_refused_before_any_call(unique_name: str) -> None:
    with pytest.raises(VectorizeError, match="small letters"):
        async with open_chroma_index("http://127.0.0.1:1", "No Name"):
            pass


async def test_an_index_described_as_it_is(chroma_url: str, unique_name: str) -> None:
    with pytest.raises(VectorizeError) as raised:
        await describe_chroma_index(chroma_url, unique_name)
    assert raised.value.code == "VECTORIZE_NOT_FOUND"
    async with open_chroma_index(chroma_url, unique_name, dimensions=3) as index:
        await index.ping()
        assert await describe_chroma_index(chroma_url, unique_name) == VectorizeDescription(unique_name, 3, "cosine", 0)
        await index.insert([VectorizeVector("a", X)])
    assert (await describe_chroma_index(chroma_url, unique_name)).vector_count == 1


async def test_a_foreign_index_described_as_it_is(chroma_url: str, unique_name: str) -> None:
    await ask("POST", f"{chroma_url}{COLLECTIONS}", {"name": unique_name})
    assert await describe_chroma_index(chroma_url, unique_name) == VectorizeDescription(unique_name, 0, "l2", 0)


async def test_a_deleted_collection_is_made_anew(chroma_url: str, unique_name: str) -> None:
    async with open_chroma_index(chroma_url, unique_name, dimensions=3) as index:
        await index.insert([VectorizeVector("a", X)])
        await ask("DELETE", f"{chroma_url}{COLLECTIONS}/{unique_name}")
        assert (await index.query(X)).matches == ()
        await ask("DELETE", f"{chroma_url}{COLLECTIONS}/{unique_name}")
        assert (await index.upsert([VectorizeVector("b", X)])).count == 1
        assert (await index.query(X)).matches[0].id == "b"


async def test_two_clients_where_one_clears(chroma_url: str, unique_name: str) -> None:
    async with (
        open_chroma_index(chroma_url, unique_name, dimensions=3) as one,
        open_chroma_index(chroma_url, unique_name, dimensions=3) as other,
    ):
        await one.insert([VectorizeVector("a", X)])
        assert (await other.describe()).vector_count == 1
        await one.clear()
        await other.insert([VectorizeVector("b", X)])
        assert [id async for id in one.list_ids()] == ["b"]


async def test_clear_of_an_index_that_was_never_made(chroma_url: str, unique_name: str) -> None:
    async with open_chroma_index(chroma_url, unique_name, dimensions=3) as index:
        await index.clear()
        assert (await index.describe()).vector_count == 0


async def test_many_first_calls_at_once_make_one_collection(chroma_url: str, unique_name: str) -> None:
    async with open_chroma_index(chroma_url, unique_name, dimensions=3) as index:
        await asyncio.gather(*[index.insert([VectorizeVector(f"v{n}", X)]) for n in range(20)])
        assert (await index.describe()).vector_count == 20


async def test_a_server_that_is_restarted_keeps_its_vectors(tmp_path: Path, unique_name: str) -> None:
    program = chroma_program(tmp_path / "data", free_port())
    async with open_chroma_index(program.url, unique_name, dimensions=3) as index:
        with running(program, tmp_path / "log", os.environ):
            await index.insert([VectorizeVector("a", X, None, {"n": 1})])
        with pytest.raises(VectorizeError) as raised:
            await index.query(X)
        assert (raised.value.code, raised.value.retryable) == ("VECTORIZE_UNAVAILABLE", True)
        with running(program, tmp_path / "log", os.environ):
            assert (await index.query(X)).matches[0].id == "a"
            assert (await index.get_by_ids(["a"]))[0].metadata == {"n": 1}


async def test_a_server_that_hangs_up_is_unavailable() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        async with open_chroma_index(f"http://127.0.0.1:{silent.getsockname()[1]}", "some-index") as index:
            with pytest.raises(VectorizeError, match="did not answer") as raised:
                await index.ping()
            assert raised.value.retryable


async def test_a_server_that_says_nothing_runs_into_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chroma, "TIMEOUT_SECONDS", 0.2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        async with open_chroma_index(f"http://127.0.0.1:{silent.getsockname()[1]}", "some-index") as index:
            with pytest.raises(VectorizeError) as raised:
                await index.ping()
    assert (raised.value.code, raised.value.retryable) == ("VECTORIZE_UNAVAILABLE", True)


async def answer(status: int, body: Any, unique_name: str) -> VectorizeError:
    transport = httpx.MockTransport(lambda _request: httpx.Response(status, json=body))
    async with httpx.AsyncClient(base_url="http://chroma.test", transport=transport) as client:
        with pytest.raises(VectorizeError) as raised:
            await chroma.ChromaIndex(client, unique_name, 3).ping()
    return raised.value


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        (400, "VECTORIZE_REFUSED", False),
        (401, "VECTORIZE_REFUSED", False),
        (404, "VECTORIZE_NOT_FOUND", True),
        (422, "VECTORIZE_REFUSED", False),
        (429, "VECTORIZE_BUSY", True),
        (500, "VECTORIZE_UNAVAILABLE", True),
        (503, "VECTORIZE_UNAVAILABLE", True),
    ],
)
async def test_every_status_is_mapped(status: int, code: str, retryable: bool, unique_name: str) -> None:
    error = await answer(status, {"error": "X", "message": "the reason"}, unique_name)
    assert (error.code, error.retryable) == (code, retryable)
    assert "the reason" in error.message
    error = await answer(status, ["no message"], unique_name)
    assert error.code == code


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("x"),
        httpx.ConnectTimeout("x"),
        httpx.ReadTimeout("x"),
        httpx.ReadError("x"),
        httpx.WriteError("x"),
        httpx.PoolTimeout("x"),
        httpx.RemoteProtocolError("x"),
        httpx.DecodingError("x"),
        httpx.TooManyRedirects("x"),
        httpx.UnsupportedProtocol("x"),
    ],
)
async def test_every_error_of_the_client_is_mapped(error: httpx.HTTPError, unique_name: str) -> None:
    def fail(_request: httpx.Request) -> httpx.Response:
        raise error

    async with httpx.AsyncClient(base_url="http://chroma.test", transport=httpx.MockTransport(fail)) as client:
        with pytest.raises(VectorizeError) as raised:
            await chroma.ChromaIndex(client, unique_name, 3).ping()
    assert (raised.value.code, raised.value.retryable) == ("VECTORIZE_UNAVAILABLE", True)


async def test_something_else_than_chroma(unique_name: str) -> None:
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, text="<html>"))
    async with httpx.AsyncClient(base_url="http://other.test", transport=transport) as client:
        with pytest.raises(VectorizeError, match="check CHROMA_URL"):
            await chroma.ChromaIndex(client, unique_name, 3).ping()


async def test_a_full_batch_and_one_too_many(chroma_url: str, unique_name: str) -> None:
    random = np.random.default_rng(3)
    values = random.normal(size=(MAX_BATCH, 64))
    vectors = [VectorizeVector(f"v{n}", tuple(row)) for n, row in enumerate(values)]
    async with open_chroma_index(chroma_url, unique_name) as index:
        assert (await index.upsert(vectors)).count == MAX_BATCH
        found = await index.query_batch(list(values[:50]), top_k=1)
        assert [matches.matches[0].id for matches in found] == [f"v{n}" for n in range(50)]
        with pytest.raises(VectorizeError):
            await index.upsert([*vectors, VectorizeVector("more", tuple(values[0]))])
