from __future__ import annotations

import asyncio
import dataclasses

import pytest

from consumer.assembly import Consumer
from consumer.errors import LeaseLost
from consumer.leases import MOST_INTERRUPTIONS, Cause, Leases
from consumer.records import Claim
from tests.consumer.world import World


@pytest.fixture
def leases(consumer: Consumer) -> Leases:
    return dataclasses.replace(consumer.jobs.leases, duration_seconds=15, heartbeat_seconds=0.02)


async def test_a_job_is_claimed_once(world: World, leases: Leases) -> None:
    video_id = await world.upload(1)
    claim = await leases.claim(video_id, "one")
    assert claim is not None
    assert (claim.video.id, claim.attempt, claim.owner) == (video_id, 1, "one")
    assert await leases.claim(video_id, "two") is None
    job = await world.job(video_id)
    assert (job["status"], job["attempt_count"], job["lease_owner"]) == ("processing", 1, "one")


async def test_of_many_who_claim_at_once_one_gets_it(world: World, leases: Leases) -> None:
    video_id = await world.upload(1)
    claims = await asyncio.gather(*(leases.claim(video_id, f"worker {n}") for n in range(20)))
    assert len([claim for claim in claims if claim is not None]) == 1


async def test_a_lease_that_ran_out_may_be_claimed_and_counts_as_an_attempt(world: World, leases: Leases) -> None:
    video_id = await world.upload(1)
    first = await leases.claim(video_id, "dead")
    world.clock.pass_seconds(14)
    assert await leases.claim(video_id, "other") is None
    world.clock.pass_seconds(2)
    second = await leases.claim(video_id, "other")
    assert first is not None
    assert second is not None
    assert second.attempt == 2
    assert not await leases.is_ours(first)


async def test_a_job_whose_worker_died_each_time_beside_others_is_not_claimed_again(
    world: World, leases: Leases
) -> None:
    video_id = await world.upload(1)
    for _ in range(MOST_INTERRUPTIONS + 1):
        assert await leases.claim(video_id, "dies/1", beside="dies/") is not None
        world.clock.pass_seconds(16)
    assert await leases.claim(video_id, "next") is None


async def test_a_job_that_killed_its_worker_twice_while_alone_is_not_claimed_again(
    world: World, leases: Leases
) -> None:
    video_id = await world.upload(1)
    for deaths in (0, 1):
        claim = await leases.claim(video_id, "dies")
        assert claim is not None
        assert claim.worker_deaths == deaths
        await leases.note_progress(claim, "index", 0.75)
        assert await leases.is_suspect(video_id) is (deaths > 0)
        world.clock.pass_seconds(16)
    assert await leases.claim(video_id, "next") is None


async def test_whoever_has_others_in_hand_is_blamed_for_none(world: World, leases: Leases) -> None:
    first, second, elsewhere = [await world.upload(n) for n in range(3)]
    claims = [await leases.claim(first, "host:1/a"), await leases.claim(second, "host:1/b", beside="host:1/")]
    await leases.claim(elsewhere, "host:12/a")
    for each in claims:
        assert each is not None
        await leases.note_progress(each, "index", 0.75)
    shared = {row["video_id"]: row["shared_lease"] for row in await world.rows("SELECT * FROM processing_jobs")}
    assert shared == {first: 1, second: 1, elsewhere: 0}
    world.clock.pass_seconds(16)
    for video_id in (first, second):
        claim = await leases.claim(video_id, "host:2/a")
        assert claim is not None
        assert claim.worker_deaths == 0
        assert await leases.is_suspect(video_id)


async def test_who_only_waits_for_the_processor_cannot_die_of_the_video(world: World, leases: Leases) -> None:
    video_id = await world.upload(1)
    for _ in range(3):
        claim = await leases.claim(video_id, "killed by somebody")
        assert claim is not None
        assert claim.worker_deaths == 0
        assert not await leases.is_suspect(video_id)
        await leases.note_progress(claim, "fingerprint", 0.4)
        world.clock.pass_seconds(16)


async def test_a_worker_that_was_only_slow_takes_the_blame_back(world: World, leases: Leases) -> None:
    video_id = await world.upload(1)
    slow = await leases.claim(video_id, "slow")
    assert slow is not None
    await leases.note_progress(slow, "compare", 0.85)
    world.clock.pass_seconds(16)
    assert await leases.claim(video_id, "other") is not None
    assert (await world.job(video_id))["worker_deaths"] == 1
    await leases.was_not_dead(slow)
    assert (await world.job(video_id))["worker_deaths"] == 0


async def test_what_is_decided_gone_or_failed_cannot_be_claimed(world: World, leases: Leases) -> None:
    decided, failed = await world.upload(1), await world.upload(1)
    await world.db.prepare("UPDATE videos SET status = 'approved' WHERE id = ?1").bind(decided).run()
    claim = await leases.claim(failed, "w")
    assert claim is not None
    assert await leases.fail(claim, "it broke")
    for video_id in (decided, failed, "nobody"):
        assert await leases.claim(video_id, "x") is None


async def test_a_job_not_yet_due_waits(world: World, leases: Leases) -> None:
    video_id = await world.upload(1)
    claim = await leases.claim(video_id, "w")
    assert claim is not None
    assert await leases.hand_back(claim, "attempt", delay_seconds=10, error="the processor is away")
    assert await leases.claim(video_id, "w2") is None
    world.clock.pass_seconds(9.6)
    again = await leases.claim(video_id, "w3")
    assert again is not None
    assert again.attempt == 2


async def test_a_job_handed_back_uncounted_has_all_its_attempts(world: World, leases: Leases) -> None:
    video_id = await world.upload(1)
    for _ in range(10):
        claim = await leases.claim(video_id, "w")
        assert claim is not None
        assert claim.attempt == 1
        await leases.hand_back(claim, "wait", delay_seconds=0)


@pytest.mark.parametrize(
    ("cause", "attempt", "own_attempt", "is_away"),
    [("attempt", 2, 2, False), ("interruption", 2, 1, False), ("outage", 1, 1, True), ("wait", 1, 1, False)],
)
async def test_what_each_cause_counts_as(
    world: World, leases: Leases, cause: Cause, attempt: int, own_attempt: int, is_away: bool
) -> None:
    video_id = await world.upload(1)
    claim = await leases.claim(video_id, "w")
    assert claim is not None
    assert await leases.hand_back(claim, cause, delay_seconds=0)
    again = await leases.claim(video_id, "w2")
    assert again is not None
    assert (again.attempt, again.own_attempt, again.outage_since is not None) == (attempt, own_attempt, is_away)


async def test_an_error_stays_until_there_is_another(world: World, leases: Leases) -> None:
    video_id = await world.upload(1)
    for error, shown in (("first", "first"), (None, "first"), ("second", "second")):
        claim = await leases.claim(video_id, "w")
        assert claim is not None
        await leases.hand_back(claim, "wait", delay_seconds=0, error=error)
        assert (await world.job(video_id))["error_message"] == shown


async def test_whoever_lost_the_lease_changes_nothing(world: World, leases: Leases) -> None:
    video_id = await world.upload(1)
    old = await leases.claim(video_id, "old")
    world.clock.pass_seconds(20)
    new = await leases.claim(video_id, "new")
    assert old is not None
    assert new is not None
    before = await world.job(video_id)
    await leases.note_progress(old, "late", 0.9)
    assert not await leases.hand_back(old, "wait", delay_seconds=0)
    assert not await leases.fail(old, "late")
    assert await world.job(video_id) == before


async def test_a_heartbeat_keeps_the_lease(world: World, leases: Leases) -> None:
    video_id = await world.upload(1)
    claim = await leases.claim(video_id, "w")
    assert claim is not None
    async with leases.kept(claim):
        for _ in range(5):
            world.clock.pass_seconds(10)
            await asyncio.sleep(0.06)
        assert await leases.claim(video_id, "thief") is None


async def work_until_lost(world: World, leases: Leases, claim: Claim, how: str) -> None:
    async with leases.kept(claim):
        await world.db.prepare(how).run()
        await asyncio.sleep(5)
        raise AssertionError("the work went on without a lease")


async def test_a_lost_lease_cancels_the_work(world: World, leases: Leases) -> None:
    video_id = await world.upload(1)
    claim = await leases.claim(video_id, "w")
    assert claim is not None
    with pytest.raises(LeaseLost, match=video_id):
        await work_until_lost(world, leases, claim, "UPDATE processing_jobs SET lease_owner = 'thief'")
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_deleted_video_cancels_the_work(world: World, leases: Leases) -> None:
    video_id = await world.upload(1)
    claim = await leases.claim(video_id, "w")
    assert claim is not None
    with pytest.raises(LeaseLost):
        await work_until_lost(world, leases, claim, "DELETE FROM processing_jobs")


async def test_cancelled_from_outside_is_cancelled(world: World, leases: Leases) -> None:
    video_id = await world.upload(1)
    claim = await leases.claim(video_id, "w")
    assert claim is not None

    async def work() -> None:
        async with leases.kept(claim):
            await asyncio.sleep(5)

    task = asyncio.create_task(work())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_error_of_the_work_comes_through(world: World, leases: Leases) -> None:
    video_id = await world.upload(1)
    claim = await leases.claim(video_id, "w")
    assert claim is not None
    with pytest.raises(ZeroDivisionError):
        async with leases.kept(claim):
            raise ZeroDivisionError
    assert await leases.is_ours(claim)
