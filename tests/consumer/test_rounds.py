"""The doctor on a schedule."""

from __future__ import annotations

import asyncio

from structlog.testing import capture_logs

from consumer.checkup import KINDS
from consumer.rounds import last_result
from tests.consumer.stores import at_the_present, let_all_grow_old
from tests.consumer.world import World

ORPHAN = f"videos/2026/11/21/{'f' * 32}.mp4"


async def make_an_orphan(world: World) -> None:
    at_the_present(world)
    await world.bucket.put(ORPHAN, b"nobody's")
    let_all_grow_old(world)


async def test_of_many_workers_one_looks_and_all_report(world: World) -> None:
    await make_an_orphan(world)
    workers = [await world.consumer(seed=seed) for seed in range(3)]
    with capture_logs() as logs:
        await asyncio.gather(*(worker.rounds.run_once() for worker in workers))
    assert len([line for line in logs if line["event"] == "doctor"]) == 1
    for worker in workers:
        await worker.rounds.run_once()
        shown = worker.metrics.text().decode()
        assert 'twinreel_doctor_findings{kind="object_without_row"} 1.0' in shown
        assert 'twinreel_doctor_findings{kind="open_upload"} 0.0' in shown
    assert await world.bucket.head(ORPHAN) is not None


async def test_it_looks_again_after_the_interval_and_not_before(world: World) -> None:
    await make_an_orphan(world)
    worker = await world.consumer(doctor_interval_seconds=100.0)
    await worker.rounds.run_once()
    await world.bucket.delete(ORPHAN)
    for seconds, found in ((99, 1), (2, 0)):
        world.clock.pass_seconds(seconds)
        await worker.rounds.run_once()
        last = await last_result(world.db)
        assert last is not None
        assert last["found"] == dict.fromkeys(KINDS, 0) | {"object_without_row": found}


async def test_switched_off_it_never_looks(world: World) -> None:
    worker = await world.consumer(doctor_interval_seconds=0.0)
    async with asyncio.timeout(60):
        await worker.rounds.run_forever()
    assert await last_result(world.db) is None


async def test_a_store_that_is_away_is_waited_for(world: World) -> None:
    worker = await world.consumer()
    await world.db.prepare("DROP TABLE duties").run()
    with capture_logs() as logs:
        await worker.rounds.run_once()
    assert [line["event"] for line in logs] == ["doctor_interrupted"]
