"""What every job needs is away for seconds, minutes, a day: each video still reaches its verdict, or a recorded end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import httpx
import pytest

from consumer.assembly import Consumer
from consumer.breaker import Breaker
from consumer.processor_client import ProcessorAwayError, ProcessorClient, open_http
from tests.consumer.fake_processor import answering
from tests.consumer.world import World
from wire.jobs import Job
from wire.processing import ExtractRequest
from wrangler_compat.errors import D1Error, R2Error, VectorizeError

AWAY = {
    "bucket": R2Error("the store does not answer", code="UNREACHABLE", retryable=True),
    "vectorize": VectorizeError("Chroma does not answer", code="VECTORIZE_UNAVAILABLE", retryable=True),
    "segments": VectorizeError("Chroma does not answer", code="VECTORIZE_UNAVAILABLE", retryable=True),
    "db": D1Error("no room on the disk", retryable=True, sqlite_code="SQLITE_FULL"),
}


class Flaky:
    """A binding that answers `calls` calls, and then none while it is away."""

    def __init__(self, inner: Any, error: Exception) -> None:
        self.inner, self.error = inner, error
        self.left = 10**9

    def __getattr__(self, name: str) -> Any:
        real = getattr(self.inner, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            self.count()
            return await real(*args, **kwargs)

        return call

    def count(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise self.error

    def prepare(self, sql: str) -> FlakyStatement:
        return FlakyStatement(self, self.inner.prepare(sql))

    async def batch(self, statements: Any) -> Any:
        self.count()
        return await self.inner.batch([statement.inner for statement in statements])


class FlakyStatement:
    """Of a D1 that is a Flaky."""

    def __init__(self, flaky: Flaky, inner: Any) -> None:
        self.flaky, self.inner = flaky, inner

    def bind(self, *values: Any) -> FlakyStatement:
        return FlakyStatement(self.flaky, self.inner.bind(*values))

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any) -> Any:
            self.flaky.count()
            return await getattr(self.inner, name)(*args)

        return call


@contextmanager
def away_after(world: World, consumer: Consumer, name: str, calls: int) -> Iterator[Flaky]:
    """For this worker, the binding goes away after so many calls; back again on leaving."""
    flaky = Flaky(getattr(world, name), AWAY[name])
    flaky.left = calls
    pipeline = consumer.pipeline
    parts: dict[str, list[tuple[object, str]]] = {
        "bucket": [(part, "bucket") for part in (pipeline, pipeline.fingerprinting, pipeline.comparison)],
        "vectorize": [(consumer.catalogue, "videos"), (consumer.search, "videos")],
        "segments": [(consumer.catalogue, "segments"), (consumer.search, "segments")],
        "db": [
            (consumer.pipeline, "db"),
            (consumer.catalogue, "db"),
            (consumer.jobs.leases, "db"),
            (consumer.pipeline.rows, "db"),
            (consumer.search, "db"),
        ],
    }
    holders = parts[name]
    real = getattr(world, name)
    for holder, attribute in holders:
        object.__setattr__(holder, attribute, flaky)
    try:
        yield flaky
    finally:
        for holder, attribute in holders:
            object.__setattr__(holder, attribute, real)


async def wait_and_run(world: World, consumer: Consumer, video_id: str, seconds: float = 120) -> None:
    world.clock.pass_seconds(seconds)
    await consumer.sweep.run_once()
    await consumer.jobs.run(Job(video_id))


@pytest.mark.parametrize("calls", range(14))
@pytest.mark.parametrize("name", ["bucket", "vectorize", "segments", "db"])
async def test_away_at_any_step_and_back_again(world: World, consumer: Consumer, name: str, calls: int) -> None:
    original = await world.decided(consumer, 1)
    video_id = await world.upload(1)
    with away_after(world, consumer, name, calls):
        for _ in range(6):
            world.clock.pass_seconds(70)
            try:
                await consumer.jobs.run(Job(video_id))
            except D1Error:
                assert name == "db"
            if (await world.video(video_id))["status"] != "processing":
                break
    for _ in range(2):
        await wait_and_run(world, consumer, video_id)
    row, job = await world.video(video_id), await world.job(video_id)
    assert (row["status"], row["duplicate_of"]) == ("duplicate", original)
    assert (job["status"], job["worker_deaths"]) == ("completed", 0)
    assert job["attempt_count"] <= 2
    assert len(await world.rows("SELECT 1 FROM verdicts WHERE video_id = ?1", video_id)) == 1
    assert len(await world.rows("SELECT 1 FROM notifications WHERE video_id = ?1", video_id)) == 1


async def test_the_pauses_grow_with_the_outage_and_the_user_reads_why(world: World, consumer: Consumer) -> None:
    video_id = await world.upload(1)
    delays: list[float] = []
    with away_after(world, consumer, "vectorize", 0):
        for _ in range(8):
            await consumer.jobs.run(Job(video_id))
            message = world.queues["normal"].messages[-1]
            delays.append((message.due_at - message.sent_at).total_seconds())
            world.clock.pass_seconds(delays[-1] + 1)
    assert delays[0] <= 2
    assert delays[-1] > 5
    assert max(delays) <= 60
    job = await world.job(video_id)
    assert (job["attempt_count"], job["error_message"]) == (
        0,
        "VectorizeError VECTORIZE_UNAVAILABLE: Chroma does not answer",
    )
    assert b"twinreel_job_outages_total 8.0" in consumer.metrics.text()


async def test_after_a_day_the_attempts_are_counted(world: World, consumer: Consumer) -> None:
    video_id = await world.upload(1)
    with away_after(world, consumer, "vectorize", 0):
        await consumer.jobs.run(Job(video_id))
        world.clock.pass_seconds(86_401)
        for _ in range(4):
            await consumer.jobs.run(Job(video_id))
            world.clock.pass_seconds(400)
    assert (await world.job(video_id))["status"] == "failed"


async def test_what_no_retry_mends_is_counted_at_once(world: World, consumer: Consumer) -> None:
    video_id = await world.upload(1)
    with away_after(world, consumer, "vectorize", 0) as flaky:
        flaky.error = VectorizeError("another space", code="VECTORIZE_INDEX_MISMATCH")
        await consumer.jobs.run(Job(video_id))
    assert (await world.job(video_id))["attempt_count"] == 1


async def test_nobody_listens_where_the_processor_should_be(world: World, consumer: Consumer) -> None:
    async with open_http("http://127.0.0.1:1") as http:
        client = ProcessorClient(http, breaker=Breaker(), random=Random(1))
        with pytest.raises(ProcessorAwayError, match="cannot be reached"):
            await client.extract(ExtractRequest("u", "v", 0.0, 1.0), request_id="r")
        object.__setattr__(consumer.pipeline.fingerprinting.extraction, "processor", client)
        video_id = await world.upload(1)
        for _ in range(10):
            await consumer.jobs.run(Job(video_id))
            world.clock.pass_seconds(70)
    job = await world.job(video_id)
    assert (job["status"], job["attempt_count"]) == ("pending", 0)
    object.__setattr__(consumer.pipeline.fingerprinting.extraction, "processor", world.client)
    await wait_and_run(world, consumer, video_id)
    assert (await world.video(video_id))["status"] == "approved"


async def break_off(request: Any) -> Any:
    raise httpx.ReadError("the connection was lost")


async def test_a_processor_that_is_stopped_in_the_middle_is_no_failure_of_the_job_unless_it_goes_on(
    world: World, consumer: Consumer
) -> None:
    """A video that is at hand each time the processor goes down may be why."""
    unlucky, poison = await world.upload(1), await world.upload(2)
    for video_id, times in ((unlucky, 9), (poison, 20)):
        world.processor.misfortunes[:] = [break_off] * times
        for _ in range(40):
            world.clock.pass_seconds(400)
            consumer.pipeline.fingerprinting.extraction.processor.breaker.succeeded()
            await consumer.jobs.run(Job(video_id))
    job = await world.job(unlucky)
    assert ((await world.video(unlucky))["status"], job["attempt_count"], job["interruptions"]) == ("approved", 10, 9)
    job = await world.job(poison)
    assert job["status"] == "failed"
    assert job["attempt_count"] - job["interruptions"] == 4
    assert "the connection was lost" in job["error_message"]


async def test_ordinary_failures_are_counted_beside_interruptions(world: World, consumer: Consumer) -> None:
    video_id = await world.upload(1)
    world.processor.misfortunes += [break_off, answering(500), break_off, *[answering(500)] * 3]
    for _ in range(10):
        world.clock.pass_seconds(400)
        consumer.pipeline.fingerprinting.extraction.processor.breaker.succeeded()
        await consumer.jobs.run(Job(video_id))
    job = await world.job(video_id)
    assert (job["status"], job["attempt_count"], job["interruptions"]) == ("failed", 6, 2)


@pytest.mark.parametrize(("is_there", "is_remote", "attempts"), [(True, False, 0), (False, False, 1), (False, True, 1)])
async def test_a_video_that_the_processor_cannot_reach(
    world: World, consumer: Consumer, is_there: bool, is_remote: bool, attempts: int
) -> None:
    """Our own store is waited for while the object is, or may be, there; a stranger's is not."""
    video_id = await world.upload(1, source_url="https://example.org/a.mp4" if is_remote else None)
    if not is_there:
        await world.bucket.delete((await world.video(video_id))["r2_key"])
    world.processor.misfortunes += [answering(502, "SOURCE_UNREACHABLE", "It cannot be reached.") for _ in range(6)]
    await consumer.jobs.run(Job(video_id))
    assert (await world.job(video_id))["attempt_count"] == attempts
    assert world.client.breaker.state == "closed"


async def test_d1_away_is_no_dead_worker(world: World, consumer: Consumer) -> None:
    """The lease runs out while nothing can be written; the worker lives, and says so as soon as it can."""
    video_id = await world.upload(1)
    for _ in range(3):
        with away_after(world, consumer, "db", 4), pytest.raises(D1Error):
            await consumer.jobs.run(Job(video_id))
        world.clock.pass_seconds(60)
        assert (await world.job(video_id))["status"] == "processing"
        await consumer.sweep.run_once()
        job = await world.job(video_id)
        assert (job["status"], job["worker_deaths"], job["attempt_count"]) == ("pending", 0, 0)
    await consumer.jobs.run(Job(video_id))
    assert (await world.video(video_id))["status"] == "approved"
