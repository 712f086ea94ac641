"""R2's shapes: the bucket as Workers see it, in snake_case."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class R2HttpMetadata:
    content_type: str | None = None
    content_language: str | None = None
    content_disposition: str | None = None
    content_encoding: str | None = None
    cache_control: str | None = None


@dataclass(frozen=True, slots=True)
class R2Range:
    """offset and length in bytes, or suffix alone: the last so many bytes."""

    offset: int | None = None
    length: int | None = None
    suffix: int | None = None


@dataclass(frozen=True, slots=True)
class R2Conditional:
    etag_matches: str | None = None
    etag_does_not_match: str | None = None
    uploaded_before: datetime | None = None
    uploaded_after: datetime | None = None


@dataclass(frozen=True, slots=True)
class R2Object:
    key: str
    version: str
    size: int
    etag: str
    http_etag: str
    uploaded: datetime
    http_metadata: R2HttpMetadata = R2HttpMetadata()
    custom_metadata: Mapping[str, str] = field(default_factory=dict)
    range: R2Range | None = None


class R2ObjectBody(Protocol):
    """What get() gives when the body comes along. The body can be read once."""

    @property
    def object(self) -> R2Object: ...
    def __aiter__(self) -> AsyncIterator[bytes]: ...
    async def bytes(self) -> bytes: ...
    async def text(self) -> str: ...
    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class R2Objects:
    objects: tuple[R2Object, ...]
    truncated: bool
    cursor: str | None
    delimited_prefixes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class R2UploadedPart:
    part_number: int
    etag: str


@dataclass(frozen=True, slots=True)
class R2OpenUpload:
    """An upload neither completed nor aborted (an extension: Workers cannot list these)."""

    key: str
    upload_id: str
    initiated: datetime | None


class R2MultipartUpload(Protocol):
    @property
    def key(self) -> str: ...
    @property
    def upload_id(self) -> str: ...
    async def upload_part(self, part_number: int, value: bytes) -> R2UploadedPart: ...
    async def complete(self, parts: Sequence[R2UploadedPart]) -> R2Object: ...
    async def abort(self) -> None: ...


class R2Bucket(Protocol):
    """Failures raise R2Error. A missing object is None from head() and get()."""

    async def head(self, key: str) -> R2Object | None: ...
    async def get(
        self, key: str, *, range: R2Range | None = None, only_if: R2Conditional | None = None
    ) -> R2ObjectBody | R2Object | None:
        """R2ObjectBody; R2Object (no body) when only_if does not hold; None when there is no such object."""
        ...

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
        """None when only_if does not hold. sha256: hex; the put is refused when the bytes differ."""
        ...

    async def delete(self, keys: str | Sequence[str]) -> None: ...
    async def list(
        self,
        *,
        prefix: str = "",
        cursor: str | None = None,
        delimiter: str | None = None,
        limit: int = 1000,
    ) -> R2Objects: ...
    async def create_multipart_upload(
        self,
        key: str,
        *,
        http_metadata: R2HttpMetadata | None = None,
        custom_metadata: Mapping[str, str] | None = None,
    ) -> R2MultipartUpload: ...
    def resume_multipart_upload(self, key: str, upload_id: str) -> R2MultipartUpload: ...
    async def list_multipart_uploads(self, *, prefix: str = "") -> tuple[R2OpenUpload, ...]: ...
    async def presigned_url(
        self, key: str, *, expires_seconds: int = 3600, method: Literal["GET", "PUT"] = "GET"
    ) -> str: ...
    async def ping(self) -> None:
        """Returns when the bucket answers. Raises R2Error."""
        ...
