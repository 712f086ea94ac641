"""The multipart reader, fed in every way a network can cut a body."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_api.errors import ApiError
from edge_api.form import MAX_FIELD_BYTES, MAX_HEADER_BYTES, MAX_HEADERS, MAX_PARTS, UploadForm, boundary_of
from tests.effort import lines_run

BOUNDARY = b"xYzZy"
FILE_HEAD = b'Content-Disposition: form-data; name="video"; filename="a.mp4"\r\nContent-Type: video/mp4\r\n\r\n'


def part(head: bytes, body: bytes) -> bytes:
    return b"--" + BOUNDARY + b"\r\n" + head + body + b"\r\n"


def field(name: str, value: bytes) -> bytes:
    return part(f'Content-Disposition: form-data; name="{name}"\r\n\r\n'.encode(), value)


def closed(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--" + BOUNDARY + b"--\r\n"


def read(body: bytes, step: int | None = None) -> tuple[UploadForm, bytes]:
    form, file = UploadForm(BOUNDARY), b""
    for at in range(0, len(body), step or len(body) or 1):
        file += b"".join(data for _, data in form.feed(body[at : at + step] if step else body))
    return form, file


def code_of(body: bytes) -> str:
    with pytest.raises(ApiError) as refused:
        read(body)
    return refused.value.code


def test_file_and_field_in_either_order() -> None:
    for body in (
        closed(part(FILE_HEAD, b"abc"), field("priority", b"high")),
        closed(field("priority", b"high"), part(FILE_HEAD, b"abc")),
    ):
        form, file = read(body)
        assert (file, form.fields, form.files, form.is_complete) == (b"abc", {"priority": "high"}, {"video"}, True)


@given(
    st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"--", BOUNDARY, b"\r\n--" + BOUNDARY[:3], b"x", b"\r\n--"])),
    st.integers(min_value=1, max_value=40),
)
def test_the_file_arrives_unchanged_however_it_is_cut(pieces: list[bytes], step: int) -> None:
    content = b"".join(pieces)
    if b"\r\n--" + BOUNDARY in b"\r\n" + content:
        return
    form, file = read(closed(part(FILE_HEAD, content), field("priority", b"low")), step)
    assert file == content
    assert form.is_complete
    assert form.fields == {"priority": "low"}


@pytest.mark.parametrize("missing", [1, 4, 5, 8, 12])
def test_without_the_last_boundary_it_is_not_complete(missing: int) -> None:
    body = closed(part(FILE_HEAD, b"abc")).removesuffix(b"\r\n")
    assert not read(body[:-missing])[0].is_complete


def test_an_epilogue_is_passed_over() -> None:
    form, file = read(closed(part(FILE_HEAD, b"abc")) + b"and more, and more")
    assert (form.is_complete, file) == (True, b"abc")


def test_a_video_field_without_a_filename_is_a_file_too() -> None:
    assert read(closed(field("video", b"abc")))[1] == b"abc"


@pytest.mark.parametrize(
    ("parameters", "filename"),
    [
        (b"", None),
        (b'; filename="a.mp4"', "a.mp4"),
        (b"; filename=a.mp4", "a.mp4"),
        (b'; filename=""', ""),
        ('; filename="über.mp4"'.encode(), "über.mp4"),
        (b'; filename="\xff.mp4"', "\ufffd.mp4"),
        (rb'; filename="my \"best\" video; really.mp4"', 'my "best" video; really.mp4'),
        (b'; filename="my %22best%22 video.mp4"', 'my "best" video.mp4'),
        (b"; filename*=UTF-8''b.mp4", None),
        (b"; filename=\"a.mp4\"; filename*=UTF-8''b.mp4", "a.mp4"),
    ],
)
def test_what_a_file_is_called(parameters: bytes, filename: str | None) -> None:
    head = b'Content-Disposition: form-data; name="video"' + parameters + b"\r\n\r\n"
    form, file = read(closed(part(head, b"abc"), field("title", b"x")))
    assert file == b"abc"
    assert form.filenames == ({} if filename is None else {"video": filename})


def test_unknown_small_fields_are_passed_over() -> None:
    assert read(closed(field("title", b"x"), part(FILE_HEAD, b"abc")))[1] == b"abc"


def test_two_files() -> None:
    assert code_of(closed(part(FILE_HEAD, b"a"), part(FILE_HEAD, b"b"))) == "TOO_MANY_FILES"


def test_a_file_in_another_field() -> None:
    assert code_of(closed(part(FILE_HEAD.replace(b"video", b"movie", 1), b"a"))) == "UNEXPECTED_FILE"


@pytest.mark.parametrize(
    "body",
    [
        b"nothing of the kind",
        b"--other\r\n\r\n",
        part(b"Content-Type: text/plain\r\n\r\n", b"x"),
        part(b"Content-Disposition: attachment; name=x\r\n\r\n", b"x"),
        part(b"Content-Disposition: form-data\r\n\r\n", b"x"),
        part(b"Bad Header\x00: x\r\n\r\n", b"x"),
        part(b"X: " + b"y" * (MAX_HEADER_BYTES + 1) + b"\r\n\r\n", b"x"),
        part(b"y" * (MAX_HEADER_BYTES + 1), b""),
        part(b"X: y\r\n" * (MAX_HEADERS + 1) + b"\r\n", b"x"),
        closed(field("priority", b"x" * (MAX_FIELD_BYTES + 1))),
        closed(*(field(f"f{n}", b"x") for n in range(MAX_PARTS + 1))),
    ],
)
def test_malformed(body: bytes) -> None:
    assert code_of(body) == "MALFORMED_MULTIPART"


def test_fields_together_are_bounded() -> None:
    half = b"x" * (MAX_FIELD_BYTES // 2 + 1)
    assert code_of(closed(field("a", half), field("b", half))) == "MALFORMED_MULTIPART"


@pytest.mark.parametrize("content_type", [None, "", "application/json", "multipart/mixed; boundary=x", "text/plain"])
def test_not_a_form(content_type: str | None) -> None:
    with pytest.raises(ApiError) as refused:
        boundary_of(content_type)
    assert refused.value.code == "UNSUPPORTED_MEDIA_TYPE"


@pytest.mark.parametrize("boundary", ["", "; boundary=", "; boundary=" + "x" * 71])
def test_no_usable_boundary(boundary: str) -> None:
    with pytest.raises(ApiError) as refused:
        boundary_of("multipart/form-data" + boundary)
    assert refused.value.code == "MALFORMED_MULTIPART"


def test_boundaries_quoted_or_not() -> None:
    assert boundary_of("multipart/form-data; boundary=abc") == b"abc"
    assert boundary_of('Multipart/Form-Data; charset=utf-8; boundary="a b"') == b"a b"


CHUNK = 65536


@pytest.mark.parametrize("unit", [b"x", b"\r\n", b"\r", b"\r\n--xYz", b"\r\n--xYzZ"], ids=repr)
def test_hostile_content_is_no_more_work_than_any_other(unit: bytes) -> None:
    """A parser that looks at each CR by itself crawls at some kB/s, for it runs lines for each: here 8000 and more.
    Those run for one chunk are few, whatever is in it and however much came before; what is handed out are views."""
    content = (unit * (32 * CHUNK))[: 32 * CHUNK]
    body, form, file = closed(part(FILE_HEAD, content)), UploadForm(BOUNDARY), b""
    for at in range(0, len(body), CHUNK):
        chunk, pieces = body[at : at + CHUNK], list[memoryview]()

        def feed(chunk: bytes = chunk, pieces: list[memoryview] = pieces) -> None:
            pieces += (data for _, data in form.feed(chunk))

        assert lines_run(feed) < 1000
        assert len(pieces) <= 4
        assert all(piece.obj is chunk or len(piece) <= len(b"\r\n--" + BOUNDARY) for piece in pieces)
        file += b"".join(pieces)
    assert file == content
