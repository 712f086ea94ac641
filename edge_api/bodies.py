"""JSON bodies, HTML forms and query strings, read with a limit and checked field by field."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Mapping
from contextlib import aclosing
from typing import Any
from urllib.parse import parse_qs

from edge_api.errors import ApiError
from edge_api.state import Request

SMALL_BODY_BYTES = 64 * 1024
_MOST_FIELDS = 1000
_FORM = "twinreel.form"
MOST_SECONDS = 10**7
FURTHEST = 10**9
"""The largest offset of a page."""
BODY_SECONDS = 60.0


async def json_object(
    request: Request, *, at_most: int = SMALL_BODY_BYTES, within_seconds: float = BODY_SECONDS
) -> dict[str, Any]:
    """Raises ApiError UNSUPPORTED_MEDIA_TYPE, BODY_TOO_LARGE, REQUEST_TIMEOUT or INVALID_JSON."""
    if not is_json(request):
        raise ApiError("UNSUPPORTED_MEDIA_TYPE", "Send the body as application/json.")
    body = await _body(request, at_most, within_seconds)
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ApiError("INVALID_JSON") from error
    if not isinstance(value, dict):
        raise ApiError("INVALID_JSON")
    return value


async def form_fields(
    request: Request, *, at_most: int = SMALL_BODY_BYTES, within_seconds: float = BODY_SECONDS
) -> dict[str, list[str]]:
    """The fields of an HTML form, read once and remembered. Raises ApiError UNSUPPORTED_MEDIA_TYPE, BODY_TOO_LARGE,
    REQUEST_TIMEOUT or BAD_REQUEST."""
    if _FORM not in request.scope:
        if not is_form(request):
            raise ApiError("UNSUPPORTED_MEDIA_TYPE", "Send the body as application/x-www-form-urlencoded.")
        body = await _body(request, at_most, within_seconds)
        try:
            fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
        except ValueError as error:
            raise ApiError("BAD_REQUEST", "The form cannot be read.") from error
        request.scope[_FORM] = fields
    found: dict[str, list[str]] = request.scope[_FORM]
    return found


def is_json(request: Request) -> bool:
    return _content_type(request) == "application/json"


def is_form(request: Request) -> bool:
    return _content_type(request) == "application/x-www-form-urlencoded"


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _body(request: Request, at_most: int, within_seconds: float) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(within_seconds), aclosing(request.stream()) as stream:
            async for chunk in stream:
                body += chunk
                if len(body) > at_most:
                    raise ApiError("BODY_TOO_LARGE", f"The body is larger than {at_most} bytes.", max_size=at_most)
    except TimeoutError:
        raise ApiError("REQUEST_TIMEOUT") from None
    return bytes(body)


def refuse_unknown(body: Mapping[str, Any], known: Collection[str]) -> None:
    for name in body:
        if name not in known:
            raise invalid(name[:64], f"There is no field {name[:64]!r}; known are {', '.join(sorted(known))}.")


def invalid(field: str, sentence: str) -> ApiError:
    return ApiError("INVALID_FIELD", sentence, field=field)


def text_of(body: Mapping[str, Any], field: str, *, longest: int, required: bool = False) -> str | None:
    value = body.get(field)
    if value is None and not required:
        return None
    if not isinstance(value, str) or not value or len(value) > longest:
        raise invalid(field, f"{field} must be text of 1 to {longest} characters.")
    return value


def seconds_of(body: Mapping[str, Any], field: str) -> float | None:
    value = body.get(field)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < MOST_SECONDS:
        raise invalid(field, f"{field} must be a number of seconds from 0 to less than {MOST_SECONDS}.")
    return float(value)


def choice_of(body: Mapping[str, Any], field: str, choices: Collection[str], default: str | None) -> str | None:
    """default: what a field that is missing or null stands for."""
    value = body.get(field)
    if value is None:
        return default
    if not isinstance(value, str) or value not in choices:
        raise invalid(field, f"{field} must be one of {', '.join(choices)}.")
    return value


def whole_number(text: str | None, field: str, *, default: int, lowest: int, highest: int) -> int:
    """A number of the query string."""
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 12) or not lowest <= int(text) <= highest:
        raise invalid(field, f"{field} must be a whole number from {lowest} to {highest}.")
    return int(text)
