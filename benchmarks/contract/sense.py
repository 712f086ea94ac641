"""What a schema cannot say of a request that has to be taken: that a file is a video, that a range has an end after its
start.

Only requests that are meant to be good are touched, so that being refused always means a fault: in the document, which
promised to take them, or in the gateway.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import numpy as np
import schemathesis
from hypothesis import strategies as st
from schemathesis import BaseSchema, Case, GenerationMode, HookContext

from benchmarks.upload import noise
from wire.fingerprints import ALGORITHM_VERSION, COEFFICIENTS, VECTOR_SIZE, Fingerprint, pack

_VIDEO_BYTES = 4000


def make_sensible(schema: BaseSchema, url_host: str) -> None:
    """url_host: one that the gateway may be sent to fetch from. Files are videos from here on, in every schema."""
    schemathesis.openapi.format("binary", st.integers(0, 2**32 - 1).map(video))
    schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")

    @schema.hook
    def map_case(context: HookContext, case: Case[Any]) -> Case[Any]:
        mode = case.meta and case.meta.generation.mode
        if mode is GenerationMode.POSITIVE and "/api/tus" in case.operation.label:
            kept = sensible_headers(case.headers)
            case.headers.clear()
            case.headers.update(kept)
        if mode is GenerationMode.POSITIVE and isinstance(case.body, dict):
            body = sensible(case.operation.label, case.body, url_host)
            if body is not case.body:
                # Schemathesis judges a body anew when it is set, and takes none with a file in it for a good one.
                case.body = body
        return case


def sensible_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Of tus: a length that holds what is sent along, metadata in Base64, and no checksum, which would be of others."""
    fitting = {"upload-length": "1000000", "upload-metadata": f"filename {_base64(b'a.mp4')}"}
    return {
        name: fitting.get(name.lower(), value) for name, value in headers.items() if name.lower() != "upload-checksum"
    }


def sensible(operation: str, body: dict[str, Any], url_host: str) -> dict[str, Any]:
    """The body with what the operation cannot take replaced, each time by the same."""
    if operation == "POST /api/search" and "video_url" in body:
        return body | {"video_url": f"https://{url_host}/{quote(str(body['video_url']), safe='')[:500]}"}
    if operation == "POST /api/compare" and ("reference" in body) == ("reference_id" in body):
        return {name: value for name, value in body.items() if name != "reference"} | {"reference_id": "0" * 32}
    if operation == "POST /api/fingerprints":
        return _in_order(body | {"video_url": f"https://{url_host}/{quote(str(body.get('video_url')), safe='')[:500]}"})
    if operation == "POST /api/webhooks" and "url" in body:
        return body | {"url": f"https://{url_host}/{quote(str(body['url']), safe='')[:500]}"}
    if operation == "POST /internal/fingerprint-complete" and "fingerprint" in body:
        picture = {} if body.get("thumbnail") is None else {"thumbnail": _base64(b"\xff\xd8\xff\xe0")}
        strip = {"pictures": 1, "width": 8, "height": 8, "jpeg": _base64(b"\xff\xd8\xff\xe0")}
        preview = {} if body.get("preview") is None else {"preview": strip}
        return body | {"fingerprint": _base64(pack(_fingerprint()))} | picture | preview
    return body


def video(seed: int) -> bytes:
    """An MP4 by its boxes; a few kilobytes."""
    return b"".join(noise(_VIDEO_BYTES, seed))


def _in_order(body: dict[str, Any]) -> dict[str, Any]:
    """start before stop, and not too far."""
    start, stop = body.get("start"), body.get("stop")
    if stop is None:
        return body
    first = min(start or 0, 9e6)
    return body | {"stop": first + 1 + stop % 10} | ({} if start is None else {"start": first})


def _fingerprint() -> Fingerprint:
    """As small as one can be: no sample of the picture, no sound."""
    return Fingerprint(
        algorithm_version=ALGORITHM_VERSION,
        tier="standard",
        duration=1.0,
        width=64,
        height=64,
        interval=0.5,
        video_vector=np.zeros(VECTOR_SIZE, np.float32),
        times=np.zeros(0, np.float32),
        frames=np.zeros((0, COEFFICIENTS, COEFFICIENTS), np.int8),
        contrast=np.zeros(0, np.uint8),
        brightness=np.zeros(0, np.uint8),
        box=np.zeros(4, np.float32),
        bars=np.zeros((0, 4), np.uint8),
        codes=np.zeros(0, np.uint32),
    )


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
