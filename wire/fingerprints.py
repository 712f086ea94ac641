"""Fingerprints and their bytes.

A Fingerprint is a fact about a video: it never says whether two videos are alike. Fingerprints of different algorithm
versions are never compared. A Fragment is what one time range contributes; fragments that tile a video are assembled
into the very Fingerprint that the whole video would have given.

Bytes: magic, a little-endian header length, a JSON header (scalars, and dtype and shape of each array), the arrays
(time last, whole numbers as differences) deflated one after another, CRC-32 of all that. Nothing in it can execute.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

ALGORITHM_VERSION = 1

VECTOR_SIZE = 64
"""Numbers in the video vector and in every segment vector."""

COEFFICIENTS = 16
"""Side of the square of low DCT-II frequencies kept of each sample."""

THUMBNAIL_SIDE = 48
"""Side of the gray picture a Fragment keeps of each sample, in pixels."""

CODE_SECONDS = 1365 / 11025
"""Seconds between two Chromaprint codes (hop of 1365 samples at 11,025 Hz)."""

_FINGERPRINT_MAGIC = b"VFP\x01"
_FRAGMENT_MAGIC = b"VFF\x01"
_MAX_HEADER_BYTES = 4096
_MAX_ARRAY_BYTES = 1 << 30


class FingerprintFormatError(ValueError):
    """The bytes are not a fingerprint, are damaged, or are of a format this code does not know."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Fingerprint:
    """What is kept of a video.

    duration: seconds. width, height: of the full picture as shown, in pixels, bars included.
    interval: nominal seconds between samples.
    video_vector: float32 [64], L2 norm 1, or all zero when no sample had anything to compare.
    times: float32 [n], seconds, ascending. contrast: uint8 [n], standard deviation of the luma (0..255).
    brightness: uint8 [n], mean of the luma.
    frames: int8 [n, 16, 16], signed square roots of the low DCT-II frequencies of the gray picture within its bars,
    rows vertical; each sample scaled so that its largest is +-127; the constant (0, 0) and those with u + v > 15 are 0.
    box: float32 [4], the bars cut off at top, bottom, left, right as shares of the full height and width.
    bars: uint8 [n, 4], mean luma of each of those bars; 0 where there is none.
    codes: uint32 [m], Chromaprint codes, one every CODE_SECONDS from the start; m = 0 without sound.
    """

    algorithm_version: int
    tier: str
    duration: float
    width: int
    height: int
    interval: float
    video_vector: NDArray[np.float32]
    times: NDArray[np.float32]
    frames: NDArray[np.int8]
    contrast: NDArray[np.uint8]
    brightness: NDArray[np.uint8]
    box: NDArray[np.float32]
    bars: NDArray[np.uint8]
    codes: NDArray[np.uint32]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Fragment:
    """What the time range [start, stop) of a video contributes.

    duration: of the whole video, seconds. width, height: of the full picture as shown, in pixels.
    times: float32 [n]. thumbnails: uint8 [n, 48, 48], the full picture, area-averaged.
    margins: uint16 [n, 4], bars at top, bottom, left, right of each sample, in 1/65535 of the height or width.
    first_code: index of codes[0] counted from the start of the video.
    """

    algorithm_version: int
    tier: str
    duration: float
    start: float
    stop: float
    width: int
    height: int
    interval: float
    first_code: int
    times: NDArray[np.float32]
    thumbnails: NDArray[np.uint8]
    margins: NDArray[np.uint16]
    codes: NDArray[np.uint32]


_Record = TypeVar("_Record", Fingerprint, Fragment)


def pack(fingerprint: Fingerprint) -> bytes:
    """The bytes kept at fingerprints/YYYY/MM/DD/{video_id}.vfp. The same fingerprint always gives the same bytes."""
    return _pack(_FINGERPRINT_MAGIC, fingerprint)


def unpack(data: bytes) -> Fingerprint:
    """Raises FingerprintFormatError."""
    return _unpack(_FINGERPRINT_MAGIC, Fingerprint, data)


def pack_fragment(fragment: Fragment) -> bytes:
    return _pack(_FRAGMENT_MAGIC, fragment)


def unpack_fragment(data: bytes) -> Fragment:
    """Raises FingerprintFormatError."""
    return _unpack(_FRAGMENT_MAGIC, Fragment, data)


def _pack(magic: bytes, record: Fingerprint | Fragment) -> bytes:
    header: dict[str, Any] = {}
    payload = bytearray()
    for field in fields(record):
        value = getattr(record, field.name)
        if isinstance(value, np.ndarray):
            block = zlib.compress(_differences(value).tobytes(), 6)
            header[field.name] = {"dtype": value.dtype.name, "shape": list(value.shape), "bytes": len(block)}
            payload += block
        else:
            header[field.name] = value
    head = json.dumps(header, separators=(",", ":")).encode()
    body = magic + struct.pack("<I", len(head)) + head + bytes(payload)
    return body + struct.pack("<I", zlib.crc32(body))


def _unpack(magic: bytes, record: type[_Record], data: bytes) -> _Record:
    if len(data) < 12 or data[:4] != magic:
        raise FingerprintFormatError(f"not a {record.__name__.lower()} of a known format")
    if struct.unpack("<I", data[-4:])[0] != zlib.crc32(data[:-4]):
        raise FingerprintFormatError("the bytes are damaged: the checksum does not fit")
    (head_bytes,) = struct.unpack("<I", data[4:8])
    if head_bytes > min(_MAX_HEADER_BYTES, len(data) - 12):
        raise FingerprintFormatError("the header is longer than the data")
    try:
        header = cast(Mapping[str, Any], json.loads(data[8 : 8 + head_bytes]))
        at = 8 + head_bytes
        values: dict[str, Any] = {}
        for field in fields(record):
            value = header[field.name]
            if isinstance(value, dict):
                values[field.name] = _array(value, data[at : at + value["bytes"]])
                at += value["bytes"]
            else:
                values[field.name] = value
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError, zlib.error) as broken:
        raise FingerprintFormatError(f"the header does not describe the data: {broken}") from broken
    return record(**values)


def _array(description: Mapping[str, Any], block: bytes) -> NDArray[Any]:
    dtype = np.dtype(str(description["dtype"])).newbyteorder("<")
    shape = tuple(int(side) for side in description["shape"])
    size = dtype.itemsize * int(np.prod(shape, dtype=np.int64))
    if not 0 <= size <= _MAX_ARRAY_BYTES:
        raise ValueError("an array is too large")
    raw = zlib.decompressobj().decompress(block, size + 1)
    if len(raw) != size:
        raise ValueError("an array has another length than announced")
    flat = np.frombuffer(raw, dtype).reshape(shape[1:] + shape[:1]).astype(dtype.newbyteorder("="))
    if dtype.kind in "iu":
        flat = np.cumsum(flat, axis=-1, dtype=flat.dtype)
    return np.ascontiguousarray(np.moveaxis(flat, -1, 0))


def _differences(values: NDArray[Any]) -> NDArray[Any]:
    """The same numbers as they deflate best: time last, whole numbers as differences from one sample to the next."""
    over_time = np.moveaxis(values, 0, -1)
    if values.dtype.kind in "iu":
        over_time = np.diff(over_time, axis=-1, prepend=np.zeros((), values.dtype))
    return np.ascontiguousarray(over_time, dtype=values.dtype.newbyteorder("<"))
