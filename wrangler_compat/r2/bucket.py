"""R2Bucket in terms of S3 calls: what R2 promises, whatever the store behind it leaves out."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence
from typing import Any, Literal
from weakref import WeakValueDictionary

from wrangler_compat.errors import R2Error
from wrangler_compat.r2 import answers, checks, codes
from wrangler_compat.r2.calls import S3Calls, delete_all
from wrangler_compat.r2.parts import parts
from wrangler_compat.r2.sidecar import Sidecar, Sidecars
from wrangler_compat.r2.transfers import S3MultipartUpload, S3ObjectBody
from wrangler_compat.r2.types import (
    R2Conditional,
    R2HttpMetadata,
    R2Object,
    R2ObjectBody,
    R2Objects,
    R2OpenUpload,
    R2Range,
    R2UploadedPart,
)

_PING_SECONDS = 5


class S3Bucket:
    """An R2Bucket. Get one from s3.open_s3_bucket()."""

    def __init__(self, client: S3Calls, bucket: str, metadata_bucket: str | None) -> None:
        self._client = client
        self._bucket = bucket
        self._sidecars = Sidecars(client, metadata_bucket)
        self._writing: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def head(self, key: str) -> R2Object | None:
        self._check(key)
        try:
            answer = await self._client.call("head_object", Bucket=self._bucket, Key=key)
        except R2Error as error:
            if error.code == codes.NO_SUCH_KEY.code:
                return None
            raise
        return await self._sidecars.complete(answers.object_from(key, answer))

    async def get(
        self, key: str, *, range: R2Range | None = None, only_if: R2Conditional | None = None
    ) -> R2ObjectBody | R2Object | None:
        self._check(key)
        if only_if is not None:
            found = await self.head(key)
            if found is None or not checks.holds(only_if, found):
                return found
        answer = await self._get(key, range)
        if answer is None:
            return None
        body = S3ObjectBody(self._client, answer["Body"], answers.object_from(key, answer))
        try:
            body.object = await self._sidecars.complete(body.object)
        except BaseException:
            await body.close()
            raise
        if only_if is not None and not checks.holds(only_if, body.object):
            # It was replaced after the head.
            await body.close()
            return body.object
        return body

    async def _get(self, key: str, wanted: R2Range | None) -> dict[str, Any] | None:
        header = None if wanted is None else checks.range_header(wanted)
        try:
            return await self._client.call("get_object", Bucket=self._bucket, Key=key, Range=header)
        except R2Error as error:
            if error.code == codes.NO_SUCH_KEY.code:
                return None
            if error.code != codes.INVALID_RANGE.code or wanted is None or wanted.suffix is None:
                raise
        # rclone refuses a suffix longer than the object, where others give all of it.
        found = await self.head(key)
        if found is None:
            return None
        offset, length = checks.span(wanted, found.size)
        return await self._get(key, R2Range(offset=offset, length=length))

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
        self._check(key)
        http, custom = http_metadata or R2HttpMetadata(), dict(custom_metadata or {})
        checks.check_metadata(http, custom)
        if sha256 is not None:
            checks.check_sha256(sha256)
        if only_if is None:
            return await self._put(key, value, http, custom, sha256, {})
        async with self._alone(key):
            if not checks.holds(only_if, await self.head(key)):
                return None
            try:
                return await self._put(key, value, http, custom, sha256, answers.condition_headers(only_if))
            except R2Error as error:
                if error.code == codes.PRECONDITION_FAILED.code:
                    return None
                raise

    async def _put(
        self,
        key: str,
        value: bytes | AsyncIterable[bytes],
        http: R2HttpMetadata,
        custom: dict[str, str],
        sha256: str | None,
        conditions: Mapping[str, Any],
    ) -> R2Object:
        if not isinstance(value, bytes | bytearray | memoryview):
            pieces = parts(value)
            first = await anext(pieces)
            async for second in pieces:
                return await self._put_in_parts(key, (first, second), pieces, http, custom, sha256, conditions)
            value = first
        content = bytes(value)
        checks.check_size(len(content))
        if sha256 is not None:
            checks.check_digest(sha256, await asyncio.to_thread(_sha256, content))
        answer = await self._client.call(
            "put_object",
            Bucket=self._bucket,
            Key=key,
            Body=content,
            **self._native(http, custom),
            **conditions,
        )
        stored = answers.stored(key, len(content), answer, http, custom)
        await self._sidecars.write(Sidecar(key, stored.etag, http, custom))
        return stored

    async def _put_in_parts(
        self,
        key: str,
        begun: Sequence[bytes],
        rest: AsyncIterator[bytes],
        http: R2HttpMetadata,
        custom: dict[str, str],
        sha256: str | None,
        conditions: Mapping[str, Any],
    ) -> R2Object:
        """Nothing is left behind when the stream, the checksum or the store fails."""
        upload = await self.create_multipart_upload(key, http_metadata=http, custom_metadata=custom)
        try:
            uploaded: list[R2UploadedPart] = []
            digest = hashlib.sha256()
            async for part in _chain(begun, rest):
                await asyncio.to_thread(digest.update, part)
                uploaded.append(await upload.upload_part(len(uploaded) + 1, part))
            checks.check_digest(sha256, digest.hexdigest())
            return await upload.complete(uploaded, conditions=conditions)
        except BaseException:
            await asyncio.shield(_abandon(upload))
            raise

    async def delete(self, keys: str | Sequence[str]) -> None:
        if isinstance(keys, str):
            self._check(keys)
            await self._client.call("delete_object", Bucket=self._bucket, Key=keys)
            await self._sidecars.delete([keys])
        elif keys:
            checks.check_keys(keys)
            for key in keys:
                self._check(key)
            await delete_all(self._client, self._bucket, keys)
            await self._sidecars.delete(keys)

    async def list(
        self,
        *,
        prefix: str = "",
        cursor: str | None = None,
        delimiter: str | None = None,
        limit: int = 1000,
    ) -> R2Objects:
        checks.check_limit(limit)
        checks.check_delimiter(delimiter)
        answer = await self._client.call(
            "list_objects_v2",
            Bucket=self._bucket,
            Prefix=prefix,
            Delimiter=delimiter or None,
            MaxKeys=limit,
            ContinuationToken=cursor or None,
        )
        return answers.objects_from(answer)

    async def create_multipart_upload(
        self,
        key: str,
        *,
        http_metadata: R2HttpMetadata | None = None,
        custom_metadata: Mapping[str, str] | None = None,
    ) -> S3MultipartUpload:
        self._check(key)
        http, custom = http_metadata or R2HttpMetadata(), dict(custom_metadata or {})
        checks.check_metadata(http, custom)
        answer = await self._client.call(
            "create_multipart_upload", Bucket=self._bucket, Key=key, **self._native(http, custom)
        )
        upload_id = str(answer["UploadId"])
        await self._sidecars.begin(upload_id, Sidecar(key, None, http, custom))
        return S3MultipartUpload(self._client, self._sidecars, self._bucket, key, upload_id, (http, custom))

    def resume_multipart_upload(self, key: str, upload_id: str) -> S3MultipartUpload:
        return S3MultipartUpload(self._client, self._sidecars, self._bucket, key, upload_id)

    async def list_multipart_uploads(self, *, prefix: str = "") -> tuple[R2OpenUpload, ...]:
        found: list[R2OpenUpload] = []
        markers: dict[str, Any] = {}
        while True:
            try:
                answer = await self._client.call(
                    "list_multipart_uploads", Bucket=self._bucket, Prefix=prefix or None, **markers
                )
            except R2Error as error:
                # How rclone says that there are none.
                if error.code == codes.NO_SUCH_UPLOAD.code:
                    return tuple(found)
                raise
            found += answers.uploads_from(answer)
            if not answer.get("IsTruncated"):
                return tuple(found)
            markers = {
                "KeyMarker": answer.get("NextKeyMarker"),
                "UploadIdMarker": answer.get("NextUploadIdMarker"),
            }

    async def presigned_url(
        self, key: str, *, expires_seconds: int = 3600, method: Literal["GET", "PUT"] = "GET"
    ) -> str:
        self._check(key)
        checks.check_expiry(expires_seconds)
        return self._client.presign(method, self._bucket, key, expires_seconds)

    async def ping(self) -> None:
        try:
            await self._client.call("head_bucket", Bucket=self._bucket, timeout_seconds=_PING_SECONDS)
        except R2Error as error:
            # A HEAD has no body that could say which of the two is missing.
            if error.code == codes.NO_SUCH_KEY.code:
                raise codes.NO_SUCH_BUCKET.error(self._bucket) from error
            raise

    def _check(self, key: str) -> None:
        checks.check_key(key)
        if self._sidecars.are_kept:
            checks.check_path(key)

    def _native(self, http: R2HttpMetadata, custom: Mapping[str, str]) -> dict[str, Any]:
        """Metadata as the store's own; with sidecars the custom part stays out, for rclone allows 2 KB."""
        return answers.metadata_parameters(http, {} if self._sidecars.are_kept else custom)

    @contextlib.asynccontextmanager
    async def _alone(self, key: str) -> AsyncIterator[None]:
        """One conditional put of a key at a time in this process: rclone ignores conditions."""
        lock = self._writing.setdefault(key, asyncio.Lock())
        async with lock:
            yield


async def _abandon(upload: S3MultipartUpload) -> None:
    """Abort, if it can be done: what made the put fail is the error that counts."""
    with contextlib.suppress(R2Error):
        await upload.abort()


async def _chain(begun: Sequence[bytes], rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    for part in begun:
        yield part
    async for part in rest:
        yield part


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
