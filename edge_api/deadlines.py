"""A deadline on each outside call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from wrangler_compat.errors import BindingError


@asynccontextmanager
async def deadline(seconds: float, binding: str) -> AsyncIterator[None]:
    """Raises a retryable BindingError when the binding has not answered in time."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise BindingError(f"{binding} did not answer within {seconds:g} s", code="TIMEOUT", retryable=True) from error
