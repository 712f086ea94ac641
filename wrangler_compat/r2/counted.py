"""A bucket whose operations are counted as R2's price list counts them: class A, class B, or free.

Counted where Workers' binding is called, by the operation of S3 that it stands for. What a browser fetches by a
presigned link is asked of the store itself: `presigned_url` counts the link as one GetObject, as if it were followed
once. A stream that put() cuts into parts counts as one PutObject.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Mapping, Sequence
from typing import Literal

from wrangler_compat.r2.types import (
    R2Bucket,
    R2Conditional,
    R2HttpMetadata,
    R2MultipartUpload,
    R2Object,
    R2ObjectBody,
    R2Objects,
    R2OpenUpload,
    R2Range,
    R2UploadedPart,
)

OperationClass = Literal["A", "B", "free"]
Count = Callable[[str], None]
"""Told the name of each operation."""

CLASSES: Mapping[str, OperationClass] = {
    "PutObject": "A",
    "ListObjects": "A",
    "CreateMultipartUpload": "A",
    "UploadPart": "A",
    "CompleteMultipartUpload": "A",
    "ListMultipartUploads": "A",
    "GetObject": "B",
    "HeadObject": "B",
    "HeadBucket": "B",
    "DeleteObject": "free",
    "AbortMultipartUpload": "free",
}
"""https://developers.cloudflare.com/r2/pricing/, read in November 2026."""


class CountedBucket:
    """An R2Bucket. An operation counts when it is begun: one that fails may be charged for."""

    def __init__(self, bucket: R2Bucket, count: Count) -> None:
        self._bucket, self._count = bucket, count

    async def head(self, key: str) -> R2Object | None:
        self._count("HeadObject")
        return await self._bucket.head(key)

    async def get(
        self, key: str, *, range: R2Range | None = None, only_if: R2Conditional | None = None
    ) -> R2ObjectBody | R2Object | None:
        self._count("GetObject")
        return await self._bucket.get(key, range=range, only_if=only_if)

    async def put(
        self,
        key: str,
        value: bytes | AsyncIterable[bytes],
        *,
        http_metadata: R2HttpMetadata | None = None,
        custom_metadata: Mapping[str, str] | None = None,
        only_if: R2Conditional | None = None,
        sha256: str | None = None,
    ) -> R2Object | None:
        self._count("PutObject")
        return await self._bucket.put(
            key, value, http_metadata=http_metadata, custom_metadata=custom_metadata, only_if=only_if, sha256=sha256
        )

    async def delete(self, keys: str | Sequence[str]) -> None:
        self._count("DeleteObject")
        await self._bucket.delete(keys)

    async def list(
        self, *, prefix: str = "", cursor: str | None = None, delimiter: str | None = None, limit: int = 1000
    ) -> R2Objects:
        self._count("ListObjects")
        return await self._bucket.list(prefix=prefix, cursor=cursor, delimiter=delimiter, limit=limit)

    async def create_multipart_upload(
        self,
        key: str,
        *,
        http_metadata: R2HttpMetadata | None = None,
        custom_metadata: Mapping[str, str] | None = None,
    ) -> R2MultipartUpload:
        self._count("CreateMultipartUpload")
        upload = await self._bucket.create_multipart_upload(
            key, http_metadata=http_metadata, custom_metadata=custom_metadata
        )
        return _CountedUpload(upload, self._count)

    def resume_multipart_upload(self, key: str, upload_id: str) -> R2MultipartUpload:
        return _CountedUpload(self._bucket.resume_multipart_upload(key, upload_id), self._count)

    async def list_multipart_uploads(self, *, prefix: str = "") -> tuple[R2OpenUpload, ...]:
        self._count("ListMultipartUploads")
        return await self._bucket.list_multipart_uploads(prefix=prefix)

    async def presigned_url(
        self, key: str, *, expires_seconds: int = 3600, method: Literal["GET", "PUT"] = "GET"
    ) -> str:
        self._count("GetObject" if method == "GET" else "PutObject")
        return await self._bucket.presigned_url(key, expires_seconds=expires_seconds, method=method)

    async def ping(self) -> None:
        self._count("HeadBucket")
        await self._bucket.ping()


class _CountedUpload:
    def __init__(self, upload: R2MultipartUpload, count: Count) -> None:
        self._upload, self._count = upload, count

    @property
    def key(self) -> str:
        return self._upload.key

    @property
    def upload_id(self) -> str:
        return self._upload.upload_id

    async def upload_part(self, part_number: int, value: bytes) -> R2UploadedPart:
        self._count("UploadPart")
        return await self._upload.upload_part(part_number, value)

    async def complete(self, parts: Sequence[R2UploadedPart]) -> R2Object:
        self._count("CompleteMultipartUpload")
        return await self._upload.complete(parts)

    async def abort(self) -> None:
        self._count("AbortMultipartUpload")
        await self._upload.abort()
