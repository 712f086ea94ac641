from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable
from random import Random
from typing import Any

import httpx
import pytest

from consumer.breaker import Breaker
from consumer.errors import HandedBack, Refused
from consumer.processor_client import ProcessorClient, ProcessorError, decode_base64, open_http
from tests.consumer.fake_processor import FakeProcessor, answering, babbling, hanging
from wire.processing import ExtractRequest, ExtractResponse

REQUEST = ExtractRequest("http://bucket/video", "v1")


@pytest.fixture
def processor() -> FakeProcessor:
    return FakeProcessor()


@pytest.fixture
async def http(processor: FakeProcessor) -> AsyncIterator[httpx.AsyncClient]:
    async with open_http("http://processor", transport=httpx.ASGITransport(processor.app())) as http:
        yield http


@pytest.fixture
def client(http: httpx.AsyncClient) -> ProcessorClient:
    return ProcessorClient(
        http, breaker=Breaker(failures=2, rest_seconds=60), random=Random(1), timeout_seconds=5, busy_wait_seconds=1
    )


def ask(client: ProcessorClient) -> Awaitable[ExtractResponse]:
    return client.extract(REQUEST, request_id="r-1")


async def test_an_answer_is_read_and_the_request_id_goes_along(
    client: ProcessorClient, processor: FakeProcessor
) -> None:
    answer = await ask(client)
    assert answer.video_id == "v1"
    assert len(answer.video_vector) == 64
    assert processor.asked == [REQUEST]
    assert processor.request_ids == ["r-1"]


async def test_fragments_are_merged(client: ProcessorClient, processor: FakeProcessor) -> None:
    first = await client.extract(ExtractRequest("u", "v1", 0.0, 5.0), request_id="r")
    second = await client.extract(ExtractRequest("u", "v1", 5.0, 10.0), request_id="r")
    merged = await client.merge("v1", [first.fingerprint, second.fingerprint], thumbnail="AAAA", request_id="r")
    assert processor.merged == [[(0.0, 5.0), (5.0, 10.0)]]
    assert merged.thumbnail is not None


async def test_a_refusal_is_final_and_keeps_the_reason(client: ProcessorClient, processor: FakeProcessor) -> None:
    processor.misfortunes.append(answering(422, "NO_VIDEO_STREAM", "The file has no picture."))
    with pytest.raises(Refused) as caught:
        await ask(client)
    assert caught.value.reason == "no_video_stream"
    assert caught.value.message == "The file has no picture."


async def test_refusals_do_not_open_the_breaker(client: ProcessorClient, processor: FakeProcessor) -> None:
    processor.misfortunes += [answering(422)] * 3
    for _ in range(3):
        with pytest.raises(Refused):
            await ask(client)
    assert client.breaker.state == "closed"


async def test_a_busy_processor_is_waited_for(client: ProcessorClient, processor: FakeProcessor) -> None:
    processor.misfortunes += [answering(503, "BUSY", Retry_After="0.1"), answering(503, "BUSY", Retry_After="0.1")]
    begun = time.monotonic()
    assert (await ask(client)).video_id == "v1"
    assert time.monotonic() - begun >= 0.2
    assert client.breaker.state == "closed"


async def test_a_processor_busy_for_too_long_hands_the_job_back(
    client: ProcessorClient, processor: FakeProcessor
) -> None:
    processor.misfortunes.append(answering(503, "BUSY", Retry_After="20"))
    with pytest.raises(HandedBack) as caught:
        await ask(client)
    assert 20 <= caught.value.delay_seconds <= 30


@pytest.mark.parametrize("said", ["soon", "-5", "1e9"])
async def test_a_strange_retry_after_does_no_harm(client: ProcessorClient, processor: FakeProcessor, said: str) -> None:
    processor.misfortunes += [answering(503, "BUSY", Retry_After=said)] * 50
    with pytest.raises(HandedBack) as caught:
        await ask(client)
    assert 0 < caught.value.delay_seconds <= 45


@pytest.mark.parametrize("status", [400, 401, 404, 500, 502])
async def test_other_errors_may_be_retried_and_say_what_the_processor_said(
    client: ProcessorClient, processor: FakeProcessor, status: int
) -> None:
    processor.misfortunes.append(answering(status, message="The disk is full."))
    with pytest.raises(ProcessorError, match=f"{status}.*The disk is full"):
        await ask(client)


async def test_an_answer_that_is_no_json_may_be_retried(client: ProcessorClient, processor: FakeProcessor) -> None:
    processor.misfortunes.append(babbling())
    with pytest.raises(ProcessorError, match="cannot be read"):
        await ask(client)


async def test_an_answer_that_never_comes_is_given_up(http: httpx.AsyncClient, processor: FakeProcessor) -> None:
    client = ProcessorClient(http, breaker=Breaker(), random=Random(1), timeout_seconds=0.05)
    processor.misfortunes.append(hanging(asyncio.Event()))
    with pytest.raises(ProcessorError, match="did not answer"):
        await ask(client)


async def test_failures_in_a_row_leave_the_processor_alone(client: ProcessorClient, processor: FakeProcessor) -> None:
    processor.misfortunes += [answering(500)] * 2
    for _ in range(2):
        with pytest.raises(ProcessorError):
            await ask(client)
    with pytest.raises(HandedBack, match="left alone") as caught:
        await ask(client)
    assert caught.value.delay_seconds > 50
    assert processor.asked == []


async def test_a_processor_that_is_not_there_is_a_failure() -> None:
    async with open_http("http://127.0.0.1:1") as http:
        client = ProcessorClient(http, breaker=Breaker(), random=Random(1))
        with pytest.raises(ProcessorError, match="cannot be reached"):
            await ask(client)
        with pytest.raises(ProcessorError, match="does not answer"):
            await client.ping()


async def test_ping(client: ProcessorClient, processor: FakeProcessor) -> None:
    await client.ping()
    processor.misfortunes.append(answering(500))
    with pytest.raises(ProcessorError, match="500"):
        await client.ping()


async def test_the_secret_is_shown_when_there_is_one() -> None:
    shown: list[str | None] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = dict(scope["headers"])
        shown.append(headers[b"authorization"].decode() if b"authorization" in headers else None)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    for secret in ("s3cret", None):
        async with open_http("http://p", secret=secret, transport=httpx.ASGITransport(app)) as http:
            await ProcessorClient(http, breaker=Breaker(), random=Random(1)).ping()
    assert shown == ["Internal-Secret s3cret", None]


def test_bad_base64_is_the_processors_fault() -> None:
    assert decode_base64("AAAA") == b"\0\0\0"
    with pytest.raises(ProcessorError, match="base64"):
        decode_base64("!")
