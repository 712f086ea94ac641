"""The pure parts: checks, answers, parts, sidecars."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wrangler_compat.r2.looking import refused
from wrangler_compat.errors import R2Error
from wrangler_compat.r2 import answers, checks, codes, limits, sidecar
from wrangler_compat.r2.parts import parts
from wrangler_compat.r2.sidecar import Sidecar
from wrangler_compat.r2.types import R2Conditional, R2HttpMetadata, R2Object, R2Range

MOMENT = datetime(2026, 11, 21, 2, 13, 5, tzinfo=UTC)
FOUND = R2Object(key="a", version="v", size=1, etag="e", http_etag='"e"', uploaded=MOMENT)


@given(st.binary(max_size=200), st.lists(st.integers(0, 60), max_size=10), st.integers(1, 50))
async def test_parts_are_the_stream(content: bytes, cuts: list[int], size: int) -> None:
    async def stream() -> AsyncIterator[bytes]:
        rest = content
        for cut in cuts:
            yield rest[:cut]
            rest = rest[cut:]
        yield rest

    found = [part async for part in parts(stream(), size)]
    assert b"".join(found) == content
    assert all(len(part) == size for part in found[:-1])
    assert len(found[-1]) <= size
    assert found[-1] or len(found) == 1


@given(st.integers(0, 50), st.integers(0, 60) | st.none(), st.integers(1, 60) | st.none())
def test_a_span_lies_within_the_object(size: int, offset: int | None, length: int | None) -> None:
    content = bytes(range(size))
    wanted = R2Range(offset=offset, length=length)
    expected = content[offset or 0 :][: size if length is None else length]
    if not expected:
        with refused(codes.INVALID_RANGE):
            checks.span(wanted, size)
    else:
        start, count = checks.span(wanted, size)
        assert content[start : start + count] == expected


@given(st.integers(1, 50), st.integers(1, 60))
def test_a_suffix_is_the_end(size: int, suffix: int) -> None:
    content = bytes(range(size))
    start, count = checks.span(R2Range(suffix=suffix), size)
    assert content[start : start + count] == content[-suffix:]
    assert start + count == size


def test_range_headers() -> None:
    assert checks.range_header(R2Range(offset=2, length=3)) == "bytes=2-4"
    assert checks.range_header(R2Range(offset=2)) == "bytes=2-"
    assert checks.range_header(R2Range(length=3)) == "bytes=0-2"
    assert checks.range_header(R2Range(suffix=3)) == "bytes=-3"
    assert checks.range_header(R2Range()) == "bytes=0-"


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (R2Conditional(), True),
        (R2Conditional(etag_matches="e"), True),
        (R2Conditional(etag_matches='"x", "e"'), True),
        (R2Conditional(etag_matches='W/"e"'), True),
        (R2Conditional(etag_matches="x"), False),
        (R2Conditional(etag_does_not_match="e"), False),
        (R2Conditional(etag_does_not_match='x, W/"e"'), False),
        (R2Conditional(uploaded_before=MOMENT), False),
        (R2Conditional(uploaded_before=MOMENT + timedelta(seconds=1)), True),
        (R2Conditional(uploaded_after=MOMENT), False),
        (R2Conditional(uploaded_after=MOMENT - timedelta(seconds=1)), True),
        # RFC 7232: an etag that speaks overrules the time.
        (R2Conditional(etag_matches="e", uploaded_before=MOMENT), True),
        (R2Conditional(etag_does_not_match="x", uploaded_after=MOMENT), True),
        (R2Conditional(etag_matches="x", uploaded_after=MOMENT - timedelta(seconds=1)), False),
    ],
)
def test_conditions(condition: R2Conditional, expected: bool) -> None:
    assert checks.holds(condition, FOUND) is expected


def test_conditions_on_what_is_not_there() -> None:
    assert checks.holds(R2Conditional(etag_does_not_match="*", uploaded_before=MOMENT), None)
    assert not checks.holds(R2Conditional(etag_matches="*"), None)
    assert not checks.holds(R2Conditional(uploaded_after=MOMENT), None)


def test_conditions_that_s3_checks_itself() -> None:
    assert answers.condition_headers(R2Conditional(etag_does_not_match="*")) == {"IfNoneMatch": "*"}
    assert answers.condition_headers(R2Conditional(etag_matches="e")) == {"IfMatch": '"e"'}
    assert answers.condition_headers(R2Conditional(etag_matches='"e"')) == {"IfMatch": '"e"'}
    assert answers.condition_headers(R2Conditional(etag_matches="*")) == {"IfMatch": "*"}
    assert answers.condition_headers(R2Conditional(etag_matches="a, b", uploaded_after=MOMENT)) == {}


def test_part_sizes() -> None:
    least = limits.MIN_PART_BYTES
    for sizes in ([1], [least], [least, 1], [least, least], [least + 7, least + 7, 3]):
        checks.check_part_sizes(sizes)
    for sizes in ([least - 1, 1], [1, least]):
        with refused(codes.ENTITY_TOO_SMALL):
            checks.check_part_sizes(sizes)
    for sizes in ([least, least + 1], [least, least + 1, 1], [least + 1, least, 1]):
        with refused(codes.BAD_UPLOAD):
            checks.check_part_sizes(sizes)


def test_a_single_put_has_a_largest_size() -> None:
    checks.check_size(limits.MAX_SINGLE_PUT_BYTES)
    with refused(codes.ENTITY_TOO_LARGE):
        checks.check_size(limits.MAX_SINGLE_PUT_BYTES + 1)


def test_paths() -> None:
    checks.check_path("videos/2026/11/21/abc.mp4")
    checks.check_path("..a/b..c/.d")
    for key in ("a/", "/a", "a//b", ".", "a/../b", ".rclone_temp_1", "a/.rclone_temp_put_2"):
        with refused(codes.INVALID_OBJECT_NAME):
            checks.check_path(key)


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=40))
def test_any_text_survives_a_header(value: str) -> None:
    header = answers.encoded(value)
    assert header.isascii()
    assert header.isprintable()
    assert header == header.strip() != ""
    assert answers.decoded(header) == value


@pytest.mark.parametrize("value", ["=?utf-8?B?!!!?=", "=?utf-8?B?/w==?=", "=?utf-8?B?a?=", "plain", ""])
def test_foreign_metadata_stays_as_it_is(value: str) -> None:
    assert answers.decoded(value) == value


def test_a_ranged_answer_may_say_200() -> None:
    answer = {
        "ContentLength": 7,
        "ContentRange": "bytes 3-9/50",
        "ETag": '"e"',
        "LastModified": MOMENT,
        "ContentType": "binary/octet-stream",
        "Metadata": {"Name": "v"},
        "VersionId": "3",
    }
    found = answers.object_from("k", answer)
    assert (found.size, found.range) == (50, R2Range(offset=3, length=7))
    assert (found.etag, found.version) == ("e", "3")
    assert found.http_metadata == R2HttpMetadata()
    assert found.custom_metadata == {"name": "v"}


def test_an_answer_without_a_date_is_of_now() -> None:
    stored = answers.stored("k", 1, {"ETag": '"e"'}, R2HttpMetadata(content_type="application/octet-stream"), {})
    assert datetime.now(UTC) - stored.uploaded < timedelta(minutes=1)
    assert stored.http_metadata.content_type is None


def test_uploads() -> None:
    listed = answers.uploads_from({"Uploads": [{"Key": "k", "UploadId": "u"}]})
    assert [(upload.key, upload.upload_id, upload.initiated) for upload in listed] == [("k", "u", None)]


def test_a_sidecar_belongs_to_one_object() -> None:
    kept = Sidecar("k", "e", R2HttpMetadata(content_type="video/mp4"), {"title": "ü"})
    assert sidecar.from_bytes(kept.to_bytes()) == kept
    assert kept.belongs_to("k", "e")
    assert not kept.belongs_to("k", "other")
    assert not kept.belongs_to("other", "e")
    assert Sidecar("k", None).belongs_to("k", "anything")
    assert Sidecar("k", None).is_empty()
    assert not kept.is_empty()


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"{}", b'{"key":"k","etag":null,"http":{"x":1},"custom":{}}', b"\xff", b"null"]
)
def test_what_is_no_sidecar_counts_for_nothing(data: bytes) -> None:
    assert sidecar.from_bytes(data) is None


def test_sidecars_have_names_of_one_length() -> None:
    assert len(sidecar.object_key("a")) == len(sidecar.object_key("ü" * 500))
    assert sidecar.object_key("a") != sidecar.upload_key("a")
    checks.check_path(sidecar.object_key("../../etc/passwd"))


def test_an_error_says_what_and_how_much() -> None:
    with pytest.raises(R2Error, match=r"exceed the maximum allowed metadata size\. \(8193 bytes; 8192 are allowed\) "):
        checks.check_metadata(R2HttpMetadata(), {"k": "v" * 8192})
