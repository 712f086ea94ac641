from __future__ import annotations

import asyncio
import dataclasses

from structlog.testing import capture_logs

from consumer.assembly import Consumer
from consumer.outbox import Notification, Outbox
from tests.consumer.world import World


async def test_a_verdict_is_told_once(world: World, consumer: Consumer) -> None:
    with capture_logs() as logs:
        video_id = await world.decided(consumer, 1)
        await consumer.jobs.outbox.relay()
    told = [line for line in logs if line["event"] == "notification"]
    assert [(line["video_id"], line["kind"], line["status"]) for line in told] == [
        (video_id, "video.approved", "approved")
    ]
    (row,) = await world.rows("SELECT * FROM notifications")
    assert row["sent_at"] is not None
    assert row["attempts"] == 1


async def add(world: World, *names: str) -> None:
    for name in names:
        await (
            world.db.prepare(
                "INSERT INTO notifications (id, video_id, kind, payload, created_at) VALUES (?1, 'v', 'k', '{}', ?1)"
            )
            .bind(name)
            .run()
        )


class Told:
    def __init__(self) -> None:
        self.ids: list[str] = []
        self.fails = False

    async def __call__(self, notification: Notification) -> None:
        await asyncio.sleep(0)
        if self.fails:
            raise ConnectionError("nobody listens")
        self.ids.append(notification.id)


def outbox_to(consumer: Consumer, told: Told) -> Outbox:
    return dataclasses.replace(consumer.jobs.outbox, deliver=told)


async def test_notifications_leave_in_order(world: World, consumer: Consumer) -> None:
    told = Told()
    await add(world, "2", "1", "3")
    assert await outbox_to(consumer, told).relay() == 3
    assert told.ids == ["1", "2", "3"]


async def test_of_many_workers_one_sends_each(world: World, consumer: Consumer) -> None:
    told = Told()
    await add(world, *(f"{n:02d}" for n in range(20)))
    sent = await asyncio.gather(*(outbox_to(consumer, told).relay() for _ in range(4)))
    assert sum(sent) == 20
    assert sorted(told.ids) == [f"{n:02d}" for n in range(20)]


async def test_what_could_not_be_delivered_is_delivered_later(world: World, consumer: Consumer) -> None:
    told = Told()
    told.fails = True
    await add(world, "1", "2")
    assert await outbox_to(consumer, told).relay() == 0
    told.fails = False
    assert await outbox_to(consumer, told).relay() == 0
    world.clock.pass_seconds(31)
    assert await outbox_to(consumer, told).relay() == 2
    assert told.ids == ["1", "2"]
    assert {row["attempts"] for row in await world.rows("SELECT attempts FROM notifications")} == {2}
