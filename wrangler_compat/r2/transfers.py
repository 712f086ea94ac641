"""The two things a bucket hands out: an object's body, and an upload in parts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from wrangler_compat.r2 import answers, checks, codes
from wrangler_compat.r2.calls import S3Calls
from wrangler_compat.r2.sidecar import Sidecars
from wrangler_compat.r2.types import R2HttpMetadata, R2Object, R2UploadedPart

_CHUNK_BYTES = 256 * 1024


class S3ObjectBody:
    """An R2ObjectBody: read it to its end, or close() it."""

    def __init__(self, client: S3Calls, body: Any, found: R2Object) -> None:
        self.object = found
        self._client = client
        self._body = body
        self._used = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._used:
            raise codes.INVALID_ARGUMENT.error("a body can be read once")
        self._used = True
        try:
            while chunk := await self._client.read(self._body, _CHUNK_BYTES):
                yield chunk
        finally:
            await self.close()

    async def bytes(self) -> bytes:
        return b"".join([chunk async for chunk in self])

    async def text(self) -> str:
        return (await self.bytes()).decode("utf-8")

    async def close(self) -> None:
        self._used = True
        self._body.close()


class S3MultipartUpload:
    """An R2MultipartUpload. The sizes of parts are checked when all were uploaded through this object."""

    def __init__(
        self,
        client: S3Calls,
        sidecars: Sidecars,
        bucket: str,
        key: str,
        upload_id: str,
        metadata: tuple[R2HttpMetadata, Mapping[str, str]] | None = None,
    ) -> None:
        """metadata: None when the upload is resumed and only the store knows it."""
        self.key = key
        self.upload_id = upload_id
        self._client = client
        self._sidecars = sidecars
        self._bucket = bucket
        self._metadata = metadata
        self._sizes: dict[int, int] = {}

    async def upload_part(self, part_number: int, value: bytes) -> R2UploadedPart:
        checks.check_part(part_number)
        answer = await self._client.call("upload_part", **self._where(), PartNumber=part_number, Body=value)
        self._sizes[part_number] = len(value)
        return R2UploadedPart(part_number, checks.unquoted(answer["ETag"]))

    async def complete(
        self, parts: Sequence[R2UploadedPart], *, conditions: Mapping[str, Any] | None = None
    ) -> R2Object:
        ordered = checks.check_parts(parts)
        sizes = [self._sizes.get(part.part_number) for part in ordered]
        known = [size for size in sizes if size is not None]
        if len(known) == len(sizes):
            checks.check_part_sizes(known)
        listed = [{"PartNumber": part.part_number, "ETag": f'"{part.etag}"'} for part in ordered]
        answer = await self._client.call(
            "complete_multipart_upload", **self._where(), MultipartUpload={"Parts": listed}, **(conditions or {})
        )
        await self._sidecars.finish(self.upload_id, self.key)
        if self._metadata is not None and len(known) == len(sizes):
            return answers.stored(self.key, sum(known), answer, *self._metadata)
        return await self._completed()

    async def abort(self) -> None:
        await self._client.call("abort_multipart_upload", **self._where())
        await self._sidecars.forget(self.upload_id)

    async def _completed(self) -> R2Object:
        answer = await self._client.call("head_object", Bucket=self._bucket, Key=self.key)
        return await self._sidecars.complete(answers.object_from(self.key, answer))

    def _where(self) -> dict[str, Any]:
        return {"Bucket": self._bucket, "Key": self.key, "UploadId": self.upload_id}
