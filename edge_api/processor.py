"""The one thing the gateway asks of the processor: whether it answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import httpx

PingProcessor = Callable[[str, float], Awaitable[bool]]


async def ping_processor(url: str, timeout_seconds: float) -> bool:
    """Whether GET {url}/livez says 200 in time. Never raises."""
    try:
        async with httpx.AsyncClient(timeout=timeout_seconds, trust_env=False) as client:
            return (await client.get(f"{url.rstrip('/')}/livez")).status_code == 200
    except (httpx.HTTPError, httpx.InvalidURL):
        return False
