"""What the consumer may rely on when it asks for a rendition, of the real processor and of the tests' own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random

import httpx
import pytest

from consumer.breaker import Breaker
from consumer.processor_client import ProcessorClient, ProcessorError, open_http
from processor.app import create_app
from processor.settings import Settings
from tests.consumer.fake_processor import FakeProcessor
from tests.processor.clips import Look, write_clip
from tests.processor.put_server import put_server
from tests.processor.range_server import range_server
from wire.renditions import RenditionRequest
from wrangler_compat.r2.types import R2Object
from wrangler_compat.testing import MemoryR2Bucket


@dataclass
class Ground:
    """client: of the processor. stored: the bytes at the rendition's URL."""

    client: ProcessorClient
    request: RenditionRequest
    stored: Callable[[], Awaitable[bytes]]


@pytest.fixture(params=["fake", "real"])
async def ground(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ground]:
    async with AsyncExitStack() as stack:
        if request.param == "fake":
            bucket = MemoryR2Bucket()
            fake, key = FakeProcessor(bucket=bucket), "processed/v-1/720p.mp4"
            app = fake.app()
            asked = RenditionRequest(
                await bucket.presigned_url("v"), "v-1", await bucket.presigned_url(key, method="PUT")
            )

            async def stored() -> bytes:
                body = await bucket.get(key)
                assert body is not None
                assert not isinstance(body, R2Object)
                return await body.bytes()
        else:
            write_clip(tmp_path / "v.mp4", Look(seconds=1.0, video="mpeg4"))
            source, target = stack.enter_context(range_server(tmp_path)), stack.enter_context(put_server())
            app = create_app(Settings(slots=1))
            await stack.enter_async_context(app.router.lifespan_context(app))
            asked = RenditionRequest(source.url("v.mp4"), "v-1", f"{target.url}/processed/v-1/720p.mp4")

            async def stored() -> bytes:
                return target.shelf.taken["/processed/v-1/720p.mp4"]

        http = await stack.enter_async_context(
            open_http("http://processor", transport=httpx.ASGITransport(app, raise_app_exceptions=False))
        )
        yield Ground(ProcessorClient(http, breaker=Breaker(), random=Random(1)), asked, stored)


async def nobody(share: float) -> None:
    """Not told."""


async def test_what_is_told_lies_where_it_was_wanted(ground: Ground) -> None:
    shares: list[float] = []

    async def note(share: float) -> None:
        shares.append(share)

    made = await ground.client.make_rendition(ground.request, note, request_id="r")
    assert made.video_id == "v-1"
    assert made.size_bytes == len(await ground.stored())
    assert min(made.width, made.height, made.duration) > 0
    assert shares == sorted(shares)
    assert all(0 <= share <= 1 for share in shares)


async def test_a_request_that_is_none_is_an_error_that_says_so(ground: Ground) -> None:
    with pytest.raises(ProcessorError, match=r"400.*video_id"):
        await ground.client.make_rendition(
            RenditionRequest(ground.request.video_url, "", ground.request.rendition_url), nobody, request_id="r"
        )
