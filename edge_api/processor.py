"""The one thing the gateway asks of the processor: whether it answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx

PingProcessor = Callable[[str, float], Awaitable[bool]]
"""Of a URL, in so many seconds."""


@asynccontextmanager
async def open_ping() -> AsyncIterator[PingProcessor]:
    """Whether GET {url}/livez says 200 in time; it never raises.

    One client for all pings: to make one takes longer than to ask, for it reads every certificate that may be trusted.
    """
    async with httpx.AsyncClient(trust_env=False) as client:

        async def ping(url: str, timeout_seconds: float) -> bool:
            try:
                answer = await client.get(f"{url.rstrip('/')}/livez", timeout=timeout_seconds)
            except (httpx.HTTPError, httpx.InvalidURL):
                return False
            return answer.status_code == 200

        yield ping
