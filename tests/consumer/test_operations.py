"""What a worker calls of R2 is counted, and added to what all others have called."""

from __future__ import annotations

import asyncio

from structlog.testing import capture_logs

from tests.consumer.world import World


async def counted(world: World) -> dict[str, int]:
    rows = (await world.db.prepare("SELECT operation, calls FROM operation_counts").all()).results
    return {row["operation"]: row["calls"] for row in rows}


async def test_a_job_s_operations_are_counted(world: World) -> None:
    worker = await world.consumer()
    await world.bucket.put("a", b"x")
    await worker.env.video_bucket.get("a")
    await worker.env.video_bucket.list()
    assert await counted(world) == {}
    await worker.operations.write()
    assert await counted(world) == {"GetObject": 1, "ListObjects": 1}
    assert 'twinreel_r2_operations_total{operation="GetObject"} 1.0' in worker.metrics.text().decode()


async def test_workers_add_up(world: World) -> None:
    workers = [await world.consumer(seed=seed) for seed in range(3)]
    for worker in workers:
        worker.operations.count("PutObject")
    await asyncio.gather(*(worker.operations.write() for worker in workers))
    await workers[0].operations.write()
    assert await counted(world) == {"PutObject": 3}


async def test_the_day_is_that_of_the_clock(world: World) -> None:
    worker = await world.consumer()
    for _ in range(2):
        worker.operations.count("PutObject")
        await worker.operations.write()
        world.clock.pass_seconds(86400)
    rows = (await world.db.prepare("SELECT DISTINCT day FROM operation_counts").all()).results
    assert len(rows) == 2


async def test_what_cannot_be_written_waits(world: World) -> None:
    worker = await world.consumer()
    worker.operations.count("PutObject")
    await world.db.prepare("ALTER TABLE operation_counts RENAME TO away").run()
    with capture_logs() as logs:
        await worker.operations.write()
    assert [line["event"] for line in logs] == ["operations_not_written"]
    await world.db.prepare("ALTER TABLE away RENAME TO operation_counts").run()
    worker.operations.count("PutObject")
    await worker.operations.write()
    assert await counted(world) == {"PutObject": 2}
