"""The one shape every HTTP error of every service has."""

from __future__ import annotations

from typing import Any


def error_body(code: str, message: str, request_id: str, **fields: Any) -> dict[str, Any]:
    """`{"error", "code", "request_id"}` plus the fields the route's contract names.

    code is UPPER_SNAKE and stable; message is a sentence for a person that says what to do.
    """
    return {"error": message, "code": code, "request_id": request_id, **fields}
