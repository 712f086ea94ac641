import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_api.formats import HEAD_BYTES, MOV, MP4, WEBM, recognise
from tests.edge_api.kit import ftyp, mp4, webm

REST = b"\x00\x00\x00\x08free" * 20


@pytest.mark.parametrize("brand", ["isom", "mp42", "iso6", "avc1", "M4V ", "MSNV", "XAVC", "dash"])
def test_mp4_by_its_major_brand(brand: str) -> None:
    assert recognise(ftyp(brand, "none") + REST) is MP4


def test_mp4_by_a_compatible_brand() -> None:
    assert recognise(ftyp("zzzz", "yyyy", "mp42") + REST) is MP4


def test_mov_by_its_major_brand() -> None:
    assert recognise(ftyp("qt  ", "qt  ") + REST) is MOV


@pytest.mark.parametrize("atom", [b"moov", b"mdat", b"wide", b"pnot"])
def test_mov_without_ftyp(atom: bytes) -> None:
    assert recognise((32).to_bytes(4, "big") + atom + REST) is MOV


def test_webm_by_its_doctype() -> None:
    assert recognise(webm()[:HEAD_BYTES]) is WEBM


def test_matroska_is_not_webm() -> None:
    assert recognise(webm(doctype=b"matroska")) is None


def test_doctype_may_be_padded_and_sizes_may_be_long() -> None:
    inner = b"\x42\x82\x10\x00\x00\x06" + b"webm\x00\x00"
    assert recognise(b"\x1a\x45\xdf\xa3\x01\x00\x00\x00\x00\x00\x00" + bytes([len(inner)]) + inner) is WEBM


@pytest.mark.parametrize("brand", ["M4A ", "heic", "avif", "mif1", "crx "])
def test_sound_and_pictures_in_the_same_box_are_no_video(brand: str) -> None:
    assert recognise(ftyp(brand, "isom", "mp42") + REST) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"ftyp",
        b"#EXTM3U\nhttp://10.0.0.1/secret",
        b"RIFF\x00\x00\x00\x00AVI LIST",
        b"just some text that somebody named video.mp4",
        b"FLV\x01\x05\x00\x00\x00\x09",
        b"\x00\x00\x00\x0cftypisom",
        b"\x00\x00\x00\x01ftypisom\x00\x00\x00\x00mp42",
        b"\x00\x00\x00\x04moov",
        b"\x1a\x45\xdf\xa3",
        b"\x1a\x45\xdf\xa3\x00\x00",
        b"\x00" * 64,
        b"ffconcat version 1.0\nfile /etc/passwd",
    ],
)
def test_everything_else_is_refused(data: bytes) -> None:
    assert recognise(data) is None


@given(st.binary(max_size=200))
def test_noise_never_breaks_it(noise: bytes) -> None:
    recognise(noise)
    recognise(b"\x1a\x45\xdf\xa3" + noise)
    recognise(noise[:4] + b"ftyp" + noise)


@given(st.integers(min_value=0, max_value=64))
def test_a_head_cut_short_is_at_worst_unknown(length: int) -> None:
    assert recognise(mp4(200)[:length]) in (None, MP4)
