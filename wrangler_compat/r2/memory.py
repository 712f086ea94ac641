"""An R2Bucket in memory, for tests: passes the same contract suite as the real stores."""

from __future__ import annotations

import bisect
import hashlib
import uuid
from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import quote

from wrangler_compat.r2 import checks, codes
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

_CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class _Stored:
    object: R2Object
    content: bytes


@dataclass(frozen=True, slots=True)
class _Upload:
    key: str
    http: R2HttpMetadata
    custom: Mapping[str, str]
    initiated: datetime
    parts: dict[int, bytes] = field(default_factory=dict)


class MemoryR2Bucket:
    """The bucket of one test. presigned_url() gives a URL that nobody serves."""

    def __init__(self, name: str = "memory") -> None:
        self._name = name
        self._stored: dict[str, _Stored] = {}
        self._uploads: dict[str, _Upload] = {}

    async def head(self, key: str) -> R2Object | None:
        checks.check_key(key)
        stored = self._stored.get(key)
        return None if stored is None else stored.object

    async def get(
        self, key: str, *, range: R2Range | None = None, only_if: R2Conditional | None = None
    ) -> R2ObjectBody | R2Object | None:
        checks.check_key(key)
        stored = self._stored.get(key)
        if stored is None or (only_if is not None and not checks.holds(only_if, stored.object)):
            return None if stored is None else stored.object
        if range is None:
            return MemoryR2ObjectBody(stored.object, stored.content)
        offset, length = checks.span(range, len(stored.content))
        found = replace(stored.object, range=R2Range(offset=offset, length=length))
        return MemoryR2ObjectBody(found, stored.content[offset : offset + length])

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
        checks.check_key(key)
        http, custom = http_metadata or R2HttpMetadata(), dict(custom_metadata or {})
        checks.check_metadata(http, custom)
        if sha256 is not None:
            checks.check_sha256(sha256)
        content = bytes(value) if isinstance(value, bytes | bytearray | memoryview) else await _whole(value)
        checks.check_size(len(content))
        checks.check_digest(sha256, hashlib.sha256(content).hexdigest())
        if only_if is not None and not checks.holds(only_if, await self.head(key)):
            return None
        return self._store(key, content, hashlib.md5(content, usedforsecurity=False).hexdigest(), http, custom)

    async def delete(self, keys: str | Sequence[str]) -> None:
        listed = [keys] if isinstance(keys, str) else keys
        checks.check_keys(listed)
        for key in listed:
            self._stored.pop(key, None)

    async def list(
        self,
        *,
        prefix: str = "",
        cursor: str | None = None,
        delimiter: str | None = None,
        limit: int = 1000,
    ) -> R2Objects:
        """The cursor is the last key or prefix of the page before."""
        checks.check_limit(limit)
        checks.check_delimiter(delimiter)
        objects: list[R2Object] = []
        prefixes: list[str] = []
        keys = sorted(key for key in self._stored if key.startswith(prefix))
        start = bisect.bisect_right(keys, cursor) if cursor else 0
        for key in keys[start:]:
            rest = key.removeprefix(prefix)
            group = prefix + rest.split(delimiter)[0] + delimiter if delimiter and delimiter in rest else None
            if group is not None and (group in prefixes or group == cursor):
                continue
            if len(objects) + len(prefixes) == limit:
                last = max([listed.key for listed in objects[-1:]] + prefixes[-1:])
                return R2Objects(tuple(objects), True, last, tuple(prefixes))
            if group is None:
                objects.append(_without_metadata(self._stored[key].object))
            else:
                prefixes.append(group)
        return R2Objects(tuple(objects), False, None, tuple(prefixes))

    async def create_multipart_upload(
        self,
        key: str,
        *,
        http_metadata: R2HttpMetadata | None = None,
        custom_metadata: Mapping[str, str] | None = None,
    ) -> MemoryR2MultipartUpload:
        checks.check_key(key)
        http, custom = http_metadata or R2HttpMetadata(), dict(custom_metadata or {})
        checks.check_metadata(http, custom)
        upload_id = uuid.uuid4().hex
        self._uploads[upload_id] = _Upload(key, http, custom, datetime.now(UTC))
        return MemoryR2MultipartUpload(self, key, upload_id)

    def resume_multipart_upload(self, key: str, upload_id: str) -> MemoryR2MultipartUpload:
        return MemoryR2MultipartUpload(self, key, upload_id)

    async def list_multipart_uploads(self, *, prefix: str = "") -> tuple[R2OpenUpload, ...]:
        return tuple(
            R2OpenUpload(upload.key, upload_id, upload.initiated)
            for upload_id, upload in self._uploads.items()
            if upload.key.startswith(prefix)
        )

    async def presigned_url(
        self, key: str, *, expires_seconds: int = 3600, method: Literal["GET", "PUT"] = "GET"
    ) -> str:
        checks.check_key(key)
        checks.check_expiry(expires_seconds)
        return f"memory://{self._name}/{quote(key)}?X-Amz-Expires={expires_seconds}&method={method}"

    async def ping(self) -> None:
        """It is always there."""

    def open_upload(self, key: str, upload_id: str) -> _Upload:
        upload = self._uploads.get(upload_id)
        if upload is None or upload.key != key:
            raise codes.NO_SUCH_UPLOAD.error()
        return upload

    def close_upload(self, upload_id: str) -> None:
        del self._uploads[upload_id]

    def finish_upload(self, upload_id: str, content: bytes, etag: str) -> R2Object:
        upload = self._uploads.pop(upload_id)
        return self._store(upload.key, content, etag, upload.http, upload.custom)

    def _store(self, key: str, content: bytes, etag: str, http: R2HttpMetadata, custom: Mapping[str, str]) -> R2Object:
        stored = R2Object(
            key=key,
            version=uuid.uuid4().hex,
            size=len(content),
            etag=etag,
            http_etag=f'"{etag}"',
            uploaded=datetime.now(UTC),
            http_metadata=http,
            custom_metadata=dict(custom),
        )
        self._stored[key] = _Stored(stored, content)
        return stored


class MemoryR2ObjectBody:
    def __init__(self, found: R2Object, content: bytes) -> None:
        self.object = found
        self._content = content
        self._used = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._used:
            raise codes.INVALID_ARGUMENT.error("a body can be read once")
        self._used = True
        for start in range(0, len(self._content), _CHUNK_BYTES):
            yield self._content[start : start + _CHUNK_BYTES]

    async def bytes(self) -> bytes:
        return b"".join([chunk async for chunk in self])

    async def text(self) -> str:
        return (await self.bytes()).decode("utf-8")

    async def close(self) -> None:
        self._used = True


class MemoryR2MultipartUpload:
    def __init__(self, bucket: MemoryR2Bucket, key: str, upload_id: str) -> None:
        self.key = key
        self.upload_id = upload_id
        self._bucket = bucket

    async def upload_part(self, part_number: int, value: bytes) -> R2UploadedPart:
        checks.check_part(part_number)
        self._bucket.open_upload(self.key, self.upload_id).parts[part_number] = bytes(value)
        return R2UploadedPart(part_number, hashlib.md5(value, usedforsecurity=False).hexdigest())

    async def complete(self, parts: Sequence[R2UploadedPart]) -> R2Object:
        ordered = checks.check_parts(parts)
        held = self._bucket.open_upload(self.key, self.upload_id).parts
        digests = b""
        for part in ordered:
            digest = hashlib.md5(held.get(part.part_number, b""), usedforsecurity=False)
            if part.part_number not in held or digest.hexdigest() != part.etag:
                raise codes.INVALID_PART.error(f"part {part.part_number}")
            digests += digest.digest()
        contents = [held[part.part_number] for part in ordered]
        checks.check_part_sizes([len(content) for content in contents])
        etag = f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(ordered)}"
        return self._bucket.finish_upload(self.upload_id, b"".join(contents), etag)

    async def abort(self) -> None:
        self._bucket.open_upload(self.key, self.upload_id)
        self._bucket.close_upload(self.upload_id)


async def _whole(stream: AsyncIterable[bytes]) -> bytes:
    return b"".join([chunk async for chunk in stream])


def _without_metadata(found: R2Object) -> R2Object:
    return replace(found, http_metadata=R2HttpMetadata(), custom_metadata={})
