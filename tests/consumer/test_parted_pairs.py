"""Pairs that a moderator never wants compared again: they are no candidates for one another, whatever asks."""

from __future__ import annotations

import json

import pytest

from consumer.assembly import Consumer
from tests.consumer.fingerprints import make_fingerprint
from tests.consumer.indexed import find, indexed
from tests.consumer.test_redecide import changes, redecide, run
from tests.consumer.world import World
from wire.jobs import Job

AT = "2026-11-21T02:13:05.000000Z"


async def part(world: World, one: str, other: str) -> None:
    """As edge_api writes it."""
    pair = sorted((one, other))
    await world.rows(
        "INSERT INTO parted_pairs (first_id, second_id, user_id, parted_at) VALUES (?1, ?2, 'm', ?3)", *pair, AT
    )
    await stir(world, *pair)


async def join(world: World, one: str, other: str) -> None:
    pair = sorted((one, other))
    await world.rows("DELETE FROM parted_pairs WHERE first_id = ?1 AND second_id = ?2", *pair)
    await stir(world, *pair)


async def stir(world: World, *pair: str) -> None:
    await world.rows("UPDATE catalogue SET version = version + 1")
    sql = "UPDATE videos SET catalogue_version = (SELECT version FROM catalogue) WHERE id IN (?1, ?2)"
    await world.rows(sql, *pair)


async def decide_again(world: World, consumer: Consumer, video_id: str) -> dict[str, object]:
    await world.rows("UPDATE videos SET status = 'processing' WHERE id = ?1", video_id)
    await world.rows("UPDATE processing_jobs SET status = 'pending' WHERE video_id = ?1", video_id)
    await consumer.jobs.run(Job(video_id))
    return await world.video(video_id)


@pytest.mark.parametrize("noise", [0.1, 0.5])
async def test_a_parted_pair_is_decided_without_each_other(world: World, consumer: Consumer, noise: float) -> None:
    """Noise 0.1 makes a duplicate, 0.5 a flagged video."""
    original = await world.decided(consumer, 1)
    video_id = await world.decided(consumer, fingerprint=make_fingerprint(1, noise=noise))
    before = await world.video(video_id)
    assert before["duplicate_of"] == original
    await part(world, video_id, original)
    after = await decide_again(world, consumer, video_id)
    assert (after["status"], after["duplicate_of"], json.loads(str(after["matches"]))) == ("approved", None, [])
    await join(world, video_id, original)
    again = await decide_again(world, consumer, video_id)
    assert (again["status"], again["duplicate_of"]) == (before["status"], original)


async def test_others_still_count(world: World, consumer: Consumer) -> None:
    original = await world.decided(consumer, 1)
    second = await world.decided(consumer, fingerprint=make_fingerprint(1, noise=0.5))
    assert (await world.video(second))["status"] == "flagged"
    video_id = await world.decided(consumer, fingerprint=make_fingerprint(1, noise=0.1))
    assert (await world.video(video_id))["duplicate_of"] == original
    await part(world, original, video_id)
    assert (await decide_again(world, consumer, video_id))["duplicate_of"] == second
    unrelated = await world.decided(consumer, fingerprint=make_fingerprint(1, noise=0.1))
    assert (await world.video(unrelated))["duplicate_of"] == original


async def test_neither_is_a_candidate_for_the_other(world: World, consumer: Consumer) -> None:
    one, other = [await indexed(world, consumer, make_fingerprint(1)) for _ in range(2)]
    await world.rows("UPDATE videos SET status = 'approved'")
    for asks, seen in ((one, other), (other, one)):
        found = await find(consumer, asks.video, make_fingerprint(1))
        assert [candidate.video_id for candidate in found.candidates] == [seen.video.id]
    await part(world, one.video.id, other.video.id)
    for asks in (one, other):
        assert (await find(consumer, asks.video, make_fingerprint(1))).candidates == ()


async def test_a_verdict_under_way_looks_again(world: World, consumer: Consumer) -> None:
    """The pair is parted, or compared again, between the candidates and the verdict."""
    original = await world.decided(consumer, 1)
    claim = await indexed(world, consumer, make_fingerprint(1))
    fingerprint = make_fingerprint(1)
    found = await consumer.search.find(claim.video, fingerprint)
    assert [candidate.video_id for candidate in found.candidates] == [original]
    await part(world, claim.video.id, original)
    parted = await consumer.search.find_again(claim.video, fingerprint, found)
    assert (parted.candidates, parted.version > found.version) == ((), True)
    await join(world, claim.video.id, original)
    joined = await consumer.search.find_again(claim.video, fingerprint, parted)
    assert [candidate.video_id for candidate in joined.candidates] == [original]


@pytest.mark.parametrize("searches", [False, True])
async def test_a_dry_run_leaves_the_pair_out_too(world: World, consumer: Consumer, searches: bool) -> None:
    original = await world.decided(consumer, 1)
    copy = await world.decided(consumer, fingerprint=make_fingerprint(1, noise=0.1))
    assert changes(await run(redecide(world, consumer, searches=searches))) == {}
    await part(world, original, copy)
    assert changes(await run(redecide(world, consumer, searches=searches))) == {copy: "duplicate -> approved"}


async def review(world: World, video_id: str, *, undo_until: str) -> None:
    """A moderator's verdict in force."""
    await world.rows("UPDATE videos SET status = 'duplicate', verdict_id = 'review' WHERE id = ?1", video_id)
    await world.rows(
        "INSERT INTO reviews (id, video_id, user_id, decision, reviewed_at, undo_until) "
        "VALUES ('review', ?1, 'm', 'duplicate', ?2, ?2)",
        video_id,
        undo_until,
    )


@pytest.mark.parametrize(("later", "is_kept"), [(0, True), (61, True), (95, False)])
async def test_the_sweep_leaves_what_a_review_can_still_be_taken_back_to(
    world: World, later: float, is_kept: bool
) -> None:
    consumer = await world.consumer(delete_duplicates=True)
    await world.decided(consumer, 1)
    flagged = await world.decided(consumer, fingerprint=make_fingerprint(1, noise=0.5))
    world.clock.pass_seconds(300)
    until = world.clock.at.timestamp() + 60
    moment = world.clock.at.fromtimestamp(until, world.clock.at.tzinfo).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    await review(world, flagged, undo_until=moment)
    world.clock.pass_seconds(later)
    await consumer.sweep.run_once()
    assert ((await world.video(flagged))["indexed_at"] is not None) is is_kept
    assert (await world.bucket.head(f"videos/2026/11/21/{flagged}.mp4") is not None) is is_kept


async def test_a_review_is_told_when_it_is_final(world: World, consumer: Consumer) -> None:
    video_id = await world.upload(1)
    held = f"{world.clock.at:%Y-%m-%dT%H:%M:}30.000000Z"
    await world.rows(
        "INSERT INTO notifications (id, video_id, kind, payload, created_at, next_attempt_at) "
        "VALUES ('n', ?1, 'video.approved', '{}', ?2, ?3)",
        video_id,
        AT,
        held,
    )
    assert await consumer.sweep.outbox.relay() == 0
    world.clock.pass_seconds(30)
    assert await consumer.sweep.outbox.relay() == 1
