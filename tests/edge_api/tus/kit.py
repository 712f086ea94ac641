"""What the tests of tus share: a client that speaks the protocol by hand."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterable, Mapping

import httpx

from edge_api.errors import ERRORS
from edge_api.tus.headers import BODY_TYPE
from tests.edge_api.kit import Person, World
from tests.edge_api.test_errors import check_shape

TUS = {"Tus-Resumable": "1.0.0"}


def metadata(**values: str) -> dict[str, str]:
    pairs = (f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in values.items())
    return {"Upload-Metadata": ",".join(pairs)}


def checksum(algorithm: str, digest: bytes) -> dict[str, str]:
    return {"Upload-Checksum": f"{algorithm} {base64.b64encode(digest).decode()}"}


def check_refused(answer: httpx.Response, code: str) -> None:
    """The answer to a HEAD has no body that could name the code."""
    assert answer.headers["tus-resumable"] == "1.0.0"
    if answer.request.method == "HEAD":
        assert (answer.status_code, answer.content) == (ERRORS[code].status, b"")
    else:
        assert check_shape(answer)["code"] == code


class Tus:
    """One person's requests."""

    def __init__(self, world: World, person: Person | None = None) -> None:
        self.client = world.client
        self.headers = {**(person or world.alice).headers, **TUS}

    async def create(
        self, length: int, headers: Mapping[str, str] | None = None, *, content: bytes | None = None
    ) -> httpx.Response:
        sent = {**self.headers, "Upload-Length": str(length), **(headers or {})}
        if content is not None:
            sent["Content-Type"] = BODY_TYPE
        return await self.client.post("/api/tus", headers=sent, content=content)

    async def created(self, length: int, headers: Mapping[str, str] | None = None) -> str:
        """The address of a new upload."""
        answer = await self.create(length, headers)
        assert answer.status_code == 201, answer.text
        return answer.headers["location"]

    async def patch(
        self, url: str, offset: int, content: bytes | AsyncIterable[bytes], headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        sent = {**self.headers, "Content-Type": BODY_TYPE, "Upload-Offset": str(offset), **(headers or {})}
        return await self.client.patch(url, headers=sent, content=content)

    async def head(self, url: str) -> httpx.Response:
        return await self.client.head(url, headers=self.headers)

    async def offset(self, url: str) -> int:
        answer = await self.head(url)
        assert answer.status_code == 200, answer.text
        return int(answer.headers["upload-offset"])

    async def delete(self, url: str) -> httpx.Response:
        return await self.client.delete(url, headers=self.headers)

    async def send(self, data: bytes, *cuts: int, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """A whole file in several requests, cut at these offsets; the last answer."""
        url = await self.created(len(data), headers)
        for start, stop in zip((0, *cuts), (*cuts, len(data)), strict=True):
            answer = await self.patch(url, start, data[start:stop])
            assert answer.status_code == 204, answer.text
            assert int(answer.headers["upload-offset"]) == stop
        return answer
