"""ObjectWriter over the in-memory bucket: parts, hashes, and nothing left after a failure."""

from __future__ import annotations

import asyncio
import hashlib
import random
import tracemalloc
from collections.abc import Sequence
from typing import Any

import pytest

from edge_api.objects import ObjectWriter
from tests.edge_api.kit import PART, truth, until
from wrangler_compat.errors import BindingError, R2Error
from wrangler_compat.r2.types import R2MultipartUpload, R2Object, R2UploadedPart
from wrangler_compat.testing import MemoryR2Bucket

KEY = "videos/2026/11/21/x.mp4"


def writer(bucket: Any, *, in_flight: int = 2, timeout_seconds: float = 5.0) -> ObjectWriter:
    return ObjectWriter(bucket, KEY, "video/mp4", part_bytes=PART, in_flight=in_flight, timeout_seconds=timeout_seconds)


async def write_all(target: ObjectWriter, data: bytes, step: int = 65536) -> None:
    for at in range(0, len(data), step):
        await target.write(memoryview(data)[at : at + step])


async def write_and_finish(target: ObjectWriter, data: bytes) -> str:
    await write_all(target, data)
    return await target.finish()


class WatchedUpload:
    """A multipart upload that notes its parts and can be told to fail."""

    def __init__(self, bucket: WatchedBucket, upload: R2MultipartUpload) -> None:
        self.bucket, self.upload = bucket, upload
        self.key, self.upload_id = upload.key, upload.upload_id

    async def upload_part(self, part_number: int, value: bytes) -> R2UploadedPart:
        self.bucket.now += 1
        self.bucket.most = max(self.bucket.most, self.bucket.now)
        try:
            await asyncio.sleep(self.bucket.seconds * (3 - part_number % 3))
            self.bucket.parts[part_number] = len(value)
            if part_number == self.bucket.failing_part:
                raise R2Error("no", code="10001", retryable=True)
            return await self.upload.upload_part(part_number, value)
        finally:
            self.bucket.now -= 1

    async def complete(self, parts: Sequence[R2UploadedPart]) -> R2Object:
        done = await self.upload.complete(parts)
        if self.bucket.fails_after_complete:
            raise R2Error("the answer was lost", code="10001", retryable=True)
        return done

    async def abort(self) -> None:
        await self.upload.abort()


class WatchedBucket:
    def __init__(self) -> None:
        self.real = MemoryR2Bucket()
        self.parts: dict[int, int] = {}
        self.now = self.most = 0
        self.seconds = 0.0
        self.failing_part = 0
        self.fails_after_complete = False

    async def create_multipart_upload(self, key: str, **options: Any) -> WatchedUpload:
        return WatchedUpload(self, await self.real.create_multipart_upload(key, **options))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    async def is_empty(self) -> bool:
        return not (await self.real.list()).objects and not await self.real.list_multipart_uploads()


async def content_of(bucket: Any) -> bytes:
    found = await bucket.get(KEY)
    assert found is not None
    data: bytes = await found.bytes()
    return data


@pytest.mark.parametrize("size", [1, 4096, PART - 1, PART, PART + 1, 3 * PART, 3 * PART + 12345])
@pytest.mark.parametrize("step", [65536, PART, 2 * PART + 7])
async def test_bytes_and_hash_survive(size: int, step: int) -> None:
    data, bucket = random.Random(size).randbytes(size), WatchedBucket()
    target = writer(bucket)
    await write_all(target, data, step)
    assert await target.finish() == hashlib.sha256(data).hexdigest()
    assert await content_of(bucket) == data
    assert target.size == size
    sizes = [bucket.parts[number] for number in sorted(bucket.parts)]
    if size < PART:
        assert sizes == []
    else:
        assert set(sizes[:-1]) <= {PART}
        assert 0 < sizes[-1] <= PART
    assert not await bucket.list_multipart_uploads()


async def test_the_content_type_is_kept() -> None:
    for size in (10, PART + 10):
        bucket = WatchedBucket()
        target = writer(bucket)
        await write_all(target, b"x" * size)
        await target.finish()
        head = await bucket.head(KEY)
        assert head.http_metadata.content_type == "video/mp4"


@pytest.mark.parametrize("in_flight", [1, 2, 3])
async def test_as_many_parts_in_flight_as_allowed(in_flight: int) -> None:
    bucket = WatchedBucket()
    bucket.seconds = 0.15
    target = writer(bucket, in_flight=in_flight)
    await write_all(target, bytes(6 * PART), PART)
    await target.finish()
    assert bucket.most == in_flight


@pytest.mark.parametrize("failing_part", [1, 2, 3])
async def test_a_failing_part_leaves_nothing(failing_part: int) -> None:
    bucket = WatchedBucket()
    bucket.failing_part = failing_part
    target = writer(bucket)
    with pytest.raises(R2Error):
        await write_and_finish(target, bytes(2 * PART + 5))
    await target.discard()
    assert await bucket.is_empty()


async def test_a_lost_answer_to_complete_leaves_nothing() -> None:
    bucket = WatchedBucket()
    bucket.fails_after_complete = True
    target = writer(bucket)
    await write_all(target, bytes(PART + 5))
    with pytest.raises(R2Error):
        await target.finish()
    await target.discard()
    assert await bucket.is_empty()


@pytest.mark.parametrize("size", [0, 100, PART, 2 * PART + 1])
async def test_discard_at_any_time_leaves_nothing(size: int) -> None:
    for finished in (False, True):
        bucket = WatchedBucket()
        bucket.seconds = 0.005
        target = writer(bucket)
        await write_all(target, bytes(size))
        if finished:
            await target.finish()
        await target.discard()
        assert await bucket.is_empty()


async def test_a_part_that_hangs_meets_the_deadline() -> None:
    bucket = WatchedBucket()
    bucket.seconds = 60
    target = writer(bucket, timeout_seconds=0.05)
    with pytest.raises(BindingError) as failed:
        await write_and_finish(target, bytes(PART))
    assert (failed.value.code, failed.value.retryable) == ("TIMEOUT", True)
    await target.discard()
    assert await bucket.is_empty()


async def test_cancelled_in_the_middle_leaves_nothing() -> None:
    bucket = WatchedBucket()
    bucket.seconds = 0.05

    async def run() -> None:
        target = writer(bucket)
        try:
            await write_and_finish(target, bytes(4 * PART))
        except BaseException:
            await target.discard()
            raise

    task = asyncio.create_task(run())
    await until(lambda: truth(bucket.parts))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await bucket.is_empty()


async def test_a_part_of_single_bytes_takes_little_more_memory_than_its_bytes() -> None:
    data, step = random.Random(5).randbytes(300_000), 3
    target = writer(MemoryR2Bucket())
    tracemalloc.start()
    try:
        await write_all(target, data, step)
        assert target.filled == len(data)
        assert tracemalloc.get_traced_memory()[0] < 2 * len(data)
    finally:
        tracemalloc.stop()
    assert await target.finish() == hashlib.sha256(data).hexdigest()
