"""Uploads are turned away while very much waits, before their bytes are read, and taken again afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from edge_api import queries
from edge_api.env import Env
from tests.edge_api.kit import People, World, mp4, serving, settings_with


async def never() -> AsyncIterator[bytes]:
    raise AssertionError("the body must not be read")
    yield b""


async def test_a_long_queue_turns_uploads_away_until_it_is_shorter(env: Env, people: People) -> None:
    async with serving(settings_with(max_pending_jobs=2), env, people) as world:
        first, _ = [await world.uploaded(mp4(seed=n)) for n in range(2)]
        headers = {**world.alice.headers, "Content-Type": "multipart/form-data; boundary=x"}
        refused = await world.client.post("/api/upload", content=never(), headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (503, "TOO_BUSY")
        assert int(refused.headers["retry-after"]) > 0
        remote = await world.client.post(
            "/api/fingerprints", json={"video_url": "https://example.org/a.mp4"}, headers=world.alice.headers
        )
        assert (remote.status_code, remote.json()["code"]) == (503, "TOO_BUSY")
        assert len(await world.rows("SELECT id FROM videos")) == 2
        await world.decide(first, "approved")
        assert (await world.upload(mp4(seed=3))).status_code == 200


@pytest.mark.parametrize("status", ["failed", "completed"])
async def test_what_waits_for_nobody_does_not_count(env: Env, people: People, status: str) -> None:
    async with serving(settings_with(max_pending_jobs=1), env, people) as world:
        await world.uploaded(mp4(seed=1))
        await world.run("UPDATE processing_jobs SET status = ?1", status)
        assert (await world.upload(mp4(seed=2))).status_code == 200


async def test_without_a_limit_nothing_is_turned_away(env: Env, people: People) -> None:
    async with serving(settings_with(max_pending_jobs=0), env, people) as world:
        for n in range(3):
            await world.uploaded(mp4(seed=n))


async def test_the_count_is_bounded(world: World) -> None:
    for n in range(5):
        await world.uploaded(mp4(seed=n))
    assert await world.env.db.prepare(queries.PENDING_JOBS).bind(2).first("n") == 3
