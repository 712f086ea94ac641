"""The JSON that a request carries."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import ClientDisconnect, Request

from processor.errors import BadRequestError, BodyTooLargeError

MAX_REQUEST_BYTES = 64 * 1024


async def json_body(request: Request, most: int = MAX_REQUEST_BYTES) -> Mapping[str, Any]:
    """most: bytes. Raises BodyTooLargeError, BadRequestError."""
    body = bytearray()
    try:
        async for piece in request.stream():
            body += piece
            if len(body) > most:
                raise BodyTooLargeError(f"the body has more than {most} bytes")
    except ClientDisconnect as gone:
        raise BadRequestError("the client hung up in the middle of the body") from gone
    try:
        parsed = json.loads(body)
    except ValueError as broken:
        raise BadRequestError("the body must be JSON") from broken
    if not isinstance(parsed, dict):
        raise BadRequestError("the body must be a JSON object")
    return parsed
