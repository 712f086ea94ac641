"""Uploads that nobody finishes go away with all that is theirs; those under way are left alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest

from edge_api.env import Env
from edge_api.keys import timestamp, video_key
from edge_api.leftovers import Swept, sweep
from tests.edge_api.kit import PART, People, World, mp4, serving, settings_with, with_binding
from tests.edge_api.tus.kit import Tus, check_refused, metadata
from tests.edge_api.tus.test_protocol import check_stored, nothing_is_left
from wrangler_compat.testing import MemoryRateLimit

SETTINGS = settings_with(leftover_upload_seconds=60.0)


def later(**span: float) -> datetime:
    return datetime.now(UTC) + timedelta(**span)


async def pass_time(world: World) -> None:
    """The upload's time is over."""
    await world.run("UPDATE tus_uploads SET expires_at = ?1", timestamp(later(seconds=-1)))


@pytest.mark.parametrize("sent", [0, 50, PART, 2 * PART + 9])
async def test_an_unfinished_upload_is_removed_when_its_time_is_over(world: World, sent: int) -> None:
    tus, data = Tus(world), mp4(3 * PART)
    url = await tus.created(len(data))
    await tus.patch(url, 0, data[:sent])
    assert await sweep(world.env, SETTINGS, later(hours=23)) == Swept()
    assert await tus.offset(url) == sent
    assert await sweep(world.env, SETTINGS, later(hours=25)) == Swept(expired=1)
    assert await nothing_is_left(world)
    check_refused(await tus.patch(url, sent, data[sent:]), "UPLOAD_NOT_FOUND")


async def test_it_is_refused_before_the_sweep_comes_by(world: World) -> None:
    tus, data = Tus(world), mp4()
    url = await tus.created(len(data))
    await tus.patch(url, 0, data[:100])
    await pass_time(world)
    for answer in (await tus.head(url), await tus.patch(url, 100, data[100:]), await tus.delete(url)):
        check_refused(answer, "UPLOAD_EXPIRED")


async def test_it_says_until_when(env: Env, people: People) -> None:
    async with serving(settings_with(tus_expire_seconds=7200), env, people) as world:
        tus = Tus(world)
        created = await tus.create(5000)
        until = parsedate_to_datetime(created.headers["upload-expires"])
        assert timedelta(seconds=7190) < until - datetime.now(UTC) <= timedelta(seconds=7200)
        patched = await tus.patch(created.headers["location"], 0, mp4(5000)[:10])
        assert patched.headers["upload-expires"] == created.headers["upload-expires"]


async def test_one_in_hand_is_left_alone(world: World) -> None:
    tus = Tus(world)
    url = await tus.created(5000)
    await world.run("UPDATE tus_uploads SET lock_owner = 'x', lock_until = '9999'")
    assert await sweep(world.env, SETTINGS, later(hours=25)) == Swept()
    await world.run("UPDATE tus_uploads SET lock_owner = NULL")
    assert await tus.offset(url) == 0


async def test_a_finished_one_is_forgotten_and_its_video_stays(world: World) -> None:
    tus, data = Tus(world), mp4(PART + 5)
    url = await tus.created(len(data))
    video_id = (await tus.patch(url, 0, data)).headers["x-video-id"]
    assert (await tus.head(url)).headers["x-video-id"] == video_id
    assert await sweep(world.env, SETTINGS, later(hours=25)) == Swept(expired=1)
    assert await world.rows("SELECT id FROM tus_uploads") == []
    check_refused(await tus.head(url), "UPLOAD_NOT_FOUND")
    await check_stored(world, data, video_id)


async def test_an_object_that_is_complete_and_no_video_yet_is_no_orphan(world: World) -> None:
    tus, data = Tus(world), mp4()
    upload_id = (await tus.created(len(data))).rpartition("/")[2]
    (row,) = await world.rows("SELECT video_id FROM tus_uploads WHERE id = ?1", upload_id)
    key = video_key(row["video_id"], timestamp(), "mp4")
    await world.env.video_bucket.put(key, data)
    assert await sweep(world.env, SETTINGS, later(hours=2)) == Swept()
    assert await world.keys() == [key]


async def test_objects_of_uploads_that_are_no_more(world: World) -> None:
    url = await Tus(world).created(5000)
    await Tus(world).patch(url, 0, mp4(5000)[:10])
    kept = await world.keys()
    await world.env.video_bucket.put(f"uploads/{'0' * 32}/10-x", b"x")
    assert await sweep(world.env, SETTINGS, later(minutes=59)) == Swept()
    assert await sweep(world.env, SETTINGS, later(hours=2)) == Swept(objects=1)
    assert await world.keys() == kept


async def test_quotas_count_what_is_under_way(env: Env, people: People) -> None:
    async with serving(settings_with(quota_bytes=100_000), env, people) as world:
        tus = Tus(world)
        check_refused(await tus.create(100_001), "QUOTA_EXCEEDED")
        data = mp4(60_000)
        url = await tus.created(len(data))
        assert (await tus.create(60_000)).status_code == 201, "nothing of either is kept yet"
        await tus.patch(url, 0, data[:50_000])
        check_refused(await tus.create(60_000), "QUOTA_EXCEEDED")
        assert (await tus.patch(url, 50_000, data[50_000:])).status_code == 204


async def test_a_quota_that_was_used_up_meanwhile(env: Env, people: People) -> None:
    async with serving(settings_with(quota_videos=1), env, people) as world:
        tus, data = Tus(world), mp4(PART + 3, seed=2)
        url = await tus.created(len(data))
        await tus.patch(url, 0, data[:100])
        kept = await world.uploaded(mp4())
        check_refused(await tus.patch(url, 100, data[100:]), "QUOTA_EXCEEDED")
        assert [row["id"] for row in await world.rows("SELECT id FROM videos")] == [kept]
        assert await world.rows("SELECT id FROM tus_uploads") == []
        assert len(await world.keys()) == 1
        assert not await env.video_bucket.list_multipart_uploads()


async def test_too_much_waits(env: Env, people: People) -> None:
    async with serving(settings_with(max_pending_jobs=1), env, people) as world:
        url = await Tus(world).created(5000)
        await world.uploaded(mp4())
        check_refused(await Tus(world).create(5000), "TOO_BUSY")
        # What was begun is taken: it would only come again.
        assert (await Tus(world).patch(url, 0, mp4(5000, seed=9))).status_code == 204


async def test_rate_limits(env: Env, people: People) -> None:
    limits = settings_with(uploads_per_minute=2, upload_bytes_per_minute=10_000)
    limited = with_binding(env, "upload_limiter", MemoryRateLimit(2))
    limited = with_binding(limited, "byte_limiter", MemoryRateLimit(10_000))
    async with serving(limits, limited, people) as world:
        tus, data = Tus(world), mp4(18_000)
        url = await tus.created(len(data), metadata(filename="a.mp4"))
        assert (await tus.patch(url, 0, data[:9000])).status_code == 204
        refused = await tus.patch(url, 9000, data[9000:])
        check_refused(refused, "RATE_LIMITED")
        assert int(refused.headers["retry-after"]) > 0
        assert await tus.offset(url) == 9000
        await tus.created(100)
        check_refused(await tus.create(100), "RATE_LIMITED")
