"""Resumable uploads hold a turn only while their bytes come fast, as those in one request do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha1

import httpx
import pytest

from edge_api.env import Env
from tests.edge_api.kit import PART, People, World, mp4, serving, settings_with
from tests.edge_api.tus.kit import Tus, check_refused, checksum


class _Sent:
    """A PATCH of which so many bytes have arrived; the rest comes when the event is set."""

    def __init__(self, world: World, data: bytes, url: str, first: int) -> None:
        self.go_on, self.url = asyncio.Event(), url
        self._world, self._data, self._first = world, data, first
        self._arrived = asyncio.Event()

    async def begin(self, headers: dict[str, str]) -> asyncio.Task[httpx.Response]:
        answer = asyncio.create_task(Tus(self._world).patch(self.url, 0, self._body(), headers))
        await self._arrived.wait()
        return answer

    async def _body(self) -> AsyncIterator[bytes]:
        yield self._data[: self._first]
        yield b""
        self._arrived.set()
        await self.go_on.wait()
        yield self._data[self._first :]


async def check_became(world: World, answer: httpx.Response, data: bytes) -> None:
    """The upload is a video with these bytes."""
    (row,) = await world.rows("SELECT r2_key FROM videos WHERE id = ?1", answer.headers["x-video-id"])
    stored = await world.env.video_bucket.get(row["r2_key"])
    assert stored is not None
    assert await stored.bytes() == data  # type: ignore[union-attr]


@asynccontextmanager
async def patch_under_way(
    world: World, data: bytes, first: int, headers: dict[str, str] | None = None
) -> AsyncIterator[tuple[_Sent, asyncio.Task[httpx.Response]]]:
    sent = _Sent(world, data, await Tus(world).created(len(data)), first)
    answer = await sent.begin(headers or {})
    try:
        yield sent, answer
    finally:
        sent.go_on.set()
        await answer


async def test_fast_ones_wait_for_their_turn(env: Env, people: People) -> None:
    data = mp4(PART)
    settings = settings_with(uploads_at_once=1, upload_wait_seconds=0.05, slow_upload_bytes_per_second=20_000)
    async with serving(settings, env, people) as world, patch_under_way(world, data, PART // 2) as (_, first):
        tus, other = Tus(world), mp4(2 * PART, seed=2)
        url = await tus.created(len(other))
        check_refused(await tus.patch(url, 0, other), "TOO_BUSY")
        assert not first.done()


async def test_a_slow_one_keeps_nobody_waiting_and_is_served(env: Env, people: People) -> None:
    data = mp4(2 * PART + 1000)
    settings = settings_with(uploads_at_once=1, upload_wait_seconds=0.05, slow_upload_bytes_per_second=10**9)
    async with serving(settings, env, people) as world, patch_under_way(world, data, PART + 20_000) as (sent, first):
        assert (await world.upload(mp4(seed=2))).status_code == 200
        assert (await Tus(world).send(mp4(PART, seed=3), 1000)).status_code == 204
        sent.go_on.set()
        assert (await first).status_code == 204
        await check_became(world, await first, data)


@pytest.mark.parametrize("checked", [False, True])
async def test_the_one_that_holds_most_is_given_up_and_goes_on_where_it_was(
    env: Env, people: People, checked: bool
) -> None:
    """What a request with a checksum has sent counts only when all of it has come."""
    settings = settings_with(uploads_at_once=1, slow_upload_bytes_per_second=10**9)
    larger, smaller = mp4(2 * PART), mp4(PART, seed=2)
    headers = checksum("sha1", sha1(larger).digest()) if checked else {}
    async with (
        serving(settings, env, people) as world,
        patch_under_way(world, larger, PART - 10_000, headers) as (sent, first),
        patch_under_way(world, smaller, 20_000) as (other, second),
    ):
        check_refused(await first, "UPLOAD_TOO_SLOW")
        kept = await Tus(world).offset(sent.url)
        assert kept == (0 if checked else PART - 10_000)
        other.go_on.set()
        assert (await second).status_code == 204
        answer = await Tus(world).patch(sent.url, kept, larger[kept:])
        await check_became(world, answer, larger)


async def test_no_turn_for_the_last_step_loses_nothing(env: Env, people: People) -> None:
    """The bytes are there; whoever asks for the offset later gets the video."""
    settings = settings_with(uploads_at_once=1, upload_wait_seconds=0.05, slow_upload_bytes_per_second=20_000)
    fast, slow = mp4(PART), mp4(5000, seed=2)
    async with serving(settings, env, people) as world, patch_under_way(world, fast, 20_000) as (sent, first):
        tus = Tus(world)
        url = await tus.created(len(slow))
        check_refused(await tus.patch(url, 0, slow), "TOO_BUSY")
        assert await world.rows("SELECT id FROM videos") == []
        sent.go_on.set()
        assert (await first).status_code == 204
        await check_became(world, await tus.head(url), slow)
