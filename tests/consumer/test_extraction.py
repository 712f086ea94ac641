from __future__ import annotations

import asyncio
import dataclasses
import itertools
from collections.abc import AsyncIterator
from random import Random

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.breaker import Breaker
from consumer.errors import Refused
from consumer.extraction import Extraction, ranges_after_first
from consumer.processor_client import ProcessorClient, ProcessorError, open_http
from consumer.records import PreviewStrip, Source, Video
from tests.consumer.fake_processor import JPEG, STRIP, FakeProcessor, answering
from tests.consumer.fingerprints import make_fingerprint
from wire.fingerprints import ALGORITHM_VERSION

SOURCE = Source("http://bucket/video?signature=x")


def make_video(video_id: str = "v1") -> Video:
    return Video(
        id=video_id,
        r2_key=f"videos/2026/11/21/{video_id}.mp4",
        user_id="u",
        uploaded_at="2026-11-21T02:13:05.123456Z",
        priority="normal",
        tier="standard",
        request_id="r-1",
        source_url=None,
        range_start=None,
        range_stop=None,
        fingerprint_key=None,
        algorithm_version=None,
        thumbnail_key=None,
        indexed_at=None,
    )


@pytest.fixture
def processor() -> FakeProcessor:
    return FakeProcessor()


@pytest.fixture
async def extraction(processor: FakeProcessor) -> AsyncIterator[Extraction]:
    async with open_http("http://processor", transport=httpx.ASGITransport(processor.app())) as http:
        client = ProcessorClient(http, breaker=Breaker(), random=Random(1))
        yield Extraction(client, range_seconds=300, max_parallel=10, max_duration=3600)


class Heard:
    def __init__(self) -> None:
        self.shares: list[float] = []

    async def __call__(self, share: float) -> None:
        self.shares.append(share)


async def test_a_short_video_is_one_range(extraction: Extraction, processor: FakeProcessor) -> None:
    processor.videos["v1"] = make_fingerprint(5, duration=20)
    extracted = await extraction.extract(make_video(), SOURCE, Heard())
    assert [(asked.start, asked.stop, asked.whole) for asked in processor.asked] == [(0.0, 300.0, False)]
    assert processor.merged == [[(0.0, 20.0)]]
    assert np.array_equal(extracted.fingerprint.frames, processor.videos["v1"].frames)
    assert extracted.thumbnail == JPEG
    assert extracted.preview == PreviewStrip(STRIP, 12, 160, 90)
    assert processor.request_ids == ["r-1"]


async def test_a_long_video_is_fingerprinted_in_parallel_and_merged_in_order(
    extraction: Extraction, processor: FakeProcessor
) -> None:
    processor.videos["v1"] = make_fingerprint(5, duration=3500)
    processor.delay_seconds = 0.02
    heard = Heard()
    await extraction.extract(make_video(), SOURCE, heard)
    assert processor.merged == [[(n * 300.0, min(3500.0, (n + 1) * 300.0)) for n in range(12)]]
    assert processor.most_busy == 10
    assert heard.shares == sorted(heard.shares)
    assert heard.shares[-1] == 1.0


async def test_at_most_so_many_ranges_are_asked_for_at_a_time(processor: FakeProcessor) -> None:
    processor.videos["v1"] = make_fingerprint(5, duration=200)
    processor.delay_seconds = 0.005
    async with open_http("http://processor", transport=httpx.ASGITransport(processor.app())) as http:
        client = ProcessorClient(http, breaker=Breaker(), random=Random(1))
        await Extraction(client, range_seconds=10, max_parallel=3, max_duration=3600).extract(
            make_video(), SOURCE, Heard()
        )
    assert processor.most_busy == 3
    assert len(processor.asked) == 20


async def test_a_video_that_is_too_long_is_refused_after_its_first_range(
    extraction: Extraction, processor: FakeProcessor
) -> None:
    processor.videos["v1"] = make_fingerprint(5, duration=3601)
    with pytest.raises(Refused, match="3601 seconds; at most 3600") as caught:
        await extraction.extract(make_video(), SOURCE, Heard())
    assert caught.value.reason == "too_long"
    assert len(processor.asked) == 1


async def test_a_part_that_the_user_named_is_all_there_is(extraction: Extraction, processor: FakeProcessor) -> None:
    processor.videos["v1"] = make_fingerprint(5, duration=7000)
    source = Source("https://example.org/film.mp4", 100.0, 160.0)
    video = dataclasses.replace(make_video(), tier="premium", source_url=source.url)
    await extraction.extract(video, source, Heard())
    (asked,) = processor.asked
    assert (asked.video_url, asked.start, asked.stop, asked.whole) == (source.url, 100.0, 160.0, True)
    assert asked.tier == "premium"
    assert processor.merged == []


async def test_a_part_that_is_too_long_is_refused_without_asking(
    extraction: Extraction, processor: FakeProcessor
) -> None:
    with pytest.raises(Refused, match="at most 3600"):
        await extraction.extract(make_video(), Source("u", 0.0, 3601.0), Heard())
    assert processor.asked == []


async def test_a_video_without_a_single_picture_is_refused(extraction: Extraction, processor: FakeProcessor) -> None:
    processor.videos["v1"] = dataclasses.replace(make_fingerprint(5), times=np.zeros(0, np.float32))
    with pytest.raises(Refused, match="No picture") as caught:
        await extraction.extract(make_video(), SOURCE, Heard())
    assert caught.value.reason == "undecodable"
    assert processor.merged == []


async def test_one_range_that_fails_stops_the_others(extraction: Extraction, processor: FakeProcessor) -> None:
    processor.videos["v1"] = make_fingerprint(5, duration=3500)

    async def first_is_fine(request: object) -> None:
        processor.misfortunes.append(answering(500))
        processor.delay_seconds = 0.05

    processor.misfortunes.append(first_is_fine)
    with pytest.raises(ProcessorError):
        await extraction.extract(make_video(), SOURCE, Heard())
    asked = len(processor.asked)
    await asyncio.sleep(0.1)
    assert len(processor.asked) == asked
    assert processor.busy == 0
    assert processor.merged == []


async def test_a_fingerprint_of_another_version_is_refused_by_us(
    extraction: Extraction, processor: FakeProcessor
) -> None:
    newer = dataclasses.replace(make_fingerprint(5), algorithm_version=ALGORITHM_VERSION + 1)
    processor.videos["v1"] = newer
    with pytest.raises(ProcessorError, match="same release"):
        await extraction.extract(make_video(), SOURCE, Heard())


@given(st.floats(0.01, 100_000), st.floats(10, 1000))
def test_ranges_tile_the_video(duration: float, length: float) -> None:
    ranges = [(0.0, length), *ranges_after_first(duration, length)]
    assert all(before[1] == after[0] for before, after in itertools.pairwise(ranges))
    assert ranges[-1][0] < duration or len(ranges) == 1
    assert ranges[-1][1] >= duration * (1 - 1e-12)


@pytest.mark.parametrize(("duration", "count"), [(300.0, 0), (300.1, 1), (600.0, 1), (3600.0, 11)])
def test_a_full_range_is_not_followed_by_an_empty_one(duration: float, count: int) -> None:
    assert len(ranges_after_first(duration, 300.0)) == count
