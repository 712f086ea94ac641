"""What every R2Bucket must do with multipart uploads."""

from __future__ import annotations

import contextlib
import hashlib

from tests.wrangler_compat.r2.looking import PART, read, refused
from wrangler_compat.errors import R2Error
from wrangler_compat.r2 import codes, limits
from wrangler_compat.r2.types import (
    R2Bucket,
    R2HttpMetadata,
    R2UploadedPart,
)


class MultipartContract:
    forgets_etag_of_parts = False
    """The store gives a multipart object another etag when it is read."""

    async def test_multipart(self, bucket: R2Bucket) -> None:
        upload = await bucket.create_multipart_upload(
            "big", http_metadata=R2HttpMetadata(content_type="video/mp4"), custom_metadata={"k": "v"}
        )
        assert upload.key == "big"
        (listed,) = await bucket.list_multipart_uploads()
        assert (listed.key, listed.upload_id) == ("big", upload.upload_id)
        assert listed.initiated is None or listed.initiated.tzinfo is not None
        assert await bucket.list_multipart_uploads(prefix="other") == ()
        assert await bucket.head("big") is None
        first = await upload.upload_part(1, b"a" * PART)
        second = await upload.upload_part(2, b"b" * 10)
        assert first.etag == hashlib.md5(b"a" * PART).hexdigest()
        done = await upload.complete([second, first])
        assert (done.key, done.size) == ("big", PART + 10)
        assert done.http_metadata == R2HttpMetadata(content_type="video/mp4")
        assert done.custom_metadata == {"k": "v"}
        head = await bucket.head("big")
        assert head is not None
        assert (head.size, head.custom_metadata, head.http_metadata) == (done.size, {"k": "v"}, done.http_metadata)
        assert self.forgets_etag_of_parts or head.etag == done.etag
        assert await read(bucket, "big") == b"a" * PART + b"b" * 10
        assert await bucket.list_multipart_uploads() == ()

    async def test_an_upload_goes_on_in_another_process(self, bucket: R2Bucket) -> None:
        begun = await bucket.create_multipart_upload("big", custom_metadata={"k": "v"})
        first = await begun.upload_part(1, b"a" * PART)
        upload = bucket.resume_multipart_upload("big", begun.upload_id)
        done = await upload.complete([first, await upload.upload_part(2, b"b")])
        assert (done.size, done.custom_metadata) == (PART + 1, {"k": "v"})
        head = await bucket.head("big")
        assert head is not None
        assert head.custom_metadata == {"k": "v"}

    async def test_an_upload_replaces_metadata_too(self, bucket: R2Bucket) -> None:
        await bucket.put("a", b"x", custom_metadata={"k": "v"})
        upload = await bucket.create_multipart_upload("a")
        await upload.complete([await upload.upload_part(1, b"x")])
        head = await bucket.head("a")
        assert head is not None
        assert head.custom_metadata == {}

    async def test_abort(self, bucket: R2Bucket) -> None:
        upload = await bucket.create_multipart_upload("big", custom_metadata={"k": "v"})
        part = await upload.upload_part(1, b"a" * PART)
        await upload.abort()
        assert await bucket.list_multipart_uploads() == ()
        assert await bucket.head("big") is None
        with refused(codes.NO_SUCH_UPLOAD):
            await upload.upload_part(2, b"b")
        with refused(codes.NO_SUCH_UPLOAD):
            await upload.complete([part])
        with refused(codes.NO_SUCH_UPLOAD):
            await upload.abort()

    async def test_an_upload_that_never_was(self, bucket: R2Bucket) -> None:
        upload = bucket.resume_multipart_upload("big", "5c9b1b4e-0000-0000-0000-000000000000")
        with refused(codes.NO_SUCH_UPLOAD):
            await upload.upload_part(1, b"x")
        with refused(codes.NO_SUCH_UPLOAD):
            await upload.abort()

    async def test_parts_have_one_size_of_5_mib_or_more(self, bucket: R2Bucket) -> None:
        upload = await bucket.create_multipart_upload("big")
        parts = [await upload.upload_part(number, b"x" * size) for number, size in ((1, PART - 1), (2, 5))]
        with refused(codes.ENTITY_TOO_SMALL):
            await upload.complete(parts)
        await upload.abort()
        upload = await bucket.create_multipart_upload("big")
        parts = [await upload.upload_part(number, b"x" * size) for number, size in ((1, PART), (2, PART + 1))]
        with refused(codes.BAD_UPLOAD):
            await upload.complete(parts)
        await upload.abort()
        assert await bucket.head("big") is None

    async def test_parts_that_cannot_be(self, bucket: R2Bucket) -> None:
        upload = await bucket.create_multipart_upload("big")
        for number in (0, -1, limits.MAX_PARTS + 1):
            with refused(codes.INVALID_ARGUMENT):
                await upload.upload_part(number, b"x")
        part = await upload.upload_part(1, b"x")
        with refused(codes.INVALID_PART):
            await upload.complete([])
        with refused(codes.INVALID_PART):
            await upload.complete([part, part])
        with refused(codes.INVALID_PART):
            await upload.complete([R2UploadedPart(1, "0" * 32)])
        # Some stores give the whole upload up then.
        with contextlib.suppress(R2Error):
            await upload.abort()
        assert await bucket.list_multipart_uploads() == ()
