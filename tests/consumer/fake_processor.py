"""A processor that decodes nothing: an ASGI app that speaks the real contract about videos it was told of."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.consumer.fingerprints import make_fingerprint, make_fragment
from wire.errors import error_body
from wire.fingerprints import Fingerprint, pack, pack_fragment, unpack_fragment
from wire.media import Media
from wire.processing import ExtractRequest, ExtractResponse, Preview
from wire.renditions import Rendition, RenditionFormatError, RenditionRequest
from wrangler_compat.r2.types import R2Bucket
from wrangler_compat.testing import MemoryR2Bucket

Misfortune = Callable[[Request], Awaitable[Response | None]]
"""May answer in the processor's place."""

JPEG = b"\xff\xd8 a thumbnail \xff\xd9"
STRIP = b"\xff\xd8 twelve pictures \xff\xd9"


@dataclass
class FakeProcessor:
    """videos: the fingerprint of each video id; others get one of a seed of their own. media: of files, where
    it is told. bucket: where renditions are put."""

    videos: dict[str, Fingerprint] = field(default_factory=dict)
    media: dict[str, Media] = field(default_factory=dict)
    bucket: R2Bucket = field(default_factory=MemoryR2Bucket)
    rendered: list[RenditionRequest] = field(default_factory=list)
    asked: list[ExtractRequest] = field(default_factory=list)
    merged: list[list[tuple[float, float]]] = field(default_factory=list)
    request_ids: list[str] = field(default_factory=list)
    misfortunes: list[Misfortune] = field(default_factory=list)
    delay_seconds: float = 0.0
    busy: int = 0
    most_busy: int = 0

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/extract-fingerprint", self._extract, methods=["POST"]),
                Route("/merge-fingerprints", self._merge, methods=["POST"]),
                Route("/make-rendition", self._make_rendition, methods=["POST"]),
                Route("/livez", self._livez),
            ]
        )

    def fingerprint_of(self, video_id: str) -> Fingerprint:
        return self.videos.setdefault(video_id, make_fingerprint(abs(hash(video_id)) % 10**9))

    async def _livez(self, request: Request) -> Response:
        return await self._misfortune(request) or JSONResponse({"status": "ok"})

    async def _extract(self, request: Request) -> Response:
        self.busy += 1
        self.most_busy = max(self.most_busy, self.busy)
        try:
            await asyncio.sleep(self.delay_seconds)
            return await self._misfortune(request) or await self._extracted(request)
        finally:
            self.busy -= 1

    async def _extracted(self, request: Request) -> Response:
        asked = ExtractRequest.from_json(await request.json())
        self.asked.append(asked)
        self.request_ids.append(request.headers.get("X-Request-Id", ""))
        whole = self.fingerprint_of(asked.video_id)
        if asked.whole or (asked.start is None and asked.stop is None):
            content = pack(whole)
        else:
            content = pack_fragment(make_fragment(whole.duration, asked.start or 0.0, asked.stop or whole.duration))
        return self._answer(asked.video_id, whole, content, with_thumbnail=not asked.start)

    async def _merge(self, request: Request) -> Response:
        unlucky = await self._misfortune(request)
        if unlucky is not None:
            return unlucky
        body = await request.json()
        fragments = [unpack_fragment(base64.b64decode(text)) for text in body["fragments"]]
        self.merged.append([(fragment.start, fragment.stop) for fragment in fragments])
        whole = self.fingerprint_of(body["video_id"])
        return self._answer(body["video_id"], whole, pack(whole), with_thumbnail="thumbnail" in body)

    async def _make_rendition(self, request: Request) -> Response:
        unlucky = await self._misfortune(request)
        if unlucky is not None:
            return unlucky
        try:
            asked = RenditionRequest.from_json(await request.json())
        except RenditionFormatError as broken:
            return JSONResponse(error_body("BAD_REQUEST", str(broken), "r"), 400)
        self.rendered.append(asked)
        content = b"a rendition of " + asked.video_id.encode()
        path = unquote(urlsplit(asked.rendition_url).path)
        # Some stores have the bucket in the path, others in the name of the host.
        await self.bucket.put(path[path.index("processed/") :], content)
        made = Rendition(asked.video_id, 1280, 720, 10.0, len(content))
        return lines({"progress": 0.25}, {"progress": 0.75}, {"rendition": made.to_json()})

    async def _misfortune(self, request: Request) -> Response | None:
        return await self.misfortunes.pop(0)(request) if self.misfortunes else None

    def _answer(self, video_id: str, whole: Fingerprint, content: bytes, *, with_thumbnail: bool) -> Response:
        response = ExtractResponse(
            video_id=video_id,
            video_vector=tuple(whole.video_vector.tolist()),
            audio_hash=None,
            duration=whole.duration,
            frame_count=len(whole.times),
            processing_time_ms=1,
            fingerprint=base64.b64encode(content).decode(),
            thumbnail=base64.b64encode(JPEG).decode() if with_thumbnail else None,
            media=self.media.get(video_id),
            preview=Preview(12, 160, 90, jpeg=base64.b64encode(STRIP).decode()) if with_thumbnail else None,
        )
        return JSONResponse(response.to_json())


def lines(*told: Mapping[str, Any]) -> Response:
    """As POST /make-rendition answers."""
    return Response("".join(f"{json.dumps(each)}\n" for each in told), media_type="application/x-ndjson")


def telling(*told: Mapping[str, Any]) -> Misfortune:
    """The next answer has these lines."""

    async def answer(request: Request) -> Response:
        return lines(*told)

    return answer


def answering(status: int, code: str = "INTERNAL", message: str = "It went wrong.", **headers: str) -> Misfortune:
    """The next answer is this error."""

    async def answer(request: Request) -> Response:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return JSONResponse(error_body(code, message, "r"), status, names)

    return answer


def babbling() -> Misfortune:
    """The next answer is 200 and no JSON."""

    async def answer(request: Request) -> Response:
        return Response(b"<html>", 200)

    return answer


def hanging(started: asyncio.Event) -> Misfortune:
    """The next request is never answered."""

    async def answer(request: Request) -> Response:
        started.set()
        await asyncio.Event().wait()
        raise AssertionError("nothing sets the event")

    return answer
