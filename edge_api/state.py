"""What lives as long as the application and reaches every request through request.state."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypedDict

from starlette.requests import Request as StarletteRequest

from edge_api.addresses import Resolve
from edge_api.env import Env
from edge_api.errors import ApiError
from edge_api.limiting import Limiting
from edge_api.metrics import Metrics
from edge_api.processor import PingProcessor
from edge_api.settings import Settings
from edge_api.tus.passes import Looks


@dataclass
class Turns:
    """Bounds on what goes on at once. ending: what the gateway waits for before it lets its bindings go."""

    uploads: asyncio.Semaphore
    event_streams: int = field(default=0)
    ending: set[asyncio.Task[None]] = field(default_factory=set)

    @asynccontextmanager
    async def upload(self, wait_seconds: float) -> AsyncIterator[None]:
        """Raises ApiError TOO_BUSY when no turn comes in time."""
        try:
            async with asyncio.timeout(wait_seconds):
                await self.uploads.acquire()
        except TimeoutError:
            raise ApiError("TOO_BUSY", "Too many uploads are under way; try again shortly.") from None
        try:
            yield
        finally:
            self.uploads.release()


class State(TypedDict):
    env: Env
    settings: Settings
    metrics: Metrics
    turns: Turns
    limiting: Limiting
    resolve: Resolve
    ping_processor: PingProcessor
    looks: Looks


Request = StarletteRequest[State]
