from __future__ import annotations

import hashlib
import json
import math
import tracemalloc
import zlib
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wire.records import fingerprint, forged, forged_from, fragment, header_of, same
from wire.fingerprints import (
    ALGORITHM_VERSION,
    CODE_SECONDS,
    DETAIL_SIDE,
    TONES,
    Fingerprint,
    FingerprintFormatError,
    Fragment,
    pack,
    pack_fragment,
    unpack,
    unpack_fragment,
)

SIZES = st.integers(0, 40)
SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=40, deadline=None)
@given(samples=SIZES, codes=SIZES, seed=SEEDS)
def test_a_fingerprint_comes_back_bit_for_bit(samples: int, codes: int, seed: int) -> None:
    record = fingerprint(samples, codes, seed)
    assert same(unpack(pack(record)), record)


@settings(max_examples=20, deadline=None)
@given(samples=st.integers(0, 6), codes=SIZES, seed=SEEDS)
def test_a_fragment_comes_back_bit_for_bit(samples: int, codes: int, seed: int) -> None:
    record = fragment(samples, codes, seed)
    assert same(unpack_fragment(pack_fragment(record)), record)


def test_extremes_survive_the_differences() -> None:
    record = replace(
        fingerprint(4, 0),
        frames=np.stack([np.full((16, 16), level, np.int8) for level in (-127, 127, -127, 0)]),
        codes=np.array([0, 2**32 - 1, 0, 2**31], np.uint32),
        video_vector=np.array([0.0, -0.0, np.inf, 1e-45] + [0.5] * 60, np.float32),
    )
    assert same(unpack(pack(record)), record)


def test_what_is_unpacked_can_be_written_to() -> None:
    back = unpack(pack(fingerprint(3, 3)))
    back.frames[0, 0, 1] = 5
    back.codes[0] = 7
    assert back.frames.flags.c_contiguous


def test_the_same_record_gives_the_same_bytes_whatever_its_memory_layout() -> None:
    record = fingerprint(12, 30)
    transposed = replace(record, frames=np.asfortranarray(record.frames), times=np.repeat(record.times, 2)[::2])
    assert pack(record) == pack(fingerprint(12, 30)) == pack(transposed)
    assert pack(unpack(pack(record))) == pack(record)


def test_slow_pictures_pack_small() -> None:
    """Time last and differences: a still hour must not cost an hour of noise."""
    noise = fingerprint(200, 0)
    still = replace(noise, frames=np.repeat(noise.frames[:1], 200, axis=0))
    assert len(pack(still)) < len(pack(noise)) / 10


# Kept fingerprints outlive the code that wrote them, and no video is decoded again to replace them. So these may change
# only together with the magic (b"VFP\x04", b"VFF\x04"), and code that reads the old magic stays. What zlib makes of the
# same numbers may differ between its builds, so the header and the inflated numbers are pinned, not the deflated ones.
GOLDEN_FINGERPRINT = "0db56581df8b50cd5aad55013361d4b2642f42f4667a75faa08e82a86a196145"
GOLDEN_FRAGMENT = "9c32019957d6c5ff7aaefa7ca7f05e264b832e67ce7a2ee3b0fd2ddd0b6b0eef"


def test_golden_bytes_of_a_fingerprint() -> None:
    assert _digest(pack(_tiny())) == GOLDEN_FINGERPRINT


def test_golden_bytes_of_a_fragment() -> None:
    assert _digest(pack_fragment(_tiny_fragment())) == GOLDEN_FRAGMENT


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_bytes_kept_by_an_older_release_can_be_read(version: int) -> None:
    """Each tiny_vN.vfp was written when its format was new. One is added for a new format; none is ever replaced."""
    kept = unpack((Path(__file__).parent / f"tiny_v{version}.vfp").read_bytes())
    tiny = _tiny()
    three = _without(tiny, "inset")
    two = _without(three, "focus")
    one = replace(two, tones=two.tones[:0])
    assert same(kept, {1: one, 2: two, 3: three, 4: tiny}[version])


def _without(record: Fingerprint, part: str) -> Fingerprint:
    names = [field.name for field in fields(record) if field.name.startswith(part)]
    return replace(record, **{name: getattr(record, name)[:0] for name in names})


def _tiny() -> Fingerprint:
    grid = np.arange(2 * 16 * 16).reshape(2, 16, 16)
    return Fingerprint(
        algorithm_version=1,
        tier="standard",
        duration=1.0,
        width=64,
        height=48,
        interval=0.5,
        video_vector=(np.arange(64) / 64).astype(np.float32),
        times=np.array([0.0, 0.5], np.float32),
        frames=(grid % 251 - 125).astype(np.int8),
        contrast=np.array([40, 41], np.uint8),
        brightness=np.array([120, 119], np.uint8),
        box=np.array([0.125, 0.125, 0.0, 0.0], np.float32),
        bars=np.array([[16, 16, 0, 0], [17, 16, 0, 0]], np.uint8),
        codes=np.array([1, 0, 4294967295], np.uint32),
        tones=(np.arange(2 * TONES).reshape(2, TONES) % 64).astype(np.uint8),
        focus=np.array([0.25, 0.25, 0.5, 0.0], np.float32),
        focus_frames=(grid % 249 - 124).astype(np.int8),
        focus_contrast=np.array([30, 31], np.uint8),
        focus_brightness=np.array([100, 99], np.uint8),
        inset=np.array([0.5, 0.0, 0.125, 0.25], np.float32),
        inset_frames=(grid % 247 - 123).astype(np.int8),
        inset_contrast=np.array([20, 21], np.uint8),
        inset_brightness=np.array([90, 89], np.uint8),
        inset_focus=np.array([0.25, 0.0, 0.25, 0.25], np.float32),
        inset_focus_frames=(grid % 245 - 122).astype(np.int8),
        inset_focus_contrast=np.array([10, 11], np.uint8),
        inset_focus_brightness=np.array([80, 79], np.uint8),
    )


def _tiny_fragment() -> Fragment:
    return Fragment(
        algorithm_version=1,
        tier="premium",
        duration=9.0,
        start=3.0,
        stop=4.0,
        width=64,
        height=48,
        interval=0.5,
        first_code=24,
        times=np.array([3.0, 3.5], np.float32),
        thumbnails=(np.arange(2 * 48 * 48).reshape(2, 48, 48) % 255).astype(np.uint8),
        margins=np.array([[8192, 8192, 0, 0], [65535, 65535, 65535, 65535]], np.uint16),
        codes=np.array([4294967295, 5], np.uint32),
        tones=(np.arange(2 * TONES).reshape(2, TONES) % 64).astype(np.uint8)[::-1],
        details=(np.arange(2 * DETAIL_SIDE**2).reshape(2, DETAIL_SIDE, DETAIL_SIDE) % 253).astype(np.uint8),
    )


def _digest(packed: bytes) -> str:
    """Of the magic, the header without deflated lengths, and the numbers inflated again."""
    header = header_of(packed)
    payload = packed[8 + int.from_bytes(packed[4:8], "little") : -4]
    digest = hashlib.sha256(packed[:4])
    at = 0
    for value in header.values():
        if isinstance(value, dict):
            block = value.pop("bytes")
            digest.update(zlib.decompress(payload[at : at + block]))
            at += block
    assert at == len(payload)
    digest.update(json.dumps(header, separators=(",", ":")).encode())
    return digest.hexdigest()


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(0, 10_000))
def test_truncated_bytes_are_refused(cut: int) -> None:
    packed = pack(fingerprint(3, 9))
    with pytest.raises(FingerprintFormatError):
        unpack(packed[: cut % len(packed)])


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_a_flipped_bit_is_refused(place: int, bit: int) -> None:
    damaged = bytearray(pack(fingerprint(3, 9)))
    damaged[place % len(damaged)] ^= 1 << bit
    with pytest.raises(FingerprintFormatError):
        unpack(bytes(damaged))


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=300))
def test_any_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(FingerprintFormatError):
        unpack(data)
    with pytest.raises(FingerprintFormatError):
        unpack_fragment(b"VFF\x01" + data)


def test_a_fragment_is_no_fingerprint() -> None:
    with pytest.raises(FingerprintFormatError, match="not a fingerprint"):
        unpack(pack_fragment(fragment(1, 1)))
    with pytest.raises(FingerprintFormatError, match="not a fragment"):
        unpack_fragment(pack(fingerprint(1, 1)))


@pytest.mark.parametrize("announced", [4097, 2**31, 2**32 - 1])
def test_a_header_longer_than_the_data_or_than_any_is_refused(announced: int) -> None:
    with pytest.raises(FingerprintFormatError, match="header"):
        unpack(forged(b"{}", announced=announced))
    with pytest.raises(FingerprintFormatError, match="header"):
        unpack(forged(b" " * 5000))


@pytest.mark.parametrize(
    "header",
    [b"", b"{}", b"[]", b"3", b'"VFP"', b"\xff\xfe", b"{" * 4000, b"[" * 4000, b'{"a":' * 800, b"NaN"],
    ids=["empty", "no fields", "list", "number", "text", "no utf-8", "braces", "deep list", "deep object", "nan"],
)
def test_a_header_that_describes_nothing_is_refused(header: bytes) -> None:
    with pytest.raises(FingerprintFormatError):
        unpack(forged(header))


@pytest.mark.parametrize(
    "times",
    [
        {"dtype": "float32", "shape": [5], "bytes": 8},
        {"dtype": "object", "shape": [3], "bytes": 8},
        {"dtype": "nonsense", "shape": [3], "bytes": 8},
        {"dtype": "float32", "shape": [-3], "bytes": 8},
        {"dtype": "float32", "shape": [2**40, 2**40], "bytes": 8},
        {"dtype": "float32", "shape": [10**40], "bytes": 8},
        {"dtype": "float32", "shape": [float("inf")], "bytes": 8},
        {"dtype": "float32", "shape": None, "bytes": 8},
        {"dtype": "float32", "shape": [3, 1], "bytes": 8},
        {"dtype": "float32", "shape": [], "bytes": 8},
        {"dtype": "float32", "shape": ["3"], "bytes": 8},
        {"dtype": "float64", "shape": [3], "bytes": 8},
        {"dtype": "float32", "shape": [3], "bytes": "8"},
        {"dtype": "float32", "shape": [3]},
        {"shape": [3], "bytes": 8},
    ],
    ids=lambda value: json.dumps(value),
)
def test_an_array_that_is_not_as_described_is_refused(times: dict[str, object]) -> None:
    with pytest.raises(FingerprintFormatError):
        unpack(forged_from(fingerprint(3, 9), times=times))


@pytest.mark.parametrize(
    ("name", "dtype", "row"),
    [("times", "float32", []), ("frames", "int8", [16, 16]), ("codes", "uint32", []), ("tones", "uint8", [TONES])],
)
def test_an_array_longer_than_the_video_is_refused_before_it_is_inflated(name: str, dtype: str, row: list[int]) -> None:
    """A minute of half a second each: 120 samples, 485 codes and rows of tones, and a few to spare."""
    minute = replace(fingerprint(0, 0), duration=60.0)
    bomb = zlib.compress(bytes(64 << 20))
    rows = (64 << 20) // np.dtype(dtype).itemsize // math.prod(row)
    described = {"dtype": dtype, "shape": [rows, *row], "bytes": len(bomb)}
    payload = zlib.compress(minute.video_vector.tobytes()) + bomb
    assert _peak_of(forged_from(minute, payload=payload, **{name: described})) < 8 << 20


@pytest.mark.parametrize("shape", [[63], [65], [0]])
def test_an_array_of_fixed_size_has_that_size(shape: list[int]) -> None:
    block = zlib.compress(bytes(4 * shape[0]))
    described = {"dtype": "float32", "shape": shape, "bytes": len(block)}
    with pytest.raises(FingerprintFormatError, match="video_vector"):
        unpack(forged_from(fingerprint(0, 0), payload=block, video_vector=described))


@pytest.mark.parametrize(
    "changes",
    [
        {"duration": 1e300},
        {"duration": -1.0},
        {"duration": float("nan")},
        {"duration": float("inf")},
        {"duration": "60 s"},
        {"interval": 0.0},
        {"interval": 1e-9},
        {"interval": -0.5},
        {"interval": float("nan")},
        {"interval": None},
    ],
    ids=lambda value: json.dumps(value),
)
def test_a_length_or_an_interval_that_no_video_has_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(FingerprintFormatError):
        unpack(forged_from(fingerprint(3, 9), **changes))


@settings(deadline=None)
@given(seconds=st.floats(0, 7200), interval=st.sampled_from([0.025, 0.25, 0.5, 60.0]))
def test_all_that_a_video_of_some_length_has_can_be_read(seconds: float, interval: float) -> None:
    samples, codes = math.floor(seconds / interval) + 2, math.floor(seconds / CODE_SECONDS) + 2
    record = replace(
        fingerprint(0, 0),
        duration=seconds,
        interval=interval,
        contrast=np.zeros(samples, np.uint8),
        codes=np.zeros(codes, np.uint32),
    )
    assert same(unpack(pack(record)), record)


def test_an_array_that_inflates_to_more_than_announced_is_not_inflated() -> None:
    bomb = zlib.compress(bytes(64 << 20))
    described = {"dtype": "float32", "shape": [64], "bytes": len(bomb)}
    assert _peak_of(forged_from(fingerprint(0, 0), payload=bomb, video_vector=described)) < 8 << 20


def _peak_of(hostile: bytes) -> int:
    """Bytes allocated at most while these are refused."""
    tracemalloc.start()
    try:
        with pytest.raises(FingerprintFormatError):
            unpack(hostile)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_another_algorithm_version_is_read_as_it_is() -> None:
    """Only comparing refuses: the bytes say which version made them."""
    assert unpack(pack(replace(fingerprint(1, 1), algorithm_version=99))).algorithm_version == 99
    assert unpack(pack(fingerprint(1, 1))).algorithm_version == ALGORITHM_VERSION
