"""What the OpenAPI document says of resumable uploads."""

from __future__ import annotations

from typing import Any

from edge_api.errors import EVERYWHERE
from edge_api.tus.headers import BODY_TYPE, VERSION

Json = dict[str, Any]

_NUMBER: Json = {"schema": {"type": "integer", "minimum": 0}}
_TEXT: Json = {"schema": {"type": "string"}}
_PROGRESS: Json = {
    "Upload-Offset": _NUMBER,
    "Upload-Expires": _TEXT,
    "X-Video-Id": _TEXT,
    "Content-Location": _TEXT,
}
_BYTES: Json = {
    BODY_TYPE: {"schema": {"type": "string", "format": "binary", "contentMediaType": "application/octet-stream"}}
}


def parameters() -> Json:
    """Of several operations, by the names under which those refer to them."""
    return {
        "UploadId": {
            "name": "upload_id",
            "in": "path",
            "required": True,
            "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
        },
        "TusResumable": {
            "name": "Tus-Resumable",
            "in": "header",
            "required": True,
            "schema": {"const": VERSION},
        },
    }


def paths(max_size: int) -> Json:
    """max_size: of a file, bytes."""
    length: Json = {"schema": {"type": "integer", "minimum": 1, "maximum": max_size}}
    return {
        "/api/tus": {
            "options": _operation(
                "What is spoken of tus: versions, extensions, checksums, the largest file.",
                {
                    "Tus-Version": _TEXT,
                    "Tus-Extension": _TEXT,
                    "Tus-Checksum-Algorithm": _TEXT,
                    "Tus-Max-Size": _NUMBER,
                },
                status="204",
                refusals=(),
            ),
            "post": _operation(
                "Create a resumable upload, with its first bytes if they are sent along.",
                {"Location": _TEXT, **_PROGRESS},
                status="201",
                refusals=("400", "408", "409", "412", "413", "423", "460"),
                sends=(
                    _header("Upload-Length", length, "Bytes of the whole file.", is_required=True),
                    _header("Upload-Metadata", _TEXT, "filename, filetype, priority (high, normal, low), each Base64."),
                    _header("Upload-Checksum", _TEXT, "Of the bytes sent along."),
                ),
                takes_bytes=True,
            ),
        },
        "/api/tus/{upload_id}": {
            "parameters": [{"$ref": "#/components/parameters/UploadId"}],
            "head": _operation(
                "Where to go on, and the video once it is one.",
                {"Upload-Length": _NUMBER, "Upload-Metadata": _TEXT, **_PROGRESS},
                status="200",
                refusals=("400", "404", "409", "410", "412", "423"),
            ),
            "patch": _operation(
                "Send bytes from Upload-Offset on. The last of them make the upload a video.",
                _PROGRESS,
                status="204",
                refusals=("400", "404", "408", "409", "410", "412", "413", "415", "423", "460"),
                sends=(
                    _header("Upload-Offset", _NUMBER, "Where these bytes begin.", is_required=True),
                    _header("Upload-Checksum", _TEXT, "Algorithm, space, Base64 of the digest of these bytes."),
                ),
                takes_bytes=True,
            ),
            "delete": _operation(
                "Give an upload up.",
                {},
                status="204",
                refusals=("404", "409", "410", "412", "423"),
            ),
        },
    }


def _operation(
    summary: str,
    headers: Json,
    *,
    status: str,
    refusals: tuple[str, ...],
    sends: tuple[Json, ...] = (),
    takes_bytes: bool = False,
) -> Json:
    told = {"X-Request-Id": _TEXT, "Tus-Resumable": _TEXT}
    responses: Json = {status: {"description": "No body.", "headers": {**told, **headers}}}
    schema = {"$ref": "#/components/schemas/Error"}
    for refusal in {*refusals, *EVERYWHERE}:
        content = {"application/json": {"schema": schema}}
        responses[refusal] = {"description": "Error", "content": content, "headers": dict(told)}
    operation: Json = {"summary": summary, "responses": dict(sorted(responses.items()))}
    version = [{"$ref": "#/components/parameters/TusResumable"}] if refusals else []
    if version or sends:
        operation["parameters"] = [*version, *sends]
    if takes_bytes:
        operation["requestBody"] = {"required": False, "content": _BYTES}
    return operation


def _header(name: str, of: Json, meaning: str, *, is_required: bool = False) -> Json:
    return {"name": name, "in": "header", "required": is_required, "description": meaning, **of}
