"""The header fields of tus 1.0, read strictly. Pure. https://tus.io/protocols/resumable-upload"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Protocol

from edge_api.errors import ApiError
from wire.jobs import JobFormatError, Priority, priority_of

ADDRESS = "/api/tus"
VERSION = "1.0.0"
EXTENSIONS = ("creation", "creation-with-upload", "termination", "expiration", "checksum")
ALGORITHMS = ("sha256", "sha1", "md5")
BODY_TYPE = "application/offset+octet-stream"
LONGEST_METADATA = 4096
LONGEST_NAME = 255
LARGEST_NUMBER = 2**63 - 1

_NUMBER = re.compile(r"[0-9]{1,19}")
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}(?:\s*;.*)?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_KEY = re.compile(r"[!-+\--~]+")
"""Visible ASCII without the comma."""


class Digest(Protocol):
    def update(self, data: bytes | memoryview, /) -> None: ...
    def digest(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Metadata:
    """sent: the header as it came, for HEAD gives it back."""

    sent: str
    filename: str | None
    filetype: str | None
    priority: Priority


@dataclass(frozen=True, slots=True)
class Checksum:
    algorithm: str
    expected: bytes

    def begin(self) -> Digest:
        return hashlib.new(self.algorithm, usedforsecurity=False)


def check_version(headers: Mapping[str, str]) -> None:
    """Raises ApiError TUS_VERSION, which names the versions spoken here."""
    if headers.get("tus-resumable") != VERSION:
        error = ApiError("TUS_VERSION")
        error.headers["Tus-Version"] = VERSION
        raise error


def version_headers(path: str) -> dict[str, str]:
    """What every answer of the protocol carries, refusals included."""
    return {"Tus-Resumable": VERSION} if path == ADDRESS or path.startswith(f"{ADDRESS}/") else {}


def number_of(headers: Mapping[str, str], name: str) -> int:
    """A header that has to be there: Upload-Length, Upload-Offset. Raises ApiError INVALID_HEADER."""
    text = headers.get(name.lower())
    if text is None:
        raise _invalid(name, f"The header {name} is missing.")
    if not _NUMBER.fullmatch(text) or int(text) > LARGEST_NUMBER:
        raise _invalid(name, f"{name} is not a number of bytes.")
    return int(text)


def length_of(headers: Mapping[str, str]) -> int:
    """Upload-Length. Raises ApiError INVALID_HEADER, also on what other extensions would put in its place."""
    if "upload-defer-length" in headers:
        raise _invalid("Upload-Defer-Length", "The length has to be known: send Upload-Length.")
    if "upload-concat" in headers:
        raise _invalid("Upload-Concat", "Uploads are not put together here: send the file in one.")
    return number_of(headers, "Upload-Length")


def metadata_of(headers: Mapping[str, str]) -> Metadata:
    """filename, filetype and priority; what else is named is passed over. Raises ApiError."""
    sent = headers.get("upload-metadata", "")
    if len(sent) > LONGEST_METADATA:
        raise _bad_metadata(f"is longer than {LONGEST_METADATA} characters")
    values: dict[str, str] = {}
    for pair in sent.split(",") if sent.strip() else ():
        key, _, encoded = pair.strip().partition(" ")
        if not _KEY.fullmatch(key):
            raise _bad_metadata("has a key that is empty or not ASCII")
        if key in values:
            raise _bad_metadata(f"names {key} twice")
        values[key] = _decoded(key, encoded)
    filename, filetype = values.get("filename") or None, values.get("filetype") or None
    if filename is not None and (len(filename) > LONGEST_NAME or _CONTROL.search(filename)):
        raise _bad_metadata(f"has a filename longer than {LONGEST_NAME} characters, or with control characters")
    if filetype is not None and not _MEDIA_TYPE.fullmatch(filetype):
        raise _bad_metadata("has a filetype that is no media type")
    return Metadata(sent, filename, filetype, _priority(values.get("priority")))


def checksum_of(headers: Mapping[str, str]) -> Checksum | None:
    """Upload-Checksum; None when there is none. Raises ApiError INVALID_HEADER."""
    text = headers.get("upload-checksum")
    if text is None:
        return None
    algorithm, _, encoded = text.partition(" ")
    if algorithm not in ALGORITHMS:
        raise _invalid("Upload-Checksum", f"Upload-Checksum takes one of {', '.join(ALGORITHMS)}.")
    expected = _base64(encoded)
    if expected is None or len(expected) != hashlib.new(algorithm, usedforsecurity=False).digest_size:
        raise _invalid("Upload-Checksum", f"Upload-Checksum is not the Base64 of a {algorithm} digest.")
    return Checksum(algorithm, expected)


def expires(moment: datetime) -> str:
    """Upload-Expires, as HTTP writes dates (RFC 9110, 5.6.7)."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def capabilities(max_size: int) -> dict[str, str]:
    """What OPTIONS answers. max_size: bytes."""
    return {
        "Tus-Version": VERSION,
        "Tus-Extension": ",".join(EXTENSIONS),
        "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
        "Tus-Max-Size": str(max_size),
    }


def _priority(text: str | None) -> Priority:
    try:
        return "normal" if text is None else priority_of(text)
    except JobFormatError as error:
        raise ApiError("INVALID_FIELD", f"{error}.", field="priority") from error


def _decoded(key: str, encoded: str) -> str:
    value = _base64(encoded)
    if value is None:
        raise _bad_metadata(f"has a value of {key} that is not Base64")
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        raise _bad_metadata(f"has a value of {key} that is not UTF-8") from None


def _base64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _bad_metadata(fault: str) -> ApiError:
    return _invalid("Upload-Metadata", f"Upload-Metadata {fault}.")


def _invalid(name: str, sentence: str) -> ApiError:
    return ApiError("INVALID_HEADER", sentence, field=name)
