"""Matroska and WebM by hand (RFC 8794, RFC 9559), with sizes that need not be true."""

from __future__ import annotations

import struct

UNKNOWN = (1 << 56) - 1
"""A size that says: until something else begins."""

HEADER = bytes.fromhex("1a45dfa3")
SEGMENT = bytes.fromhex("18538067")
INFO = bytes.fromhex("1549a966")
TRACKS = bytes.fromhex("1654ae6b")
CLUSTER = bytes.fromhex("1f43b675")
ATTACHMENTS = bytes.fromhex("1941a469")
CUES = bytes.fromhex("1c53bb6b")
VOID = bytes.fromhex("ec")


def element(name: bytes, *content: bytes, size: int | None = None) -> bytes:
    """size: what the element says of itself, when that is not the truth."""
    body = b"".join(content)
    return name + struct.pack(">Q", 1 << 56 | (len(body) if size is None else size)) + body


def number(name: bytes, value: int) -> bytes:
    return element(name, struct.pack(">Q", value))


def real(name: bytes, value: float) -> bytes:
    return element(name, struct.pack(">d", value))


def header(kind: bytes = b"webm") -> bytes:
    return element(HEADER, element(b"\x42\x82", kind), number(b"\x42\x87", 4), number(b"\x42\x85", 2))


def info(duration: float | None = None) -> bytes:
    return element(INFO, number(b"\x2a\xd7\xb1", 1_000_000), b"" if duration is None else real(b"\x44\x89", duration))


def picture_track(width: int = 320, height: int = 240, codec: bytes = b"V_VP8", extra: bytes = b"") -> bytes:
    shown = element(b"\xe0", number(b"\xb0", width), number(b"\xba", height))
    return element(
        b"\xae", number(b"\xd7", 1), number(b"\x73\xc5", 1), number(b"\x83", 1), element(b"\x86", codec), shown, extra
    )


def sound_track(rate: float, channels: int, codec: bytes = b"A_PCM/INT/LIT") -> bytes:
    heard = element(b"\xe1", real(b"\xb5", rate), number(b"\x9f", channels), number(b"\x62\x64", 16))
    return element(
        b"\xae", number(b"\xd7", 2), number(b"\x73\xc5", 2), number(b"\x83", 2), element(b"\x86", codec), heard
    )


def block(data: bytes, time: int = 0, track: int = 1, size: int | None = None) -> bytes:
    """A SimpleBlock, a keyframe. time: from the cluster's, may be negative."""
    return element(b"\xa3", bytes([0x80 | track]), struct.pack(">h", time), b"\x80", data, size=size)


def cluster(*blocks: bytes, time: int = 0, size: int | None = None) -> bytes:
    return element(CLUSTER, number(b"\xe7", time), *blocks, size=size)


def segment(*content: bytes, size: int | None = None) -> bytes:
    return element(SEGMENT, *content, size=size)


def vp8_keyframe(width: int, height: int) -> bytes:
    """The head of a VP8 keyframe (RFC 6386, 9.1) of this size, and nothing that could be decoded."""
    return b"\x10\x02\x00\x9d\x01\x2a" + struct.pack("<HH", width, height) + bytes(60)
