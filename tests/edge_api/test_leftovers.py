"""What a gateway that was killed left behind goes away; what belongs to somebody stays."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from edge_api.env import Env
from edge_api.keys import new_id, timestamp, video_key
from edge_api.leftovers import MOST_ORPHANS, Swept, sweep, sweep_for_ever
from tests.edge_api.kit import PART, People, World, mp4, serving, settings_with, until, with_binding
from tests.edge_api.test_upload import Unreachable
from wrangler_compat.errors import BindingError

SETTINGS = settings_with(leftover_upload_seconds=86400.0)


def later(**span: float) -> datetime:
    return datetime.now(UTC) + timedelta(**span)


async def orphan(world: World, extension: str = "mp4") -> str:
    key = video_key(new_id(), timestamp(), extension)
    await world.env.video_bucket.put(key, b"nobody's")
    return key


async def test_orphans_go_and_videos_stay(world: World) -> None:
    await world.uploaded(mp4())
    kept = await world.keys()
    for extension in ("mp4", "webm", "mov"):
        await orphan(world, extension)
    assert await sweep(world.env, SETTINGS, later(hours=2)) == Swept(objects=3)
    assert await world.keys() == kept
    assert await sweep(world.env, SETTINGS, later(hours=2)) == Swept()


async def test_fresh_objects_may_still_get_their_rows(world: World) -> None:
    key = await orphan(world)
    assert await sweep(world.env, SETTINGS, later(minutes=59)) == Swept()
    assert await world.keys() == [key]


async def test_yesterday_s_orphans_too(world: World) -> None:
    await orphan(world)
    assert await sweep(world.env, SETTINGS, later(days=2)) == Swept(objects=1)


async def test_searches_without_a_row(world: World) -> None:
    files = {name: ("a.mp4", mp4(), "video/mp4") for name in ("video", "reference")}
    asked = await world.client.post("/api/compare", files=files, headers=world.alice.headers)
    assert asked.status_code == 202
    kept = await world.keys()
    assert len(kept) == 2
    for name in ("video", "reference"):
        await world.env.video_bucket.put(f"searches/{'f' * 32}/{name}.webm", b"nobody's")
    await world.env.video_bucket.create_multipart_upload(f"searches/{'f' * 32}/video.mp4")
    assert await sweep(world.env, SETTINGS, later(minutes=59)) == Swept()
    assert await sweep(world.env, SETTINGS, later(hours=25)) == Swept(uploads=1, objects=2)
    assert await world.keys() == kept


async def test_other_objects_are_none_of_its_business(world: World) -> None:
    folder = video_key("x", timestamp(), "y").rpartition("/")[0]
    others = [f"{folder}/{new_id()}_thumb.jpg", f"{folder}/notes.txt", f"processed/{new_id()}/720p.mp4"]
    for key in others:
        await world.env.video_bucket.put(key, b"x")
    assert await sweep(world.env, SETTINGS, later(hours=2)) == Swept()
    assert await world.keys() == sorted(others)


async def test_as_many_orphans_as_gateways_may_have_left_go_and_no_more(world: World) -> None:
    """More than one statement can name; one more than that, and it is rows that are missing."""
    for _ in range(MOST_ORPHANS):
        await orphan(world)
    assert await sweep(world.env, SETTINGS, later(hours=2)) == Swept(objects=MOST_ORPHANS)
    keys = sorted([await orphan(world) for _ in range(MOST_ORPHANS + 1)])
    assert await sweep(world.env, SETTINGS, later(hours=2)) == Swept()
    assert await world.keys() == keys


async def test_old_open_uploads_are_aborted(world: World) -> None:
    upload = await world.env.video_bucket.create_multipart_upload(video_key(new_id(), timestamp(), "mp4"))
    await upload.upload_part(1, bytes(PART))
    other = await world.env.video_bucket.create_multipart_upload("elsewhere/x")
    assert await sweep(world.env, SETTINGS, later(hours=23)) == Swept()
    assert await sweep(world.env, SETTINGS, later(hours=25)) == Swept(uploads=1)
    assert [left.key for left in await world.env.video_bucket.list_multipart_uploads()] == [other.key]


async def test_it_runs_while_the_gateway_does(env: Env, people: People) -> None:
    settings = settings_with(leftover_interval_seconds=0.02)
    async with serving(dataclasses.replace(settings), env, people) as world:
        upload = await env.video_bucket.create_multipart_upload("videos/2020/01/01/x.mp4")
        assert [open_.key for open_ in await env.video_bucket.list_multipart_uploads()] == [upload.key]
        assert (await world.upload(mp4())).status_code == 200
    assert not [task for task in asyncio.all_tasks() if "sweep" in str(task.get_coro())], "it ended with the gateway"


async def test_a_bucket_that_does_not_answer_is_asked_again(world: World) -> None:
    class Counting(Unreachable):
        asked = 0

        def __getattr__(self, name: str) -> object:
            Counting.asked += 1
            return super().__getattr__(name)

    broken = with_binding(world.env, "video_bucket", Counting())
    with pytest.raises(BindingError):
        await sweep(broken, SETTINGS)
    task = asyncio.create_task(sweep_for_ever(broken, settings_with(leftover_interval_seconds=0.01)))

    async def often() -> bool:
        return Counting.asked > 5

    await until(often)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
