"""A multipart/form-data body with a file or two, read as it arrives. No I/O.

The bytes of the file are handed out as views of the chunks they came in; nothing is gathered here.
"""

from __future__ import annotations

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from edge_api.errors import ApiError

FILE_FIELD = "video"

_FORM_TYPE = b"multipart/form-data"

MAX_HEADER_BYTES = 8192
MAX_HEADERS = 16
MAX_PARTS = 32
MAX_FIELD_BYTES = 16 * 1024
OVERHEAD_BYTES = 1024 * 1024
"""What boundaries, headers, other fields and an epilogue may add to the file."""


def is_form(content_type: str | None) -> bool:
    return parse_options_header(content_type)[0] == _FORM_TYPE


def boundary_of(content_type: str | None) -> bytes:
    """Raises ApiError when the header does not announce a form with a usable boundary."""
    kind, options = parse_options_header(content_type)
    if kind != _FORM_TYPE:
        raise ApiError("UNSUPPORTED_MEDIA_TYPE", "Send the video as multipart/form-data, in the field `video`.")
    boundary = options.get(b"boundary", b"")
    if not 1 <= len(boundary) <= 70:  # RFC 2046 5.1.1
        raise ApiError("MALFORMED_MULTIPART", "The Content-Type names no boundary of 1 to 70 characters.")
    return boundary


def _filename(sent: bytes) -> str:
    """Of a filename*= the parser says nothing: RFC 7578 (4.2) forbids it. Browsers write %22 for a quotation mark."""
    return sent.decode("utf-8", "replace").replace("%22", '"')


class UploadForm:
    """Feed it the body's chunks. fields: the small ones, by name. files: the fields of the files that have come;
    filenames: what these are called, as it was sent. is_complete: the last boundary has been seen."""

    def __init__(self, boundary: bytes, file_fields: tuple[str, ...] = (FILE_FIELD,)) -> None:
        self.fields: dict[str, str] = {}
        self.files: set[str] = set()
        self.filenames: dict[str, str] = {}
        self.is_complete = False
        self._file_fields = file_fields
        self._file: list[tuple[str, memoryview]] = []
        self._parts = self._field_bytes = 0
        self._header_name, self._header_value = bytearray(), bytearray()
        self._disposition: bytes | None = None
        self._name: str | None = None
        self._text: bytearray | None = None
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._on_part_begin,
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers_finished,
                "on_part_data": self._on_part_data,
                "on_part_end": self._on_part_end,
                "on_end": self._on_end,
            },
            max_header_count=MAX_HEADERS,
            max_header_size=MAX_HEADER_BYTES,
        )

    def feed(self, chunk: bytes) -> list[tuple[str, memoryview]]:
        """The files' bytes in this chunk, each piece with the name of its field. Raises ApiError as soon as the form is
        known to be wrong."""
        self._file = []
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise ApiError("MALFORMED_MULTIPART") from error
        return self._file

    @property
    def _expected(self) -> str:
        return " or ".join(f"`{name}`" for name in self._file_fields)

    def _on_part_begin(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise ApiError("MALFORMED_MULTIPART", f"The form has more than {MAX_PARTS} parts.")
        self._disposition = None

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _on_header_end(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            self._disposition = bytes(self._header_value)
        self._header_name, self._header_value = bytearray(), bytearray()

    def _on_headers_finished(self) -> None:
        kind, options = parse_options_header(self._disposition)
        name = options.get(b"name")
        if kind != b"form-data" or name is None:
            raise ApiError("MALFORMED_MULTIPART", "A part of the form has no Content-Disposition with a name.")
        self._name = name.decode("utf-8", "replace")
        if self._name not in self._file_fields:
            if b"filename" in options:
                raise ApiError("UNEXPECTED_FILE", f"The form has a file in another field; send it in {self._expected}.")
            self._text = bytearray()
            return
        if self._name in self.files:
            raise ApiError("TOO_MANY_FILES")
        self.files.add(self._name)
        if b"filename" in options:
            self.filenames[self._name] = _filename(options[b"filename"])
        self._text = None

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._text is None:
            # Pieces of a would-be boundary come from the parser's own buffer, the others from the chunk.
            self._file.append((str(self._name), memoryview(data)[start:end]))
            return
        self._field_bytes += end - start
        if self._field_bytes > MAX_FIELD_BYTES:
            raise ApiError("MALFORMED_MULTIPART", f"The form's fields hold more than {MAX_FIELD_BYTES} bytes.")
        self._text += data[start:end]

    def _on_part_end(self) -> None:
        if self._text is not None and self._name is not None:
            self.fields[self._name] = self._text.decode("utf-8", "replace")

    def _on_end(self) -> None:
        self.is_complete = True
