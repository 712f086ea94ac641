"""Fingerprints and their bytes.

A Fingerprint is a fact about a video: it never says whether two videos are alike. Fingerprints of different algorithm
versions are never compared. A Fragment is what one time range contributes; fragments that tile a video are assembled
into the very Fingerprint that the whole video would have given.

Bytes: magic, a little-endian header length, a JSON header (scalars, and dtype and shape of each array), the arrays
(time last, whole numbers as differences) deflated one after another, CRC-32 of all that. Nothing in it can execute, and
no array inflates to more than a video of that length can have. The magic's last byte is the format: 1 had no tones,
2 no focus, 3 no inset.
"""

from __future__ import annotations

import json
import math
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

ALGORITHM_VERSION = 2

VECTOR_SIZE = 64
"""Numbers in the video vector and in every segment vector."""

COEFFICIENTS = 16
"""Side of the square of low DCT-II frequencies kept of each sample."""

THUMBNAIL_SIDE = 48
"""Side of the gray picture a Fragment keeps of each sample, in pixels."""

DETAIL_SIDE = 192
"""Side of the larger one that it keeps of a video that may have a focus or an inset."""

CODE_SECONDS = 1365 / 11025
"""Seconds between two Chromaprint codes, and between two rows of tones (hop of 1365 samples at 11,025 Hz)."""

CODE_WINDOW_SECONDS = (4096 + 19 * 1365) / 11025
"""Seconds of sound that one Chromaprint code hears, from its own time on."""

TONES = 42
"""Bands of the tones: 9 to the octave, the lowest around 200 Hz."""

TONES_PER_OCTAVE = 9

TONE_DECIBELS = 2
"""Decibels between two levels of a tone. Level 0 is silence."""

TONE_WINDOW_SECONDS = 4096 / 11025
"""Seconds of sound that one row of tones hears, from its own time on."""

_FINGERPRINT_MAGIC = b"VFP"
_FRAGMENT_MAGIC = b"VFF"
_FORMAT = 4
_MAX_HEADER_BYTES = 4096
_MOST_SECONDS = 1e6
_LEAST_INTERVAL = 0.02
_SPARE_ROWS = 32
"""That there may be more of than the length and the interval ask for, at both ends."""


def _none(dtype: type, *row: int) -> Callable[[], NDArray[Any]]:
    """Makes an array of no rows: what older formats lack, and most videos."""
    return lambda: np.zeros((0, *row), dtype)


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
    tones: uint8 [k, TONES], level of each band every CODE_SECONDS from the start; k = 0 without sound.
    focus: float32 [4], the part of the full picture in which everything moves, what is left off at top, bottom, left,
    right as shares; float32 [0] when that is no small part. focus_frames: int8 [n, 16, 16], focus_contrast,
    focus_brightness: uint8 [n], of that part as frames, contrast, brightness are of the whole; n = 0 without a focus.
    inset, inset_frames, inset_contrast, inset_brightness: the same of the part in which another video is shown; 0 rows
    without one. inset_focus and those after it: the same of the part of the inset in which everything moves in it; the
    shares are of the inset.
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
    tones: NDArray[np.uint8] = field(default_factory=_none(np.uint8, TONES))
    focus: NDArray[np.float32] = field(default_factory=_none(np.float32))
    focus_frames: NDArray[np.int8] = field(default_factory=_none(np.int8, COEFFICIENTS, COEFFICIENTS))
    focus_contrast: NDArray[np.uint8] = field(default_factory=_none(np.uint8))
    focus_brightness: NDArray[np.uint8] = field(default_factory=_none(np.uint8))
    inset: NDArray[np.float32] = field(default_factory=_none(np.float32))
    inset_frames: NDArray[np.int8] = field(default_factory=_none(np.int8, COEFFICIENTS, COEFFICIENTS))
    inset_contrast: NDArray[np.uint8] = field(default_factory=_none(np.uint8))
    inset_brightness: NDArray[np.uint8] = field(default_factory=_none(np.uint8))
    inset_focus: NDArray[np.float32] = field(default_factory=_none(np.float32))
    inset_focus_frames: NDArray[np.int8] = field(default_factory=_none(np.int8, COEFFICIENTS, COEFFICIENTS))
    inset_focus_contrast: NDArray[np.uint8] = field(default_factory=_none(np.uint8))
    inset_focus_brightness: NDArray[np.uint8] = field(default_factory=_none(np.uint8))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Fragment:
    """What the time range [start, stop) of a video contributes.

    duration: of the whole video, seconds. width, height: of the full picture as shown, in pixels.
    times: float32 [n]. thumbnails: uint8 [n, 48, 48], the full picture, area-averaged.
    margins: uint16 [n, 4], bars at top, bottom, left, right of each sample, in 1/65535 of the height or width.
    first_code: index of codes[0] and of tones[0], counted from the start of the video. The fragment with the last code
    has the tones to the end of the video.
    details: uint8 [n, DETAIL_SIDE, DETAIL_SIDE], the full picture, area-averaged; n = 0 where neither focus nor
    inset is to be had.
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
    tones: NDArray[np.uint8] = field(default_factory=_none(np.uint8, TONES))
    details: NDArray[np.uint8] = field(default_factory=_none(np.uint8, DETAIL_SIDE, DETAIL_SIDE))


@dataclass(frozen=True, slots=True)
class _Layout:
    """What an array must be to be read. row: shape of one row. rows: how many there are, or what bounds their number.

    since: the first format that has it; read from an older one it is empty.
    """

    dtype: str
    row: tuple[int, ...]
    rows: int | Literal["samples", "codes"]
    since: int = 1


def _part(name: str, since: int) -> dict[str, _Layout]:
    """Of a part of the picture that is kept enlarged."""
    return {
        name: _Layout("float32", (), "samples", since),
        f"{name}_frames": _Layout("int8", (COEFFICIENTS, COEFFICIENTS), "samples", since),
        f"{name}_contrast": _Layout("uint8", (), "samples", since),
        f"{name}_brightness": _Layout("uint8", (), "samples", since),
    }


_LAYOUTS = {
    "video_vector": _Layout("float32", (), VECTOR_SIZE),
    "times": _Layout("float32", (), "samples"),
    "frames": _Layout("int8", (COEFFICIENTS, COEFFICIENTS), "samples"),
    "contrast": _Layout("uint8", (), "samples"),
    "brightness": _Layout("uint8", (), "samples"),
    "box": _Layout("float32", (), 4),
    "bars": _Layout("uint8", (4,), "samples"),
    "thumbnails": _Layout("uint8", (THUMBNAIL_SIDE, THUMBNAIL_SIDE), "samples"),
    "margins": _Layout("uint16", (4,), "samples"),
    "codes": _Layout("uint32", (), "codes"),
    "tones": _Layout("uint8", (TONES,), "codes", since=2),
    **_part("focus", since=3),
    **_part("inset", since=4),
    **_part("inset_focus", since=4),
    "details": _Layout("uint8", (DETAIL_SIDE, DETAIL_SIDE), "samples", since=3),
}


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
    for name in (each.name for each in fields(record)):
        value = getattr(record, name)
        if isinstance(value, np.ndarray):
            block = zlib.compress(_differences(value).tobytes(), 6)
            header[name] = {"dtype": value.dtype.name, "shape": list(value.shape), "bytes": len(block)}
            payload += block
        else:
            header[name] = value
    head = json.dumps(header, separators=(",", ":")).encode()
    body = magic + bytes([_FORMAT]) + struct.pack("<I", len(head)) + head + bytes(payload)
    return body + struct.pack("<I", zlib.crc32(body))


def _unpack(magic: bytes, record: type[_Record], data: bytes) -> _Record:
    if len(data) < 12 or data[:3] != magic or not 1 <= data[3] <= _FORMAT:
        raise FingerprintFormatError(f"not a {record.__name__.lower()} of a known format")
    if struct.unpack("<I", data[-4:])[0] != zlib.crc32(data[:-4]):
        raise FingerprintFormatError("the bytes are damaged: the checksum does not fit")
    (head_bytes,) = struct.unpack("<I", data[4:8])
    if head_bytes > min(_MAX_HEADER_BYTES, len(data) - 12):
        raise FingerprintFormatError("the header is longer than the data")
    try:
        header = cast(Mapping[str, Any], json.loads(data[8 : 8 + head_bytes]))
        return record(**_values(record, header, data[8 + head_bytes : -4], data[3]))
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError, zlib.error) as broken:
        raise FingerprintFormatError(f"the header does not describe the data: {broken}") from broken


def _values(record: type[_Record], header: Mapping[str, Any], payload: bytes, version: int) -> dict[str, Any]:
    most = {"samples": _most_rows(header, float(header["interval"])), "codes": _most_rows(header, CODE_SECONDS)}
    values: dict[str, Any] = {}
    at = 0
    for name in (each.name for each in fields(record)):
        layout = _LAYOUTS.get(name)
        if layout is None:
            values[name] = header[name]
        elif layout.since <= version:
            described = header[name]
            _check(name, described, layout, layout.rows if isinstance(layout.rows, int) else most[layout.rows])
            values[name] = _array(described, payload[at : at + described["bytes"]])
            at += described["bytes"]
    return values


def _most_rows(header: Mapping[str, Any], interval: float) -> int:
    """How many rows a record of this header can have, one each interval (seconds)."""
    seconds = float(header["duration"])
    if not (0 <= seconds <= _MOST_SECONDS and interval >= _LEAST_INTERVAL):
        raise ValueError("no video lasts so long, or is looked at so often")
    return math.ceil(seconds / interval) + _SPARE_ROWS


def _check(name: str, described: Mapping[str, Any], layout: _Layout, rows: int) -> None:
    """Before a byte is inflated. rows: how many there are, or at most when the layout leaves it open."""
    count, *row = described["shape"]
    fits = count == rows if isinstance(layout.rows, int) else 0 <= count <= rows
    if described["dtype"] != layout.dtype or tuple(row) != layout.row or not fits:
        raise ValueError(
            f"{name} is {described['dtype']} {described['shape']}, not {layout.dtype} {[rows, *layout.row]}"
        )


def _array(described: Mapping[str, Any], block: bytes) -> NDArray[Any]:
    dtype = np.dtype(str(described["dtype"])).newbyteorder("<")
    shape = tuple(int(side) for side in described["shape"])
    size = dtype.itemsize * math.prod(shape)
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
