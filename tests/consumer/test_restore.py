"""A restore of the rows to yesterday, with the bucket and the index of today: the doctor makes them fit again."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from consumer.checkup import Report
from consumer.doctor import Doctor
from tests.consumer.stores import at_the_present, let_all_grow_old, with_real_stores
from tests.consumer.world import MIGRATIONS, World, open_world
from wire.jobs import Job
from wrangler_compat.d1.backup import backup, restore
from wrangler_compat.d1.migrations import apply
from wrangler_compat.d1.sqlite import open_sqlite


@pytest.fixture(params=["memory", "real"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    """The rows in a file; bucket and index in memory, or the real ones."""
    async with open_world() as world:
        at_the_present(world)
        if request.param == "real":
            names = ("s3_server", "chroma_url", "unique_name")
            world = await with_real_stores(world, *(request.getfixturevalue(name) for name in names))
        await apply(tmp_path / "d1.sqlite", MIGRATIONS)
        yield world


async def over(world: World, database: Path, stack: AsyncExitStack) -> World:
    db = await stack.enter_async_context(open_sqlite(database))
    return replace(world, db=db, env=replace(world.env, db=db))


async def delete(world: World, video_id: str) -> None:
    """What edge_api does, and the purge after it."""
    row = await world.video(video_id)
    purge = world.db.prepare("INSERT INTO purges VALUES (?1, ?2, '2020')").bind(video_id, json.dumps([row["r2_key"]]))
    tables = ("processing_jobs", "sound_terms", "verdicts", "notifications")
    gone = [world.db.prepare(f"DELETE FROM {table} WHERE video_id = ?1").bind(video_id) for table in tables]
    await world.db.batch([purge, *gone, world.db.prepare("DELETE FROM videos WHERE id = ?1").bind(video_id)])
    consumer = await world.consumer()
    await consumer.jobs.purging.finish("2021")


async def test_after_a_restore_to_yesterday_everything_fits_again(world: World, tmp_path: Path) -> None:
    database, yesterday = tmp_path / "d1.sqlite", tmp_path / "yesterday.sqlite"
    async with AsyncExitStack() as stack:
        before = await over(world, database, stack)
        await before.rows("INSERT INTO users (id, email, username, created_at) VALUES ('u', 'u@x', 'ann', '2026')")
        consumer = await before.consumer()
        kept, deleted = await before.decided(consumer, 1), await before.decided(consumer, 2)
        copy_of_deleted = await before.decided(consumer, 2)
        undecided = await before.upload(3)
        backup(database, yesterday)
        await consumer.jobs.run(Job(undecided))
        await delete(before, copy_of_deleted)
        await delete(before, deleted)
        new, new_copy = await before.decided(consumer, 4), await before.decided(consumer, 4)
        copy_of_kept = await before.decided(consumer, 1)
    restore(yesterday, database)
    async with AsyncExitStack() as stack:
        after = await over(world, database, stack)
        let_all_grow_old(after)
        consumer = await after.consumer()
        doctor = replace(consumer.rounds.doctor, adopter="u")
        seen = await doctor.examine()
        assert seen.found["object_without_row"] == 3
        assert seen.found["row_without_object"] == 2
        await mend(doctor)
        again = {row["id"] for row in await after.rows("SELECT id FROM videos WHERE status = 'processing'")}
        assert again == {undecided, new, new_copy, copy_of_kept}
        for video_id in (undecided, new, new_copy, copy_of_kept):
            await consumer.jobs.run(Job(video_id))
        statuses = {row["id"]: row["status"] for row in await after.rows("SELECT id, status FROM videos")}
        assert statuses == {
            kept: "approved",
            deleted: "rejected",
            copy_of_deleted: "rejected",
            undecided: "approved",
            new: "approved",
            new_copy: "duplicate",
            copy_of_kept: "duplicate",
        }
        let_all_grow_old(after)
        report = await consumer.rounds.doctor.examine()
        assert not +report.found, report.examples


async def mend(doctor: Doctor) -> Report:
    report = await doctor.mend()
    assert report.left == 0
    return report
