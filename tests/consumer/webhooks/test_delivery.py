"""From a verdict to its targets, over real HTTP."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from consumer.assembly import Consumer
from consumer.webhooks.delivery import Webhooks
from consumer.webhooks.sending import Sender
from consumer.webhooks.targets import WebhookTarget
from tests.consumer.fake_processor import answering as the_processor_answers
from tests.consumer.fingerprints import make_fingerprint
from tests.consumer.webhooks.receiver import Receiver, Taken, answering, hanging, receiving
from tests.consumer.world import World


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
def webhooks(consumer: Consumer) -> Webhooks:
    return quick(consumer)


def quick(consumer: Consumer) -> Webhooks:
    return replace(consumer.webhooks, sender=Sender(0.3, ("localhost",)), poll_seconds=0.02)


async def target_at(webhooks: Webhooks, receiver: Receiver, *kinds: str) -> WebhookTarget:
    target_id, _ = await webhooks.targets.add(receiver.url, kinds)
    target = await webhooks.targets.one(target_id)
    assert target is not None
    return target


async def notify(world: World, *names: str, video_id: str = "v", kind: str = "video.approved") -> None:
    """Each a moment later than the one before."""
    for name in names:
        insert = "INSERT INTO notifications (id, video_id, kind, payload, created_at) VALUES (?1, ?2, ?3, '{}', ?4)"
        at = world.clock().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        await world.db.prepare(insert).bind(name, video_id, kind, at).run()


async def statuses(world: World) -> dict[str, tuple[str, int]]:
    rows = await world.rows("SELECT * FROM webhook_deliveries ORDER BY told_at")
    return {row["notification_id"]: (row["status"], row["attempts"]) for row in rows}


def ids(receiver: Receiver) -> list[str]:
    return [taken.headers["webhook-id"] for taken in receiver.taken]


def is_signed(taken: Taken, secret: str) -> bool:
    signed = f"{taken.headers['webhook-id']}.{taken.headers['webhook-timestamp']}.".encode() + taken.body
    digest = hmac.new(b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256).digest()
    return f"v1,{b64encode(digest).decode()}" in taken.headers["webhook-signature"].split(" ")


async def test_each_kind_of_verdict_reaches_the_target_signed(
    world: World, consumer: Consumer, webhooks: Webhooks, receiver: Receiver
) -> None:
    target = await target_at(webhooks, receiver)
    original = await world.decided(consumer, 1)
    copy = await world.decided(consumer, 1)
    flagged = await world.decided(consumer, fingerprint=make_fingerprint(1, noise=0.5))
    world.processor.misfortunes = [the_processor_answers(422, "UNDECODABLE", "It is no video.")]
    rejected = await world.decided(consumer, 4)
    assert await webhooks.send_due(target) == 4
    told = [taken.json for taken in receiver.taken]
    assert [(each["type"], each["data"]["video_id"]) for each in told] == [
        ("video.approved", original),
        ("video.duplicate_detected", copy),
        ("video.flagged", flagged),
        ("video.rejected", rejected),
    ]
    assert told[1]["data"]["duplicate_of"] == original
    assert told[3]["data"]["reason"] == "undecodable"
    (secret,) = await webhooks.targets.secrets(target.id)
    for taken, each in zip(receiver.taken, told, strict=True):
        assert is_signed(taken, secret)
        assert each["timestamp"].endswith("Z")
        assert int(taken.headers["webhook-timestamp"]) == pytest.approx(world.clock.at.timestamp(), abs=2)
    assert await webhooks.send_due(target) == 0


async def test_a_target_is_told_of_what_it_wants(
    world: World, consumer: Consumer, webhooks: Webhooks, receiver: Receiver
) -> None:
    target = await target_at(webhooks, receiver, "video.duplicate_detected")
    await world.decided(consumer, 1)
    copy = await world.decided(consumer, 1)
    assert await webhooks.send_due(target) == 1
    assert receiver.taken[0].json["data"]["video_id"] == copy


async def test_a_failure_is_tried_again_with_growing_pauses_under_the_same_id(
    world: World, consumer: Consumer, webhooks: Webhooks, receiver: Receiver
) -> None:
    target = await target_at(webhooks, receiver)
    receiver.behaviours = [answering(500), hanging(), answering(302, Location="/elsewhere")]
    await notify(world, "n")
    await consumer.jobs.outbox.relay()
    pauses: list[float] = []
    for attempt in range(1, 4):
        assert await webhooks.send_due(target) == 0
        (row,) = await world.rows("SELECT * FROM webhook_deliveries")
        assert (row["status"], row["attempts"]) == ("pending", attempt)
        assert row["last_error"]
        waited = 0.0
        while not await world.rows(
            "SELECT 1 FROM webhook_deliveries WHERE next_attempt_at <= ?1",
            world.clock().strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        ):
            world.clock.pass_seconds(0.5)
            waited += 0.5
        pauses.append(waited)
    assert pauses[0] <= 5.5 < pauses[2]
    assert await webhooks.send_due(target) == 1
    assert ids(receiver) == ["n"] * 4
    assert len({taken.body for taken in receiver.taken}) == 1
    assert await statuses(world) == {"n": ("sent", 4)}


async def test_after_a_day_it_has_failed_and_a_replay_sends_it_after_all(
    world: World, consumer: Consumer, webhooks: Webhooks, receiver: Receiver
) -> None:
    target = await target_at(webhooks, receiver)
    receiver.behaviours = [answering(500) for _ in range(200)]
    await notify(world, "n")
    await consumer.jobs.outbox.relay()
    for _ in range(200):
        await webhooks.send_due(target)
        world.clock.pass_seconds(1800)
        if (await statuses(world))["n"][0] == "failed":
            break
    status, attempts = (await statuses(world))["n"]
    assert status == "failed"
    assert 20 < attempts < 100
    (row,) = await webhooks.listed(status="failed")
    assert row["last_error"] == "answered 500"
    receiver.behaviours = []
    assert await webhooks.replay(target, failed=True) == 1
    assert await webhooks.send_due(target) == 1
    assert await webhooks.replay(target, failed=True) == 0
    assert set(ids(receiver)) == {"n"}


async def test_what_comes_later_of_a_video_waits_and_other_videos_do_not(
    world: World, consumer: Consumer, webhooks: Webhooks, receiver: Receiver
) -> None:
    target = await target_at(webhooks, receiver)
    await notify(world, "a1", video_id="a")
    await notify(world, "a2", video_id="a")
    await notify(world, "b1", video_id="b")
    await consumer.jobs.outbox.relay()
    receiver.behaviours = [answering(503)]
    await webhooks.send_due(target)
    await webhooks.send_due(target)
    assert ids(receiver) == ["a1", "b1"]
    world.clock.pass_seconds(10)
    await webhooks.send_due(target)
    assert ids(receiver) == ["a1", "b1", "a1", "a2"]


async def test_one_that_has_failed_for_good_lets_the_later_ones_pass(
    world: World, consumer: Consumer, webhooks: Webhooks, receiver: Receiver
) -> None:
    target = await target_at(replace(webhooks), receiver)
    await notify(world, "a1", "a2", video_id="a")
    await consumer.jobs.outbox.relay()
    receiver.behaviours = [answering(500)]
    world.clock.pass_seconds(2 * 86400)
    await webhooks.send_due(target)
    await webhooks.send_due(target)
    assert await statuses(world) == {"a1": ("failed", 1), "a2": ("sent", 1)}


async def test_a_notification_still_in_the_outbox_holds_back_the_later_ones(
    world: World, consumer: Consumer, webhooks: Webhooks, receiver: Receiver
) -> None:
    """Another worker has taken the first and not yet handed it over."""
    target = await target_at(webhooks, receiver)
    await notify(world, "a1", "a2", video_id="a")
    await world.rows("UPDATE notifications SET next_attempt_at = '2999' WHERE id = 'a1'")
    await consumer.jobs.outbox.relay()
    assert await webhooks.send_due(target) == 0
    await world.rows("UPDATE notifications SET next_attempt_at = NULL")
    await consumer.jobs.outbox.relay()
    assert await webhooks.send_due(target) == 2
    assert ids(receiver) == ["a1", "a2"]


async def test_of_several_workers_each_is_sent_by_one(world: World, receiver: Receiver) -> None:
    workers = [await world.consumer(seed=seed) for seed in range(3)]
    target = await target_at(quick(workers[0]), receiver)
    for n in range(12):
        await notify(world, f"n{n}", video_id=f"v{n}")
    await workers[0].jobs.outbox.relay()
    await asyncio.gather(*(quick(worker).send_due(target) for worker in workers))
    assert sorted(ids(receiver)) == sorted(f"n{n}" for n in range(12))


async def test_a_worker_that_dies_while_it_sends_leaves_it_to_another(
    world: World, consumer: Consumer, webhooks: Webhooks, receiver: Receiver
) -> None:
    target = await target_at(webhooks, receiver)
    receiver.behaviours = [hanging()]
    await notify(world, "n")
    await consumer.jobs.outbox.relay()
    sending = asyncio.create_task(webhooks.send_due(target))
    await receiver.has_taken(1)
    sending.cancel()
    await asyncio.wait([sending])
    assert await webhooks.send_due(target) == 0
    world.clock.pass_seconds(60)
    assert await webhooks.send_due(target) == 1


async def test_a_target_that_hangs_keeps_no_other_waiting(
    world: World, consumer: Consumer, webhooks: Webhooks, receiver: Receiver
) -> None:
    async with receiving() as slow:
        slow.behaviours = [hanging() for _ in range(9)]
        for each in (slow, receiver):
            await target_at(webhooks, each)
        for n in range(5):
            await notify(world, f"n{n}", video_id=f"v{n}")
        await consumer.jobs.outbox.relay()
        running = asyncio.create_task(webhooks.run_forever())
        await receiver.has_taken(5)
        assert len(slow.taken) == 1
        running.cancel()
        await asyncio.wait([running])
    assert 'twinreel_webhook_deliveries{status="pending"}' in consumer.metrics.text().decode()


async def test_a_target_that_is_gone_for_good_is_disabled(
    world: World, consumer: Consumer, webhooks: Webhooks, receiver: Receiver
) -> None:
    target = await target_at(webhooks, receiver)
    receiver.behaviours = [answering(410)]
    await notify(world, "n", "later")
    await consumer.jobs.outbox.relay()
    await webhooks.send_due(target)
    assert {status for status, _ in (await statuses(world)).values()} == {"failed"}
    disabled = await webhooks.targets.one(target.id)
    assert disabled is not None
    assert "410" in str(disabled.disabled_reason)
    await notify(world, "after")
    await consumer.jobs.outbox.relay()
    assert set(await statuses(world)) == {"n", "later"}


async def test_a_pause_that_the_target_asks_for_is_kept(
    world: World, consumer: Consumer, webhooks: Webhooks, receiver: Receiver
) -> None:
    target = await target_at(webhooks, receiver)
    receiver.behaviours = [answering(429, Retry_After="600")]
    await notify(world, "n")
    await consumer.jobs.outbox.relay()
    await webhooks.send_due(target)
    for seconds, sent in ((590, 0), (11, 1)):
        world.clock.pass_seconds(seconds)
        assert await webhooks.send_due(target) == sent


async def test_while_a_secret_is_rotated_both_sign(
    world: World, consumer: Consumer, webhooks: Webhooks, receiver: Receiver
) -> None:
    target = await target_at(webhooks, receiver)
    (old,) = await webhooks.targets.secrets(target.id)
    new = await webhooks.targets.rotate(target.id)
    for n, signed in enumerate(((True, True), (True, False))):
        await notify(world, f"n{n}")
        await consumer.jobs.outbox.relay()
        await webhooks.send_due(target)
        assert (is_signed(receiver.taken[n], new), is_signed(receiver.taken[n], old)) == signed
        world.clock.pass_seconds(86_401)


async def test_a_replay_sends_what_a_target_missed_before_it_was_there(
    world: World, consumer: Consumer, webhooks: Webhooks, receiver: Receiver
) -> None:
    await notify(world, "before", video_id="a")
    await notify(world, "also", video_id="b")
    await consumer.jobs.outbox.relay()
    target = await target_at(webhooks, receiver)
    assert await webhooks.send_due(target) == 0
    assert await webhooks.replay(target, video_id="b") == 1
    assert await webhooks.replay(target, since="2026") == 2
    assert await webhooks.replay(target, since="2027") == 0
    assert await webhooks.send_due(target) == 2
    assert ids(receiver) == ["before", "also"]


async def test_a_removed_target_leaves_nothing(
    world: World, consumer: Consumer, webhooks: Webhooks, receiver: Receiver
) -> None:
    target = await target_at(webhooks, receiver)
    await notify(world, "n")
    await consumer.jobs.outbox.relay()
    await webhooks.targets.remove(target.id)
    assert await webhooks.send_due(target) == 0
    for table in ("webhook_targets", "webhook_secrets", "webhook_deliveries"):
        assert await world.rows(f"SELECT * FROM {table}") == []


async def test_a_test_is_sent_at_once_and_signed(webhooks: Webhooks, receiver: Receiver) -> None:
    target = await target_at(webhooks, receiver)
    assert (await webhooks.test(target)).is_success
    (taken,) = receiver.taken
    told: dict[str, Any] = taken.json
    assert (told["type"], told["data"]) == ("webhook.test", {"target": target.id})
    assert is_signed(taken, (await webhooks.targets.secrets(target.id))[0])
