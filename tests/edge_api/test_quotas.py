"""What a user may keep: refused before bytes are stored, exactly kept by uploads side by side."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from edge_api.accounts import update_user
from edge_api.env import Env
from edge_api.keys import timestamp
from tests.edge_api.kit import People, World, mp4, serving, settings_with


@pytest.fixture
async def world(env: Env, people: People) -> AsyncIterator[World]:
    """Two videos, and 100,000 bytes."""
    async with serving(settings_with(quota_videos=2, quota_bytes=100_000), env, people) as served:
        yield served


def check(answer: httpx.Response, quota: int, used: int) -> None:
    assert (answer.status_code, answer.json()["code"]) == (403, "QUOTA_EXCEEDED")
    assert (answer.json()["quota"], answer.json()["used"]) == (quota, used)
    assert "delete some" in answer.json()["error"]


async def remote(world: World) -> httpx.Response:
    body = {"video_url": "https://example.org/a.mp4"}
    return await world.client.post("/api/fingerprints", json=body, headers=world.alice.headers)


async def test_so_many_videos(world: World) -> None:
    first = await world.uploaded(mp4(seed=1))
    assert (await remote(world)).status_code == 202
    keys = await world.keys()
    check(await world.upload(mp4(seed=3)), 2, 2)
    check(await remote(world), 2, 2)
    assert await world.keys() == keys
    assert (await world.upload(mp4(seed=3), world.bob)).status_code == 200, "each user has their own"
    await world.client.delete(f"/api/videos/{first}", headers=world.alice.headers)
    assert (await world.upload(mp4(seed=3))).status_code == 200


async def test_so_many_bytes(world: World) -> None:
    await world.uploaded(mp4(70_000, seed=1))
    check(await world.upload(mp4(30_001, seed=2)), 100_000, 70_000)
    assert (await world.upload(mp4(30_000, seed=2))).status_code == 200


async def test_an_announced_size_is_refused_before_a_byte_is_read(env: Env, people: People) -> None:
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        read += 1
        yield b"x"

    async with serving(settings_with(quota_bytes=1000), env, people) as world:
        headers = {**world.alice.headers, "Content-Type": "multipart/form-data; boundary=x"}
        headers["Content-Length"] = str(3 * 1024 * 1024)
        check(await world.client.post("/api/upload", content=body(), headers=headers), 1000, 0)
        assert read == 0
        assert await world.nothing_is_left()


async def test_a_size_that_nobody_announced_is_refused_when_it_is_reached(env: Env, people: People) -> None:
    data, read = mp4(15_000_000), 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        yield b'--x\r\nContent-Disposition: form-data; name="video"; filename="a.mp4"\r\n\r\n'
        for at in range(0, len(data), 65536):
            read = at
            yield data[at : at + 65536]

    async with serving(settings_with(quota_bytes=6_000_000), env, people) as world:
        headers = {**world.alice.headers, "Content-Type": "multipart/form-data; boundary=x"}
        check(await world.client.post("/api/upload", content=body(), headers=headers), 6_000_000, 0)
        assert 5_900_000 < read < 6_200_000
        assert await world.nothing_is_left()


async def test_side_by_side_no_more_than_the_quota_get_in(world: World) -> None:
    answers = await asyncio.gather(*(world.upload(mp4(seed=seed)) for seed in range(8)))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200] * 2 + [403] * 6
    assert {answer.json()["code"] for answer in answers if answer.status_code == 403} == {"QUOTA_EXCEEDED"}
    assert len(await world.keys()) == 2
    assert len(await world.rows("SELECT id FROM videos")) == 2
    assert not await world.env.video_bucket.list_multipart_uploads()


async def test_ones_own_quota_goes_before_the_settings(world: World) -> None:
    await update_user(world.env.db, "alice", quota_videos=1, quota_bytes=0)
    await world.uploaded(mp4(200_000, seed=1))
    check(await world.upload(mp4(seed=2)), 1, 1)
    await update_user(world.env.db, "alice", quota_videos=0)
    for seed in range(3, 7):
        await world.uploaded(mp4(seed=seed))
    await update_user(world.env.db, "alice", quota_videos=-1)
    check(await world.upload(mp4(seed=9)), 2, 5)


async def test_what_was_freed_counts_no_longer(world: World) -> None:
    video_id = await world.uploaded(mp4(90_000, seed=1))
    await world.decide(video_id, "duplicate", object_deleted_at=timestamp())
    assert (await world.upload(mp4(90_000, seed=2))).status_code == 200
