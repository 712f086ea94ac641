"""Where a webhook's target may be connected to.

The address is chosen here and connected to as it is, so that DNS cannot answer otherwise in between.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence

from wire.webhooks import Target

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host name. Raises OSError when there are none."""

_RESOLVE_SECONDS = 5.0


async def addresses_of(target: Target, resolve: Resolve) -> list[str]:
    """Raises TargetRefusedError when an address is private; OSError."""
    host = target.url.host
    try:
        async with asyncio.timeout(_RESOLVE_SECONDS):
            found = list(await resolve(host, target.url.port))
    except (TimeoutError, UnicodeError) as error:
        raise OSError(f"the name {host} could not be resolved") from error
    if not found:
        raise OSError(f"the name {host} has no address")
    target.check(found)
    return found


async def resolve_host(host: str, port: int) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in found))
