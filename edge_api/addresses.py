"""Which URLs the service may be sent to: public ones, and the hosts that a setting names.

Checked here so that the caller is told at once. The fetching or sending side checks again what it connects to: DNS can
answer otherwise a moment later.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Collection, Sequence

from edge_api.errors import ApiError
from wire.addresses import UrlError, http_url, is_public
from wire.webhooks import Target, TargetRefusedError, target_of

Resolve = Callable[[str], Awaitable[Sequence[str]]]
"""A host name's addresses. Raises OSError when there are none."""

_RESOLVE_SECONDS = 5.0


async def resolve_host(host: str) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return sorted({str(info[4][0]) for info in found})


async def check_url(url: str, allowed_hosts: Collection[str], resolve: Resolve) -> None:
    """Of a video. Raises ApiError URL_NOT_ALLOWED with the reason."""
    try:
        host = http_url(url).host
    except UrlError as error:
        raise _refused(f"video_url {error}.") from error
    if host in {allowed.lower() for allowed in allowed_hosts}:
        return
    if not all(map(is_public, await _addresses_of(host, "video_url", resolve))):
        raise _refused("video_url points into a private network, which this service does not fetch from.")


async def check_target(url: str, allowed_hosts: Collection[str], resolve: Resolve) -> Target:
    """Of a webhook. Raises ApiError URL_NOT_ALLOWED with the reason."""
    try:
        target = target_of(url, allowed_hosts)
        if not target.is_allowed:
            target.check(await _addresses_of(target.url.host, "url", resolve))
    except TargetRefusedError as refused:
        raise _refused(str(refused)) from refused
    return target


async def _addresses_of(host: str, field: str, resolve: Resolve) -> Sequence[str]:
    try:
        async with asyncio.timeout(_RESOLVE_SECONDS):
            found = await resolve(host)
    except (OSError, UnicodeError, TimeoutError) as error:
        raise _refused(f"The host {host} of {field} has no address.") from error
    if not found:
        raise _refused(f"The host {host} of {field} has no address.")
    return found


def _refused(sentence: str) -> ApiError:
    return ApiError("URL_NOT_ALLOWED", sentence)
