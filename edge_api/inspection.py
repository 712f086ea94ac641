"""What is refused of a file for what its bytes say: another format, a file that is cut, a file without a picture."""

from __future__ import annotations

from edge_api.boxes import BoxWalk
from edge_api.errors import ApiError
from edge_api.formats import HEAD_BYTES, WEBM, Container, recognise
from edge_api.settings import Settings


def container_of(head: bytes | bytearray, settings: Settings) -> Container:
    """head: the first HEAD_BYTES, or all of a shorter file. Raises ApiError UNSUPPORTED_FORMAT."""
    container = recognise(bytes(head[:HEAD_BYTES]))
    if container is None or container.name not in settings.allowed_formats:
        raise ApiError("UNSUPPORTED_FORMAT", supported_formats=list(settings.allowed_formats))
    return container


def check_whole(mime_type: str, boxes: BoxWalk) -> None:
    """boxes: has seen the whole file. Raises ApiError TRUNCATED_FILE, NO_VIDEO_TRACK."""
    fault = None if mime_type == WEBM.mime_type else boxes.fault()
    if fault is not None:
        raise ApiError("TRUNCATED_FILE" if fault == "truncated" else "NO_VIDEO_TRACK")


def too_large(settings: Settings) -> ApiError:
    limit = settings.max_file_size
    return ApiError("FILE_TOO_LARGE", f"The file is larger than {limit} bytes.", max_size=limit)
