"""R2 over the bundled S3 server: the contract, with metadata in sidecars, and what only a real server shows."""

from __future__ import annotations

import asyncio
import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import pytest_asyncio

from tests.services import ACCESS_KEY, SECRET_KEY, S3Server
from tests.wrangler_compat.r2.contract import R2Contract
from tests.wrangler_compat.r2.looking import PART, keys, read, refused
from wrangler_compat.errors import R2Error
from wrangler_compat.r2 import codes
from wrangler_compat.r2.bucket import S3Bucket
from wrangler_compat.r2.s3 import S3Client, create_s3_bucket, open_s3_bucket, open_s3_client
from wrangler_compat.r2.types import R2HttpMetadata
from wrangler_compat.servers import free_port, make_bucket, running, s3_program, sweep

pytestmark = pytest.mark.asyncio(loop_scope="module")


def opened(
    endpoint: str, name: str, *, sidecar: bool = True, secret_key: str = SECRET_KEY
) -> AbstractAsyncContextManager[S3Bucket]:
    return open_s3_bucket(
        endpoint, name, access_key=ACCESS_KEY, secret_key=secret_key, sidecar=sidecar, timeout_seconds=20
    )


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def client(s3_server: S3Server) -> AsyncIterator[S3Client]:
    async with open_s3_client(s3_server.endpoint, ACCESS_KEY, SECRET_KEY, "auto", 20) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="module")
async def bucket(client: S3Client, unique_name: str) -> S3Bucket:
    for name in (unique_name, f"{unique_name}-metadata"):
        await client.call("create_bucket", Bucket=name)
    return S3Bucket(client, unique_name, f"{unique_name}-metadata")


class TestRclone(R2Contract):
    forgets_etag_of_parts = True

    @pytest.fixture
    def bucket(self, bucket: S3Bucket) -> S3Bucket:
        return bucket


async def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    data = tmp_path / "data"
    make_bucket(data, "videos")
    port = free_port()
    http = R2HttpMetadata(content_type="video/quicktime", cache_control="no-store")
    with running(s3_program(data, port, ACCESS_KEY, SECRET_KEY), tmp_path / "log", os.environ) as server:
        async with opened(server.url, "videos") as bucket:
            await bucket.put("a/one.mov", b"one", http_metadata=http, custom_metadata={"title": "Grüße"})
            upload = await bucket.create_multipart_upload("a/two.mov", http_metadata=http, custom_metadata={"n": "2"})
            parts = [await upload.upload_part(1, b"x" * PART), await upload.upload_part(2, b"y")]
            await upload.complete(parts)
            await bucket.create_multipart_upload("a/never-completed", custom_metadata={"n": "3"})
    with running(s3_program(data, port, ACCESS_KEY, SECRET_KEY), tmp_path / "log", os.environ) as server:
        async with opened(server.url, "videos") as bucket:
            one, two = await bucket.head("a/one.mov"), await bucket.head("a/two.mov")
            assert one is not None
            assert two is not None
            assert (one.http_metadata, one.custom_metadata) == (http, {"title": "Grüße"})
            assert (two.http_metadata, two.custom_metadata) == (http, {"n": "2"})
            assert await read(bucket, "a/one.mov") == b"one"
            assert await keys(bucket) == ["a/one.mov", "a/two.mov"]
            assert await bucket.list_multipart_uploads() == ()


async def test_a_killed_server_keeps_what_it_answered(tmp_path: Path) -> None:
    data = tmp_path / "data"
    make_bucket(data, "videos")
    program = s3_program(data, free_port(), ACCESS_KEY, SECRET_KEY)
    environ = {**os.environ, **program.environ}
    server = await asyncio.create_subprocess_exec(*program.argv, env=environ, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            if await asyncio.to_thread(program.is_ready):
                break
            await asyncio.sleep(0.05)
        async with opened(program.url, "videos") as bucket:
            await bucket.put("a/one.mp4", b"one", custom_metadata={"n": "1"})
            upload = await bucket.create_multipart_upload("a/two.mp4", custom_metadata={"n": "2"})
            await upload.upload_part(1, b"x" * PART)
    finally:
        server.kill()
        await server.wait()
    assert sweep(data) == 2
    assert sweep(data) == 0
    with running(program, tmp_path / "log", os.environ):
        async with opened(program.url, "videos") as bucket:
            assert await keys(bucket) == ["a/one.mp4"]
            head = await bucket.head("a/one.mp4")
            assert head is not None
            assert head.custom_metadata == {"n": "1"}


async def test_presigned_urls_work_and_only_as_signed(bucket: S3Bucket) -> None:
    await bucket.put("a b/ü.mp4", b"0123456789", http_metadata=R2HttpMetadata(content_type="video/mp4"))
    url = await bucket.presigned_url("a b/ü.mp4", expires_seconds=60)

    def get(target: str, headers: dict[str, str]) -> bytes:
        with urllib.request.urlopen(urllib.request.Request(target, headers=headers), timeout=5) as response:
            return bytes(response.read())

    assert await asyncio.to_thread(get, url, {}) == b"0123456789"
    assert await asyncio.to_thread(get, url, {"Range": "bytes=2-4"}) == b"234"
    for forged in (url.replace("%C3%BC", "u"), url.replace("Expires=60", "Expires=6000"), url.split("?")[0]):
        with pytest.raises(urllib.error.HTTPError) as caught:
            await asyncio.to_thread(get, forged, {})
        assert caught.value.code in {400, 403}
        caught.value.close()


async def test_a_presigned_put(bucket: S3Bucket) -> None:
    url = await bucket.presigned_url("put.bin", method="PUT")
    request = urllib.request.Request(url, data=b"hello", method="PUT", headers={"Content-Type": "text/plain"})

    def put() -> int:
        with urllib.request.urlopen(request, timeout=5) as response:
            return int(response.status)

    assert await asyncio.to_thread(put) == 200
    assert await read(bucket, "put.bin") == b"hello"


@pytest.mark.parametrize("key", ["a//b", "../x", "a/./b", "/a", "a/", ".rclone_temp_x"])
async def test_keys_that_are_no_paths_are_refused(bucket: S3Bucket, key: str) -> None:
    with refused(codes.INVALID_OBJECT_NAME):
        await bucket.put(key, b"x")
    with refused(codes.INVALID_OBJECT_NAME):
        await bucket.delete(["a", key])
    assert await keys(bucket) == []


@pytest.mark.parametrize("key", ["a//b", "../x"])
async def test_a_put_that_the_server_refuses_does_not_hang(bucket: S3Bucket, client: S3Client, key: str) -> None:
    """With the Expect header it hung for ever."""
    async with asyncio.timeout(60):
        with pytest.raises(R2Error) as caught:
            await client.call("put_object", Bucket="whatever", Key=key, Body=b"x" * 100_000)
    assert not caught.value.retryable


async def test_wrong_credentials(s3_server: S3Server) -> None:
    name = s3_server.make_bucket()
    async with opened(s3_server.endpoint, name, secret_key="wrong" * 8) as bucket:
        with refused(codes.SIGNATURE_DOES_NOT_MATCH):
            await bucket.put("a", b"x")


async def test_a_bucket_that_is_not_there(s3_server: S3Server) -> None:
    async with opened(s3_server.endpoint, "no-such-bucket") as bucket:
        with refused(codes.NO_SUCH_BUCKET):
            await bucket.ping()
        with refused(codes.NO_SUCH_BUCKET):
            await bucket.put("a", b"x")
        with refused(codes.NO_SUCH_BUCKET):
            await bucket.list()


async def make(server: S3Server, name: str, *, sidecar: bool = False) -> None:
    await create_s3_bucket(server.endpoint, name, access_key=ACCESS_KEY, secret_key=SECRET_KEY, sidecar=sidecar)


async def test_create_bucket(s3_server: S3Server, unique_name: str) -> None:
    await make(s3_server, unique_name, sidecar=True)
    assert (s3_server.folder / f"{unique_name}-metadata").is_dir()
    with refused(codes.BUCKET_CONFLICT):
        await make(s3_server, unique_name)
    async with opened(s3_server.endpoint, unique_name) as bucket:
        await bucket.ping()


async def test_the_metadata_bucket_is_made_when_it_is_missing(s3_server: S3Server, unique_name: str) -> None:
    await make(s3_server, unique_name)
    async with opened(s3_server.endpoint, unique_name) as bucket:
        await asyncio.gather(*(bucket.put(f"k{number}", b"x", custom_metadata={"k": "v"}) for number in range(4)))
        head = await bucket.head("k3")
        assert head is not None
        assert head.custom_metadata == {"k": "v"}
        await bucket.delete(["k1", "k2"])


async def test_a_cancelled_put_of_a_stream_leaves_no_upload(bucket: S3Bucket) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * (4 * 1024 * 1024)
            await asyncio.sleep(0.01)

    task = asyncio.create_task(bucket.put("a", endless()))
    for _ in range(500):
        if await bucket.list_multipart_uploads():
            break
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await bucket.list_multipart_uploads() == ()
    assert await bucket.head("a") is None


async def test_sidecars_do_not_show_in_listings(bucket: S3Bucket) -> None:
    await bucket.put("a", b"x", custom_metadata={"k": "v"})
    assert await keys(bucket) == ["a"]
