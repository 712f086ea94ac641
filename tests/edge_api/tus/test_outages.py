"""R2 or D1 fail in the middle: the answer says so, what had arrived is not lost, and the upload goes on afterwards."""

from __future__ import annotations

from hashlib import sha1
from typing import Any

import pytest

from edge_api.env import Env
from tests.edge_api.kit import PART, People, mp4, serving, settings_with, with_binding
from tests.edge_api.tus.kit import Tus, check_refused, checksum
from tests.edge_api.tus.test_protocol import check_stored
from wrangler_compat.errors import D1Error, R2Error


class Failing:
    """A binding, and whatever it gives out, of which one method fails from its so-manieth call on, until mended."""

    def __init__(self, target: Any, method: str, calls: int, error: Exception) -> None:
        self.target, self.method, self.calls_left, self.error = target, method, calls, error

    def mend(self) -> None:
        self.calls_left = 10**9

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.target, name)
        if name in ("resume_multipart_upload", "create_multipart_upload"):
            return self._given(found)
        return self._failing(found) if name == self.method else found

    def _failing(self, found: Any) -> Any:
        async def called(*args: Any, **named: Any) -> Any:
            self.calls_left -= 1
            if self.calls_left < 0:
                raise self.error
            return await found(*args, **named)

        return called

    def _given(self, found: Any) -> Any:
        def resumed(*args: Any, **named: Any) -> Any:
            return _Part(found(*args, **named), self)

        async def created(*args: Any, **named: Any) -> Any:
            return _Part(await found(*args, **named), self)

        return created if found.__name__.startswith("create") else resumed


class _Part:
    """One multipart upload of a failing bucket."""

    def __init__(self, target: Any, bucket: Failing) -> None:
        self._target, self._bucket = target, bucket

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._target, name)
        return self._bucket._failing(found) if name == self._bucket.method else found


UNREACHABLE = R2Error("no answer", code="10043", retryable=True)


@pytest.mark.parametrize(
    ("method", "calls", "offset"),
    [
        ("create_multipart_upload", 10**9, None),
        ("upload_part", 0, 7),
        ("upload_part", 1, PART),
        ("upload_part", 3, 3 * PART),
        ("complete", 0, None),
        ("put", 1, PART),
        ("get", 0, 7),
    ],
)
async def test_r2_fails(env: Env, people: People, method: str, calls: int, offset: int | None) -> None:
    """offset: where it then is; None: it becomes a video all the same, at once or with the next HEAD."""
    data = mp4(3 * PART + 5000, seed=calls % 100 + 7)
    bucket = Failing(env.video_bucket, method, calls, UNREACHABLE)
    async with serving(settings_with(), with_binding(env, "video_bucket", bucket), people) as world:
        tus = Tus(world)
        url = await tus.created(len(data))
        assert (await tus.patch(url, 0, data[:7])).status_code == 204
        end = PART + 9 if method == "put" else len(data)
        answer = await tus.patch(url, 7, data[7:end])
        if calls < 10**6:
            check_refused(answer, "UNAVAILABLE")
        bucket.mend()
        head = await tus.head(url)
        assert head.status_code == 200
        if offset is not None:
            assert head.headers["upload-offset"] == str(offset)
            head = await tus.patch(url, offset, data[offset:])
        await check_stored(world, data, head.headers["x-video-id"])


@pytest.mark.parametrize("calls", range(5))
async def test_d1_fails(env: Env, people: People, calls: int) -> None:
    data = mp4(3 * PART + 5000, seed=70 + calls)
    broken = Failing(env.db, "batch", 10**9, D1Error("no answer", retryable=True))
    async with serving(settings_with(), with_binding(env, "db", broken), people) as world:
        tus = Tus(world)
        url = await tus.created(len(data))
        assert (await tus.patch(url, 0, data[: PART + 7])).status_code == 204
        broken.calls_left = calls
        answer = await tus.patch(url, PART + 7, data[PART + 7 :])
        assert answer.status_code in (204, 503)
        broken.mend()
        head = await tus.head(url)
        offset = int(head.headers["upload-offset"])
        assert offset >= PART + 7
        if offset < len(data):
            head = await tus.patch(url, offset, data[offset:])
        await check_stored(world, data, head.headers["x-video-id"])


async def test_a_checked_body_that_could_not_be_put_aside(env: Env, people: People) -> None:
    data = mp4(3 * PART, seed=91)
    bucket = Failing(env.video_bucket, "upload_part", 1, UNREACHABLE)
    async with serving(settings_with(), with_binding(env, "video_bucket", bucket), people) as world:
        tus = Tus(world)
        url = await tus.created(len(data))
        sent = checksum("sha1", sha1(data, usedforsecurity=False).digest())
        check_refused(await tus.patch(url, 0, data, sent), "UNAVAILABLE")
        bucket.mend()
        assert await tus.offset(url) == 0
        assert not await world.keys()
        assert not await env.video_bucket.list_multipart_uploads()
        await check_stored(world, data, (await tus.patch(url, 0, data, sent)).headers["x-video-id"])
