"""R2 over moto's server, an S3 that was written by others: the contract, with the store's own metadata."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from moto.server import ThreadedMotoServer

from tests.wrangler_compat.r2.contract import R2Contract
from tests.wrangler_compat.r2.looking import PART, keys, read
from wrangler_compat.errors import R2Error
from wrangler_compat.r2.bucket import S3Bucket
from wrangler_compat.r2.s3 import S3Client, open_s3_client
from wrangler_compat.r2.types import R2Bucket

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def moto_endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def client(moto_endpoint: str) -> AsyncIterator[S3Client]:
    async with open_s3_client(moto_endpoint, "key", "secret", "us-east-1", 20) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="module")
async def bucket(client: S3Client) -> S3Bucket:
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    await client.call("create_bucket", Bucket=name)
    return S3Bucket(client, name, None)


class TestMoto(R2Contract):
    @pytest.fixture
    def bucket(self, bucket: S3Bucket) -> S3Bucket:
        return bucket

    async def test_abort(self, bucket: R2Bucket) -> None:
        """moto dies of a KeyError where it should say NoSuchUpload: without what comes after the abort."""
        upload = await bucket.create_multipart_upload("big", custom_metadata={"k": "v"})
        await upload.upload_part(1, b"a" * PART)
        await upload.abort()
        assert await bucket.list_multipart_uploads() == ()
        assert await bucket.head("big") is None

    async def test_an_upload_that_never_was(self, bucket: R2Bucket) -> None:
        """moto dies of a KeyError here, too."""
        with pytest.raises(R2Error):
            await bucket.resume_multipart_upload("big", "never").upload_part(1, b"x")


async def test_keys_are_opaque(bucket: S3Bucket) -> None:
    await bucket.put("a//b", b"x" * 100_000)
    await bucket.put("a/", b"y")
    assert await read(bucket, "a//b") == b"x" * 100_000
    assert await keys(bucket) == ["a/", "a//b"]


async def test_versions_of_the_store_are_shown(client: S3Client, bucket: S3Bucket) -> None:
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    await client.call("create_bucket", Bucket=name)
    await client.call("put_bucket_versioning", Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    versioned = S3Bucket(client, name, None)
    first, second = await versioned.put("a", b"x"), await versioned.put("a", b"x")
    assert first is not None
    assert second is not None
    assert first.version != second.version
    assert first.etag == second.etag
