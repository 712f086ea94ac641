"""A counted bucket is a bucket, and counts what R2 would put on the bill."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.wrangler_compat.r2.contract import R2Contract
from wrangler_compat.errors import R2Error
from wrangler_compat.r2.counted import CLASSES, CountedBucket
from wrangler_compat.testing import MemoryR2Bucket

PART = 5 * 1024 * 1024


class TestCounted(R2Contract):
    @pytest.fixture
    def bucket(self) -> CountedBucket:
        return CountedBucket(MemoryR2Bucket(), lambda operation: None)


async def test_what_is_counted() -> None:
    counted = Counter[str]()
    bucket = CountedBucket(MemoryR2Bucket(), lambda operation: counted.update([operation]))
    await bucket.put("a", b"x")
    await bucket.get("a")
    await bucket.head("a")
    await bucket.presigned_url("a")
    await bucket.presigned_url("a", method="PUT")
    await bucket.list()
    await bucket.list_multipart_uploads()
    await bucket.ping()
    await bucket.delete(["a", "b"])
    assert counted == {
        "PutObject": 2,
        "GetObject": 2,
        "HeadObject": 1,
        "HeadBucket": 1,
        "ListObjects": 1,
        "ListMultipartUploads": 1,
        "DeleteObject": 1,
    }


async def test_uploads_in_parts_are_counted_part_by_part() -> None:
    counted = Counter[str]()
    bucket = CountedBucket(MemoryR2Bucket(), lambda operation: counted.update([operation]))
    upload = await bucket.create_multipart_upload("a")
    parts = [await upload.upload_part(1, bytes(PART))]
    resumed = bucket.resume_multipart_upload("a", upload.upload_id)
    parts.append(await resumed.upload_part(2, b"end"))
    await resumed.complete(parts)
    await (await bucket.create_multipart_upload("b")).abort()
    assert (upload.key, resumed.upload_id) == ("a", upload.upload_id)
    assert counted == {
        "CreateMultipartUpload": 2,
        "UploadPart": 2,
        "CompleteMultipartUpload": 1,
        "AbortMultipartUpload": 1,
    }
    assert counted.keys() <= CLASSES.keys()


async def test_what_fails_is_counted_too() -> None:
    counted = Counter[str]()
    bucket = CountedBucket(MemoryR2Bucket(), lambda operation: counted.update([operation]))
    with pytest.raises(R2Error, match="object name"):
        await bucket.put("", b"x")
    assert counted == {"PutObject": 1}
