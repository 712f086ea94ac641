"""Two alike at the same instant: exactly one is approved, whatever the timing."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Collection
from random import Random
from typing import Any

import pytest

from consumer.assembly import Consumer
from consumer.env import Env
from tests.consumer.fingerprints import make_fingerprint
from tests.consumer.world import World, open_world
from wire.jobs import Job


class Dawdling:
    """The same object, each of whose coroutines lets others go first a random number of times."""

    def __init__(self, inner: Any, random: Random) -> None:
        self._inner = inner
        self._random = random

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name in ("prepare", "bind"):
            return lambda *args: Dawdling(found(*args), self._random)
        if not asyncio.iscoroutinefunction(found):
            return found

        async def slowly(*args: Any, **kwargs: Any) -> Any:
            for _ in range(self._random.randrange(8)):
                await asyncio.sleep(0)
            if name == "batch":
                args = ([getattr(statement, "_inner", statement) for statement in args[0]],)
            result = await found(*args, **kwargs)
            for _ in range(self._random.randrange(8)):
                await asyncio.sleep(0)
            return result

        return slowly


def dawdling(env: Env, seed: int) -> Env:
    random = Random(seed)
    return dataclasses.replace(
        env,
        video_bucket=Dawdling(env.video_bucket, random),
        db=Dawdling(env.db, random),
        vectorize=Dawdling(env.vectorize, random),
        vectorize_segments=Dawdling(env.vectorize_segments, random),
    )


async def two_workers(world: World, seed: int) -> tuple[Consumer, Consumer]:
    world.env = dawdling(world.env, seed)
    return await world.consumer(seed=seed), await world.consumer(seed=seed + 1)


@pytest.mark.parametrize("noise", [0.0, 0.1], ids=["equal fingerprints", "other encodings"])
async def test_of_two_twins_one_is_approved_in_50_of_50_tries(noise: float) -> None:
    for seed in range(50):
        async with open_world(earlier_wait_seconds=5.0) as world:
            workers = await two_workers(world, seed)
            twins = [
                await world.upload(fingerprint=make_fingerprint(1)),
                await world.upload(fingerprint=make_fingerprint(1, noise=noise)),
            ]
            order = twins if seed % 2 else twins[::-1]
            await asyncio.gather(*(worker.jobs.run(Job(one)) for worker, one in zip(workers, order, strict=True)))
            videos = [await world.video(one) for one in twins]
            assert sorted(video["status"] for video in videos) == ["approved", "duplicate"], f"seed {seed}"
            original, copy = sorted(videos, key=lambda video: str(video["status"]))
            assert copy["duplicate_of"] == original["id"]


async def test_of_many_at_once_one_is_approved() -> None:
    for seed in range(5):
        async with open_world(earlier_wait_seconds=20.0, top_k=2) as world:
            worker, _ = await two_workers(world, seed)
            twins = [await world.upload(fingerprint=make_fingerprint(1, noise=n / 100)) for n in range(8)]
            Random(seed).shuffle(twins)
            await asyncio.gather(*(worker.jobs.run(Job(one)) for one in twins))
            videos = [await world.video(one) for one in twins]
            originals = [video["id"] for video in videos if video["status"] == "approved"]
            assert len(originals) == 1, f"seed {seed}"
            assert {video["duplicate_of"] for video in videos} == {None, *originals}


async def test_the_later_twin_waits_for_the_earlier_and_is_handed_back_when_that_takes_long(world: World) -> None:
    consumer = await world.consumer(earlier_wait_seconds=0.2)
    earlier, later = await world.upload(1), await world.upload(1)
    claim = await consumer.jobs.leases.claim(earlier, "somebody slow")
    assert claim is not None
    extracted = await consumer.pipeline.fingerprinting.extract(
        claim, await consumer.pipeline.fingerprinting.presign(claim.video)
    )
    kept = await consumer.pipeline._keep(claim, extracted)
    await consumer.catalogue.index(claim, kept)

    await consumer.jobs.run(Job(later))
    job = await world.job(later)
    assert (job["status"], job["attempt_count"], job["lease_owner"]) == ("pending", 0, None)
    assert earlier in job["error_message"]
    assert len(world.queues["normal"].messages) == 1


async def test_nobody_waits_for_a_twin_that_nobody_is_at(world: World) -> None:
    consumer = await world.consumer(earlier_wait_seconds=60)
    earlier, later = await world.upload(1), await world.upload(1)
    claim = await consumer.jobs.leases.claim(earlier, "somebody")
    assert claim is not None
    extracted = await consumer.pipeline.fingerprinting.extract(
        claim, await consumer.pipeline.fingerprinting.presign(claim.video)
    )
    await consumer.catalogue.index(claim, await consumer.pipeline._keep(claim, extracted))
    await consumer.jobs.leases.hand_back(claim, "wait", delay_seconds=5)
    async with asyncio.timeout(60):
        await consumer.jobs.run(Job(later))
    assert (await world.job(later))["status"] == "pending"


async def test_what_a_settled_video_says_is_enough(world: World, consumer: Consumer) -> None:
    """The original is approved, an earlier copy is still on its way: the later copy does not wait for that."""
    original = await world.decided(consumer, 1)
    earlier, later = await world.upload(1), await world.upload(1)
    claim = await consumer.jobs.leases.claim(earlier, "somebody slow")
    assert claim is not None
    extracted = await consumer.pipeline.fingerprinting.extract(
        claim, await consumer.pipeline.fingerprinting.presign(claim.video)
    )
    await consumer.catalogue.index(claim, await consumer.pipeline._keep(claim, extracted))
    await consumer.jobs.run(Job(later))
    assert (await world.video(later))["duplicate_of"] == original


async def test_an_earlier_twin_that_failed_is_not_waited_for(world: World, consumer: Consumer) -> None:
    earlier, later = await world.upload(1), await world.upload(1)
    claim = await consumer.jobs.leases.claim(earlier, "somebody")
    assert claim is not None
    extracted = await consumer.pipeline.fingerprinting.extract(
        claim, await consumer.pipeline.fingerprinting.presign(claim.video)
    )
    await consumer.catalogue.index(claim, await consumer.pipeline._keep(claim, extracted))
    await consumer.jobs.leases.fail(claim, "it was too much")
    await consumer.jobs.run(Job(later))
    assert (await world.video(later))["status"] == "approved"


async def test_a_verdict_is_not_written_into_a_catalogue_that_has_changed(world: World, consumer: Consumer) -> None:
    """While the verdict on a copy is being made of an empty catalogue, its original is approved."""
    copy = await world.upload(1)
    original = await world.upload(1, uploaded_at="2020-01-01T00:00:00.000000Z")
    other = await world.consumer(seed=2)
    decide, interfered = consumer.pipeline.detection.decide, False

    def decide_late(evidence: Any, *, approved: Collection[str] = ()) -> Any:
        nonlocal interfered
        verdict = decide(evidence)
        if not interfered:
            interfered = True
            asyncio.run_coroutine_threadsafe(other.jobs.run(Job(original)), loop).result()
        return verdict

    loop = asyncio.get_running_loop()
    slow = await world.consumer(seed=3, detection=dataclasses.replace(world.detection, decide=decide_late))
    await slow.jobs.run(Job(copy))
    assert (await world.video(original))["status"] == "approved"
    assert (await world.video(copy))["duplicate_of"] == original
    assert len(await world.rows("SELECT * FROM verdicts")) == 2
    assert b"twinreel_verdicts_reconsidered_total 1.0" in slow.metrics.text()
