"""Which URLs the service may be sent to fetch: public ones, and the hosts that a setting names.

Checked here so that the caller is told at once. The fetching side checks again what it connects to: DNS can answer
otherwise a moment later.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Collection, Sequence
from urllib.parse import urlsplit

from edge_api.errors import ApiError
from wire.addresses import is_public

Resolve = Callable[[str], Awaitable[Sequence[str]]]
"""A host name's addresses. Raises OSError when there are none."""

LONGEST_URL = 2048
_RESOLVE_SECONDS = 5.0


async def resolve_host(host: str) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return sorted({str(info[4][0]) for info in found})


async def check_url(url: str, allowed_hosts: Collection[str], resolve: Resolve) -> None:
    """Raises ApiError URL_NOT_ALLOWED with the reason."""
    host = _host_of(url)
    if host in {allowed.lower() for allowed in allowed_hosts}:
        return
    for address in await _addresses_of(host, resolve):
        if not is_public(address):
            raise _refused("video_url points into a private network, which this service does not fetch from.")


def _host_of(url: str) -> str:
    if len(url) > LONGEST_URL or any(ord(letter) <= 32 or ord(letter) == 127 for letter in url) or "\\" in url:
        raise _refused(f"video_url must be a URL of at most {LONGEST_URL} characters without spaces.")
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError as error:
        raise _refused("video_url is not a URL.") from error
    if parts.scheme not in ("http", "https") or not host:
        raise _refused("video_url must begin with http:// or https:// and name a host.")
    if parts.username is not None or parts.password is not None:
        raise _refused("video_url must not hold a user name or password.")
    return host.lower().rstrip(".")


async def _addresses_of(host: str, resolve: Resolve) -> Sequence[str]:
    try:
        async with asyncio.timeout(_RESOLVE_SECONDS):
            found = await resolve(host)
    except (OSError, UnicodeError, TimeoutError) as error:
        raise _refused(f"The host {host} of video_url has no address.") from error
    if not found:
        raise _refused(f"The host {host} of video_url has no address.")
    return found


def _refused(sentence: str) -> ApiError:
    return ApiError("URL_NOT_ALLOWED", sentence)
