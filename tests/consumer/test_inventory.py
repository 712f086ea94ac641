"""Walking the stores page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from consumer import doctor_queries, inventory
from tests.consumer.world import World
from wrangler_compat.errors import R2Error
from wrangler_compat.r2.types import R2Objects
from wrangler_compat.testing import MemoryR2Bucket

DAY = "videos/2026/11/21"
LATER = "2027"


async def fill(world: World, count: int) -> list[str]:
    keys = [f"{DAY}/{n:032x}.mp4" for n in range(count)]
    for key in keys:
        await world.bucket.put(key, b"x")
    return keys


async def add_rows(world: World, keys: list[str]) -> None:
    insert = "INSERT INTO videos (id, r2_key, user_id, status, uploaded_at) VALUES (?1, ?2, 'u', 'approved', '2026')"
    await world.db.batch([world.db.prepare(insert).bind(key, key) for key in keys])


async def without_objects(world: World) -> list[str]:
    found = []
    async for stretch in inventory.stretches(world.bucket, "videos/"):
        there = {each.key for each in stretch.objects}
        rows = inventory.rows_named(world.db, doctor_queries.ROWS_BY_KEY, stretch, LATER)
        found += [row["object_key"] async for row in rows if row["object_key"] not in there]
    return found


async def test_every_object_is_in_one_stretch_and_every_key_is_covered(world: World) -> None:
    keys = await fill(world, 2300)
    found = [each async for each in inventory.stretches(world.bucket, "videos/")]
    assert [each.key for stretch in found for each in stretch.objects] == keys
    assert [len(stretch.objects) for stretch in found] == [1000, 1000, 300]
    assert found[0].after == "videos/"
    assert [stretch.after for stretch in found[1:]] == [stretch.upto for stretch in found[:-1]]
    assert found[-1].upto == "videos0"


@pytest.mark.parametrize("missing", [[0], [999, 1000, 1001], [2299], list(range(2300))], ids=str)
async def test_rows_without_objects_are_found_at_every_edge(world: World, missing: list[int]) -> None:
    """More rows than a page in one stretch, too: when the bucket is empty."""
    keys = await fill(world, 2300)
    await add_rows(world, keys)
    gone = [keys[n] for n in missing]
    for some in (gone[at : at + 1000] for at in range(0, len(gone), 1000)):
        await world.bucket.delete(some)
    assert await without_objects(world) == gone


async def test_rows_that_changed_lately_are_left_alone(world: World) -> None:
    await add_rows(world, [f"{DAY}/a.mp4"])
    (stretch,) = [each async for each in inventory.stretches(world.bucket, "videos/")]
    sql = doctor_queries.ROWS_BY_KEY
    assert [row async for row in inventory.rows_named(world.db, sql, stretch, "2025")] == []
    await world.db.prepare("UPDATE videos SET processed_at = '2026-06'").run()
    assert [row async for row in inventory.rows_named(world.db, sql, stretch, "2026-05")] == []
    assert len([row async for row in inventory.rows_named(world.db, sql, stretch, "2026-07")]) == 1


@pytest.mark.parametrize("index", ["videos_r2_key", "videos_fingerprint_id"])
async def test_pages_are_read_by_an_index(world: World, index: str) -> None:
    sql = doctor_queries.ROWS_BY_KEY if index == "videos_r2_key" else doctor_queries.ROWS_BY_FINGERPRINT
    plan = await world.db.prepare(f"EXPLAIN QUERY PLAN {sql}").bind("a", "b", "c").all()
    (step,) = [row["detail"] for row in plan.results]
    assert f"USING INDEX {index}" in step


class Shuffled(MemoryR2Bucket):
    async def list(
        self, *, prefix: str = "", cursor: str | None = None, delimiter: str | None = None, limit: int = 1000
    ) -> R2Objects:
        page = await super().list(prefix=prefix, cursor=cursor, delimiter=delimiter, limit=limit)
        return R2Objects(page.objects[::-1], page.truncated, page.cursor, ())


async def test_a_store_that_lists_in_no_order_is_refused() -> None:
    bucket = Shuffled()
    for name in "ab":
        await bucket.put(f"{DAY}/{name}", b"x")
    with pytest.raises(R2Error, match="not in the order"):
        [each async for each in inventory.stretches(bucket, "videos/")]


async def test_chunks_hold_everything_once() -> None:
    async def ids(count: int) -> AsyncIterator[str]:
        for n in range(count):
            yield str(n)

    for count in (0, 1, 3, 4, 7):
        chunks = [chunk async for chunk in inventory.in_chunks(ids(count), 3)]
        assert [each for chunk in chunks for each in chunk] == [str(n) for n in range(count)]
        assert all(0 < len(chunk) <= 3 for chunk in chunks)


async def test_who_is_known(world: World) -> None:
    await add_rows(world, ["a", "b"])
    await world.db.prepare("INSERT INTO purges VALUES ('c', '[]', '2026')").run()
    assert await inventory.known_among(world.db, ["a", "c", "d"]) == {"a", "c"}
    assert await inventory.statuses_of(world.db, ["a", "c", "d"]) == {"a": "approved"}
