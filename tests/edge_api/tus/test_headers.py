"""The header fields, read strictly."""

from __future__ import annotations

import base64
import contextlib
import hashlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_api.errors import ApiError
from edge_api.tus import headers as tus


def b64(text: str | bytes) -> str:
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("007", 7), (str(2**63 - 1), 2**63 - 1)])
def test_numbers(text: str, number: int) -> None:
    assert tus.number_of({"upload-offset": text}, "Upload-Offset") == number


@pytest.mark.parametrize("text", ["", " 1", "1 ", "+1", "-1", "1.0", "0x1", "1_0", "\u0661", str(2**63), "9" * 5000])
def test_no_numbers(text: str) -> None:
    with pytest.raises(ApiError) as refused:
        tus.number_of({"upload-length": text}, "Upload-Length")
    assert (refused.value.code, refused.value.fields) == ("INVALID_HEADER", {"field": "Upload-Length"})


def test_metadata() -> None:
    sent = f"filename {b64('Ferien am Meer ☀.mp4')},filetype {b64('video/mp4; codecs=avc1')},priority {b64('low')},x"
    read = tus.metadata_of({"upload-metadata": sent})
    assert read == tus.Metadata(sent, "Ferien am Meer ☀.mp4", "video/mp4; codecs=avc1", "low")


@pytest.mark.parametrize(
    "name", ["\U0001f468\u200d\U0001f469.mp4", "at 3.05\u202fPM.mov", "\u202e4pm.exe", "../x", "x" * 255]
)
def test_names_of_letters_that_are_not_seen(name: str) -> None:
    assert tus.metadata_of({"upload-metadata": f"filename {b64(name)}"}).filename == name


@pytest.mark.parametrize("sent", ["", "  ", "name,relativePath ", f"filename,filetype ,priority {b64('normal')}"])
def test_metadata_that_says_nothing(sent: str) -> None:
    read = tus.metadata_of({"upload-metadata": sent})
    assert (read.filename, read.filetype, read.priority) == (None, None, "normal")
    assert tus.metadata_of({}) == tus.Metadata("", None, None, "normal")


@pytest.mark.parametrize(
    "sent",
    [
        ",",
        "a,",
        f" , filename {b64('x')}",
        f"filename {b64('x')},filename {b64('y')}",
        "filename x",
        "filename YQ",
        f"filename  {b64('x')} y",
        "filename " + b64(b"\xff\xfe"),
        "filename " + b64("a\nb"),
        "filename " + b64("a\x85b"),
        f"filename {b64('x' * 256)}",
        f"filetype {b64('no media type')}",
        f"fi\u00fc {b64('x')}",
        "x" * 4097,
    ],
)
def test_metadata_that_cannot_be_read(sent: str) -> None:
    with pytest.raises(ApiError) as refused:
        tus.metadata_of({"upload-metadata": sent})
    assert (refused.value.code, refused.value.fields) == ("INVALID_HEADER", {"field": "Upload-Metadata"})


@given(st.dictionaries(st.from_regex(r"[a-zA-Z0-9]{1,10}", fullmatch=True), st.text(max_size=30), max_size=8))
def test_any_well_formed_metadata_is_read(values: dict[str, str]) -> None:
    values = {key: value for key, value in values.items() if key not in ("filename", "filetype", "priority")}
    sent = ",".join(f"{key} {b64(value)}" for key, value in values.items())
    assert tus.metadata_of({"upload-metadata": sent}).sent == sent


@given(st.text(max_size=200))
def test_anything_else_is_refused_and_nothing_worse(sent: str) -> None:
    with contextlib.suppress(ApiError):
        assert tus.metadata_of({"upload-metadata": sent}).sent == sent


@pytest.mark.parametrize("algorithm", tus.ALGORITHMS)
def test_checksums(algorithm: str) -> None:
    digest = hashlib.new(algorithm, b"some bytes").digest()
    read = tus.checksum_of({"upload-checksum": f"{algorithm} {b64(digest)}"})
    assert read is not None
    counted = read.begin()
    counted.update(b"some ")
    counted.update(b"bytes")
    assert counted.digest() == read.expected == digest


@pytest.mark.parametrize("sent", ["", "sha1", "SHA1 x", "sha512 " + b64(bytes(64)), "sha1 " + b64(bytes(19)), "md5 *"])
def test_checksums_that_cannot_be_read(sent: str) -> None:
    with pytest.raises(ApiError) as refused:
        tus.checksum_of({"upload-checksum": sent})
    assert refused.value.fields == {"field": "Upload-Checksum"}


def test_no_checksum() -> None:
    assert tus.checksum_of({}) is None


def test_dates() -> None:
    moment = datetime(2026, 11, 21, 2, 3, 4, tzinfo=timezone(timedelta(hours=2)))
    assert tus.expires(moment) == "Sat, 21 Nov 2026 00:03:04 GMT"
    assert tus.expires(moment.astimezone(UTC)) == tus.expires(moment)


@pytest.mark.parametrize(
    ("path", "is_ours"),
    [("/api/tus", True), ("/api/tus/x", True), ("/api/tusk", False), ("/", False), ("/x/api/tus", False)],
)
def test_the_version_goes_with_every_answer_of_the_protocol(path: str, is_ours: bool) -> None:
    assert tus.version_headers(path) == ({"Tus-Resumable": "1.0.0"} if is_ours else {})
