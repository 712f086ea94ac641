"""S3's answers read as R2's shapes, and R2's metadata written as S3's parameters. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from wrangler_compat.r2.checks import unquoted
from wrangler_compat.r2.types import (
    R2Conditional,
    R2HttpMetadata,
    R2Object,
    R2Objects,
    R2OpenUpload,
    R2Range,
)

_FIELDS = {
    "content_type": "ContentType",
    "content_language": "ContentLanguage",
    "content_disposition": "ContentDisposition",
    "content_encoding": "ContentEncoding",
    "cache_control": "CacheControl",
}
# What stores say of an object whose type nobody gave.
_NO_TYPE = {"application/octet-stream", "binary/octet-stream"}
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_ENCODED = re.compile(r"=\?utf-8\?B\?([A-Za-z0-9+/=]*)\?=")


def object_from(key: str, answer: Mapping[str, Any]) -> R2Object:
    """The object of a HeadObject or GetObject. A ranged answer may say 200: only Content-Range tells."""
    size, span = int(answer["ContentLength"]), None
    ranged = _CONTENT_RANGE.fullmatch(answer.get("ContentRange") or "")
    if ranged:
        start, end, size = (int(number) for number in ranged.groups())
        span = R2Range(offset=start, length=end - start + 1)
    http = {name: answer[field] for name, field in _FIELDS.items() if answer.get(field)}
    if http.get("content_type") in _NO_TYPE:
        del http["content_type"]
    custom = {name.lower(): decoded(value) for name, value in (answer.get("Metadata") or {}).items()}
    return _object(key, size, answer, answer["LastModified"], R2HttpMetadata(**http), custom, span)


def stored(key: str, size: int, answer: Mapping[str, Any], http: R2HttpMetadata, custom: Mapping[str, str]) -> R2Object:
    """The object that a PutObject or CompleteMultipartUpload made."""
    date = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    uploaded = parsedate_to_datetime(date) if date else datetime.now(UTC)
    if http.content_type in _NO_TYPE:
        http = R2HttpMetadata(**{name: getattr(http, name) for name in _FIELDS if name != "content_type"})
    return _object(key, size, answer, uploaded, http, dict(custom), None)


def _object(
    key: str,
    size: int,
    answer: Mapping[str, Any],
    uploaded: datetime,
    http: R2HttpMetadata,
    custom: Mapping[str, str],
    span: R2Range | None,
) -> R2Object:
    etag = unquoted(answer["ETag"])
    return R2Object(
        key=key,
        # Stores that keep no versions: the etag tells two uploads apart unless they are equal.
        version=str(answer.get("VersionId") or etag),
        size=size,
        etag=etag,
        http_etag=f'"{etag}"',
        uploaded=uploaded.astimezone(UTC),
        http_metadata=http,
        custom_metadata=custom,
        range=span,
    )


def objects_from(answer: Mapping[str, Any]) -> R2Objects:
    """A ListObjectsV2. Objects come without their metadata, as from R2 when it is not asked to include it."""
    objects = tuple(
        _object(entry["Key"], int(entry["Size"]), entry, entry["LastModified"], R2HttpMetadata(), {}, None)
        for entry in answer.get("Contents", [])
    )
    return R2Objects(
        objects=objects,
        truncated=bool(answer.get("IsTruncated")),
        cursor=answer.get("NextContinuationToken") if answer.get("IsTruncated") else None,
        delimited_prefixes=tuple(entry["Prefix"] for entry in answer.get("CommonPrefixes", [])),
    )


def uploads_from(answer: Mapping[str, Any]) -> list[R2OpenUpload]:
    return [
        R2OpenUpload(entry["Key"], entry["UploadId"], _utc(entry.get("Initiated")))
        for entry in answer.get("Uploads", [])
    ]


def metadata_parameters(http: R2HttpMetadata, custom: Mapping[str, str]) -> dict[str, Any]:
    parameters: dict[str, Any] = {
        field: getattr(http, name) for name, field in _FIELDS.items() if getattr(http, name) is not None
    }
    return {**parameters, "Metadata": {name: encoded(value) for name, value in custom.items()} or None}


def condition_headers(condition: R2Conditional) -> dict[str, str]:
    """The part of a condition that S3 can check itself, in the moment of the put."""
    headers = {}
    if condition.etag_matches is not None and "," not in condition.etag_matches:
        headers["IfMatch"] = _quoted(condition.etag_matches)
    if condition.etag_does_not_match == "*":
        headers["IfNoneMatch"] = "*"
    return headers


def encoded(value: str) -> str:
    """A value as an HTTP header can carry it (RFC 2047 when it is not plain ASCII)."""
    if value and value.isascii() and value.isprintable() and value == value.strip() and not value.startswith("=?"):
        return value
    return f"=?utf-8?B?{base64.b64encode(value.encode()).decode()}?="


def decoded(value: str) -> str:
    """What encoded() was given; any other text stays as it is."""
    found = _ENCODED.fullmatch(value)
    if found is None:
        return value
    try:
        return base64.b64decode(found.group(1), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return value


def _quoted(etag: str) -> str:
    return etag if etag == "*" else f'"{unquoted(etag)}"'


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC)
