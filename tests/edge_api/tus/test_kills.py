"""A gateway that dies at any moment of an upload: whatever another one then finds, exactly one video comes of it."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from edge_api.env import Env
from tests.edge_api.kit import PART, People, World, ftyp, mp4, serving, settings_with, with_binding
from tests.edge_api.tus.kit import Tus, check_refused
from tests.edge_api.tus.test_protocol import check_stored, nothing_is_left

SETTINGS = settings_with()


class Killed(BaseException):
    """What a process does after that, nobody sees."""


class Fate:
    """Kills when so many calls to the outside have been done; nothing goes out any more."""

    def __init__(self, calls: int) -> None:
        self.calls_left = calls
        self.last = ""

    async def through(self, name: str, call: Callable[[], Any]) -> Any:
        if self.calls_left == 0:
            raise Killed
        self.calls_left -= 1
        self.last = name
        answer = await call()
        if self.calls_left == 0:
            raise Killed
        return answer


class Mortal:
    """A binding of a process that is going to be killed."""

    def __init__(self, target: Any, fate: Fate) -> None:
        self.target, self.fate = target, fate

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.target, name)
        if not callable(found):
            return found

        def called(*args: Any, **named: Any) -> Any:
            given = [[each.target for each in arg] if _are_mortal(arg) else arg for arg in args]
            if inspect.iscoroutinefunction(found):
                return self._awaited(name, lambda: found(*given, **named))
            return Mortal(found(*given, **named), self.fate)

        return called

    async def _awaited(self, name: str, call: Callable[[], Any]) -> Any:
        answer = await self.fate.through(name, call)
        return Mortal(answer, self.fate) if name == "create_multipart_upload" else answer


def _are_mortal(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(one, Mortal) for one in value)


async def dies(env: Env, people: People, calls: int, url: str, offset: int, data: bytes) -> bool:
    """Send the rest at a gateway that is killed after so many calls; whether it was."""
    fate = Fate(10**9)
    mortal = with_binding(env, "video_bucket", Mortal(env.video_bucket, fate))
    mortal = with_binding(mortal, "db", Mortal(env.db, fate))
    try:
        async with serving(SETTINGS, mortal, people) as doomed:
            # Its first sweep is over by then, and not what is killed here.
            await asyncio.sleep(0.05)
            fate.calls_left = calls
            await Tus(doomed).patch(url, offset, data[offset:])
    except Killed:
        return True
    return False


async def let_its_lease_run_out(world: World) -> None:
    await world.run("UPDATE tus_uploads SET lock_until = '2026-01-01T00:00:00.000000Z'")


async def test_killed_after_every_call(env: Env, people: People) -> None:
    """Whatever the last thing was that it did: HEAD tells what is there, or that all of it is and which video."""
    calls = 0
    while True:
        calls += 1
        data = mp4(2 * PART + 5000, seed=calls)
        async with serving(SETTINGS, env, people) as world:
            tus = Tus(world)
            url = await tus.created(len(data))
            assert (await tus.patch(url, 0, data[: PART + 10])).status_code == 204
        was_killed = await dies(env, people, calls, url, PART + 10, data)
        async with serving(SETTINGS, env, people) as world:
            tus = Tus(world)
            await let_its_lease_run_out(world)
            head = await tus.head(url)
            offset = int(head.headers["upload-offset"])
            assert offset >= PART, "what was acknowledged, or the part that holds it"
            if offset < len(data):
                head = await tus.patch(url, offset, data[offset:])
                assert head.status_code == 204, head.text
            video_id = head.headers["x-video-id"]
            left = [upload.upload_id for upload in await env.video_bucket.list_multipart_uploads()]
            assert not left
            await check_stored(world, data, video_id)
            await world.client.delete(f"/api/videos/{video_id}", headers=world.alice.headers)
        if not was_killed:
            break
    assert calls > 15, "it was killed at many moments"


async def test_killed_while_refusing(env: Env, people: People) -> None:
    """A file that is no video: whatever was deleted by then, the rest goes too."""
    data = ftyp("M4A ") + bytes(20_000)
    for calls in range(1, 100):
        async with serving(SETTINGS, env, people) as world:
            url = await Tus(world).created(len(data))
        was_killed = await dies(env, people, calls, url, 0, data)
        async with serving(SETTINGS, env, people) as world:
            await let_its_lease_run_out(world)
            answer = await Tus(world).head(url)
            if answer.status_code == 200:
                check_refused(await Tus(world).patch(url, 0, data), "UNSUPPORTED_FORMAT")
            elif answer.status_code == 410:
                await world.run("DELETE FROM tus_uploads")
            assert await nothing_is_left(world)
        if not was_killed:
            return
    raise AssertionError("it was killed every time")


@pytest.mark.parametrize("what", ["parts", "tail", "both"])
async def test_a_store_that_lost_it(world: World, what: str) -> None:
    """A store that forgets open uploads when it restarts; an object that somebody deleted."""
    tus, data = Tus(world), mp4(3 * PART)
    url = await tus.created(len(data))
    await tus.patch(url, 0, data[: PART + 999])
    bucket = world.env.video_bucket
    if what != "tail":
        for upload in await bucket.list_multipart_uploads():
            await bucket.resume_multipart_upload(upload.key, upload.upload_id).abort()
    if what != "parts":
        await bucket.delete([found.key for found in (await bucket.list(prefix="uploads/")).objects])
    check_refused(await tus.patch(url, PART + 999, data[PART + 999 :]), "UPLOAD_RESET")
    assert await tus.offset(url) == 0
    assert not await world.keys()
    assert not await bucket.list_multipart_uploads()
    await check_stored(world, data, (await tus.patch(url, 0, data)).headers["x-video-id"])
