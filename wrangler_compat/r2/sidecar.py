"""An object's metadata as a small JSON object of its own, for stores that forget metadata when they restart.

Lives in a second bucket, so that listings of the first stay as they are. It names the etag of the object it was
written for; for another one it counts for nothing. (A multipart object of rclone has one etag when it is completed
and another when it is read: there, the etag is left open.)
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from wrangler_compat.errors import R2Error
from wrangler_compat.r2 import codes
from wrangler_compat.r2.calls import S3Calls, delete_all
from wrangler_compat.r2.types import R2HttpMetadata, R2Object

_READ_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Sidecar:
    """etag: None when it cannot be known."""

    key: str
    etag: str | None
    http: R2HttpMetadata = field(default_factory=R2HttpMetadata)
    custom: Mapping[str, str] = field(default_factory=dict)

    def belongs_to(self, key: str, etag: str) -> bool:
        return self.key == key and self.etag in {None, etag}

    def is_empty(self) -> bool:
        return self.http == R2HttpMetadata() and not self.custom

    def to_bytes(self) -> bytes:
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False).encode()


def from_bytes(data: bytes) -> Sidecar | None:
    """None when it is no sidecar: then the object has no metadata, which is better than not being readable."""
    try:
        fields = json.loads(data)
        return Sidecar(fields["key"], fields["etag"], R2HttpMetadata(**fields["http"]), dict(fields["custom"]))
    except (ValueError, TypeError, KeyError):
        return None


def bucket_for(bucket: str) -> str:
    return f"{bucket}-metadata"


def object_key(key: str) -> str:
    """Where the sidecar of an object is: hashed, for a key may be as long as the store allows."""
    return f"objects/{_digest(key)}.json"


def upload_key(upload_id: str) -> str:
    """Where the metadata of an open multipart upload waits for its completion."""
    return f"uploads/{_digest(upload_id)}.json"


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f"{digest[:2]}/{digest[2:]}"


class Sidecars:
    """The sidecars of one bucket; with no metadata bucket, none are kept and nothing is done."""

    def __init__(self, client: S3Calls, bucket: str | None) -> None:
        self._client = client
        self._bucket = bucket

    @property
    def are_kept(self) -> bool:
        return self._bucket is not None

    async def complete(self, found: R2Object) -> R2Object:
        """The object with the metadata of its sidecar."""
        if self._bucket is None:
            return found
        kept = await self._read(self._bucket, object_key(found.key))
        if kept is None or not kept.belongs_to(found.key, found.etag):
            return found
        return dataclasses.replace(found, http_metadata=kept.http, custom_metadata=kept.custom)

    async def write(self, sidecar: Sidecar) -> None:
        """Replaces the sidecar of the object's predecessor."""
        if self._bucket is None:
            return
        if sidecar.is_empty():
            await self.delete([sidecar.key])
        else:
            await self._write(self._bucket, object_key(sidecar.key), sidecar)

    async def delete(self, keys: Sequence[str]) -> None:
        if self._bucket is not None:
            await self._delete(self._bucket, [object_key(key) for key in keys])

    async def begin(self, upload_id: str, sidecar: Sidecar) -> None:
        if self._bucket is not None and not sidecar.is_empty():
            await self._write(self._bucket, upload_key(upload_id), sidecar)

    async def finish(self, upload_id: str, key: str) -> None:
        """The upload was completed: its metadata becomes the object's."""
        if self._bucket is None:
            return
        kept = await self._read(self._bucket, upload_key(upload_id))
        await self.write(kept or Sidecar(key, None))
        if kept is not None:
            await self.forget(upload_id)

    async def forget(self, upload_id: str) -> None:
        if self._bucket is not None:
            await self._delete(self._bucket, [upload_key(upload_id)])

    async def _read(self, bucket: str, key: str) -> Sidecar | None:
        try:
            answer = await self._client.call("get_object", Bucket=bucket, Key=key)
        except R2Error as error:
            if codes.is_missing(error):
                return None
            raise
        body, data = answer["Body"], b""
        try:
            while chunk := await self._client.read(body, _READ_BYTES):
                data += chunk
        finally:
            body.close()
        return from_bytes(data)

    async def _write(self, bucket: str, key: str, sidecar: Sidecar) -> None:
        try:
            await self._client.call("put_object", Bucket=bucket, Key=key, Body=sidecar.to_bytes())
        except R2Error as error:
            if error.code != codes.NO_SUCH_BUCKET.code:
                raise
            await self._make(bucket)
            await self._client.call("put_object", Bucket=bucket, Key=key, Body=sidecar.to_bytes())

    async def _make(self, bucket: str) -> None:
        try:
            await self._client.call("create_bucket", Bucket=bucket)
        except R2Error as error:
            # Somebody else was faster.
            if error.code != codes.BUCKET_CONFLICT.code:
                raise

    async def _delete(self, bucket: str, keys: Sequence[str]) -> None:
        try:
            await delete_all(self._client, bucket, keys)
        except R2Error as error:
            if not codes.is_missing(error):
                raise
