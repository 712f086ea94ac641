"""Tells the caller of a `callback_url` how its extraction ended. Kept trying for a while; a processor that is killed
meanwhile forgets it, and the caller's own lease runs out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from processor.transport import post_json

FIRST_PAUSE_SECONDS = 0.5
MAX_PAUSE_SECONDS = 30.0
TIMEOUT_SECONDS = 10.0
_log = structlog.stdlib.get_logger(__name__)

Post = Callable[[str, bytes, dict[str, str], float], Awaitable[int]]


async def call_back(
    url: str,
    body: bytes,
    *,
    secret: str,
    request_id: str,
    attempts: int,
    post: Post = post_json,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> bool:
    """Whether url took body with a 2xx. Tried again with growing pauses, but not after another 4xx than 408 and 429."""
    headers = {"Authorization": f"Internal-Secret {secret}", "X-Request-Id": request_id}
    for attempt in range(attempts):
        if attempt:
            await pause(min(FIRST_PAUSE_SECONDS * 2 ** (attempt - 1), MAX_PAUSE_SECONDS))
        try:
            status = await post(url, body, headers, TIMEOUT_SECONDS)
        except ConnectionError as failed:
            _log.warning("callback_failed", attempt=attempt + 1, error=str(failed))
            continue
        if 200 <= status < 300:
            return True
        _log.warning("callback_refused", attempt=attempt + 1, status=status)
        if 400 <= status < 500 and status not in (408, 429):
            return False
    return False
