"""What R2 says to keys, ranges, conditions, metadata and parts before an object store sees them. Pure.

Measured against Cloudflare's local runtime (miniflare).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from wrangler_compat.r2 import codes, limits
from wrangler_compat.r2.types import R2Conditional, R2HttpMetadata, R2Object, R2Range, R2UploadedPart

_METADATA_NAME = re.compile(r"[a-z0-9_-]+")


def check_key(key: str) -> None:
    """R2 takes any UTF-8 of 1 to 1024 bytes."""
    try:
        size = len(key.encode("utf-8"))
    except UnicodeEncodeError:
        raise codes.INVALID_OBJECT_NAME.error("not valid UTF-8") from None
    if not 1 <= size <= limits.MAX_KEY_BYTES:
        raise codes.INVALID_OBJECT_NAME.error(f"{size} bytes; 1 to {limits.MAX_KEY_BYTES} are allowed")


def check_path(key: str) -> None:
    """For stores that keep objects as files (rclone): there, "a/" is "a", and .rclone_temp_... is hidden."""
    segments = key.split("/")
    if any(segment in {"", ".", ".."} for segment in segments) or segments[-1].startswith(".rclone_"):
        raise codes.INVALID_OBJECT_NAME.error("this store wants a key that is a path: no empty segment, no . and no ..")


def check_keys(keys: Sequence[str]) -> None:
    if len(keys) > limits.MAX_DELETE_KEYS:
        raise codes.INVALID_ARGUMENT.error(f"{len(keys)} keys; {limits.MAX_DELETE_KEYS} are allowed at once")
    for key in keys:
        check_key(key)


def check_metadata(http: R2HttpMetadata, custom: Mapping[str, str]) -> None:
    size = sum(_serialised_bytes(name) + _serialised_bytes(value) for name, value in custom.items())
    if size > limits.MAX_METADATA_BYTES:
        raise codes.METADATA_TOO_LARGE.error(f"{size} bytes; {limits.MAX_METADATA_BYTES} are allowed")
    for value in (http.content_type, http.content_language, http.content_disposition):
        _check_header(value)
    _check_header(http.content_encoding)
    _check_header(http.cache_control)
    for name in custom:
        # S3 stores lower the case of names and refuse the rest; better no than another name.
        if not _METADATA_NAME.fullmatch(name):
            raise codes.INVALID_ARGUMENT.error(f"custom metadata is named with a-z, 0-9, - and _, not {name!r}")


def check_delimiter(delimiter: str | None) -> None:
    """rclone takes every delimiter for a slash, in silence."""
    if delimiter not in {None, "", "/"}:
        raise codes.INVALID_ARGUMENT.error(f"the delimiter must be /, not {delimiter!r}")


def check_limit(limit: int) -> None:
    if not 1 <= limit <= limits.MAX_LIST_KEYS:
        raise codes.INVALID_MAX_KEYS.error()


def check_size(size: int) -> None:
    if size > limits.MAX_SINGLE_PUT_BYTES:
        raise codes.ENTITY_TOO_LARGE.error()


def check_part(part_number: int) -> None:
    if not 1 <= part_number <= limits.MAX_PARTS:
        raise codes.INVALID_ARGUMENT.error(f"part numbers go from 1 to {limits.MAX_PARTS}, not {part_number}")


def check_parts(parts: Sequence[R2UploadedPart]) -> tuple[R2UploadedPart, ...]:
    """The parts by number. Raises R2Error when there are none, or one number comes twice."""
    if not parts:
        raise codes.INVALID_PART.error("a multipart upload needs a part")
    ordered = tuple(sorted(parts, key=lambda part: part.part_number))
    if len({part.part_number for part in ordered}) < len(ordered):
        raise codes.INVALID_PART.error("a part number comes twice")
    return ordered


def check_part_sizes(sizes: Sequence[int]) -> None:
    """sizes: of all parts in order. All but the last are equal and 5 MiB or more; the last is not larger."""
    *body, last = sizes
    if not body:
        return
    if min(body) < limits.MIN_PART_BYTES:
        raise codes.ENTITY_TOO_SMALL.error(f"a part has {min(body)} bytes; {limits.MIN_PART_BYTES} are the least")
    if len(set(body)) > 1 or last > body[0]:
        raise codes.BAD_UPLOAD.error("all parts but the last must have the same length, the last not more")


def check_sha256(sha256: str) -> str:
    """The checksum in lower case. Raises R2Error when it cannot be one."""
    text = sha256.lower()
    if len(text) != 64 or set(text) - set("0123456789abcdef"):
        raise codes.INVALID_ARGUMENT.error("sha256 must be 64 hexadecimal digits")
    return text


def check_digest(expected: str | None, actual: str) -> None:
    if expected is not None and check_sha256(expected) != actual:
        raise codes.BAD_DIGEST.error(f"expected {expected}, got {actual}")


def check_expiry(expires_seconds: int) -> None:
    if not 1 <= expires_seconds <= limits.MAX_PRESIGNED_SECONDS:
        raise codes.INVALID_ARGUMENT.error(f"a URL lives 1 to {limits.MAX_PRESIGNED_SECONDS} s, not {expires_seconds}")


def span(wanted: R2Range, size: int) -> tuple[int, int]:
    """(offset, length) of a range within an object of this size. Raises R2Error 10039."""
    offset, length = wanted.offset, wanted.length
    if wanted.suffix is not None:
        if wanted.suffix <= 0 or offset is not None or length is not None:
            raise codes.INVALID_RANGE.error()
        length = min(wanted.suffix, size)
        offset = size - length
    offset = offset or 0
    length = size - offset if length is None else length
    if offset < 0 or length <= 0 or offset >= size:
        raise codes.INVALID_RANGE.error()
    return offset, min(length, size - offset)


def range_header(wanted: R2Range) -> str:
    """The HTTP Range for a range whose object's size is not known yet. Raises R2Error 10039."""
    if wanted.suffix is not None:
        # Any size will do: it is only asked whether the range makes sense.
        span(wanted, wanted.suffix if wanted.suffix > 0 else 1)
        return f"bytes=-{wanted.suffix}"
    offset = wanted.offset or 0
    if offset < 0 or (wanted.length is not None and wanted.length <= 0):
        raise codes.INVALID_RANGE.error()
    return f"bytes={offset}-" if wanted.length is None else f"bytes={offset}-{offset + wanted.length - 1}"


def holds(condition: R2Conditional, found: R2Object | None) -> bool:
    """Whether the condition holds for the object that is there (RFC 7232, section 6, as R2 reads it)."""
    if found is None:
        return condition.etag_matches is None and condition.uploaded_after is None
    matches = condition.etag_matches is None or _names(condition.etag_matches, found.etag)
    differs = condition.etag_does_not_match is None or not _names(condition.etag_does_not_match, found.etag)
    after = (
        condition.uploaded_after is None
        or _aware(condition.uploaded_after) < found.uploaded
        or (condition.etag_does_not_match is not None and differs)
    )
    before = (
        condition.uploaded_before is None
        or found.uploaded < _aware(condition.uploaded_before)
        or (condition.etag_matches is not None and matches)
    )
    return matches and differs and after and before


def unquoted(etag: str) -> str:
    """R2's etag is without the quotes that HTTP puts around it."""
    return etag.removeprefix("W/").strip('"')


def _names(condition: str, etag: str) -> bool:
    return any(unquoted(part.strip()) in {etag, "*"} for part in condition.split(","))


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise codes.INVALID_ARGUMENT.error("a condition's time needs a time zone")
    return moment


def _serialised_bytes(text: str) -> int:
    """R2 keeps text in Latin-1 when it fits, else in UTF-16."""
    return len(text) if all(ord(character) < 256 for character in text) else 2 * len(text)


def _check_header(value: str | None) -> None:
    if value is not None and (not value.isascii() or not value.isprintable()):
        raise codes.INVALID_ARGUMENT.error("HTTP metadata must be printable ASCII")
