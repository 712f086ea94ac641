"""An index over a Chroma server's HTTP interface (v2): a collection an index, cosine said explicitly.

The interface is spoken directly: the chromadb client has no deadline on its calls and keeps clients in a global table.
What Chroma does otherwise than Vectorize, mended here: it gives distances; upsert merges metadata (a key given as null
goes); add and delete pass over ids in silence; get_or_create passes over another space in silence; it takes a zero
vector; a namespace is a metadata key of ours.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import httpx

from wrangler_compat.errors import VectorizeError
from wrangler_compat.vectorize import checks, limits
from wrangler_compat.vectorize.grouping import GroupedWrites
from wrangler_compat.vectorize.types import (
    VectorizeDescription,
    VectorizeMatch,
    VectorizeMatches,
    VectorizeMutation,
    VectorizeVector,
)

TIMEOUT_SECONDS = 30.0
CONNECT_TIMEOUT_SECONDS = 5.0
# More than Chroma's defaults (100, 16, 100) where the graph is made: candidates are for recall. To look 200 wide, not
# 100, found no further original of 150 copies among 10,000 videos, of 488,416 vectors, and took 43 % longer.
HNSW = {"space": "cosine", "ef_construction": 200, "max_neighbors": 32, "ef_search": 100}
_COLLECTIONS = "/api/v2/tenants/default_tenant/databases/default_database/collections"
_PAGE = 1000
# Numbers in one request: Chroma takes bodies of up to 40 MB, and encoding one holds up the event loop.
_NUMBERS_AT_ONCE = 200_000


class ChromaIndex:
    """A VectorizeIndex. Open it with open_chroma_index(); the collection is made with the first call."""

    def __init__(self, client: httpx.AsyncClient, name: str, dimensions: int) -> None:
        self._client = client
        self._name = name
        self._dimensions = dimensions
        self._id: str | None = None
        self._opening = asyncio.Lock()
        self._upserts = GroupedWrites(self._upsert)

    async def insert(self, vectors: Sequence[VectorizeVector]) -> VectorizeMutation:
        checked = checks.first_of_each(checks.check_vectors(vectors, self._dimensions))
        known = await self._metadata_of([vector.id for vector in checked])
        new = [vector for vector in checked if vector.id not in known]
        await self._write("add", new, {})
        return _mutation(new)

    async def upsert(self, vectors: Sequence[VectorizeVector]) -> VectorizeMutation:
        checked = checks.last_of_each(checks.check_vectors(vectors, self._dimensions))
        await self._upserts.add(checked)
        return _mutation(checked)

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
        include = ["distances"] + ["embeddings"] * return_values + ["metadatas"] * return_metadata
        [matches] = await self._query([vector], top_k, namespace, include)
        return matches

    async def query_batch(
        self, vectors: Sequence[Sequence[float]], *, top_k: int = 5, namespace: str | None = None
    ) -> list[VectorizeMatches]:
        checks.check_top_k(top_k, with_values_or_metadata=False)
        return await self._query(vectors, top_k, namespace, ["distances"]) if vectors else []

    async def get_by_ids(self, ids: Sequence[str]) -> list[VectorizeVector]:
        """In the order of the ids; unknown ones are left out."""
        checks.check_ids(ids)
        wanted = list(dict.fromkeys(ids))
        if not wanted:
            return []
        found = await self._call("get", {"ids": wanted, "include": ["embeddings", "metadatas"]})
        rows = zip(found["ids"], found["embeddings"] or (), found["metadatas"] or (), strict=True)
        vectors = {id: VectorizeVector(id, tuple(values), *_read(metadata)) for id, values, metadata in rows}
        return [vectors[id] for id in wanted if id in vectors]

    async def delete_by_ids(self, ids: Sequence[str]) -> VectorizeMutation:
        """The mutation names those that were there."""
        checks.check_ids(ids)
        wanted = list(dict.fromkeys(ids))
        known = await self._metadata_of(wanted)
        gone = tuple(id for id in wanted if id in known)
        if gone:
            await self._call("delete", {"ids": gone})
        return VectorizeMutation(gone, len(gone))

    async def describe(self) -> VectorizeDescription:
        return VectorizeDescription(self._name, self._dimensions, "cosine", int(await self._call("count")))

    async def list_ids(self) -> AsyncIterator[str]:
        """Every id, page by page. What is written or deleted meanwhile may be missed."""
        start = 0
        while True:
            ids = (await self._call("get", {"limit": _PAGE, "offset": start, "include": []}))["ids"]
            for id in ids:
                yield id
            if len(ids) < _PAGE:
                return
            start += _PAGE

    async def clear(self) -> None:
        """Remove every vector; other clients of the index find the new, empty one by themselves."""
        await self.request("DELETE", f"{_COLLECTIONS}/{self._name}", missing_is_fine=True)
        self._id = None
        await self._open()

    async def ping(self) -> None:
        """Returns when the index answers; Chroma's heartbeat alone would not tell whether it is there."""
        await self._call("count")

    async def _query(
        self, vectors: Sequence[Sequence[float]], top_k: int, namespace: str | None, include: list[str]
    ) -> list[VectorizeMatches]:
        values = [checks.check_values(vector, self._dimensions) for vector in vectors]
        body: dict[str, Any] = {"query_embeddings": values, "n_results": top_k, "include": include}
        if namespace is not None:
            checks.check_namespace(namespace)
            body["where"] = {limits.RESERVED_KEY: {"$eq": namespace}}
        found = await self._call("query", body)
        return [_matches(found, row, namespace) for row in range(len(values))]

    async def _upsert(self, vectors: Sequence[VectorizeVector]) -> None:
        last = checks.last_of_each(vectors)
        await self._write("upsert", last, await self._metadata_of([vector.id for vector in last]))

    async def _metadata_of(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Of those that are there."""
        if not ids:
            return {}
        found = await self._call("get", {"ids": list(ids), "include": ["metadatas"]})
        return {id: metadata or {} for id, metadata in zip(found["ids"], found["metadatas"] or (), strict=True)}

    async def _write(self, verb: str, vectors: Sequence[VectorizeVector], old: dict[str, dict[str, Any]]) -> None:
        step = max(1, _NUMBERS_AT_ONCE // self._dimensions)
        for start in range(0, len(vectors), step):
            part = vectors[start : start + step]
            body = {
                "ids": [vector.id for vector in part],
                "embeddings": [vector.values for vector in part],
                "metadatas": [_written(vector, old.get(vector.id, {})) for vector in part],
            }
            await self._call(verb, body)

    async def _call(self, verb: str, body: dict[str, Any] | None = None) -> Any:
        """A call about the collection. When somebody deleted it, it is made anew, once."""
        method = "GET" if body is None else "POST"
        try:
            return await self.request(method, f"{_COLLECTIONS}/{await self._open()}/{verb}", body)
        except VectorizeError as error:
            if error.code != "VECTORIZE_NOT_FOUND":
                raise
        self._id = None
        return await self.request(method, f"{_COLLECTIONS}/{await self._open()}/{verb}", body)

    async def _open(self) -> str:
        """The collection's id in Chroma."""
        async with self._opening:
            if self._id is None:
                body = {
                    "name": self._name,
                    "configuration": {"hnsw": HNSW},
                    "metadata": {"dimensions": self._dimensions, "metric": "cosine"},
                    "get_or_create": True,
                }
                self._id = self._checked(await self.request("POST", _COLLECTIONS, body))
            return self._id

    def _checked(self, collection: dict[str, Any]) -> str:
        space, found = _shape(collection)
        dimensions = found or self._dimensions
        if space != "cosine" or dimensions != self._dimensions:
            raise VectorizeError(
                f"The index {self._name} is there with metric {space} and {dimensions} dimensions, and not with cosine "
                f"and {self._dimensions}; delete it, or give the index in wrangler.toml another name.",
                code="VECTORIZE_INDEX_MISMATCH",
            )
        return str(collection["id"])

    async def request(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, missing_is_fine: bool = False
    ) -> Any:
        """One call of Chroma's interface. Raises VectorizeError."""
        response = await self._answer(method, path, body)
        if response.status_code == 404 and missing_is_fine:
            return None
        if response.is_error:
            raise _refusal(self._name, response)
        try:
            return response.json() if response.content else None
        except ValueError as error:
            raise VectorizeError(
                f"{self._client.base_url} does not answer as Chroma does; check CHROMA_URL.",
                code="VECTORIZE_BAD_ANSWER",
            ) from error

    async def _answer(self, method: str, path: str, body: dict[str, Any] | None) -> httpx.Response:
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                try:
                    return await self._client.request(method, path, json=body)
                except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
                    # Most likely a kept connection that a restarted server has forgotten; every call can be repeated.
                    return await self._client.request(method, path, json=body)
        except (httpx.HTTPError, TimeoutError) as error:
            raise VectorizeError(
                f"Chroma did not answer at {self._client.base_url}: {str(error) or type(error).__name__}.",
                code="VECTORIZE_UNAVAILABLE",
                retryable=True,
            ) from error


@asynccontextmanager
async def open_chroma_index(
    url: str, name: str, *, dimensions: int = 64, metric: str = "cosine"
) -> AsyncIterator[ChromaIndex]:
    """The index of this name. Raises VectorizeError when the name, dimensions or metric cannot be."""
    checks.check_index(name, dimensions, metric)
    timeout = httpx.Timeout(TIMEOUT_SECONDS, connect=CONNECT_TIMEOUT_SECONDS)
    # trust_env: a proxy of the environment is not for a server on the private network.
    async with httpx.AsyncClient(base_url=url.rstrip("/"), timeout=timeout, trust_env=False) as client:
        yield ChromaIndex(client, name, dimensions)


async def describe_chroma_index(url: str, name: str) -> VectorizeDescription:
    """An index as it is, whatever its dimensions and metric. Raises VectorizeError, when it is not there too."""
    async with httpx.AsyncClient(base_url=url.rstrip("/"), timeout=TIMEOUT_SECONDS, trust_env=False) as client:
        index = ChromaIndex(client, name, 1)
        collection = await index.request("GET", f"{_COLLECTIONS}/{name}")
        count = await index.request("GET", f"{_COLLECTIONS}/{collection['id']}/count")
    space, dimensions = _shape(collection)
    return VectorizeDescription(name, dimensions or 0, space or "", int(count))


def _shape(collection: dict[str, Any]) -> tuple[str | None, int | None]:
    """Metric and dimensions. Chroma knows the latter from the first vector on; before, we do."""
    space = ((collection.get("configuration_json") or {}).get("hnsw") or {}).get("space")
    declared = (collection.get("metadata") or {}).get("dimensions")
    return space, collection.get("dimension") or declared


def _refusal(name: str, response: httpx.Response) -> VectorizeError:
    try:
        said = str(response.json()["message"])
    except (ValueError, KeyError, TypeError):
        said = response.text[:200]
    code = {404: "VECTORIZE_NOT_FOUND", 429: "VECTORIZE_BUSY"}.get(response.status_code, "VECTORIZE_REFUSED")
    retryable = response.status_code >= 500 or response.status_code in {404, 408, 429}
    if response.status_code >= 500:
        code = "VECTORIZE_UNAVAILABLE"
    return VectorizeError(
        f"Chroma refused a call about the index {name} with {response.status_code}: {said}",
        code=code,
        retryable=retryable,
    )


def _matches(found: dict[str, Any], row: int, namespace: str | None) -> VectorizeMatches:
    ids, distances = found["ids"][row], found["distances"][row]
    embeddings = found["embeddings"][row] if found.get("embeddings") else None
    metadatas = found["metadatas"][row] if found.get("metadatas") else None
    matches = []
    for place, id in enumerate(ids):
        own, metadata = _read(metadatas[place]) if metadatas is not None else (namespace, None)
        score = max(-1.0, min(1.0, 1.0 - distances[place]))
        values = tuple(embeddings[place]) if embeddings is not None else None
        matches.append(VectorizeMatch(id, score, own, values, metadata))
    return VectorizeMatches(tuple(matches), len(matches))


def _written(vector: VectorizeVector, old: dict[str, Any]) -> dict[str, Any] | None:
    new: dict[str, Any] = dict(vector.metadata or {})
    if vector.namespace is not None:
        new[limits.RESERVED_KEY] = vector.namespace
    # Null removes a key; left out, it would stay.
    return {**dict.fromkeys(old), **new} or None


def _read(metadata: dict[str, Any] | None) -> tuple[str | None, dict[str, Any] | None]:
    """Namespace and the metadata of the vector's owner."""
    kept = dict(metadata or {})
    namespace = cast(str | None, kept.pop(limits.RESERVED_KEY, None))
    return namespace, kept or None


def _mutation(vectors: Sequence[VectorizeVector]) -> VectorizeMutation:
    return VectorizeMutation(tuple(vector.id for vector in vectors), len(vectors))
