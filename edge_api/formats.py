"""Which container a file is, from its first bytes. Names and content types that a client sends prove nothing.

ISO/IEC 14496-12 (ftyp and its brands), the QuickTime File Format, RFC 8794 (EBML) and RFC 9559 (Matroska).
"""

from __future__ import annotations

from dataclasses import dataclass

HEAD_BYTES = 4096
"""As many first bytes as recognise() wants; fewer only when the file has no more."""


@dataclass(frozen=True, slots=True)
class Container:
    name: str
    mime_type: str


MP4 = Container("mp4", "video/mp4")
MOV = Container("mov", "video/quicktime")
WEBM = Container("webm", "video/webm")

_MP4_BRANDS = frozenset(
    {"isom", "iso2", "iso3", "iso4", "iso5", "iso6", "iso7", "iso8", "iso9", "mp41", "mp42", "mp71", "mmp4"}
    | {"avc1", "av01", "hvc1", "hev1", "dash", "cmfc", "M4V ", "M4VH", "M4VP", "MSNV", "XAVC", "FACE", "f4v "}
)
_NOT_VIDEO_BRANDS = frozenset(
    {"M4A ", "M4B ", "M4P ", "F4A ", "F4B ", "heic", "heix", "hevc", "heim", "heis", "mif1", "msf1", "avif", "avis"}
    | {"crx ", "jp2 ", "jpx ", "jpm "}
)
_OLD_QUICKTIME_ATOMS = frozenset({b"moov", b"mdat", b"wide", b"pnot"})
_EBML_MAGIC = b"\x1a\x45\xdf\xa3"
_DOCTYPE_ID = 0x4282


def recognise(head: bytes) -> Container | None:
    """None: not a container we know, be it another kind of video or no video at all."""
    if head[:4] == _EBML_MAGIC:
        return WEBM if _ebml_doctype(head) == b"webm" else None
    size, kind = int.from_bytes(head[:4], "big"), head[4:8]
    if kind == b"ftyp":
        return _by_brands(head, size)
    if kind in _OLD_QUICKTIME_ATOMS and (size in (0, 1) or size >= 8):
        return MOV
    return None


def _by_brands(head: bytes, size: int) -> Container | None:
    end = min(size, len(head))
    if size < 16 or size % 4 or end < 16:
        return None
    major = head[8:12].decode("latin-1")
    compatible = [head[at : at + 4].decode("latin-1") for at in range(16, end - 3, 4)]
    if major == "qt  ":
        return MOV
    if major in _NOT_VIDEO_BRANDS:
        return None
    return MP4 if major in _MP4_BRANDS or _MP4_BRANDS.intersection(compatible) else None


def _ebml_doctype(head: bytes) -> bytes | None:
    """The DocType element of the EBML header; None when there is none within `head`."""
    size, at = _vint(head, 4)
    end = min(len(head), at + size)
    while at < end:
        element_id, at = _vint(head, at, keep_marker=True)
        size, at = _vint(head, at)
        if element_id == _DOCTYPE_ID:
            return head[at : min(at + size, end)].rstrip(b"\x00")
        at += size
    return None


def _vint(data: bytes, at: int, *, keep_marker: bool = False) -> tuple[int, int]:
    """An EBML variable-size integer and where it ends; past the data, it ends at the data's end."""
    if at >= len(data) or data[at] == 0:
        return 0, len(data)
    length = 9 - data[at].bit_length()
    value = int.from_bytes(data[at : at + length], "big")
    if not keep_marker:
        value &= (1 << 7 * length) - 1
    return value, at + length
